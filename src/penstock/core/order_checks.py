"""What cannot be meant in the order of things: definitions in a circle, values with no day in force."""

from collections.abc import Iterator
from datetime import date
from typing import Any

from penstock.core.amount_checks import versions
from penstock.core.amounts import Amount, Dated
from penstock.core.problems import Path, Problem
from penstock.core.rulebook import Cap, Group, Layer, Rulebook

MOST_STEPS = 50
"""By way of so many other names a name may be defined."""


def check_cycles(rulebook: Rulebook) -> Iterator[Problem]:
    """No figure or limit is defined by itself, and ``matching`` looks at an earlier layer only."""
    paths: dict[str, Path] = {name: ("figures", name) for name in rulebook.figures}
    fields = rulebook.member_fields().keys()
    reads = {name: _reads(figure.amount) - fields for name, figure in rulebook.figures.items()}
    for path, layer, _ in rulebook.places():
        paths.setdefault(layer.id, (*path, "limit"))
        reads.setdefault(layer.id, _reads(layer.limit) - fields)
    for layer_id, problem, name in _matching(rulebook):
        reads[layer_id].discard(name)
        yield problem
    yield from _caps_match(rulebook)
    levels = _levels(reads)
    left = {name: others for name, others in reads.items() if name not in levels}
    while left:
        name = next(iter(left))
        circle = _reachable(name, left) & _reachable(name, _reversed(left))
        if circle:
            by_way = ", ".join(sorted(circle)[:5]) + (", ..." if len(circle) > 5 else "")
            says = f"{name!r} is defined by itself, by way of {by_way}"
            yield Problem("RULE_CYCLE", paths[name], says, "other names")
        left = {other: reads[other] for other in left if other not in circle and other != name}
    deep = next((name for name, level in levels.items() if level > MOST_STEPS), None)
    if deep:
        says = f"{deep!r} is defined by way of more than {MOST_STEPS} other names"
        yield Problem("RULE_RANGE", paths[deep], says, "a shorter way")


def _matching(rulebook: Rulebook) -> Iterator[tuple[str, Problem, str]]:
    """What each layer matches that is not before it, by way of a figure too: layer, problem, matched."""
    order = {layer.id: i for i, (_, layer, _) in enumerate(rulebook.places())}
    figures = {name: _reads(figure.amount) for name, figure in rulebook.figures.items()}
    matched = {name: _matched(figure.amount) for name, figure in rulebook.figures.items()}
    for path, layer, _ in rulebook.places():
        for word in ("limit", "together", "share"):
            direct = getattr(layer, word)
            found = _matched(direct)
            for name in _reads(direct):
                for figure in {name, *_reachable(name, figures)} & matched.keys():
                    found |= matched[figure]
            for name in sorted(found):
                if word == "share":
                    says = f"{layer.id}: a share cannot match what another layer gives"
                    instead = "an amount that is known beforehand"
                    yield layer.id, Problem("RULE_AMOUNT", (*path, word), says, instead), name
                elif order.get(name, -1) >= order[layer.id]:
                    says = f"{layer.id} matches {name!r}, which is not before it"
                    instead = "the id of an earlier layer"
                    yield layer.id, Problem("RULE_CYCLE", (*path, word), says, instead), name


def _caps_match(rulebook: Rulebook) -> Iterator[Problem]:
    """A cap is known before anything is poured."""
    figures = {name: _reads(figure.amount) for name, figure in rulebook.figures.items()}
    for i, cap in enumerate(rulebook.caps):
        names = _reads(cap.limit)
        every = names.union(*(_reachable(name, figures) for name in names if name in figures))
        found = [name for name in every if name in rulebook.figures]
        if _matched(cap.limit) or any(_matched(rulebook.figures[name].amount) for name in found):
            says = f"cap {cap.id} matches what a layer gives"
            yield Problem("RULE_AMOUNT", ("caps", i, "limit"), says, "an amount that is known beforehand")


def _matched(dated: Dated[Any] | None) -> set[str]:
    """Every layer that the amount matches."""
    amounts = [amount for amount in versions(dated) if isinstance(amount, Amount)]
    return {inner.matching for amount in amounts for inner in amount.inside() if inner.matching}


def _levels(reads: dict[str, set[str]]) -> dict[str, int]:
    """By way of how many others each name is defined; without what is in a circle, or reads one."""
    readers = _reversed(reads)
    unsettled = {name: len(others & reads.keys()) for name, others in reads.items()}
    levels = {name: 0 for name, count in unsettled.items() if not count}
    todo = list(levels)
    for name in todo:
        for reader in readers[name]:
            unsettled[reader] -= 1
            if not unsettled[reader]:
                levels[reader] = levels[name] + 1
                todo.append(reader)
    return levels


def _reversed(reads: dict[str, set[str]]) -> dict[str, set[str]]:
    """Who reads each name."""
    readers: dict[str, set[str]] = {name: set() for name in reads}
    for name, others in reads.items():
        for other in others & reads.keys():
            readers[other].add(name)
    return readers


def _reads(dated: Dated[Any] | None) -> set[str]:
    """Every name that the amount reads, ``matching`` layers too."""
    found: set[str] = set()
    for amount in (one for one in versions(dated) if isinstance(one, Amount)):
        found |= {*amount.names(), *(inner.matching for inner in amount.inside() if inner.matching)}
    return found


def _reachable(name: str, reads: dict[str, set[str]]) -> set[str]:
    """Every name that the definition of ``name`` reads, directly or not."""
    seen: set[str] = set()
    todo = [name]
    while todo:
        new = reads.get(todo.pop(), set()) - seen
        seen |= new
        todo += new
    return seen


def check_dates(rulebook: Rulebook) -> Iterator[Problem]:
    """Whatever a layer or cap needs is in force on each of its days."""
    calendar = rulebook.calendar
    if calendar is not None and not isinstance(calendar, str) and calendar.last < calendar.first:
        says = f"the calendar ends on {calendar.last}, before it begins"
        yield Problem("RULE_DATE", ("calendar", "last"), says, "a later day")
    first_day = rulebook.from_
    if rulebook.rounding and first_day and rulebook.rounding.on(first_day) is None:
        says = f"no rounding is in force on {first_day}, when the rulebook begins"
        yield Problem("RULE_DATE", ("rounding",), says, f'an entry from "{first_day}"')
    lives = {layer.id: _life(layer, group, rulebook) for _, layer, group in rulebook.places()}
    for path, layer, group in rulebook.places():
        yield from _ends_after_it_begins(layer, path)
        if group:
            yield from _ends_after_it_begins(group, path[:2])
        first = lives[layer.id][0]
        words = ("share", "limit", "together", "window", "where", "order")
        yield from _in_force(layer, words, path, first)
        yield from _others_in_force(layer, path, rulebook, lives)
    for i, cap in enumerate(rulebook.caps):
        yield from _ends_after_it_begins(cap, ("caps", i))
        yield from _in_force(cap, ("limit", "window", "where"), ("caps", i), cap.from_ or rulebook.from_)


def _ends_after_it_begins(item: Layer | Group | Cap, path: Path) -> Iterator[Problem]:
    if item.from_ and item.until and item.until < item.from_:
        says = f"until {item.until} is before from {item.from_}"
        yield Problem("RULE_DATE", (*path, "until"), says, "a later day")


def _in_force(item: Layer | Cap, words: tuple[str, ...], path: Path, first: date | None) -> Iterator[Problem]:
    for word in words:
        dated: Dated[object] | None = getattr(item, word)
        if dated and first and dated.on(first) is None:
            says = f"{item.id}: nothing is in force for {word} on {first}, when it begins"
            yield Problem("RULE_DATE", (*path, word), says, f'an entry from "{first}"')


def _others_in_force(
    layer: Layer, path: Path, rulebook: Rulebook, lives: dict[str, tuple[date | None, date | None]]
) -> Iterator[Problem]:
    """The figures and layers that a layer's amounts read are in force as long as it is."""
    first, last = lives[layer.id]
    figures = {name: _reads(figure.amount) for name, figure in rulebook.figures.items()}
    for word in ("limit", "together", "share"):
        amounts = getattr(layer, word)
        direct: set[str] = set()
        for amount in versions(amounts):
            direct |= _reads(Dated(((None, amount),))) if isinstance(amount, Amount) else set()
        names = direct.union(*(_reachable(name, figures) for name in direct if name in figures))
        for name in sorted(names):
            figure = rulebook.figures.get(name)
            if figure and figure.amount and first and figure.amount.on(first) is None:
                says = f"{layer.id}: figure {name!r} has nothing in force on {first}"
                yield Problem("RULE_DATE", (*path, word), says, f'an entry from "{first}"')
            if figure or name == layer.id or name in rulebook.member_fields() or name not in lives:
                continue
            begins, ends = lives[name]
            if begins and (first is None or begins > first):
                says = f"{layer.id}: layer {name!r} is in force from {begins} only"
                yield Problem("RULE_DATE", (*path, word), says, f"from: {begins} here too")
            if ends and (last is None or ends < last):
                says = f"{layer.id}: layer {name!r} is in force until {ends} only"
                yield Problem("RULE_DATE", (*path, word), says, f"until: {ends} here too")


def _life(layer: Layer, group: Group | None, rulebook: Rulebook) -> tuple[date | None, date | None]:
    """First and last day of a layer, its group's and the file's included."""
    firsts = [day for day in (layer.from_, group.from_ if group else None, rulebook.from_) if day]
    lasts = [day for day in (layer.until, group.until if group else None) if day]
    return max(firsts, default=None), min(lasts, default=None)
