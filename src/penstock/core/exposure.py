"""What a default can cost whom: curves over the loss, the most a member can lose, how a bill came about.

All of it asks the one engine with other losses, so it cannot disagree with a run.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from penstock.core.pouring import pour
from penstock.core.problems import Problem, Refused
from penstock.core.replay import replay
from penstock.core.results import EventResult, LayerResult
from penstock.core.scenario import HOUSE, Scenario, Stated
from penstock.core.steps import Step, several_defaults_of
from penstock.core.waterfall import UNKNOWN_REACHED, Label, Part, count, cut, draw, rooms

NOT_MET = "not every payer is able to meet its call, and what it does not pay stays open for the next layers"

EVERYTHING = 1 << 80
"""A loss beyond whatever amounts below 2^63 can add up to."""


@dataclass(frozen=True, slots=True)
class Curve:
    """Who pays how much at each loss; straight lines between the points, up to rounding.

    ``of`` is whose loss, in which account and segment; what else an event has is taken as nothing.
    ``losses`` ascend; ``layers``, ``payers`` and ``uncovered`` have one amount for each. ``ends`` says
    why the curve goes no further, where a layer's money is not known or a call would not be met.
    """

    of: Label
    losses: tuple[int, ...]
    layers: Mapping[str, tuple[int, ...]]
    payers: Mapping[str, tuple[int, ...]]
    uncovered: tuple[int, ...]
    spans: tuple["Span", ...]
    ends: str = ""


@dataclass(frozen=True, slots=True)
class Span:
    """Between which losses a layer pays: attachment and exhaustion; None where not known."""

    layer: str
    attachment: int | None
    exhaustion: int | None
    capacity: int | None


def last_step(scenario: Scenario) -> tuple[Step, Label]:
    """The last event with no loss yet, and the label that a loss of its first defaulter's house has."""
    last = several_defaults_of(scenario)[-1]
    segment = next(iter(last[0].losses), (HOUSE, ""))[1]
    nothing = {(HOUSE, segment): Stated(0)}
    defaults = tuple(
        replace(default, losses=nothing, unpublished="") if default in last else default
        for default in scenario.defaults
    )
    before = tuple(event for event in scenario.events if event.at < last[0].at)
    step = replay(replace(scenario, defaults=defaults, events=before)).steps[-1]
    if step is None:
        says = "the loss of an earlier default is not published, so nobody knows what it left"
        raise Refused(Problem(UNKNOWN_REACHED, ("defaults",), says, "a scenario of the last default alone"))
    return step, (step.defaults[0].member, HOUSE, segment)


def curve(scenario: Scenario, more: Sequence[int] = ()) -> Curve:
    """The curve of the last default: its points are the losses at which somebody's slope changes.

    ``more`` are further losses to show. It ends where the first unknown layer
    begins, or one with calls that its payers are not able to meet.
    """
    step, label = last_step(scenario)
    breaks, spans, ends = _breaks(step, label)
    top = breaks[-1]
    beyond = [] if ends else [top + max(1, top // 10)]
    losses = tuple(sorted({0, *breaks, *beyond, *(loss for loss in more if loss <= top or not ends)}))
    events = [pour(step, {label: loss})[0] for loss in losses]
    layers = {layer.layer.id: [0] * len(losses) for layer in events[0].layers}
    payers: dict[str, list[int]] = {}
    for i, event in enumerate(events):
        for row in event.layers:
            layers[row.layer.id][i] += row.used
            for payer, amount in row.paid.items():
                payers.setdefault(payer, [0] * len(losses))[i] += amount
    return Curve(
        label,
        losses,
        {name: tuple(amounts) for name, amounts in layers.items()},
        {name: tuple(payers[name]) for name in sorted(payers)},
        tuple(event.uncovered for event in events),
        tuple(spans),
        ends,
    )


def _breaks(step: Step, label: Label) -> tuple[list[int], list[Span], str]:
    """Losses at which a layer or a payer begins or stops to pay, walking down the tranches."""
    left = dict(step.bound.balances)
    capacities: dict[tuple[str, str], int | None] = {}
    at, breaks, spans, ends = 0, [0], dict[str, Span](), ""
    for tranche in step.bound.tranches:
        met = label in tranche.labels
        giving = rooms(tranche.parts, left if met else dict(left), capacities)
        for part, _, able, _ in giving:
            count(part, able, capacities)
        if not met:
            continue
        if tranche.parts[0].ends:
            spans[tranche.parts[0].layer] = Span(tranche.parts[0].layer, None if ends else at, None, None)
            break
        stopped = next(
            (part for part, _, _, room in giving if part.stop or cut(part, room, left) != room), None
        )
        mosts = [most for _, most, _, _ in giving]
        weights = list(tranche.split or mosts)
        for (part, most, able, room), weight in zip(giving, weights, strict=True):
            before = spans.get(part.layer, Span(part.layer, None if ends else at, None, 0))
            if part.stop or ends or stopped:
                capacity = None if part.stop or before.capacity is None else before.capacity + able
                spans[part.layer] = replace(before, exhaustion=None, capacity=capacity)
            else:
                end = at + _beside(most, weight, weights, mosts)
                spans[part.layer] = replace(before, exhaustion=end, capacity=(before.capacity or 0) + most)
                breaks += [at + _beside(level, weight, weights, mosts) for level in _levels(part, room, most)]
                breaks.append(end)
            draw(part, [min(give, able) for give in cut(part, room, left)], able, left)
        if stopped and not ends:
            ends = f"layer {stopped.layer}: {stopped.stop[1] if stopped.stop else NOT_MET}"
        if not ends:
            at += sum(mosts)
            breaks.append(at)
    return sorted(set(breaks)), list(spans.values()), ends


def _levels(part: Part, room: list[int], most: int) -> list[int]:
    """What the part has paid when one payer after another has reached its limit."""
    if part.weights is None:
        return []
    pairs = sorted(
        (
            (Fraction(give, weight), give, weight)
            for give, weight in zip(room, part.weights, strict=True)
            if weight
        ),
    )
    levels, full, weight_left = [], 0, sum(part.weights)
    for ratio, give, weight in pairs:
        levels.append(int(full + ratio * weight_left))
        full += give
        weight_left -= weight
    return sorted({level for level in levels if level < most})


def _beside(amount: int, weight: int, weights: list[int], mosts: list[int]) -> int:
    """What the whole tranche has paid when the part of this weight has paid ``amount``."""
    if not weight:
        return amount
    return sum(min(most, -(-amount * other // weight)) for other, most in zip(weights, mosts, strict=True))


@dataclass(frozen=True, slots=True)
class Most:
    """The most a payer can be asked for in a loss ``of`` somebody; ``unknown`` layers come on top."""

    of: Label
    payer: str
    by_layer: Mapping[str, int]
    unknown: tuple[str, ...]

    @property
    def total(self) -> int:
        """All layers together."""
        return sum(self.by_layer.values())


def most(scenario: Scenario, payer: str) -> Most:
    """What the payer pays when the last default's loss exceeds everything there is."""
    step, label = last_step(scenario)
    stops = [part for tranche in step.bound.tranches for part in tranche.parts if part.stop]
    unknown = tuple(part.layer for part in stops if part.stop and part.stop[0] == UNKNOWN_REACHED)
    tranches, slots, every = [], [], iter(step.bound.slots)
    for tranche in step.bound.tranches:
        known = [(part, slot) for part, slot in zip(tranche.parts, every, strict=False) if not part.stop]
        if known:
            split = None if len(known) < len(tranche.parts) else tranche.split
            tranches.append(replace(tranche, parts=tuple(part for part, _ in known), split=split))
            slots += [slot for _, slot in known]
    bound = replace(step.bound, tranches=tuple(tranches), slots=tuple(slots))
    event, _ = pour(replace(step, bound=bound), {label: EVERYTHING})
    paid = {row.layer.id: row.paid[payer] for row in event.layers if payer in row.paid}
    return Most(label, payer, paid, unknown)


@dataclass(frozen=True, slots=True)
class Derivation:
    """How one payer's payment in one layer came about.

    ``loss`` is what the layer meets of the event's loss here, ``reached`` what was still open when its
    turn came, ``shared`` what the payers of this class shared. A payer at its ``room`` paid all it could;
    the others shared the rest by weight: ``exact`` = (shared - what the full ones paid) x weight / weights.
    """

    row: LayerResult
    loss: int
    reached: int
    shared: int
    weight: int
    weights: int
    full: Mapping[str, int]
    room: int
    exact: Fraction
    paid: int


def derive(step: Step, event: EventResult, payer: str) -> list[Derivation]:
    """Every payment of the payer in this event, in order, each with its arithmetic."""
    found = []
    rows = {row.layer.id: row for row in event.layers}
    for i, tranche in enumerate(step.bound.tranches):
        for j, part in enumerate(tranche.parts):
            if payer not in part.payers:
                continue
            before = replace(step, bound=replace(step.bound, tranches=step.bound.tranches[:i]))
            after = replace(step, bound=replace(step.bound, tranches=step.bound.tranches[: i + 1]))
            earlier = before.outcome(step.losses, step.bound.balances)
            here = after.outcome(step.losses, step.bound.balances)
            pours = here.pours[len(earlier.pours) :]
            paid = pours[j].paid if pours else {}
            if payer not in paid:
                continue
            reached = sum(amount for label, amount in earlier.uncovered.items() if label in tranche.labels)
            room = dict(
                zip(part.payers, rooms(tranche.parts, earlier.left, earlier.places)[j][3], strict=True)
            )
            weight = dict(zip(part.payers, part.weights or room.values(), strict=True))
            short = rows[part.layer].unpaid if part.able else {}
            shared = sum(paid.values()) + pours[j].odd + sum(short.values())
            full = {name: amount for name, amount in paid.items() if amount == room[name]}
            sharing = sum(weight[name] for name in part.payers if name not in full and room[name])
            exact = Fraction(paid[payer])
            if payer not in full and payer not in short:
                exact = Fraction((shared - sum(full.values())) * weight[payer], sharing)
            found.append(
                Derivation(
                    row=rows[part.layer],
                    loss=sum(step.losses.get(label, 0) for label in tranche.labels),
                    reached=reached,
                    shared=shared,
                    weight=weight[payer],
                    weights=sum(weight.values()),
                    full=full,
                    room=room[payer],
                    exact=exact,
                    paid=paid[payer],
                )
            )
    return found
