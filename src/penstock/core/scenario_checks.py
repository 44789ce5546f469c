"""What a scenario says that cannot be meant under its rulebook: every error at once, as values."""

from collections.abc import Iterator
from itertools import chain, islice

from penstock.core.amounts import CALLED, OWED
from penstock.core.problems import MOST_PROBLEMS, Path, Problem, nearest
from penstock.core.rulebook import ROLES
from penstock.core.scenario import HOUSE, Event, Scenario


def check_scenario(scenario: Scenario) -> list[Problem]:
    """Every mistake in a scenario that was read, against its rulebook."""
    checks = chain(_head(scenario), _defaults(scenario), _losses(scenario), _events(scenario))
    return list(islice(checks, MOST_PROBLEMS))


def _head(scenario: Scenario) -> Iterator[Problem]:
    rulebook = scenario.rulebook
    if scenario.currency != rulebook.currency:
        says = f"the scenario is in {scenario.currency}, its rulebook in {rulebook.currency}"
        yield Problem("CURRENCY_MISMATCH", ("currency",), says, f"currency: {rulebook.currency}")
    if not scenario.defaults:
        yield Problem("SCENARIO_MISSING", ("defaults",), "nobody defaults", "at least one default")
    if scenario.pinned and rulebook.from_ and scenario.pinned < rulebook.from_:
        says = f"{scenario.pinned} is before {rulebook.from_}, from when the rulebook speaks"
        yield Problem(
            "SCENARIO_DATE", ("rulebook",), says, f"a day from {rulebook.from_}, or another rulebook"
        )
    if not any(layer.account for layer, _ in rulebook.all_layers()):
        for member in scenario.members.values():
            if set(member.accounts) - {HOUSE}:
                at: Path = ("resources", "members", member.id, "accounts")
                says = "client accounts, but no layer of the rulebook says account"
                yield Problem("SCENARIO_LOSS", at, says, "fields without accounts, or account: on the layers")


def _defaults(scenario: Scenario) -> Iterator[Problem]:
    first = scenario.rulebook.from_
    seen: set[str] = set()
    for i, default in enumerate(scenario.defaults):
        path: Path = ("defaults", i)
        yield from _member(default.member, (*path, "member"), scenario)
        if default.member in seen:
            says = f"{default.member} defaults twice"
            yield Problem("ALREADY_DEFAULTED", (*path, "member"), says, "each member once")
        seen.add(default.member)
        if first and not scenario.pinned and default.at.date() < first:
            says = f"{default.at.date()} is before {first}, from when the rulebook speaks"
            yield Problem("SCENARIO_DATE", (*path, "at"), says, f"a day from {first}, or another rulebook")
        for name in default.members:
            yield from _member(name, (*path, "members", name), scenario)
        for j, decision in enumerate(default.decisions):
            for k, name in enumerate(decision.members):
                yield from _member(name, (*path, "decisions", j, "members", k), scenario)


def _member(name: str, path: Path, scenario: Scenario) -> Iterator[Problem]:
    if name not in scenario.members:
        instead = nearest(name, scenario.members) or "a member that stands under resources"
        yield Problem("SCENARIO_REFERENCE", path, f"{name!r} is no member", instead)


def _losses(scenario: Scenario) -> Iterator[Problem]:
    rulebook = scenario.rulebook
    on_accounts = any(layer.account for layer, _ in rulebook.all_layers())
    for i, default in enumerate(scenario.defaults):
        path: Path = ("defaults", i, "loss_beyond_own_resources" if default.beyond_own else "loss")
        if rulebook.segments and any(not segment for _, segment in default.losses):
            says = "the rulebook has segments, and the loss is not told by segment"
            instead = "{" + ", ".join(f'{name}: "..."' for name in rulebook.segments) + "}"
            yield Problem("SCENARIO_LOSS", path, says, instead)
            continue
        clients = sorted({account for account, _ in default.losses} - {HOUSE})
        if clients and not on_accounts and not default.beyond_own:
            says = f"client accounts ({', '.join(clients)}), but no layer of the rulebook says account"
            yield Problem("SCENARIO_LOSS", path, says, "one loss, or account: client and house on the layers")
            continue
        member = scenario.members.get(default.member)
        for account in clients:
            if member and member.accounts and account not in member.accounts and not default.beyond_own:
                instead = nearest(account, member.accounts) or f"it under {default.member}'s accounts"
                says = f"{account!r} is no account of {default.member}"
                yield Problem("SCENARIO_REFERENCE", (*path, account), says, instead)


def _events(scenario: Scenario) -> Iterator[Problem]:
    """Payments name payers, sources and layers that exist."""
    layers = [layer for layer, _ in scenario.rulebook.all_layers()]
    for i, event in enumerate(scenario.events):
        for name in event.members:
            yield from _member(name, ("events", i, "members", name), scenario)
        for word, payments in (("paid_in", event.paid_in), ("paid_late", event.paid_late)):
            for payer, amounts in payments.items():
                at: Path = ("events", i, word, payer)
                known = {layer.id for layer in layers}
                if word == "paid_in":
                    known |= {layer.source for layer in layers if layer.source}
                    known |= scenario.rulebook.member_fields().keys()
                if payer not in scenario.members and payer not in ROLES:
                    yield from _member(payer, at, scenario)
                for name in amounts:
                    if name not in known:
                        other = "a source or layer" if word == "paid_in" else "the id of a layer"
                        instead = nearest(name, known) or f"{other} of the rulebook"
                        yield Problem("SCENARIO_REFERENCE", (*at, name), f"{name!r} is unknown", instead)
                    elif word == "paid_in":
                        yield from _payment(payer, name, (*at, name), scenario)
        if event.recovered:
            yield from _recovered(event, ("events", i, "recovered"), scenario)


def _payment(payer: str, name: str, path: Path, scenario: Scenario) -> Iterator[Problem]:
    """Money is paid in to a source that the payer can hold; a party's also to one of its layers."""
    book = scenario.rulebook
    if payer in scenario.members:
        fields = {field for field, kind in book.member_fields().items() if kind == "money"}
        known = (fields | book.begin_empty()) - {"able_to_pay", *CALLED, *OWED}
    elif payer in ROLES:
        held = [layer for layer, _ in book.all_layers() if layer.payer == payer and layer.source]
        held = [layer for layer in held if layer.source not in (*CALLED, *OWED)]
        known = {word for layer in held for word in (str(layer.source), layer.id)}
    else:
        return
    if name not in known:
        says = f"{payer} holds nothing under {name!r} that money could be paid in to"
        instead = nearest(name, known) or ("one of " + ", ".join(sorted(known)) if known else "another payer")
        yield Problem("SCENARIO_REFERENCE", path, says, instead)


def _recovered(event: Event, path: Path, scenario: Scenario) -> Iterator[Problem]:
    """Money comes back of one default, after it."""
    came = event.recovered
    assert came is not None
    who = {default.member: default.at for default in scenario.defaults}
    if came.of is None and len({default.at for default in scenario.defaults}) > 1:
        yield Problem("SCENARIO_MISSING", path, "of which default is not said", f"of: {min(who)}, for one")
    if came.of is not None and came.of not in who:
        instead = nearest(came.of, who) or "one of " + ", ".join(sorted(who))
        yield Problem("SCENARIO_REFERENCE", (*path, "of"), f"{came.of!r} does not default", instead)
    elif who and event.at < who.get(came.of or "", min(who.values())):
        says = "money is recovered before the default"
        yield Problem("SCENARIO_DATE", path, says, "a time after the default")
    whose = [default for default in scenario.defaults if came.of in (None, default.member)]
    accounts = {HOUSE, *(account for default in whose for account, _ in default.losses)}
    for default in whose:
        member = scenario.members.get(default.member)
        accounts |= set(member.accounts) if member else set()
    if whose and came.account not in accounts:
        instead = nearest(came.account, accounts) or "one of " + ", ".join(sorted(accounts))
        says = f"{came.account!r} is no account of the defaulter"
        yield Problem("SCENARIO_REFERENCE", (*path, "account"), says, instead)
    sources = {layer.source for layer, _ in scenario.rulebook.all_layers() if layer.payer == "defaulter"}
    if came.collateral and came.collateral not in sources:
        instead = nearest(came.collateral, filter(None, sources)) or "a source of the defaulter's layers"
        says = f"{came.collateral!r} is no money of the defaulter here"
        yield Problem("SCENARIO_REFERENCE", (*path, "collateral"), says, instead)
