"""The tables by which candidates are found: nobody is missed, and nobody comes up at another rate."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import chdtri, ndtr

from penstock.core.problems import Refused
from penstock.sim import candidates, reference
from penstock.sim.candidates import (
    ASKED,
    DRAWS,
    FIRST,
    MEAN,
    MOST_MEAN,
    MOST_RATE,
    NONE,
    PIECES,
    SLOTS,
    UNIT,
    WHOLE,
    Ints,
    Tables,
    tables,
)
from penstock.sim.defaults import lines_of, mixing_bin
from penstock.sim.model import Model, arrays
from penstock.sim.tiles import begun, piece, tile_of

RATES = st.one_of(st.just(0.0), st.floats(1e-300, 1e-9), st.floats(1e-9, 0.5), st.floats(0.5, 40.0))


def dealt(slots: Ints) -> Counter[int]:
    """How many pieces each member has in all slots, counted slot by slot."""
    found: Counter[int] = Counter()
    for slot, packed in enumerate(slots.tolist()):
        other, own = divmod(packed % PIECES**2, PIECES)
        found[slot] += own
        found[other] += PIECES - own
    return found


@given(st.lists(st.lists(RATES, min_size=3, max_size=3), min_size=1, max_size=4))
def test_every_member_has_the_pieces_of_its_rate(rates: list[list[float]]) -> None:
    """Rounded up, less than a piece too many except for one; whoever comes up too often is asked instead."""
    lines, slots, asked = candidates._filled(np.array(rates))
    ends = [*lines[1:, ASKED], len(asked)]
    for row, line, end in zip(rates, lines, ends, strict=True):
        often = [i for i, rate in enumerate(row) if rate > MOST_RATE]
        assert asked[int(line[ASKED]) : int(end)].tolist() == often
        mean = sum(rate for rate in row if rate <= MOST_RATE)
        if mean == 0.0:
            assert (line[NONE], line[DRAWS]) == (1.0, 0.0)
            continue
        mine = slots[int(line[SLOTS]) : int(line[SLOTS]) + 3]
        pieces = [int(packed) // PIECES**2 for packed in mine]
        assert dealt(mine) == Counter(dict(enumerate(pieces)))
        assert sum(pieces) == 3 * PIECES == line[WHOLE]
        least = [rate if rate <= MOST_RATE else 0.0 for rate in row]
        assert all(one * line[UNIT] >= rate for one, rate in zip(pieces, least, strict=True))
        assert all((one == 0) == (rate == 0.0) for one, rate in zip(pieces, least, strict=True))
        extra = sorted(one * line[UNIT] - rate for one, rate in zip(pieces, least, strict=True))
        assert extra[1] <= 1.001 * line[UNIT]
        assert line[DRAWS] * line[MEAN] == pytest.approx(mean, rel=1e-4)
        assert line[NONE] == pytest.approx(np.exp(-line[MEAN]), rel=1e-12)


def test_a_piece_in_a_wrong_slot_would_be_noticed() -> None:
    """The control of the count above."""
    _, slots, _ = candidates._filled(np.array([[0.1, 0.2, 0.3]]))
    pieces = Counter({i: int(packed) // PIECES**2 for i, packed in enumerate(slots)})
    assert dealt(slots) == pieces
    slots[int(np.argmin(slots % PIECES == 0))] += 1
    assert dealt(slots) != pieces


THREE = (np.array([-2.0, -2.9, -1.3]), np.array([0.6, -0.4, 0.0]))
"""Thresholds and loadings of three members."""


def place_of(g: float, w: float, bins: Ints, degrees: float) -> int:
    """The line of the tables of the first block, found as the kernel does."""
    row, line = np.zeros(1, np.int64), np.zeros(1, np.int64)
    if np.isfinite(degrees):
        row[0] = mixing_bin(w, int(bins[0]), int(bins[1]))
    lines_of(0, int(bins[1]), np.array([g]), row, line)
    return int(line[0])


@settings(max_examples=300)
@given(st.floats(-9.0, 9.0), st.floats(1e-7, 1 - 1e-7), st.sampled_from([np.inf, 0.5, 2.5, 4.0, 30.0]))
def test_no_rate_is_below_that_of_the_conditional_probability(g: float, u: float, degrees: float) -> None:
    """Wherever in its bin a factor and a mixing variable lie: by SciPy's distribution functions."""
    threshold, loading = THREE
    bins = candidates.mixing_bins(degrees)
    table = made(degrees)
    w = float(chdtri(degrees, u)) if np.isfinite(degrees) else 1.0
    mixing = np.sqrt(w / degrees) if np.isfinite(degrees) else 1.0
    p = ndtr((threshold * mixing - loading * g) / np.sqrt(1 - loading**2))
    line = table.lines[place_of(g, w, bins, degrees)]
    following = table.lines[place_of(g, w, bins, degrees) + 1]
    asked = table.asked[int(line[ASKED]) : int(following[ASKED])]
    rate = line[UNIT] * (table.slots[int(line[SLOTS]) : int(line[SLOTS]) + 3] // PIECES**2)
    assert all(i in asked or -np.log1p(-p[i]) <= rate[i] for i in range(3))
    assert line[FIRST] == 0


_MADE: dict[float, Tables] = {}


def made(degrees: float) -> Tables:
    """The tables of the three members, made once."""
    if degrees not in _MADE:
        _MADE[degrees] = tables(*THREE, [0, 3], candidates.mixing_bins(degrees), degrees)
    return _MADE[degrees]


# --- more than one Poisson number can say -------------------------------------------------------------


def crowd(members: int, probability: float) -> Model:
    """Two blocks, of which the first is large."""
    count = members + 2
    return Model(
        members=tuple(map(str, range(count))),
        probability=np.full(count, probability),
        loading=np.full(count, 0.1),
        block=np.where(np.arange(count) < members, 0, 1),
        correlation=np.array([[1.0, 0.3, 0.2], [0.3, 1.0, 0.1], [0.2, 0.1, 1.0]]),
        scale=np.full(count, 1000.0),
        start=np.zeros(count),
        market=np.full(count, 0.5),
        wrong_way=np.full(count, 0.4),
        jump=np.linspace(0.0, 1.0, count),
        unable=np.zeros(count),
    )


def drawn(one: Model, scenarios: int, seed: int = 5) -> list[dict[int, int]]:
    """The losses by defaulter of each scenario, as the kernel draws them, piece after piece."""
    m, key = arrays(one), np.uint64(seed)
    tile = tile_of(m)
    some = begun(m, key, tile, 0, scenarios)
    found: list[dict[int, int]] = [{} for _ in range(scenarios)]
    begin = at = 0
    while begin < scenarios:
        begin, at, _, defaults = piece(m, key, tile, scenarios, begin, at, some)
        for j in range(defaults):
            found[tile.of[j]][int(tile.ids[j])] = int(tile.losses[j])
    return found


def test_several_poisson_numbers_where_many_come_up() -> None:
    """More than 512 a scenario on average, and more in the tile than are drawn in one go."""
    one = crowd(2200, 0.3)
    m = arrays(one)
    assert (m.lines[:, DRAWS] > 1).any()
    assert (m.lines[:, MEAN] <= MOST_MEAN).all()
    found = drawn(one, 20)
    assert found == [reference.scenario(m, 5, s).losses for s in range(20)]
    counts = [len(losses) for losses in drawn(one, 1500)]
    spread = np.std(counts) / np.sqrt(len(counts))
    assert abs(np.mean(counts) - 0.3 * 2202) < 4.5 * spread


def test_members_who_are_asked_and_members_who_come_up() -> None:
    """Probabilities from nothing to certainty in one block."""
    count = 40
    one = crowd(38, 0.1)
    p = np.linspace(0.0, 1.0, count)
    mixed = Model(**{**{name: getattr(one, name) for name in one.__slots__}, "probability": p})
    m = arrays(mixed)
    found = drawn(mixed, 2000)
    assert found[:200] == [reference.scenario(m, 5, s).losses for s in range(200)]
    often = np.array([sum(i in losses for losses in found) for i in range(count)]) / 2000
    assert (often[[0, -1]] == [0.0, 1.0]).all()
    assert (np.abs(often - p) <= 4.5 * np.sqrt(p * (1 - p) / 2000)).all()


def test_too_many_members_of_one_block_are_refused() -> None:
    """Their pieces could not be counted."""
    with pytest.raises(Refused) as told:
        arrays(crowd(2**15, 0.1))
    assert told.value.problems[0].code == "MODEL_SIZE"
    assert "32768 members" in told.value.problems[0].says
