"""The waterfall for a terminal of 80 columns: bars, amounts, what is left, the rule of each layer.

A line is a list of (text, style); the styles are payer kinds and a few words that the terminal's theme
knows. Joined without styles it is plain text.
"""

from penstock.core.money import Currency, written
from penstock.core.replay import Result
from penstock.core.replenishment import Duty, duties
from penstock.core.results import EventResult, Happening, LayerResult
from penstock.report.words import clause, kind, percent

Line = list[tuple[str, str]]

WIDTH = 80
_TAIL = 9


def plain(lines: list[Line]) -> str:
    """The lines as text without styles."""
    return "\n".join("".join(text for text, _ in line).rstrip() for line in lines) + "\n"


def waterfall_lines(result: Result) -> list[Line]:
    """Every event of the result, one below the other."""
    lines: list[Line] = []
    unit = result.scenario.currency
    waiting = list(result.happenings)
    for event, step in zip(result.events, result.steps, strict=True):
        while waiting and waiting[0].at < event.at:
            lines += _happened(waiting.pop(0), unit)
        who = f"{unit}, default of {' and '.join(event.members)}"
        lines.append(_ends(_cut(result.scenario.title, WIDTH - len(who) - 2), who, "title"))
        force = f", in force {event.in_force}" if event.in_force else ""
        lines.append([(f"Rulebook {result.scenario.rulebook.rulebook}{force}", "quiet")])
        lines.append([])
        if event.unpublished:
            lines.append([("     Nothing is computed: ", "title"), (event.unpublished, "")])
            lines.append([])
            continue
        lines += _event_lines(event, unit)
        lines += _owed_lines(duties(step, event) if step else [], unit)
        lines.append([])
    for one in waiting:
        lines += _happened(one, unit)
    return lines


def _owed_lines(found: list[Duty], unit: Currency) -> list[Line]:
    """What is to be restored after an event, a line a rule."""
    lines: list[Line] = [[], [("     To be restored", "title")]] if found else []
    rules = list(dict.fromkeys(duty.rule for duty in found))
    for rule in rules:
        owed = [duty for duty in found if duty.rule == rule]
        who = f"{len(owed)} members" if len(owed) > 1 else {"ccp": "CCP"}.get(owed[0].payer, owed[0].payer)
        due = f", within {rule.due} of the call".replace("_", " ") if rule.due else ""
        into = f", into {rule.into}" if rule.into else ""
        amount = written(sum(duty.amount for duty in owed), unit, grouped=True)
        lines.append([(f"     {rule.layer}: {who} {amount}{due}{into}", "")])
    return lines


WORDS = {
    "paid_in": "Paid in",
    "paid_late": "Paid late, and returned",
    "recovered": "Recovered, and paid back",
}


def _happened(one: Happening, unit: Currency) -> list[Line]:
    """What happened between the defaults: to whom money went."""
    if one.what == "members":
        return [[(f"{one.at.date()}  Learnt of {', '.join(one.members)}", "title")], []]
    concerned = f", default of {' and '.join(one.members)}" if one.members else ""
    lines: list[Line] = [[(f"{one.at.date()}  {WORDS[one.what]}{concerned}", "title")]]
    for layer, payers in one.layers.items():
        total = written(sum(payers.values()), unit, grouped=True)
        named = ", ".join(f"{p} {written(a, unit, grouped=True)}" for p, a in list(payers.items())[:4])
        more = f" and {len(payers) - 4} more" if len(payers) > 4 else ""
        of = f": {named}{more}" if len(payers) > 1 else f": {next(iter(payers))}" if payers else ""
        lines.append([(_cut(f"     {layer} {total}{of}", WIDTH), "")])
    if one.uncovered:
        lines.append([(f"     what was uncovered {written(one.uncovered, unit, grouped=True)}", "")])
    for account, amount in one.surplus.items():
        lines.append([(f"     to the defaulter, {account} {written(amount, unit, grouped=True)}", "")])
    if one.interest:
        total = written(sum(one.interest.values()), unit, grouped=True)
        lines.append([(f"     interest passed on {total}", "")])
    return [*lines, []]


def ranked(event: EventResult) -> list[tuple[str, LayerResult]]:
    """The layers with their ranks: 1, 2, 3a, 3b where they stand side by side."""
    beside: dict[str, list[int]] = {}
    for i, row in enumerate(event.layers):
        if row.beside and row.group:
            beside.setdefault(row.group, []).append(i)
    found, rank = [], 0
    for i, row in enumerate(event.layers):
        same = beside.get(row.group or "", [i]) if row.beside else [i]
        rank += i == same[0]
        letter = chr(ord("a") + same.index(i)) if len(same) > 1 else ""
        found.append((f"{rank}{letter}", row))
    return found


def _event_lines(event: EventResult, unit: Currency) -> list[Line]:
    rows = ranked(event)
    amounts = [event.loss, event.uncovered, *(row.used for _, row in rows)]
    wide = max(len(written(amount, unit, grouped=True)) for amount in amounts) + 2
    names = min(max((len(row.layer.id) for _, row in rows), default=0), 26) + 1
    payers = max((len(who(row)) for _, row in rows), default=0) + 1
    bar = min(24, max(8, WIDTH - 5 - names - payers - wide - _TAIL))
    at = 5 + names + payers
    what = "loss beyond the defaulter's own resources" if event.beyond_own else "loss"
    loss = written(event.loss, unit, grouped=True)
    lines: list[Line] = [[(f"     {what}".ljust(at + bar), ""), (loss.rjust(wide), "title")], []]
    for rank, row in rows:
        style = kind(row.layer.payer)
        if event.beyond_own and row.layer.payer == "defaulter":
            text = f"{rank:>3}  {_cut(row.layer.id, names - 1):<{names}}{who(row):<{payers}}"
            lines += [[(text + ("used before this loss" if event.loss else "sufficed"), "quiet")], []]
            continue
        used = written(row.used, unit, grouped=True)
        lines.append(
            [
                (f"{rank:>3}  {_cut(row.layer.id, names - 1):<{names}}{who(row):<{payers}}", ""),
                (_bar(row, bar), style),
                (used.rjust(wide), "" if row.used else "quiet"),
                (f"  {share(row)}", "quiet"),
            ]
        )
        left = _left(row, unit)
        flag = row.status if row.status != "verified" and len(left) + len(row.status) < WIDTH - at else ""
        lines.append([(" " * at, ""), (left, "quiet"), (flag.rjust(WIDTH - at - len(left)), "quiet")])
        for member, amount in row.unpaid.items():
            text = f"{member} did not pay {written(amount, unit, grouped=True)}: a claim"
            lines.append([(" " * at, ""), (text, "uncovered")])
    style = "uncovered" if event.uncovered else "quiet"
    uncovered = written(event.uncovered, unit, grouped=True)
    lines += [[], [("     uncovered".ljust(at + bar), ""), (uncovered.rjust(wide), style)], []]
    lines += [[(f"     {text}", "")] for text in _shares(event, unit)]
    if any(event.surplus.values()):
        left_over = ", ".join(
            f"{account} {written(amount, unit, grouped=True)}" for account, amount in event.surplus.items()
        )
        lines.append([(f"     returned to the defaulter: {left_over}", "")])
    lines += [[], [("     Rules", "title")]]
    for rank, row in rows:
        rule = f"{row.status:<12}" + (clause(row.cite).rsplit(", ", 1)[0] if row.cite else "no citation")
        lines.append([(f"{rank:>3}  ", ""), (_cut(rule, WIDTH - 5), "quiet")])
    return lines


def who(row: LayerResult) -> str:
    """Who pays, shortly: CCP, defaulter, 12 members."""
    payer = row.layer.payer or row.layer.action or ""
    if payer == "members":
        return f"{row.payers} member{'' if row.payers == 1 else 's'}" if row.payers else "members"
    return {"ccp": "CCP"}.get(payer, payer.replace("_", " "))


def share(row: LayerResult) -> str:
    """``full``, ``64.5 %`` or nothing where nothing was used."""
    if not row.used or row.capacity is None or row.layer.action:
        return ""
    if row.used == row.capacity:
        return "full"
    return percent(row.used, row.capacity)


def _bar(row: LayerResult, width: int) -> str:
    if row.capacity is None:
        return "?".ljust(width, "┈")
    filled = row.used * width // row.capacity if row.capacity else 0
    if row.used:
        filled = max(1, filled)
    empty = "┈" if row.layer.called else "░"
    return "█" * filled + empty * (width - filled)


def _left(row: LayerResult, unit: Currency) -> str:
    if row.layer.action:
        return "ends what is left open, paid by nobody" if row.used else "nothing was left open"
    if row.capacity is None:
        return "not published"
    capacity = written(row.capacity, unit, grouped=True)
    if not row.used:
        return f"up to {capacity}"
    if row.used == row.capacity:
        return f"of {capacity}"
    return f"of {capacity}, {written(row.capacity - row.used, unit, grouped=True)} left"


def _shares(event: EventResult, unit: Currency) -> list[str]:
    """``CCP 7,000,000.00 (6.1 %)`` for each kind of payer that paid."""
    totals: dict[str, int] = {}
    for row in event.layers:
        label = {"ccp": "CCP"}.get(row.layer.payer or "", row.layer.payer or who(row))
        odd = {payer: amount for payer, amount in row.paid.items() if payer.startswith("rounding:")}
        if row.used - sum(odd.values()):
            totals[label] = totals.get(label, 0) + row.used - sum(odd.values())
        for payer, amount in odd.items():
            bearer = payer.removeprefix("rounding:").replace("ccp", "CCP")
            totals[bearer] = totals.get(bearer, 0) + amount
    if not event.loss:
        return []
    texts = []
    for label, amount in totals.items():
        texts.append(f"{label} {written(amount, unit, grouped=True)} ({percent(amount, event.loss)})")
    lines, line = [], ""
    for text in texts:
        if line and len(line) + len(text) > WIDTH - 8:
            lines.append(line)
            line = ""
        line += ("   " if line else "") + text
    return [*lines, line] if line else lines


def _ends(left: str, right: str, style: str) -> Line:
    return [(left.ljust(WIDTH - len(right)), style), (right, "quiet")]


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"
