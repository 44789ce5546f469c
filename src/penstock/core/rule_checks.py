"""What a rulebook or a scenario says that cannot be meant: every error at once, as values.

Each check is a generator of problems over one kind of thing; the paths are those of the file.
"""

from collections.abc import Iterator
from datetime import date
from itertools import chain
from typing import TypeVar

from penstock.core.business_days import Duration
from penstock.core.problems import Path, Problem, nearest
from penstock.core.rulebook import (
    CALLED,
    ROLES,
    Amount,
    Cap,
    Dated,
    Group,
    Layer,
    Rulebook,
    Window,
)
from penstock.core.scenario import HOUSE, Scenario

T = TypeVar("T")

MOMENTS = ("at_declaration", "at_window_start", "at_notice", "at_call")
HELD = ("initial_margin", "excess_margin", "default_fund")
BUILT_IN = ("bid", "active", "group", "able_to_pay", "defaulter_affiliate", "decided")


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
        for amount in _versions(figure.amount):
            yield from _amount(amount, (*path,), rulebook)
        if figure.amount and figure.kind not in ("money", "number"):
            yield Problem("RULE_TYPE", path, f"an amount cannot be a {figure.kind}", "given: ccp")
        if name in _reaches(name, rulebook, set()):
            yield Problem("RULE_CYCLE", path, f"figure {name!r} is defined by itself", "other names")


def _reaches(name: str, rulebook: Rulebook, seen: set[str]) -> set[str]:
    """Every name that the definition of the figure reads, directly or not."""
    figure = rulebook.figures.get(name)
    for amount in _versions(figure.amount if figure else None):
        for other in amount.names():
            if other not in seen:
                seen.add(other)
                _reaches(other, rulebook, seen)
    return seen


def _versions(dated: Dated[T] | None) -> list[T]:
    return [value for _, value in dated.versions] if dated else []


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
    for share in _versions(layer.share):
        if isinstance(share, Amount) and (share.amount == 0 or share.multiple == 0):
            says = f"{layer.id}: a share that is zero for all"
            yield Problem("RULE_RANGE", (*path, "share"), says, "equal, size or an amount")
    if layer.called and layer.limit is None:
        says = f"{layer.id}: money that is called needs a limit"
        yield Problem("RULE_MISSING", path, says, 'limit: {multiple: "1", of: default_fund}, for one')
    if layer.account and layer.payer != "defaulter":
        says = f"{layer.id}: only the defaulter has accounts here"
        yield Problem("RULE_LAYER", (*path, "account"), says, "payer: defaulter, or no account")
    for name, classes in _versions(layer.order):
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
        for amount in _versions(getattr(layer, word)):
            yield from _amount(amount, (*path, word), rulebook, segment=layer.segment)
    for share in _versions(layer.share):
        if isinstance(share, Amount):
            yield from _amount(share, (*path, "share"), rulebook, segment=layer.segment, any_number=True)
    for window in _versions(layer.window):
        yield from _window(window, layer.limit is not None, (*path, "window"), rulebook)
    fields = [(name, "where") for where in _versions(layer.where) for name in where]
    fields += [(name, "order") for name, _ in _versions(layer.order)]
    yield from _conditions(fields, path, rulebook)


def _conditions(fields: list[tuple[str, str]], path: Path, rulebook: Rulebook) -> Iterator[Problem]:
    known = {*rulebook.member_fields(), *BUILT_IN}
    for name, word in fields:
        if name not in known:
            instead = nearest(name, known) or "a field of the members, or declare it under figures"
            yield Problem("RULE_REFERENCE", (*path, word, name), f"{name!r} is no field of a payer", instead)


def _amount(
    amount: Amount,
    path: Path,
    rulebook: Rulebook,
    *,
    segment: str | None = None,
    any_number: bool = False,
) -> Iterator[Problem]:
    sources = {layer.source for layer, _ in rulebook.all_layers() if layer.source not in CALLED}
    layers = {layer.id for layer, _ in rulebook.all_layers()}
    known = {*sources, *layers, *rulebook.figures, *HELD} - {None}
    for inner in amount.inside():
        for name in inner.of:
            figure = rulebook.figures.get(name)
            if name not in known:
                instead = nearest(name, (n for n in known if n)) or "a source, a figure or a layer"
                yield Problem("RULE_REFERENCE", path, f"{name!r} is unknown", instead)
            elif figure and figure.kind not in (("money", "number") if any_number else ("money",)):
                says = f"{name!r} is a {figure.kind}, not an amount of money"
                yield Problem("RULE_TYPE", path, says, "a figure of money")
        if isinstance(inner.multiple, str):
            figure = rulebook.figures.get(inner.multiple)
            if figure is None or figure.kind != "number":
                says = f"a multiple by name needs a number, and {inner.multiple!r} is none"
                yield Problem("RULE_REFERENCE", path, says, "a figure with kind: number")
        if inner.matching and inner.matching not in layers:
            instead = nearest(inner.matching, layers) or "the id of a layer"
            yield Problem("RULE_REFERENCE", path, f"{inner.matching!r} is no layer", instead)
        if inner.apportioned:
            if segment != "each":
                says = "apportioned is over segments, and this layer is not one in each"
                yield Problem("RULE_AMOUNT", path, says, "segment: each")
            if inner.apportioned not in known:
                yield Problem(
                    "RULE_REFERENCE", path, f"{inner.apportioned!r} is unknown", "a source or figure"
                )
        if inner.measured:
            yield from _moment(inner.measured, path, rulebook)


def _moment(moment: str, path: Path, rulebook: Rulebook) -> Iterator[Problem]:
    """A moment is one of four words, or ``at_`` and a date field of the members."""
    days = {f"at_{n}" for n, kind in rulebook.member_fields().items() if kind == "date"}
    if moment not in MOMENTS and moment not in days:
        instead = nearest(moment, {*MOMENTS, *days}) or "one of " + ", ".join(sorted({*MOMENTS, *days}))
        yield Problem("RULE_REFERENCE", path, f"{moment!r} is no moment", instead)


def _window(window: Window, limited: bool, path: Path, rulebook: Rulebook) -> Iterator[Problem]:
    if window.rolling and window.look_back:
        yield Problem("RULE_WINDOW", path, "rolling and look_back exclude each other", "one of them")
    if window.longest and not window.rolling:
        yield Problem("RULE_WINDOW", path, "longest without rolling", 'rolling: "true", or no longest')
    if window.longest and window.length and _days(window.longest)[1] < _days(window.length)[0]:
        says = f"longest, {window.longest}, is shorter than length, {window.length}"
        yield Problem("RULE_WINDOW", path, says, "a longest of at least the length")
    if any(d and d.unit == "business_days" for d in (window.length, window.longest)):
        if rulebook.calendar is None:
            yield Problem(
                "RULE_WINDOW", path, "business_days without a calendar", "calendar: target, for one"
            )
    if window.starts != "at_notice":
        yield from _moment(window.starts, (*path, "starts"), rulebook)
    if window.amount:
        yield from _amount(window.amount, path, rulebook)
    elif not limited and window.times is None and window.length is None:
        yield Problem("RULE_WINDOW", path, "a window that limits nothing", "a length, times or an amount")


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
        for value in _versions(getattr(layer, word)):
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
    for amount in _versions(cap.limit):
        yield from _amount(amount, (*path, "limit"), rulebook)
    for window in _versions(cap.window):
        yield from _window(window, True, (*path, "window"), rulebook)
    yield from _conditions([(n, "where") for w in _versions(cap.where) for n in w], path, rulebook)
    if cap.from_ and cap.until and cap.until < cap.from_:
        says = f"until {cap.until} is before from {cap.from_}"
        yield Problem("RULE_DATE", (*path, "until"), says, "a later day")
    if cap.cite is None and not inline:
        yield Problem("RULE_CITE", path, f"{cap.id} cites no clause", "cite: name clause")


def _matching(places: list[tuple[Path, Layer, Group | None]]) -> Iterator[Problem]:
    """``matching`` looks at an earlier layer, never at itself, a later one or in a circle."""
    order = {layer.id: i for i, (_, layer, _) in enumerate(places)}
    for path, layer, _ in places:
        for amount in _versions(layer.limit):
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


def check_scenario(scenario: Scenario) -> list[Problem]:
    """Every mistake in a scenario that was read, against its rulebook."""
    return list(chain(_scenario_head(scenario), _scenario_losses(scenario)))


def _scenario_head(scenario: Scenario) -> Iterator[Problem]:
    rulebook = scenario.rulebook
    if scenario.currency != rulebook.currency:
        says = f"the scenario is in {scenario.currency}, its rulebook in {rulebook.currency}"
        yield Problem("CURRENCY_MISMATCH", ("currency",), says, f"currency: {rulebook.currency}")
    if not scenario.defaults:
        yield Problem("SCENARIO_MISSING", ("defaults",), "nobody defaults", "at least one default")
    seen: set[str] = set()
    for i, default in enumerate(scenario.defaults):
        path: Path = ("defaults", i)
        if default.member not in scenario.members:
            instead = nearest(default.member, scenario.members) or "a member that stands under resources"
            yield Problem(
                "SCENARIO_REFERENCE", (*path, "member"), f"{default.member!r} is no member", instead
            )
        if default.member in seen:
            says = f"{default.member} defaults twice"
            yield Problem("ALREADY_DEFAULTED", (*path, "member"), says, "each member once")
        seen.add(default.member)
        day = scenario.pinned or default.at.date()
        if rulebook.from_ and day < rulebook.from_:
            says = f"{day} is before {rulebook.from_}, from when the rulebook speaks"
            yield Problem(
                "SCENARIO_DATE", (*path, "at"), says, f"a day from {rulebook.from_}, or another rulebook"
            )
        named: list[tuple[Path, str]] = [(("members",), name) for name in default.members]
        named += [(("decisions", j), n) for j, d in enumerate(default.decisions) for n in d.members]
        for at, name in named:
            if name not in scenario.members:
                instead = nearest(name, scenario.members) or "a member that stands under resources"
                yield Problem("SCENARIO_REFERENCE", (*path, *at, name), f"{name!r} is no member", instead)


def _scenario_losses(scenario: Scenario) -> Iterator[Problem]:
    rulebook = scenario.rulebook
    on_accounts = any(layer.account for layer, _ in rulebook.all_layers())
    margin = [layer for layer, _ in rulebook.all_layers() if layer.payer == "defaulter"]
    for i, default in enumerate(scenario.defaults):
        path: Path = ("defaults", i, "loss_beyond_own_resources" if default.beyond_own else "loss")
        segments = {segment for _, segment in default.losses}
        if rulebook.segments and "" in segments and not default.unpublished:
            says = "the rulebook has segments, and the loss is not told by segment"
            instead = "{" + ", ".join(f'{name}: "..."' for name in rulebook.segments) + "}"
            yield Problem("SCENARIO_LOSS", path, says, instead)
        clients = sorted({account for account, _ in default.losses} - {HOUSE})
        if clients and not on_accounts and margin and not default.beyond_own:
            says = f"client accounts ({', '.join(clients)}), but no layer of the rulebook says account"
            yield Problem("SCENARIO_LOSS", path, says, "one loss, or account: client and house on the layers")
        member = scenario.members.get(default.member)
        for account in clients:
            if member and account not in member.accounts and not default.beyond_own:
                instead = nearest(account, member.accounts) or f"it under {default.member}'s accounts"
                yield Problem("SCENARIO_REFERENCE", (*path, account), f"{account!r} is no account", instead)
