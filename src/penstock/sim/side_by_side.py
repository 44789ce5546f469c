"""An amount over layers side by side, compiled: exact whole numbers, products of 128 bits."""

import numpy as np

from penstock.sim.jit import kernel

_LOW = np.uint64(0xFFFFFFFF)


@kernel
def product(a, b):
    """a x b of two numbers below 2^63, as its high and its low 64 bits."""
    x, y = np.uint64(a), np.uint64(b)
    x0, x1 = x & _LOW, x >> np.uint64(32)
    y0, y1 = y & _LOW, y >> np.uint64(32)
    low = x0 * y0
    middle = x1 * y0 + (low >> np.uint64(32))
    cross = x0 * y1 + (middle & _LOW)
    return x1 * y1 + (middle >> np.uint64(32)) + (cross >> np.uint64(32)), (cross << np.uint64(32)) | (
        low & _LOW
    )


@kernel
def divided(high, low, by):
    """The quotient and the remainder of a 128-bit number by one below 2^62, the quotient below 2^63."""
    rest = np.uint64(0)
    quotient = np.uint64(0)
    by = np.uint64(by)
    for i in range(128):
        word = high if i < 64 else low
        rest = (rest << np.uint64(1)) | ((word >> np.uint64(63 - i % 64)) & np.uint64(1))
        quotient <<= np.uint64(1)
        if rest >= by:
            rest -= by
            quotient |= np.uint64(1)
    return np.int64(quotient), np.int64(rest)


@kernel
def at_most(a, b, c, d):
    """Whether a x b is at most c x d."""
    high, low = product(a, b)
    other, least = product(c, d)
    return high < other or (high == other and low <= least)


@kernel
def side_by_side(amount, sizes, caps, parts, taker, found, extra):
    """The amount over layers side by side: by their weights under their caps, in whole units, exactly.

    ``taker``: the layer that odd units go to first, filled in as ``extra``: its payers do not pay them. -1
    gives them to the largest remainders.
    """
    given = 0
    total = 0
    for i in range(parts):
        given += caps[i]
        total += sizes[i]
        found[i] = -1
        extra[i] = 0
    if given == amount:
        for i in range(parts):
            found[i] = caps[i]
        return
    left = amount
    rest = np.zeros(parts, np.int64)
    settled = False
    while not settled:
        settled = True
        share, among = left, total
        for i in range(parts):
            if found[i] < 0 and at_most(caps[i], among, share, sizes[i]):
                found[i] = caps[i]
                left -= caps[i]
                total -= sizes[i]
                settled = False
    odd = left
    for i in range(parts):
        if found[i] < 0:
            high, low = product(left, sizes[i])
            found[i], rest[i] = divided(high, low, total)
            odd -= found[i]
    if taker >= 0:
        for turn in range(-1, parts):
            i = taker if turn < 0 else turn
            more = min(odd, caps[i] - found[i])
            found[i] += more
            extra[i] += more
            odd -= more
        return
    for _ in range(odd):
        best = 0
        for i in range(1, parts):
            if rest[i] > rest[best]:
                best = i
        found[best] += 1
        rest[best] = -1
