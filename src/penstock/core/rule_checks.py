"""What a rulebook says that cannot be meant: every error at once, as values.

Each check is a generator of problems over one kind of thing; the paths are those of the file.
"""

from collections.abc import Iterator
from datetime import date
from itertools import chain

from penstock.core.amount_checks import BUILT_IN, check_amount, check_conditions, check_window, versions
from penstock.core.amounts import Amount, Dated
from penstock.core.problems import Path, Problem, nearest
from penstock.core.rulebook import ROLES, Cap, Group, Layer, Rulebook


def check_rulebook(rulebook: Rulebook, *, inline: bool = False) -> list[Problem]:
    """Every mistake in a rulebook that was read; warnings among them are marked."""
    places = list(_places(rulebook))
    checks: list[Iterator[Problem]] = [_head(rulebook, inline), _ids(rulebook), _figures(rulebook)]
    for path, layer, group in places:
        checks += [_layer(layer, path, rulebook), _names(layer, path, rulebook)]
        checks += [_dates(layer, group, path, rulebook), _cited(layer, group, path, inline)]
    for i, item in enumerate(rulebook.layers):
        if isinstance(item, Group):
            checks.append(_group(item, ("layers", i)))
    for i, cap in enumerate(rulebook.caps):
        checks.append(_cap(cap, ("caps", i), rulebook, inline))
    checks += [_matching(places), _later_sections(rulebook)]
    return list(chain.from_iterable(checks))


def _places(rulebook: Rulebook) -> Iterator[tuple[Path, Layer, Group | None]]:
    """Every layer with its path and its group, in file order."""
    for i, item in enumerate(rulebook.layers):
        if isinstance(item, Group):
            for j, layer in enumerate(item.layers):
                yield ("layers", i, "layers", j), layer, item
        else:
            yield ("layers", i), item, None


def _head(rulebook: Rulebook, inline: bool) -> Iterator[Problem]:
    if not rulebook.layers:
        yield Problem("RULE_MISSING", ("layers",), "there are no layers", "at least one layer")
    for path, item in ((("layers", i), item) for i, item in enumerate(rulebook.layers)):
        if isinstance(item, Group) and not item.layers:
            yield Problem("RULE_MISSING", path, f"group {item.group} has no layers", "its layers")
    if not inline:
        for name, value, instead in (
            ("from", rulebook.from_, 'from: "2024-01-01"'),
            ("jurisdiction", rulebook.jurisdiction, "jurisdiction: EU"),
        ):
            if not value:
                yield Problem("RULE_MISSING", (name,), f"a rulebook needs {name!r}", instead)
    for name, citation in rulebook.citations.items():
        if citation.status == "verified" and not citation.href:
            says = f"citation {name} is verified, but says not where"
            yield Problem("RULE_CITE", ("citations", name), says, "href: with the address read")


def _ids(rulebook: Rulebook) -> Iterator[Problem]:
    """Ids are unique, and no name can mean two things."""
    taken = dict.fromkeys((*rulebook.member_fields(), *BUILT_IN), "a member field")
    sources = {layer.source for layer, _ in rulebook.all_layers()}
    for name, figure in rulebook.figures.items():
        if figure.given == "member":
            if name in ("defaulter_affiliate", "decided"):
                yield _twice(("figures", name), name, "a field that is always known")
            continue
        if name in taken or name in sources:
            yield _twice(("figures", name), name, taken.get(name, "a source"))
        taken[name] = "a figure"
    named: list[tuple[Path, str]] = [(("segments", i), name) for i, name in enumerate(rulebook.segments)]
    for i, item in enumerate(rulebook.layers):
        if isinstance(item, Group):
            named.append((("layers", i, "group"), item.group))
    named += [((*path, "id"), layer.id) for path, layer, _ in _places(rulebook)]
    named += [(("caps", i, "id"), cap.id) for i, cap in enumerate(rulebook.caps)]
    for path, name in named:
        if name in taken:
            yield _twice(path, name, taken[name])
        taken[name] = "an id"


def _twice(path: Path, name: str, other: str) -> Problem:
    return Problem("RULE_DUPLICATE", path, f"{name!r} is already {other}", "another name")


def _figures(rulebook: Rulebook) -> Iterator[Problem]:
    for name, figure in rulebook.figures.items():
        path: Path = ("figures", name)
        for amount in versions(figure.amount):
            yield from check_amount(amount, (*path,), rulebook)
        if figure.amount and figure.kind not in ("money", "number"):
            yield Problem("RULE_TYPE", path, f"an amount cannot be a {figure.kind}", "given: ccp")
        if name in _reaches(name, rulebook, set()):
            yield Problem("RULE_CYCLE", path, f"figure {name!r} is defined by itself", "other names")


def _reaches(name: str, rulebook: Rulebook, seen: set[str]) -> set[str]:
    """Every name that the definition of the figure reads, directly or not."""
    figure = rulebook.figures.get(name)
    for amount in versions(figure.amount if figure else None):
        for other in amount.names():
            if other not in seen:
                seen.add(other)
                _reaches(other, rulebook, seen)
    return seen


def _layer(layer: Layer, path: Path, rulebook: Rulebook) -> Iterator[Problem]:
    """The words of one layer that need or exclude each other."""
    if layer.action:
        words = ("payer", "source", "share", "limit", "together", "window", "account", "rounds", "base")
        for name in words:
            if getattr(layer, name) is not None:
                says = f"{layer.id}: an action is not paid in money, but has {name!r}"
                yield Problem("RULE_LAYER", (*path, name), says, f"action without {name}")
        return
    if layer.payer is None:
        yield Problem("RULE_MISSING", path, f"{layer.id} says nobody who pays", "payer: ccp, for one")
    elif layer.payer not in ROLES:
        instead = nearest(layer.payer, ROLES) or "one of " + ", ".join(ROLES)
        yield Problem("RULE_REFERENCE", (*path, "payer"), f"{layer.payer!r} is nobody who can pay", instead)
    if layer.source is None:
        says = f"{layer.id} says not out of which money"
        instead = "source: own_capital if it is held, commitment if it is promised"
        yield Problem("RULE_MISSING", path, says, instead)
    if layer.payer == "members" and layer.share is None:
        says = f"{layer.id}: the members pay, but nothing says how they share"
        yield Problem("RULE_MISSING", path, says, "share: default_fund, for one")
    for share in versions(layer.share):
        if isinstance(share, Amount) and (share.amount == 0 or share.multiple == 0):
            says = f"{layer.id}: a share that is zero for all"
            yield Problem("RULE_RANGE", (*path, "share"), says, "equal, size or an amount")
    if layer.called and layer.limit is None:
        says = f"{layer.id}: money that is called needs a limit"
        yield Problem("RULE_MISSING", path, says, 'limit: {multiple: "1", of: default_fund}, for one')
    if layer.account and layer.payer != "defaulter":
        says = f"{layer.id}: only the defaulter has accounts here"
        yield Problem("RULE_LAYER", (*path, "account"), says, "payer: defaulter, or no account")
    for name, classes in versions(layer.order):
        values = [value for values in classes for value in values]
        for value in sorted({value for value in values if values.count(value) > 1}):
            says = f"{layer.id}: {value!r} stands in two classes of {name}"
            yield Problem("RULE_LAYER", (*path, "order"), says, "it once")
    if layer.base and layer.source != "gains":
        says = f"{layer.id}: base belongs to gains, not to {layer.source}"
        yield Problem("RULE_LAYER", (*path, "base"), says, "source: gains, or no base")
    if layer.segment and layer.segment not in ("each", *rulebook.segments):
        instead = nearest(layer.segment, rulebook.segments) or "a name that stands under segments"
        yield Problem("RULE_REFERENCE", (*path, "segment"), f"{layer.segment!r} is no segment", instead)


def _group(group: Group, path: Path) -> Iterator[Problem]:
    if group.split is None:
        return
    ids = [layer.id for layer in group.layers]
    if not isinstance(group.split, str):
        for name in sorted(set(group.split) ^ set(ids)):
            says = f"group {group.group}: {name!r} is " + ("not split" if name in ids else "not in it")
            yield Problem("RULE_LAYER", (*path, "split"), says, "a weight for each of its layers")
        for name, weight in group.split.items():
            if weight == 0:
                yield Problem("RULE_RANGE", (*path, "split", name), "a weight of zero", '"1" or more')
    for j, layer in enumerate(group.layers):
        for name in ("order", "rounds"):
            if getattr(layer, name) is not None:
                says = f"{layer.id}: {name} does not go beside a split"
                at = (*path, "layers", j, name)
                yield Problem("RULE_LAYER", at, says, "layers one after another")


def _names(layer: Layer, path: Path, rulebook: Rulebook) -> Iterator[Problem]:
    """Every name that the layer reads means something."""
    for word in ("limit", "together"):
        for amount in versions(getattr(layer, word)):
            yield from check_amount(amount, (*path, word), rulebook, segment=layer.segment)
    for share in versions(layer.share):
        if isinstance(share, Amount):
            yield from check_amount(share, (*path, "share"), rulebook, segment=layer.segment, any_number=True)
    for window in versions(layer.window):
        yield from check_window(window, layer.limit is not None, (*path, "window"), rulebook)
    fields = [(name, "where") for where in versions(layer.where) for name in where]
    fields += [(name, "order") for name, _ in versions(layer.order)]
    yield from check_conditions(fields, path, rulebook)


def _dates(layer: Layer, group: Group | None, path: Path, rulebook: Rulebook) -> Iterator[Problem]:
    """Whatever a layer needs is in force on each of its days."""
    first, last = _life(layer, group, rulebook)
    for holder, at in ((layer, path), (group, path[:2])):
        if holder and holder.from_ and holder.until and holder.until < holder.from_:
            says = f"until {holder.until} is before from {holder.from_}"
            yield Problem("RULE_DATE", (*at, "until"), says, "a later day")
    for word in ("share", "limit", "together", "window", "where", "order"):
        dated: Dated[object] | None = getattr(layer, word)
        if dated and first and dated.on(first) is None:
            says = f"{layer.id}: nothing is in force for {word} on {first}, when the layer is"
            yield Problem("RULE_DATE", (*path, word), says, f'an entry from "{first}"')
    lives = {other.id: _life(other, g, rulebook) for _, other, g in _places(rulebook) if other is not layer}
    for word in ("limit", "together", "share"):
        for value in versions(getattr(layer, word)):
            if not isinstance(value, Amount):
                continue
            for name in (*value.names(), *(a.matching for a in value.inside() if a.matching)):
                figure = rulebook.figures.get(name)
                if figure and figure.amount and first and figure.amount.on(first) is None:
                    says = f"{layer.id}: figure {name!r} has nothing in force on {first}"
                    yield Problem("RULE_DATE", (*path, word), says, f'an entry from "{first}"')
                if figure or name in rulebook.member_fields() or name not in lives:
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


def _cited(layer: Layer, group: Group | None, path: Path, inline: bool) -> Iterator[Problem]:
    if inline:
        return
    if layer.cite is None and (group is None or group.cite is None):
        yield Problem("RULE_CITE", path, f"{layer.id} cites no clause", "cite: name clause")
    if layer.cite and layer.cite.citation.status == "verified" and not layer.cite.citation.href:
        says = f"{layer.id}: its citation is verified, but says not where"
        yield Problem("RULE_CITE", (*path, "cite"), says, "href: with the address read")


def _cap(cap: Cap, path: Path, rulebook: Rulebook, inline: bool) -> Iterator[Problem]:
    layers = {layer.id for layer, _ in rulebook.all_layers()}
    for name in cap.on:
        if name not in layers:
            instead = nearest(name, layers) or "the id of a layer"
            yield Problem("RULE_REFERENCE", (*path, "on"), f"{name!r} is no layer", instead)
    for amount in versions(cap.limit):
        yield from check_amount(amount, (*path, "limit"), rulebook)
    for window in versions(cap.window):
        yield from check_window(window, True, (*path, "window"), rulebook)
    yield from check_conditions([(n, "where") for w in versions(cap.where) for n in w], path, rulebook)
    if cap.from_ and cap.until and cap.until < cap.from_:
        says = f"until {cap.until} is before from {cap.from_}"
        yield Problem("RULE_DATE", (*path, "until"), says, "a later day")
    if cap.cite is None and not inline:
        yield Problem("RULE_CITE", path, f"{cap.id} cites no clause", "cite: name clause")


def _matching(places: list[tuple[Path, Layer, Group | None]]) -> Iterator[Problem]:
    """``matching`` looks at an earlier layer, never at itself, a later one or in a circle."""
    order = {layer.id: i for i, (_, layer, _) in enumerate(places)}
    for path, layer, _ in places:
        for amount in versions(layer.limit):
            for inner in amount.inside():
                if inner.matching and order.get(inner.matching, -1) >= order[layer.id]:
                    says = f"{layer.id} matches {inner.matching!r}, which is not before it"
                    yield Problem("RULE_CYCLE", (*path, "limit"), says, "the id of an earlier layer")


def _later_sections(rulebook: Rulebook) -> Iterator[Problem]:
    """What is read by the live case names layers and caps that exist."""
    layers = {layer.id for layer, _ in rulebook.all_layers()}
    caps = {cap.id for cap in rulebook.caps}
    named: list[tuple[Path, str, set[str]]] = []
    for i, item in enumerate(rulebook.replenishment):
        named.append((("replenishment", i, "layer"), item.layer, layers))
        if item.counts_to:
            named.append((("replenishment", i, "counts_to"), item.counts_to, caps))
    if rulebook.recoveries and not isinstance(rulebook.recoveries.order, str):
        named += [(("recoveries", "order"), name, layers) for name in rulebook.recoveries.order]
    for path, name, known in named:
        if name not in known:
            instead = nearest(name, known) or "one of " + ", ".join(sorted(known))
            yield Problem("RULE_REFERENCE", path, f"{name!r} stands nowhere in this rulebook", instead)
