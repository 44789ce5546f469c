"""The largest of each scenario, in one reading of a matrix: compiled by Numba, exact in int64.

Matrices are scenario x group, never negative, and no row adds up beyond 2^62.
"""

import numpy as np
from numpy.typing import NDArray

from penstock.sim.jit import kernel

_Amounts = NDArray[np.int64]


@kernel
def two_largest(losses: _Amounts) -> tuple[np.int64, int]:
    """The most that two of one row are together, and the first row where they are; -1, -1 without rows.

    A row of one value counts that value alone.
    """
    amount, at = np.int64(-1), -1
    for i in range(losses.shape[0]):
        first = np.int64(0)
        for j in range(losses.shape[1]):
            first = max(first, losses[i, j])
        if first <= amount - first:
            continue  # not even twice its largest is more
        # The row is at hand by now. A maximum and a count without branches become vector instructions.
        second, equal = np.int64(0), np.int64(0)
        for j in range(losses.shape[1]):
            value = losses[i, j]
            second = max(second, value if value < first else np.int64(0))
            equal += value == first
        if equal > 1:
            second = first
        if first + second > amount:
            amount, at = first + second, i
    return amount, at


@kernel
def first_beyond(losses: _Amounts, parts: _Amounts, n: int, limit: int, start: int) -> int:
    """A row in which the ``n`` largest of max(loss, part) are more than ``limit`` together; -1 if none is.

    ``parts`` by group. Looked for from the row ``start`` on, and then from the first.
    """
    rows, width = losses.shape
    top = np.empty(n, dtype=np.int64)
    for step in range(rows):
        i = start + step
        if i >= rows:
            i -= rows
        top[:] = 0
        for j in range(width):
            value = max(losses[i, j], parts[j])
            if value > top[0]:
                place = 1
                while place < n and top[place] < value:
                    top[place - 1] = top[place]
                    place += 1
                top[place - 1] = value
        if top.sum() > limit:
            return i
    return -1
