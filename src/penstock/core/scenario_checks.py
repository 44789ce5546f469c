"""What a scenario says that cannot be meant under its rulebook: every error at once, as values."""

from collections.abc import Iterator
from itertools import chain

from penstock.core.problems import Path, Problem, nearest
from penstock.core.scenario import HOUSE, Scenario


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
