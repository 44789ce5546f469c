"""Random shares and tranches, for the engine without a rulebook; and a simple scenario."""

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from strategies.values import OTHERS, TIMES, Map


def simple(layers: list[Map], members: Map, loss: Any = "0", **rest: Any) -> Map:
    """A scenario in yen with these layers and members, in which the first member defaults.

    ``rest`` are figures of the rulebook, what parties hold, and words of the default.
    """
    book = {"currency": "JPY", "layers": layers}
    if "figures" in rest:
        book["figures"] = rest.pop("figures")
    parties = {party: rest.pop(party) for party in OTHERS if party in rest}
    default = {"member": next(iter(members)), "at": TIMES[0], "loss": loss, **rest}
    return {
        "scenario": "simple",
        "currency": "JPY",
        "rulebook": book,
        "resources": {"members": members, **parties},
        "defaults": [default],
    }


Pot = tuple[int, int]
"""A payer as the engine sees it: weight and what it can give."""

_POT = st.one_of(
    st.tuples(st.integers(0, 7), st.integers(0, 12)),
    st.tuples(st.integers(0, 1000), st.integers(0, 10_000)),
    st.tuples(st.sampled_from((1, 10**15)), st.sampled_from((0, 1, 10**15))),
)
_CHANGE = st.integers(-1, 1)


def _aimed(draw: st.DrawFn, ends: Sequence[int], most: int) -> int:
    """An amount up to ``most``: anywhere, or at one of the ends, a unit above or below it."""
    if draw(st.booleans()):
        return draw(st.integers(0, most))
    return min(most, max(0, draw(st.sampled_from(ends)) + draw(_CHANGE)))


@st.composite
def sharings(draw: st.DrawFn) -> tuple[int, list[int], list[int]]:
    """An amount, weights and caps that together can bear it; who has no weight has no cap."""
    pots = draw(st.lists(_POT, min_size=1, max_size=9))
    caps = [cap if weight else 0 for weight, cap in pots]
    amount = _aimed(draw, (0, sum(caps), *caps), sum(caps))
    return amount, [weight for weight, _ in pots], caps


@st.composite
def chains(draw: st.DrawFn) -> tuple[int, list[list[Pot]]]:
    """A loss, and layers one after another, each with its payers; the loss may exceed them all."""
    layers = draw(st.lists(st.lists(_POT, min_size=1, max_size=5), min_size=1, max_size=5))
    ends = [0]
    for pots in layers:
        ends.append(ends[-1] + sum(cap for weight, cap in pots if weight))
    return _aimed(draw, ends, ends[-1] + 20), layers
