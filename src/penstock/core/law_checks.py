"""What the law of a rulebook's jurisdiction says of its waterfall: "not contradicted by", never "compliant".

Each finding names the rule, what was looked at, and one of three verdicts. A waterfall is judged as it
stood on every day on which something in it changed, from the day on which the rule applied. Much of
the law (how models are built, whether amounts suffice) cannot be known from a rulebook.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Literal

from penstock.core.amounts import CALLED, OWED
from penstock.core.plans import plan
from penstock.core.problems import Path, Problem
from penstock.core.rulebook import Layer, Rulebook

Verdict = Literal["not contradicted", "contradicted", "cannot be known"]

POSTED = ("initial_margin", "excess_margin", "collateral")
"""What members post for their own positions."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule of law looked at; ``refuses``: a rulebook that contradicts it is not used."""

    rule: str
    says: str
    verdict: Verdict
    href: str = ""
    path: Path = ()
    instead: str = ""
    refuses: bool = False


Check = Callable[[Rulebook, date], Iterator[Finding]]

EMIR_45 = "https://www.esma.europa.eu/publications-data/questions-answers/887"
EMIR_43 = "https://gesetze.legal/eu/vo_eu_2012_648/43"
EMIR_42 = "https://service.betterregulation.com/document/164466"
RTS_35 = "https://www.legislation.gov.uk/eur/2013/153/chapter/IX/data.xht"
CCPRRR_9 = "https://judict.eu/en/hla/32021R0023-X/article-9"
FINMIA_53 = "https://staging.app.omnilex.ai/en/sources/commentaries/ch-fedlex--958.1--53"
CFTC_16 = "https://codes.findlaw.com/cfr/title-17-commodity-and-securities-exchanges/cfr-sect-17-39-16/"


def judge(rulebook: Rulebook) -> list[Finding]:
    """Every rule of law that was looked at, the weakest verdict over the rulebook's days for each."""
    found: dict[str, Finding] = {}
    rank: dict[Verdict, int] = {"contradicted": 0, "cannot be known": 1, "not contradicted": 2}
    for since, checks in _LAWS.get(rulebook.jurisdiction, ()):
        for day in _days(rulebook, since):
            for check in checks:
                for finding in check(rulebook, day):
                    other = found.get(finding.rule)
                    if other is None or rank[finding.verdict] < rank[other.verdict]:
                        found[finding.rule] = finding
    for check in (_client_money, _pfmi_cover, _pfmi_uncovered):
        for day in _days(rulebook, date.min)[-1:]:
            found |= {finding.rule: finding for finding in check(rulebook, day)}
    return list(found.values())


def check_law(rulebook: Rulebook) -> Iterator[Problem]:
    """What contradicts the law: refused where the law leaves no room, else a warning."""
    for one in judge(rulebook):
        if one.verdict == "contradicted":
            says = f"{one.says} ({one.rule})"
            yield Problem("RULE_LAW", one.path, says, one.instead, warning=not one.refuses)


def _days(rulebook: Rulebook, since: date) -> list[date]:
    """The days since ``since`` on which the rulebook has to be judged anew."""
    changes = list(rulebook.changes()) or [since]
    before = [day for day in changes if day <= since]
    if before and since > date.min:
        changes = [since, *changes]
    return sorted({day for day in changes if day >= since})


def _in_force(rulebook: Rulebook, day: date) -> list[tuple[Path, Layer]]:
    paths = {layer.id: path for path, layer, _ in rulebook.places()}
    return [(paths[layer.id], layer) for layer, _ in plan(rulebook, day).layers() if not layer.action]


def _ranks(rulebook: Rulebook, day: date) -> list[list[Layer]]:
    return [list(rank.layers) for rank in plan(rulebook, day).ranks]


def _no_posted_margin(rule: str, href: str) -> Check:
    def check(rulebook: Rulebook, day: date) -> Iterator[Finding]:
        for path, layer in _in_force(rulebook, day):
            if layer.payer == "members" and layer.source in POSTED:
                says = f"{layer.id} takes margin that members posted for their own positions"
                instead = "source: gains, or a cash call; never posted margin"
                yield Finding(rule, says, "contradicted", href, (*path, "source"), instead, refuses=True)
                return
        yield Finding(rule, "no layer takes margin that survivors posted", "not contradicted", href)

    return check


def _own_money_first(rule: str, href: str) -> Check:
    def check(rulebook: Rulebook, day: date) -> Iterator[Finding]:
        paths = {layer.id: path for path, layer, _ in rulebook.places()}
        own = False
        for layers in _ranks(rulebook, day):
            members = next((x for x in layers if x.payer == "members"), None)
            if members and not own:
                says = f"on {day} {members.id} pays before any money of the clearing house"
                instead = "a layer with payer: ccp and held money before it"
                yield Finding(rule, says, "contradicted", href, paths[members.id], instead, refuses=True)
                return
            own = own or any(x.payer == "ccp" and x.source not in (*CALLED, *OWED) for x in layers)
        yield Finding(
            rule, "money of the clearing house stands before the members'", "not contradicted", href
        )

    return check


def _defaulter_first(rule: str, href: str) -> Check:
    def check(rulebook: Rulebook, day: date) -> Iterator[Finding]:
        others = ""
        for layers in _ranks(rulebook, day):
            for layer in layers:
                if layer.payer == "defaulter" and others:
                    says = f"{layer.id} is the defaulter's own money, and {others} pays before it"
                    yield Finding(
                        rule, says, "contradicted", href, ("layers",), "the defaulter's layers first"
                    )
                    return
                if layer.payer in ("members", "ccp"):
                    others = layer.id
        yield Finding(rule, "the defaulter's own money comes first", "not contradicted", href)

    return check


def _calls_limited(rule: str, href: str) -> Check:
    def check(rulebook: Rulebook, day: date) -> Iterator[Finding]:
        calls = [x for _, x in _in_force(rulebook, day) if x.payer == "members" and x.called]
        windowed = {name for cap in rulebook.caps if cap.window for name in cap.on}
        open_ = [x.id for x in calls if x.window is None and x.id not in windowed]
        if open_:
            says = f"each call is limited; over several defaults {', '.join(open_)} is not"
            yield Finding(rule, says, "cannot be known", href)
        else:
            yield Finding(rule, "every call has a limit", "not contradicted", href)

    return check


def _second_own_money(rulebook: Rulebook, day: date) -> Iterator[Finding]:
    """A second tranche of own money before recovery tools that need members' money."""
    rule = "Regulation (EU) 2021/23, Art. 9(14): a second own tranche before recovery tools"
    after_fund = second = False
    for layers in _ranks(rulebook, day):
        tools = [x for x in layers if x.payer == "members" and (x.called or x.source in OWED)]
        fund = any(x.payer == "members" for x in layers) and not tools
        if (after_fund or fund) and any(x.payer == "ccp" and not x.called for x in layers):
            second = True
        if tools and not second:
            says = f"on {day} {tools[0].id} is used with no second own tranche beside or after the fund"
            yield Finding(rule, says, "contradicted", CCPRRR_9, ("layers",), "a layer of the ccp before it")
            return
        after_fund = after_fund or fund
    says = "a second own tranche stands before recovery tools" if second else "there are no recovery tools"
    yield Finding(rule, says, "not contradicted", CCPRRR_9)


def _cover(rule: str, href: str, wanted: tuple[str, ...]) -> Check:
    def check(rulebook: Rulebook, day: date) -> Iterator[Finding]:
        cover = rulebook.cover.on(day) if rulebook.cover else None
        if cover is None:
            yield Finding(rule, "the rulebook does not say what its resources cover", "cannot be known", href)
        elif cover.standard in wanted:
            yield Finding(
                rule, f"it says {cover.standard}; whether it suffices is not seen", "not contradicted", href
            )
        else:
            instead = "standard: " + " or ".join(wanted)
            yield Finding(rule, f"it says {cover.standard}", "contradicted", href, ("cover",), instead)

    return check


def _own_money_restored(rulebook: Rulebook, day: date) -> Iterator[Finding]:
    rule = "Delegated Regulation (EU) 153/2013, Art. 35 and 36: own capital of 25 %, restored within a month"
    due = [one.due for one in rulebook.replenishment if one.payer == "ccp" and one.due]
    late = [one for one in due if one.unit == "years" or (one.unit == "months" and one.count > 1)]
    if late or any(one.unit in ("days", "business_days") and one.count > 31 for one in due):
        yield Finding(
            rule, "own money is restored later", "contradicted", RTS_35, ("replenishment",), "1 month"
        )
    else:
        yield Finding(
            rule, "whether it is 25 % of the minimum capital is not seen", "cannot be known", RTS_35
        )


def _us_sequence(rulebook: Rulebook, day: date) -> Iterator[Finding]:
    rule = "17 CFR 39.16(c): rules that set the sequence of resources"
    yield Finding(rule, "the waterfall states an order", "not contradicted", CFTC_16)
    rule = "17 CFR 39.11(d): calls counted with a haircut of 30 %, up to 20 % of the requirement"
    yield Finding(rule, "how calls are counted is not seen in a rulebook", "cannot be known")
    rule = "17 CFR 39.35: rules for losses beyond the funded resources (SIDCOs)"
    tools = [x.id for _, x in _in_force(rulebook, day) if x.source in (*CALLED, *OWED)]
    says = (
        f"after the funded resources: {', '.join(tools)}" if tools else "nothing stands after the funded ones"
    )
    yield Finding(rule, says, "not contradicted" if tools else "cannot be known")


def _us_customers(rulebook: Rulebook, day: date) -> Iterator[Finding]:
    rule = "17 CFR 1.20 to 1.30, 22.15 and Part 190: fellow customers' margin by account class"
    pooled = [x.id for _, x in _in_force(rulebook, day) if x.account == "omnibus"]
    says = "no layer takes the margin of fellow customers"
    verdict: Verdict = "not contradicted"
    if pooled:
        names = ", ".join(pooled)
        says = f"{names}: possible for futures customers, barred for cleared swaps; not said which"
        verdict = "cannot be known"
    yield Finding(rule, says, verdict)


def _client_money(rulebook: Rulebook, day: date) -> Iterator[Finding]:
    rule = "Client money is never used for the house (EMIR Art. 48; 17 CFR 1.20 and 22.2; PFMI 14)"
    for path, layer in _in_force(rulebook, day):
        theirs = any(word in (layer.source or "") for word in ("client", "customer"))
        if layer.payer == "defaulter" and theirs and layer.account not in ("client", "omnibus"):
            says = f"{layer.id} takes {layer.source} for any loss of the defaulter"
            yield Finding(rule, says, "contradicted", "", path, "account: client, or omnibus", refuses=True)
            return
    yield Finding(rule, "no layer takes clients' money for a loss of the house", "not contradicted")


def _pfmi_cover(rulebook: Rulebook, day: date) -> Iterator[Finding]:
    check = _cover("PFMI Principle 4, key consideration 4: Cover 1, or Cover 2", "", _COVERS)
    yield from check(rulebook, day)


def _pfmi_uncovered(rulebook: Rulebook, day: date) -> Iterator[Finding]:
    rule = "PFMI Principle 4, key consideration 7: uncovered losses, and replenishment"
    tools = [x.id for _, x in _in_force(rulebook, day) if x.source in (*CALLED, *OWED)]
    tools += [x.id for x, _ in plan(rulebook, day).layers() if x.action]
    missing = [
        *([] if tools else ["rules for losses beyond the funded resources"]),
        *([] if rulebook.replenishment else ["replenishment"]),
    ]
    if missing:
        yield Finding(rule, f"not stated here: {', '.join(missing)}", "cannot be known")
    else:
        yield Finding(rule, f"{', '.join(tools)}, and replenishment", "not contradicted")


_COVERS = ("cover_1", "cover_2", "max_top1_top2_3")
_EMIR: tuple[Check, ...] = (
    _defaulter_first(
        "EMIR Art. 45(1) and (2): the defaulter's margin, then its contribution, first", EMIR_45
    ),
    _own_money_first("EMIR Art. 45(4) with RTS 153/2013 Art. 35: own money before the members'", RTS_35),
    _no_posted_margin("EMIR Art. 45(4): survivors' margin is not used for others", EMIR_45),
    _calls_limited("EMIR Art. 43(3): members' exposure to calls is limited", EMIR_43),
    _cover(
        "EMIR Art. 42(3) and 43(2): the largest, or the second and third; the two largest",
        EMIR_42,
        _COVERS[1:],
    ),
    _own_money_restored,
)
_LAWS: dict[str, tuple[tuple[date, tuple[Check, ...]], ...]] = {
    "EU": ((date(2013, 3, 15), _EMIR), (date(2023, 2, 12), (_second_own_money,))),
    "GB": ((date(2013, 3, 15), _EMIR),),
    "CH": (
        (
            date(2016, 1, 1),
            (
                _defaulter_first("FinMIA Art. 53: the order of resources", FINMIA_53),
                _no_posted_margin("FinMIA Art. 53: survivors' margin is not used for others", FINMIA_53),
            ),
        ),
    ),
    "US": ((date(2012, 1, 9), (_us_sequence, _us_customers)),),
}
