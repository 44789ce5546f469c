"""What cannot be meant in an amount, a condition or a window: unknown names, wrong kinds, contradictions."""

from collections.abc import Iterator
from typing import TypeVar

from penstock.core.amounts import CALLED, Amount, Dated, Window
from penstock.core.business_days import Duration
from penstock.core.problems import Path, Problem, nearest
from penstock.core.rulebook import Rulebook

T = TypeVar("T")


MOMENTS = ("at_declaration", "at_window_start", "at_notice", "at_call")


HELD = ("initial_margin", "excess_margin", "default_fund")


BUILT_IN = (
    "bid", "active", "group", "able_to_pay", "withdrew_in_round", "defaulter_affiliate", "decided",
)  # fmt: skip


VALUES = {"bid": ("winner", "good", "poor", "none"), "defaulter_affiliate": ("true", "false")}
"""What the fields can be that are always known."""


def versions(dated: Dated[T] | None) -> list[T]:
    """Every version of a value, whatever the day."""
    return [value for _, value in dated.versions] if dated else []


def check_conditions(
    fields: list[tuple[str, str, list[str]]], path: Path, rulebook: Rulebook
) -> Iterator[Problem]:
    """Conditions, as (field, word they stand under, values), ask for what payers have and can be."""
    kinds = rulebook.member_fields()
    known = {*kinds, *BUILT_IN}
    for name, word, values in fields:
        if name not in known:
            instead = nearest(name, known) or "a field of the members, or declare it under figures"
            yield Problem("RULE_REFERENCE", (*path, word, name), f"{name!r} is no field of a payer", instead)
        possible = VALUES.get(name) or (("true", "false") if kinds.get(name) == "flag" else values)
        for value in values:
            if value not in possible and value != "false":  # what is not told is false
                instead = nearest(value, possible) or "one of " + ", ".join(possible)
                yield Problem("RULE_REFERENCE", (*path, word), f"{name} is never {value!r}", instead)


def check_amount(
    amount: Amount,
    path: Path,
    rulebook: Rulebook,
    *,
    segment: str | None = None,
    any_number: bool = False,
) -> Iterator[Problem]:
    """Every name in the amount means something of the right kind.

    ``segment`` is the layer's; ``any_number``: a share need not be money.
    """
    sources = {layer.source for layer, _ in rulebook.all_layers() if layer.source not in CALLED}
    layers = {layer.id for layer, _ in rulebook.all_layers()}
    known = {*sources, *layers, *rulebook.figures, *HELD} - {None}
    for inner in amount.inside():
        for name in inner.of:
            figure = rulebook.figures.get(name)
            if name not in known:
                words = ("equal", "size") if any_number else ()
                instead = nearest(name, (*filter(None, known), *words)) or "a source, a figure or a layer"
                yield Problem("RULE_REFERENCE", path, f"{name!r} is unknown", instead)
            elif figure and figure.kind not in (("money", "number") if any_number else ("money",)):
                says = f"{name!r} is a {figure.kind}, not an amount of money"
                yield Problem("RULE_TYPE", path, says, "a figure of money")
        if isinstance(inner.multiple, str):
            figure = rulebook.figures.get(inner.multiple)
            if figure is None or figure.kind != "number":
                says = f"a multiple by name needs a number, and {inner.multiple!r} is none"
                numbers = [n for n, f in rulebook.figures.items() if f.kind == "number"]
                instead = nearest(inner.multiple, numbers) or "a figure with kind: number"
                yield Problem("RULE_REFERENCE", path, says, instead)
        if inner.matching and inner.matching not in layers:
            instead = nearest(inner.matching, layers) or "the id of a layer"
            yield Problem("RULE_REFERENCE", path, f"{inner.matching!r} is no layer", instead)
        if inner.apportioned:
            if segment != "each":
                says = "apportioned is over segments, and this layer is not one in each"
                yield Problem("RULE_AMOUNT", path, says, "segment: each")
            if inner.apportioned not in known:
                instead = nearest(inner.apportioned, filter(None, known)) or "a source or figure"
                yield Problem("RULE_REFERENCE", path, f"{inner.apportioned!r} is unknown", instead)
        if inner.measured:
            yield from _moment(inner.measured, path, rulebook)


def check_moments(amount: Amount, windowed: bool, path: Path) -> Iterator[Problem]:
    """``at_window_start`` is the start of a window; ``windowed``: there is one."""
    if not windowed and any(inner.measured == "at_window_start" for inner in amount.inside()):
        says = "at_window_start, and there is no window"
        yield Problem("RULE_WINDOW", path, says, "a window beside it, or at_declaration")


def _moment(moment: str, path: Path, rulebook: Rulebook) -> Iterator[Problem]:
    """A moment is one of four words, or ``at_`` and a date field of the members."""
    days = {f"at_{n}" for n, kind in rulebook.member_fields().items() if kind == "date"}
    if moment not in MOMENTS and moment not in days:
        instead = nearest(moment, {*MOMENTS, *days}) or "one of " + ", ".join(sorted({*MOMENTS, *days}))
        yield Problem("RULE_REFERENCE", path, f"{moment!r} is no moment", instead)


def check_window(window: Window, limited: bool, path: Path, rulebook: Rulebook) -> Iterator[Problem]:
    """A window's words agree with each other; ``limited``: something else says how much."""
    if window.rolling and window.look_back:
        yield Problem("RULE_WINDOW", path, "rolling and look_back exclude each other", "one of them")
    if window.longest and not window.rolling:
        yield Problem("RULE_WINDOW", path, "longest without rolling", 'rolling: "true", or no longest')
    if window.longest and window.length and _days(window.longest)[1] < _days(window.length)[0]:
        says = f"longest, {window.longest}, is shorter than length, {window.length}"
        yield Problem("RULE_WINDOW", path, says, "a longest of at least the length")
    if (window.rolling or window.look_back) and not window.length:
        says = f"{'rolling' if window.rolling else 'look_back'} without a length"
        yield Problem("RULE_WINDOW", path, says, "length: 30 days, for one")
    yield from check_durations((window.length, window.longest), path, rulebook)
    if window.starts != "at_notice":
        yield from _moment(window.starts, (*path, "starts"), rulebook)
    if window.amount:
        yield from check_amount(window.amount, path, rulebook)
    elif not limited and window.times is None:
        yield Problem("RULE_WINDOW", path, "a window that limits nothing", "a length, times or an amount")


def check_durations(
    durations: tuple[Duration | None, ...], path: Path, rulebook: Rulebook
) -> Iterator[Problem]:
    """Business days are those of a calendar."""
    if rulebook.calendar is None and any(d and d.unit == "business_days" for d in durations):
        says = "business_days without a calendar"
        yield Problem("RULE_WINDOW", path, says, "calendar: target, for one")


def _days(duration: Duration) -> tuple[int, int]:
    """The fewest and the most days that a duration can last."""
    least, most = {
        "hours": (0, 1),
        "days": (1, 1),
        "business_days": (1, 4),
        "months": (28, 31),
        "years": (365, 366),
    }[duration.unit]
    return duration.count * least, duration.count * most
