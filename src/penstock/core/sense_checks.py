"""What a rulebook says that can be meant, but makes no sense: warnings, for a person to look at."""

from collections.abc import Iterator
from datetime import date
from fractions import Fraction

from penstock.core.amount_checks import versions
from penstock.core.amounts import CALLED, OWED, Amount, Dated
from penstock.core.plans import plan, status
from penstock.core.problems import Path, Problem
from penstock.core.rulebook import Cap, Layer, Rulebook

LAST = ("full_tear_up", "close_service")


def check_sense(rulebook: Rulebook) -> Iterator[Problem]:
    """Layers and caps that can never do anything, and values nobody read in a file that does not say so."""
    places = [(path, layer) for path, layer, _ in rulebook.places()]
    yield from _after_the_end(places)
    yield from _emptied_before(rulebook)
    for i, cap in enumerate(rulebook.caps):
        yield from _never_binds(cap, ("caps", i), {layer.id: layer for _, layer in places})
    yield from _unread(rulebook)


def _after_the_end(places: list[tuple[Path, Layer]]) -> Iterator[Problem]:
    """After everything was torn up there is nothing left to pay for."""
    ended: Layer | None = None
    for path, layer in places:
        if ended and not (ended.until and layer.from_ and layer.from_ > ended.until) and not layer.action:
            says = f"{layer.id} stands after {ended.id}, which leaves no loss open"
            yield Problem("RULE_SENSE", path, says, "put it before the action", warning=True)
        if layer.action in LAST:
            ended = layer


def _emptied_before(rulebook: Rulebook) -> Iterator[Problem]:
    """A purse that an earlier layer takes whole leaves nothing to a later one."""
    told: set[str] = set()
    paths = {layer.id: path for path, layer, _ in rulebook.places()}
    for day in rulebook.changes() or (date.max,):
        taken: dict[tuple[object, ...], str] = {}
        for layer, rank in plan(rulebook, day).layers():
            key = (layer.payer, layer.source, layer.account)
            if (
                layer.action
                or layer.source in (*CALLED, *OWED)
                or layer.payer not in ("members", "defaulter")
            ):
                continue
            everywhere = (*key, None)
            before = taken.get((*key, layer.segment)) or taken.get(everywhere)
            if before and layer.id not in told:
                told.add(layer.id)
                says = f"{layer.id} draws on {layer.source}, which {before} has taken whole before it"
                yield Problem(
                    "RULE_SENSE",
                    paths[layer.id],
                    says,
                    "name another source, or limit the one before",
                    warning=True,
                )
            some = layer.limit or layer.together or layer.where or layer.window or layer.when or rank.when
            shared = any(layer.id in cap.on for cap in rulebook.caps)
            if not some and not shared and len(rank.layers) == 1:
                taken[*key, layer.segment] = layer.id


def _never_binds(cap: Cap, path: Path, layers: dict[str, Layer]) -> Iterator[Problem]:
    """A cap over one default that is no less than the limits of its layers together."""
    if cap.window or cap.where:
        return
    limits = [_multiple(cap.limit)]
    for name in cap.on:
        layer = layers.get(name)
        limits.append(_multiple(layer.limit) if layer and layer.limit else None)
    if any(limit is None for limit in limits):
        return
    (of, most), *each = [limit for limit in limits if limit]
    if all(name == of for name, _ in each) and sum(multiple for _, multiple in each) <= most:
        says = f"cap {cap.id} never binds: the limits of its layers together are no more than it"
        yield Problem("RULE_SENSE", (*path, "limit"), says, "lower it, or leave it out", warning=True)


def _multiple(dated: Dated[Amount]) -> tuple[tuple[str, ...], Fraction] | None:
    """An amount that never changes as (names, how many times); a plain sum names nothing."""
    amounts = versions(dated)
    if len(amounts) != 1:
        return None
    one = amounts[0]
    if one.less or one.most is not None or one.apportioned or one.measured or isinstance(one.multiple, str):
        return None
    times = Fraction(1) if one.multiple is None else one.multiple
    if one.amount is not None:
        return (), Fraction(one.amount)
    return (one.of, times) if one.of else None


def _unread(rulebook: Rulebook) -> Iterator[Problem]:
    """Layers that rest on something nobody read, in a file that is not marked so."""
    if rulebook.status == "unverified":
        return
    days = (*rulebook.changes(), date.max)
    weak = sorted(
        {
            layer.id
            for day in days
            for layer, _ in plan(rulebook, day).layers()
            if status(layer, rulebook, day) == "unverified"
        }
    )
    if weak:
        says = f"unverified: {', '.join(weak)}"
        instead = "write status: unverified at the top, where most of it is"
        yield Problem("RULE_SENSE", ("layers",), says, instead, warning=True)
