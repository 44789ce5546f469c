"""What a rulebook says that cannot be meant: every error at once, as values.

Each check is a generator of problems over one kind of thing; the paths are those of the file.
"""

from collections.abc import Iterator
from itertools import chain, islice

from penstock.core.amount_checks import (
    BUILT_IN,
    check_amount,
    check_conditions,
    check_durations,
    check_moments,
    check_window,
    versions,
)
from penstock.core.amounts import Amount, Cite
from penstock.core.order_checks import check_cycles, check_dates
from penstock.core.problems import MOST_PROBLEMS, Path, Problem, nearest
from penstock.core.rulebook import CHAIN, ROLES, Cap, Group, Layer, Rulebook

PARTIES = tuple(role for role in ROLES if role not in ("defaulter", "members"))
MONEY_WORDS = (
    "payer", "source", "share", "limit", "together", "window", "account", "where", "order", "rounds",
    "base", "call",
)  # fmt: skip


def check_rulebook(rulebook: Rulebook, *, inline: bool = False) -> list[Problem]:
    """Every mistake in a rulebook that was read; warnings among them are marked."""
    checks: list[Iterator[Problem]] = [_head(rulebook, inline), _ids(rulebook), _figures(rulebook)]
    for path, layer, group in rulebook.places():
        checks += [_layer(layer, path, rulebook), _names(layer, group, path, rulebook)]
        if not inline:
            checks.append(_cited(layer, group, path, rulebook))
    for i, item in enumerate(rulebook.layers):
        if isinstance(item, Group):
            checks.append(_group(item, ("layers", i), rulebook))
    for i, cap in enumerate(rulebook.caps):
        checks.append(_cap(cap, ("caps", i), rulebook, inline))
    checks += [check_cycles(rulebook), check_dates(rulebook), _later_sections(rulebook), _gains(rulebook)]
    return list(dict.fromkeys(islice(chain.from_iterable(checks), MOST_PROBLEMS)))


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
        yield from _unread(Cite(citation), ("citations", name), rulebook)
    for rule in versions(rulebook.rounding):
        if rule.residual_to not in PARTIES:
            instead = nearest(rule.residual_to, PARTIES) or "one of " + ", ".join(PARTIES)
            says = f"{rule.residual_to!r} cannot pay odd units"
            yield Problem("RULE_REFERENCE", ("rounding", "residual_to"), says, instead)


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
    taken["each"] = "the word for every segment"
    named: list[tuple[Path, str]] = [(("segments", i), name) for i, name in enumerate(rulebook.segments)]
    for i, item in enumerate(rulebook.layers):
        if isinstance(item, Group):
            named.append((("layers", i, "group"), item.group))
    named += [((*path, "id"), layer.id) for path, layer, _ in rulebook.places()]
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
            yield from check_amount(amount, path, rulebook)
            yield from _unread(amount.cite, path, rulebook)
        yield from _unread(figure.cite, path, rulebook)
        if figure.amount and figure.kind not in ("money", "number"):
            yield Problem("RULE_TYPE", path, f"an amount cannot be a {figure.kind}", "given: ccp")


def _layer(layer: Layer, path: Path, rulebook: Rulebook) -> Iterator[Problem]:
    """The words of one layer that need or exclude each other."""
    if layer.action:
        for name in MONEY_WORDS:
            if getattr(layer, name) is not None:
                says = f"{layer.id}: an action is not paid in money, but has {name!r}"
                yield Problem("RULE_LAYER", (*path, name), says, f"action without {name}")
        if not layer.when:
            says = f"{layer.id}: an action that nothing sets off"
            yield Problem("RULE_MISSING", path, says, "when: {decided: closure}, for one")
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
    for name in ("where", "order"):
        if getattr(layer, name) and layer.payer in PARTIES:
            says = f"{layer.id}: {name} chooses among members, and {layer.payer} is one party"
            yield Problem("RULE_LAYER", (*path, name), says, f"payer: members, or no {name}")
    for name, classes in versions(layer.order):
        values = [value for values in classes for value in values]
        for value in sorted({value for value in values if values.count(value) > 1}):
            says = f"{layer.id}: {value!r} stands in two classes of {name}"
            yield Problem("RULE_LAYER", (*path, "order"), says, "it once")
        if not values:
            yield Problem("RULE_LAYER", (*path, "order"), f"{layer.id}: no classes", "{bid: [none, poor]}")
    if layer.rounds and layer.payer in ("defaulter", *CHAIN):
        says = f"{layer.id}: rounds are for those who are called again, not for {layer.payer}"
        yield Problem("RULE_LAYER", (*path, "rounds"), says, "payer: members, or no rounds")
    if layer.base and layer.source != "gains":
        says = f"{layer.id}: base belongs to gains, not to {layer.source}"
        yield Problem("RULE_LAYER", (*path, "base"), says, "source: gains, or no base")


def _segment(segment: str | None, path: Path, rulebook: Rulebook) -> Iterator[Problem]:
    if segment and segment not in ("each", *rulebook.segments):
        instead = nearest(segment, ("each", *rulebook.segments)) or "a name that stands under segments"
        yield Problem("RULE_REFERENCE", (*path, "segment"), f"{segment!r} is no segment", instead)


def _group(group: Group, path: Path, rulebook: Rulebook) -> Iterator[Problem]:
    yield from _segment(group.segment, path, rulebook)
    yield from _unread(group.cite, (*path, "cite"), rulebook)
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
    segments = {layer.segment or group.segment for layer in group.layers}
    if len(segments) > 1:
        says = f"group {group.group}: layers side by side meet the losses of different segments"
        yield Problem("RULE_LAYER", (*path, "split"), says, "the same segment on all of them")
    for j, layer in enumerate(group.layers):
        for name in ("order", "rounds", "base"):
            if getattr(layer, name) not in (None, "cumulative"):
                says = f"{layer.id}: {name} does not go beside a split"
                at = (*path, "layers", j, name)
                yield Problem("RULE_LAYER", at, says, "layers one after another")


def _gains(rulebook: Rulebook) -> Iterator[Problem]:
    """All layers that keep gains back count the same days, or one gain could be kept back twice."""
    days: dict[object, str] = {}
    for path, layer, _ in rulebook.places():
        if layer.source != "gains" or layer.action:
            continue
        windows = versions(layer.window)
        counted = tuple(w.length for w in windows if w.length and w.amount is None and w.times is None)
        days.setdefault((layer.base or "cumulative", counted), layer.id)
        if len(days) > 1:
            first = next(iter(days.values()))
            says = f"{layer.id} and {first} count gains over different days"
            yield Problem("RULE_LAYER", path, says, f"the same base and window as {first}")
            return


def _names(layer: Layer, group: Group | None, path: Path, rulebook: Rulebook) -> Iterator[Problem]:
    """Every name that the layer reads means something."""
    segment = layer.segment or (group.segment if group else None)
    yield from _segment(layer.segment, path, rulebook)
    if layer.action:
        return
    for word in ("limit", "together", "share"):
        for amount in versions(getattr(layer, word)):
            if isinstance(amount, Amount):
                any_number = word == "share"
                yield from check_amount(
                    amount, (*path, word), rulebook, segment=segment, any_number=any_number
                )
                yield from check_moments(amount, layer.window is not None, (*path, word))
                yield from _unread(amount.cite, (*path, word), rulebook)
    for window in versions(layer.window):
        limited = layer.limit is not None or (layer.source == "gains" and window.length is not None)
        yield from check_window(window, limited, (*path, "window"), rulebook)
    if layer.call:
        durations = (layer.call.due, layer.call.notice, layer.call.leave_within)
        yield from check_durations(durations, (*path, "call"), rulebook)
    fields = [(n, "where", list(values)) for where in versions(layer.where) for n, values in where.items()]
    fields += [(n, "order", [v for one in classes for v in one]) for n, classes in versions(layer.order)]
    yield from check_conditions(fields, path, rulebook)


def _unread(cite: Cite | None, path: Path, rulebook: Rulebook) -> Iterator[Problem]:
    """A verified citation says where it was read; one that stands under citations is told there."""
    named = path[0] != "citations" and cite is not None and cite.citation in rulebook.citations.values()
    if cite and not named and cite.citation.status == "verified" and not cite.citation.href:
        says = f"{cite.citation.title} is verified, but says not where"
        yield Problem("RULE_CITE", path, says, "href: with the address read")


def _cited(layer: Layer, group: Group | None, path: Path, rulebook: Rulebook) -> Iterator[Problem]:
    if layer.cite is None and (group is None or group.cite is None):
        yield Problem("RULE_CITE", path, f"{layer.id} cites no clause", "cite: name clause")
    yield from _unread(layer.cite, (*path, "cite"), rulebook)


def _cap(cap: Cap, path: Path, rulebook: Rulebook, inline: bool) -> Iterator[Problem]:
    layers = {layer.id for layer, _ in rulebook.all_layers()}
    for name in cap.on:
        if name not in layers:
            instead = nearest(name, layers) or "the id of a layer"
            yield Problem("RULE_REFERENCE", (*path, "on"), f"{name!r} is no layer", instead)
    for amount in versions(cap.limit):
        yield from check_amount(amount, (*path, "limit"), rulebook)
        yield from check_moments(amount, cap.window is not None, (*path, "limit"))
    for window in versions(cap.window):
        yield from check_window(window, True, (*path, "window"), rulebook)
    fields = [(name, "where", list(values)) for w in versions(cap.where) for name, values in w.items()]
    yield from check_conditions(fields, path, rulebook)
    yield from _unread(cap.cite, (*path, "cite"), rulebook)
    if cap.cite is None and not inline:
        yield Problem("RULE_CITE", path, f"{cap.id} cites no clause", "cite: name clause")


def _later_sections(rulebook: Rulebook) -> Iterator[Problem]:
    """What is read by the live case names layers, caps, sources and payers that exist."""
    layers = {layer.id for layer, _ in rulebook.all_layers()}
    sources = {layer.source for layer, _ in rulebook.all_layers() if layer.source}
    caps = {cap.id for cap in rulebook.caps}
    named: list[tuple[Path, str | None, set[str]]] = []
    for i, item in enumerate(rulebook.replenishment):
        at: Path = ("replenishment", i)
        named += [((*at, "layer"), item.layer, layers), ((*at, "payer"), item.payer, set(ROLES))]
        named += [((*at, "into"), item.into, sources), ((*at, "counts_to"), item.counts_to, caps)]
        named += [((*at, "stand_in"), party, set(PARTIES)) for party in item.stand_in]
        yield from check_durations((item.due,), (*at, "due"), rulebook)
        if isinstance(item.restores, Amount):
            yield from check_amount(item.restores, (*at, "restores"), rulebook)
        if item.window:
            yield from check_window(item.window, item.window.times is not None, (*at, "window"), rulebook)
    if rulebook.recoveries:
        back = rulebook.recoveries
        if not isinstance(back.order, str):
            groups = {item.group for item in rulebook.layers if isinstance(item, Group)}
            named += [(("recoveries", "order"), name, layers | groups) for name in back.order]
        named += [(("recoveries", "except"), name, layers | set(PARTIES)) for name in back.except_]
        if isinstance(back.share, Amount):
            share: Path = ("recoveries", "share")
            yield from check_amount(back.share, share, rulebook, any_number=True)
    for several in versions(rulebook.several_defaults):
        yield from check_durations((several.one_event, several.period), ("several_defaults",), rulebook)
    for path, name, known in named:
        if name is not None and name not in known:
            instead = nearest(name, known) or "one of " + ", ".join(sorted(known))
            yield Problem("RULE_REFERENCE", path, f"{name!r} stands nowhere in this rulebook", instead)
