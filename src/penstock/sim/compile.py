"""A rulebook made ready for arrays: who can give how much at each step, once and for all.

A rulebook enters the simulation only here, by ``tranches.plan`` and ``bind``. What makes arrays possible: a
step is reached only when all earlier ones are exhausted. So what a survivor can still give at a step, after
all it gave before, does not depend on the loss, nor on who else survives; and what a step can give is a sum
over all members less the defaulters. Where a rulebook word breaks this, it is refused by name.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from penstock.core.amounts import CALLED, OWED, Amount
from penstock.core.plans import Plan
from penstock.core.problems import Problem, Refused
from penstock.core.rulebook import CHAIN, Layer
from penstock.core.steps import Step
from penstock.core.tranches import Bound, bind
from penstock.core.waterfall import UNKNOWN_REACHED, Balance, Part, Tranche, draw, rooms
from penstock.sim.base import Base
from penstock.sim.layout import (
    CALL,
    ENDS,
    FUND,
    HAIRCUT,
    MEMBER_KINDS,
    OTHER,
    OWN,
    LayerInfo,
    Waterfall,
    WaterfallArrays,
)
from penstock.sim.model import BIDS

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

MOST = 2**60
"""All that a step can give, in minor units, stays below."""


def not_expressed(word: str, where: str, why: str) -> Refused:
    """The refusal of a rulebook word that the kernels cannot say."""
    says = f"{where}: the simulation cannot express {word!r}: {why}"
    instead = "a rulebook without it, or penstock run for single scenarios"
    return Refused(Problem("NOT_SIMULATED", (), says, instead))


def not_known(part: Part) -> Refused:
    """The refusal of a layer that reads what nobody has given: any scenario may reach it."""
    assert part.stop
    says = f"layer {part.layer}: {part.stop[1]}, and a simulation may reach it"
    return Refused(
        Problem("MODEL_UNKNOWN", ("scenario",), says, "the amount in the scenario, 0 if there is none")
    )


def compiled(base: Base, members: Sequence[str], *, bids: bool = False, unable: bool = False) -> Waterfall:
    """The arrays of the base's rulebook; Refused NOT_SIMULATED where it says what they cannot.

    ``members``: all of the scenario, in the order of the arrays. ``bids``: with a variant for each bid that
    a member can have made; ``unable``: survivors may not pay calls.
    """
    _check_words(base)
    assert sorted(members) == sorted(base.scenario.members)
    regimes = 2 if base.gains else 1
    variants = [(up, bid) for up in (False, True)[:regimes] for bid in (BIDS if bids else (None,))]
    walks = []
    layers: tuple[LayerInfo, ...] = ()
    own: tuple[Ints, Ints] | None = None
    for up, bid in variants:
        all_default = base.step(
            dict.fromkeys(members, 1), up, bids=dict.fromkeys(members, bid) if bid else {}
        )
        _check_plan(all_default.plan, unable)
        infos = _infos(all_default.bound)
        if own is None:
            layers = infos
            own = _own(all_default, members, infos)
        known = replace(all_default.known, defaulters=())
        bound = bind(all_default.plan, known, {}, {}, ())
        walks.append(_Walk(bound, members, [info.id for info in layers]))
    assert own is not None
    arrays = _arrays(base, walks, own, len(members), layers, regimes)
    return Waterfall(base, tuple(members), layers, arrays, regimes)


def _infos(bound: Bound) -> tuple[LayerInfo, ...]:
    return tuple(
        LayerInfo(layer.id, layer.payer or "", _kind(layer), layer.title)
        for rank in bound.in_force
        for layer in rank.layers
    )


def _kind(layer: Layer) -> str:
    if layer.action:
        return ENDS
    if layer.payer == "defaulter":
        return OWN
    if layer.payer != "members":
        return OTHER
    if layer.source in OWED:
        return HAIRCUT
    return CALL if layer.source in CALLED else FUND


_TO_THE_UNIT = "the unpaid shares would have to be known to the unit"

# --- what is refused ----------------------------------------------------------------------------------


def _check_words(base: Base) -> None:
    rulebook = base.scenario.rulebook
    if rulebook.segments:
        raise not_expressed("segments", rulebook.rulebook, "a simulated loss has one segment")
    if not base.scenario.defaults:
        says = "the scenario has no default whose time and circumstances the simulated ones could have"
        raise Refused(Problem("MODEL_SCENARIO", ("defaults",), says, "one default in the scenario"))


def _check_plan(plan: Plan, unable: bool) -> None:
    """Words that would make what a survivor can give depend on who else defaults."""
    of_defaulters = {layer.id for layer, _ in plan.layers() if layer.payer == "defaulter"}
    for layer, rank in plan.layers():
        where = f"layer {layer.id}"
        if unable and layer.called and layer.call and layer.call.unpaid == "uncovered":
            raise not_expressed("unpaid: uncovered", where, _TO_THE_UNIT)
        if layer.payer in CHAIN:
            raise not_expressed(f"payer: {layer.payer}", where, "parties behind a defaulter are not drawn")
        for condition in (layer.where, layer.order):
            value = condition.on(plan.day) if condition else None
            if value and "defaulter_affiliate" in (value if isinstance(value, Mapping) else (value[0],)):
                raise not_expressed("defaulter_affiliate", where, "it depends on who defaults")
        if layer.payer == "defaulter" and len(rank.layers) > 1:
            raise not_expressed("split", where, "a defaulter's own money stands beside others' money")
        for amount in _amounts(layer, plan):
            if of_defaulters & set(amount.of):
                raise not_expressed(f"of: {amount.of[0]}", where, "what stands there depends on who defaults")
    for cap in plan.rulebook.caps:
        where_ = (cap.where.on(plan.day) if cap.where else None) or {}
        if "defaulter_affiliate" in where_:
            raise not_expressed("defaulter_affiliate", f"cap {cap.id}", "it depends on who defaults")


def _amounts(layer: Layer, plan: Plan) -> Iterator[Amount]:
    values = [value.on(plan.day) for value in (layer.limit, layer.together, layer.share) if value]
    caps = [cap.limit.on(plan.day) for cap in plan.rulebook.caps if layer.id in cap.on]
    todo = [value for value in (*values, *caps) if isinstance(value, Amount)]
    seen: set[str] = set()
    while todo:
        for inner in todo.pop().inside():
            yield inner
            for name in set(inner.names()) - seen:
                seen.add(name)
                figure = plan.rulebook.figures.get(name)
                definition = figure.amount.on(plan.day) if figure and figure.amount else None
                todo += [definition] if definition else []


# --- what each can give -------------------------------------------------------------------------------


def _own(step: Step, members: Sequence[str], layers: Sequence[LayerInfo]) -> tuple[Ints, Ints]:
    """The defaulters' own layers, and what each member brings in each: (O, M x O)."""
    place = {member: i for i, member in enumerate(members)}
    index = {info.id: i for i, info in enumerate(layers)}
    found: list[tuple[int, int, int, int]] = []
    left = dict(step.bound.balances)
    columns: dict[str, int] = {}
    others = False
    for tranche, part in ((one, part) for one in step.bound.tranches for part in one.parts):
        if layers[index[part.layer]].kind != OWN:
            others = True
            continue
        if others:
            raise not_expressed("payer: defaulter", f"layer {part.layer}", "it comes after others' money")
        if not tranche.labels:
            continue
        if part.stop:
            raise not_known(part)
        if part.sized or part.together:
            raise not_expressed("together", f"layer {part.layer}", "defaulters would share a limit")
        _, _, _, room = rooms((part,), left, {})[0]
        draw(part, room, sum(room), left)
        member = place[tranche.labels[0][0]]
        column = columns.setdefault(part.layer, len(columns))
        found.append((member, column, index[part.layer], room[0]))
    own = np.zeros((len(members), len(columns)), dtype=np.int64)
    for member, column, _, amount in found:
        own[member, column] += amount
    return np.array([index[name] for name in columns], dtype=np.int64), own


@dataclass(frozen=True, slots=True)
class _Part:
    """One part as it was met on the walk."""

    rank: int
    layer: int
    party: int
    rooms: list[int]
    weights: list[Fraction | int]
    shared: tuple[Balance, int] | None
    matches: tuple[int, int]
    ends: bool
    split: int
    payers: tuple[str, ...]


class _Walk:
    """The steps after the defaulters' own, each exhausted in turn, in one variant of the circumstances."""

    def __init__(self, bound: Bound, members: Sequence[str], layers: Sequence[str]) -> None:
        self.place = {member: i for i, member in enumerate(members)}
        self.layers = {name: i for i, name in enumerate(layers)}
        self.left: dict[Balance, int] = dict(bound.balances)
        self.of = {slot.layer.id: slot.layer for slot in bound.slots}
        self.named: dict[Balance, str] = {}
        """Balances that are not exhausted for sure once their layer is, and the layer."""
        self.parts: list[_Part] = []
        self.groups: list[str] = []
        for rank, tranche in enumerate(bound.tranches):
            self.groups.append(tranche.rank)
            self._pass(rank, tranche)

    def _pass(self, rank: int, tranche: Tranche) -> None:
        seen: dict[Balance, str] = {}
        for i, part in enumerate(tranche.parts):
            keys = _keys(part)
            for key in keys:
                other = seen.get(key) or self.named.get(key)
                if other:
                    why = f"what it leaves to {part.layer} depends on how the loss is shared"
                    raise not_expressed("together" if key in self.named else "split", f"layer {other}", why)
            seen |= dict.fromkeys(keys, part.layer)
            split = tranche.split[i] if tranche.split else 0
            self.parts.append(self._one(rank, part, split))
            if part.together or part.sized:
                self.named |= dict.fromkeys(keys, part.layer)

    def _one(self, rank: int, part: Part, split: int) -> _Part:
        where = f"layer {part.layer}"
        if part.stop and part.stop[0] == UNKNOWN_REACHED:
            raise not_known(part)
        if part.able:
            raise not_expressed(
                "unpaid: uncovered", where, "the unpaid shares would have to be known to the unit"
            )
        layer = self.of[part.layer]
        party = layer.payer != "members"
        part, matches = self._matching(part, party)
        _, most, _, room = rooms((part,), self.left, {})[0]
        size = self.left[part.together[0]] if part.together else 0
        draw(part, room, most, {**self.left} if part.together else self.left)
        whole = [0] * len(self.place)
        weights: list[Fraction | int] = [0] * len(self.place)
        if not party:
            keys: Sequence[int] = room if part.weights is None else part.weights
            for payer, give, weight in zip(part.payers, room, keys, strict=True):
                whole[self.place[payer]] = give
                weights[self.place[payer]] = weight
        return _Part(
            rank=rank,
            layer=self.layers[part.layer],
            party=sum(room) if party else -1,
            rooms=whole,
            weights=weights,
            shared=(part.together[0], size) if part.together else None,
            matches=matches,
            ends=part.ends,
            split=split,
            payers=part.payers if party else (),
        )

    def _matching(self, part: Part, party: bool) -> tuple[Part, tuple[int, int]]:
        """The part without its limit that matches another layer, and that limit as numbers."""
        if not part.sized:
            return part, (-1, 0)
        where = f"layer {part.layer}"
        (key, sized), *more = part.sized
        amount: Amount | None = getattr(sized, "amount", None)
        plain = (
            amount is not None
            and amount.matching
            and not (amount.multiple or amount.less or amount.apportioned)
        )
        if more or not party or not plain or key in part.together or part.place:
            raise not_expressed("matching", where, "only a party's own limit that matches one layer")
        assert amount is not None
        most = MOST - 1 if amount.most is None else amount.most
        self.left[key] = most
        matched = self.layers[str(amount.matching)]
        return replace(part, sized=()), (matched, most)


def _keys(part: Part) -> set[Balance]:
    """The balances of single payers that the part draws on."""
    keys: set[Balance] = {key for column in part.draws for key in column}
    keys |= {key for _, pool in part.pools for key in pool}
    return keys | {key for _, key in part.also}


# --- arrays -------------------------------------------------------------------------------------------


def _arrays(
    base: Base,
    walks: Sequence[_Walk],
    own: tuple[Ints, Ints],
    count: int,
    layers: Sequence[LayerInfo],
    regimes: int,
) -> WaterfallArrays:
    first = walks[0]
    for walk in walks[1:]:
        assert [(p.rank, p.layer) for p in walk.parts] == [(p.rank, p.layer) for p in first.parts]
    parts = first.parts
    shape = (len(walks), len(parts), count)
    every = np.array([[part.rooms for part in walk.parts] for walk in walks], dtype=object).reshape(shape)
    totals = every.sum(axis=2)
    largest = max([0, *totals.ravel(), *(part.party for part in parts), *own[1].astype(object).sum(axis=1)])
    if largest >= MOST:
        says = f"a layer can give {largest} minor units, more than 2^60"
        raise Refused(Problem("STRESS_RANGE", (), says, "amounts in a larger unit"))
    weights = np.zeros(shape)
    even = np.zeros(shape[:2], dtype=np.int64)
    bids = len(walks) // regimes
    for p in range(len(parts)):
        for first_of in range(0, len(walks), bids):  # whatever each has bid, they share among each other
            same = [walk.parts[p] for walk in walks[first_of : first_of + bids]]
            top = max([0, *(weight for part in same for weight in part.weights)])
            for v, part in enumerate(same, first_of):
                weights[v, p] = [float(Fraction(weight) / top) if top else 0.0 for weight in part.weights]
            even[first_of : first_of + bids, p] = _even(same)
    keys = list(dict.fromkeys(part.shared for part in parts if part.shared))
    names = list(dict.fromkeys(key for key, _ in keys))
    ranks = [i for i, part in enumerate(parts) if i == 0 or part.rank != parts[i - 1].rank]
    kinds = [layers[part.layer].kind for part in parts]
    bounds = [*ranks, len(parts)]
    table = [
        [
            part.layer,
            part.party,
            MEMBER_KINDS.index(kind) if kind in MEMBER_KINDS else -1,
            kind == CALL,
            names.index(part.shared[0]) if part.shared else -1,
            part.split,
            *part.matches,
            part.ends,
            i == max(j for j, other in enumerate(parts) if other.layer == part.layer),
        ]
        for i, (part, kind) in enumerate(zip(parts, kinds, strict=True))
    ]
    sizes = [next(size for key, size in keys if key == name) for name in names]
    return WaterfallArrays(
        own_layer=own[0],
        own=own[1],
        ranks=_ints([[a, b, _odd(base, parts[a:b])] for a, b in pairwise(bounds)], 3),
        parts=_ints(table, 10),
        together=np.array(sizes, dtype=np.int64),
        rooms=every.astype(np.int64),
        totals=totals.astype(np.int64),
        weights=weights,
        even=even,
    )


def _ints(rows: Sequence[Sequence[int]], width: int) -> Ints:
    return np.array(rows, dtype=np.int64).reshape(-1, width)


def _even(parts: Sequence[_Part]) -> bool:
    """Whether everybody who can give shares in proportion to what it can give."""
    pairs = [
        (room, weight)
        for part in parts
        for room, weight in zip(part.rooms, part.weights, strict=True)
        if room
    ]
    return all(room * pairs[0][1] == pairs[0][0] * weight for room, weight in pairs)


def _odd(base: Base, parts: Sequence[_Part]) -> int:
    """The part, counted in its rank, that takes odd units first; -1 where largest remainders leave none."""
    rule = base.rounding
    if rule.share == "largest_remainder":
        return -1
    return next((i for i, part in enumerate(parts) if part.payers == (rule.residual_to,)), 0)
