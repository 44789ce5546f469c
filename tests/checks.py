"""What must hold of every result, written as the invariants say it.

    result -> nothing, or AssertionError

Each check is a function of a result, so that a test can also hand it a broken one and see it caught.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import groupby

from penstock.core.amounts import Amount, Dated
from penstock.core.money import MOST, parse, written
from penstock.core.replay import Result, Step
from penstock.core.results import EventResult, LayerResult
from penstock.core.scenario import Field


def members_paid(row: LayerResult) -> dict[str, int]:
    """What payers paid in a layer, without the odd units."""
    return {payer: units for payer, units in row.paid.items() if not payer.startswith("rounding:")}


def check_conservation(result: Result) -> None:
    """I1: what the layers absorbed and what is uncovered is the loss, in every event."""
    for event in result.events:
        assert sum(row.used for row in event.layers) + event.uncovered == event.loss


def check_layers_are_sums(result: Result) -> None:
    """I2: a layer is the sum of its payers and of the odd units, of which there are few."""
    for event, step in zip(result.events, result.steps, strict=True):
        assert step is not None
        for row in event.layers:
            assert row.used == sum(row.paid.values())
            odd = row.used - sum(members_paid(row).values())
            beside = [other for other in event.layers if other.beside and other.group == row.group]
            survivors = len(result.scenario.members) - len(event.members)
            payers = survivors if row.layer.payer == "members" else 1
            most = max(0, payers - 1) + (len(beside) - 1 if row.beside else 0)
            assert 0 <= odd <= (most if step.rounding.share == "floor_residual" else 0)


def check_amounts(result: Result) -> None:
    """I7: every amount is a whole number of minor units that can be stored, and reads back as written."""
    unit = result.scenario.currency
    for event in result.events:
        amounts = [event.loss, event.uncovered, *event.surplus.values()]
        for row in event.layers:
            amounts += [row.used, *row.paid.values(), *row.unpaid.values()]
            amounts += [] if row.capacity is None else [row.capacity]
        for amount in amounts:
            assert type(amount) is int
            assert 0 <= amount <= MOST
            assert parse(written(amount, unit), unit, in_file=False) == amount


def check_purses(result: Result) -> None:
    """I5: nothing held is ever overdrawn, whichever layers and events draw on it."""
    drawn: Counter[tuple[str, str]] = Counter()
    for event, step in zip(result.events, result.steps, strict=True):
        assert step is not None
        profits = Counter[str]()
        for (member, _, _), profit in step.profits.items():
            profits[member] += profit
        for row in event.layers:
            if row.layer.called:
                continue
            for payer, units in members_paid(row).items():
                purse, held = _purse(result, row, payer)
                drawn[payer, purse] += units
                assert held is None or drawn[payer, purse] <= held + profits[payer]


def _purse(result: Result, row: LayerResult, payer: str) -> tuple[str, int | None]:
    """A payer's purse for a layer, its accounts together, and what the scenario says it holds."""
    source = str(row.layer.source)
    member = result.scenario.members.get(payer)
    if member is None:
        given = result.scenario.parties.get(payer, {})
        name = row.layer.id if row.layer.id in given else source
        return (name, _held(given[name])) if name in given else (row.layer.id, None)
    fields = (member.fields, *member.accounts.values())
    return source, sum(_held(each[source]) for each in fields if source in each)


def _held(field: Field) -> int:
    value = field.values[""].value
    assert isinstance(value, int)
    return value


def check_order(result: Result) -> None:
    """I10: a layer pays only when those before it are exhausted, and so does nobody (uncovered).

    Layers side by side are one rank. What a defaulter's layer cannot give to the losses of others, or
    of other accounts, is not a reason to wait for it.
    """
    for event in result.events:
        later = event.uncovered
        for rank in reversed(list(ranks(event))):
            for row in rank:
                for_some = row.layer.payer == "defaulter" and (len(event.members) > 1 or row.layer.account)
                assert later == 0 or for_some or row.used == row.capacity
            later += sum(row.used for row in rank)


def ranks(event: EventResult) -> Iterator[list[LayerResult]]:
    """The layers of an event by rank."""
    for _, rows in groupby(event.layers, key=lambda row: row.group if row.beside else row.layer.id):
        yield list(rows)


def check_caps(result: Result) -> None:
    """I11: no layer and no payer beyond its capacity, nor beyond a limit that is a plain amount."""
    paid: Counter[tuple[str, str]] = Counter()
    for event, step in zip(result.events, result.steps, strict=True):
        assert step is not None
        for row in event.layers:
            assert row.used >= 0
            assert row.capacity is None or row.used <= row.capacity
            in_part = row.layer.payer == "defaulter"  # another defaulter's, or account's, may be unknown
            assert row.used == 0 or row.capacity is not None or in_part
            payers = members_paid(row)
            for limit, shares in (
                (_plain(row.layer.limit, step), payers),
                (_plain(row.layer.together, step), {"": row.used}),
            ):
                for payer, units in shares.items():
                    before = 0 if row.layer.called else paid[row.layer.id, payer]
                    assert units >= 0
                    assert limit is None or units <= max(0, limit - before)
            for payer, units in (*payers.items(), ("", row.used)):
                paid[row.layer.id, payer] += units


def _plain(limit: Dated[Amount] | None, step: Step) -> int | None:
    """What a limit that begins with so much money comes to at most."""
    amount = limit.on(step.plan.day) if limit else None
    return amount.amount if amount else None


def check_defaulters_do_not_mutualise(result: Result) -> None:
    """I13: in the members' layers nobody pays who is in default, in this event or since an earlier one."""
    gone: set[str] = set()
    for event in result.events:
        gone |= set(event.members)
        for row in event.layers:
            assert row.layer.payer != "members" or not gone & set(row.paid)


def check_own_capital(result: Result) -> None:
    """I23: the clearing house's own layers bear what reaches them, up to their capacity: never skipped."""
    for event in result.events:
        reached = event.loss
        for row in event.layers:
            if row.layer.payer == "ccp" and not row.beside and row.capacity is not None:
                assert row.used == min(reached, row.capacity)
            reached -= row.used


def exact_shares(amount: int, weights: Sequence[int], caps: Sequence[int]) -> list[Fraction]:
    """min(cap, level x weight) for the level at which they add up to the amount, as rationals."""
    full, weight, level = 0, sum(weights), Fraction(0)
    for cap, each in sorted(zip(caps, weights, strict=True), key=lambda one: _fills_at(*one)):
        level = Fraction(amount - full, weight) if weight else Fraction(0)
        if not each or level * each <= cap:
            break
        full, weight = full + cap, weight - each
    return [min(Fraction(cap), level * each) for cap, each in zip(caps, weights, strict=True)]


def _fills_at(cap: int, weight: int) -> tuple[bool, Fraction]:
    """The level at which a payer is full; one without weight never is, and comes last."""
    return (False, Fraction(cap, weight)) if weight else (True, Fraction(0))


def check_shares(
    amount: int, weights: Sequence[int], caps: Sequence[int], parts: Sequence[int], odd: int, scale: int = 1
) -> None:
    """I14, I21: each share within a unit of ``scale`` times the exact one, a capped one exactly."""
    exact = exact_shares(amount, weights, caps)
    assert sum(exact) == amount
    assert sum(parts) + odd == amount * scale
    for part, share, cap in zip(parts, exact, caps, strict=True):
        assert abs(part - scale * share) < 1
        assert share != cap or part == scale * cap


def check_capacities(result: Result) -> None:
    """I11: no layer pays more than it could give when the loss reached it, an action nothing in money."""
    for event in result.events:
        for row in event.layers:
            assert row.used >= 0
            if row.layer.action:
                assert (row.used, dict(row.paid)) == (row.capacity, {})
            elif row.capacity is not None:
                assert row.used <= row.capacity
            assert all(units >= 0 for units in (*row.paid.values(), *row.unpaid.values()))


def check_recoveries(result: Result, received: Sequence[tuple[int, int]]) -> None:
    """I8: what came back, and the interest on it, is paid on in full; nobody gets more than it paid.

    ``received``: each amount and its interest, in order of time. What no layer covered comes first; where
    the rulebook says no other order, the last layer is whole again before the one before it gets anything.
    """
    still_out = {
        id(event): {row.layer.id: Counter(row.paid) for row in event.layers} for event in result.events
    }
    open_ = {id(event): event.uncovered for event in result.events}
    refunds = [one for one in result.happenings if one.what == "recovered"]
    rules = result.scenario.rulebook.recoveries
    for one, (amount, interest) in zip(refunds, received, strict=True):
        [event] = [event for event in result.events if set(one.members) & set(event.members)]
        out = still_out[id(event)]
        refunded = sum(sum(payers.values()) for payers in one.layers.values())
        assert one.uncovered + refunded + sum(one.surplus.values()) == amount
        assert sum(one.interest.values()) + one.retained == interest
        open_[id(event)] -= one.uncovered
        assert open_[id(event)] >= 0
        assert open_[id(event)] == 0 or refunded + sum(one.surplus.values()) == 0
        for layer, payers in one.layers.items():
            out[layer].subtract(payers)
            assert all(units >= 0 for units in out[layer].values())
            assert set(one.interest) <= {payer for each in one.layers.values() for payer in each}
        if rules is None or (rules.order == "reverse" and not rules.except_):
            _check_last_first(event, one.layers, out)


def _check_last_first(
    event: EventResult, refunds: Mapping[str, Mapping[str, int]], out: Mapping[str, Counter[str]]
) -> None:
    later_out = 0
    for rank in reversed(list(ranks(event))):
        for row in rank:
            assert later_out == 0 or not sum(refunds.get(row.layer.id, {}).values())
        theirs = [row for row in rank if row.layer.payer not in ("defaulter", "customer", "broker")]
        later_out += sum(sum(out[row.layer.id].values()) for row in theirs)


def check_windows(days: Sequence[int], paid: Sequence[int], most: int, window: str, length: int) -> None:
    """I12: over every window, by its definition, one payer's payments stay within the limit.

    ``days`` and ``paid`` of the events in order of time; ``window`` is ``look_back``, ``fixed`` or
    ``rolling``, of so many days.
    """
    if window == "look_back":
        spans = [[i for i, day in enumerate(days) if 0 <= end - day < length] for end in days]
    else:
        spans, start = [[0]], days[0]
        for i, day in enumerate(days[1:], 1):
            if day - start <= length:
                spans[-1].append(i)
            else:
                spans.append([i])
            start = day if window == "rolling" or spans[-1] == [i] else start
    for span in spans:
        assert sum(paid[i] for i in span) <= most


def check_haircuts(
    need: int, gains: Sequence[int], caps: Sequence[int], cuts: Sequence[int], odd: int
) -> None:
    """I24: nobody loses more than its gain or its cap, and together as much as is needed, if they can."""
    rooms = [max(0, min(gain, cap)) for gain, cap in zip(gains, caps, strict=True)]
    assert all(0 <= cut <= room for cut, room in zip(cuts, rooms, strict=True))
    assert sum(cuts) + odd == min(need, sum(rooms))


def check_calls(called: EventResult, paid: EventResult, able: Mapping[str, int]) -> None:
    """I26 to I28: a call is what all would have borne; what is not paid of it is unpaid, and not absorbed.

    ``called`` is the same event with everybody able to pay; ``able`` what each can raise for all calls.
    """
    raised = Counter[str]()
    for before, after in zip(called.layers, paid.layers, strict=True):
        assert after.used == sum(after.paid.values()) or after.layer.action
        assert after.layer.called or not after.unpaid
        for member, units in after.unpaid.items():
            assert member in able
            assert units > 0
            assert units + after.paid.get(member, 0) == before.paid.get(member, 0)
        if after.layer.called and after.layer.payer == "members":
            raised.update({member: units for member, units in after.paid.items() if member in able})
            for member in able:
                assert after.paid.get(member, 0) + after.unpaid.get(member, 0) >= before.paid.get(member, 0)
    assert all(units <= able[member] for member, units in raised.items())


def check_nothing_looks_ahead(whole: Result, first: Result) -> None:
    """I30: what comes later, money paid in or another default, changes nothing of what came before."""
    assert whole.events[: len(first.events)] == first.events
    assert whole.happenings[: len(first.happenings)] == first.happenings
