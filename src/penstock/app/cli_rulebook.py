"""``penstock rulebook``: list, show, check and explain rulebooks."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from penstock.app.console import existing, out, refuse, say, table
from penstock.core.problems import Problem, Refused
from penstock.core.rulebook import Rulebook

app = typer.Typer(help="Rulebooks: list, show, check, explain.", no_args_is_help=True)

Folders = Annotated[
    list[Path] | None,
    typer.Option("--rulebooks", metavar="DIR", help="Look rulebook ids up here first."),
]
Name = Annotated[str, typer.Argument(metavar="RULEBOOK", help="An id (see list), id@date, or a file.")]


@app.command("list")
def list_(rulebooks: Folders = None) -> None:
    """All rulebooks that are found by id."""
    from penstock.core.amounts import STATUSES
    from penstock.core.plans import plan, status
    from penstock.store.rulebooks import listed, load_rulebook

    rows = []
    for id_, path in listed(existing(rulebooks)):
        try:
            book = load_rulebook(path)
        except Refused as refused:
            rows.append(
                (id_, "cannot be read: penstock rulebook check " + str(path), "", str(len(refused.problems)))
            )
            continue
        now = plan(book, date.max)
        ratings = [status(layer, book, date.max) for layer, _ in now.layers()]
        weakest = max(ratings, key=STATUSES.index) if ratings else "none in force"
        rows.append((id_, book.title, str(book.from_ or ""), weakest))
    table(("id", "title", "from", "weakest layer"), rows, whole=(0, 2, 3))


@app.command()
def show(name: Name, rulebooks: Folders = None) -> None:
    """Print a rulebook file as it stands."""
    from penstock.store.rulebooks import find, read_bytes

    id_, _ = _named(name)
    is_file = id_.endswith((".yaml", ".yml"))
    path = Path(id_) if is_file else find(id_, existing(rulebooks))
    typer.echo(read_bytes(path, "rulebook").decode("utf-8", "replace"), nl=False)


@app.command()
def check(name: Name, rulebooks: Folders = None) -> None:
    """Check a rulebook: every mistake with its place, then what makes little sense, then the law."""
    from penstock.core.canonical import digest
    from penstock.core.law_checks import check_law, judge
    from penstock.core.sense_checks import check_sense
    from penstock.store.rulebooks import open_rulebook

    id_, _ = _named(name)
    try:
        book = open_rulebook(id_, existing(rulebooks))
    except Refused as refused:
        if refused.code in ("FILE_NOT_FOUND", "FILE_UNREADABLE", "RULE_NOT_FOUND"):
            raise
        refuse(refused)
        mistakes = len([problem for problem in refused.problems if not problem.warning])
        out.print(f"{name}: {mistakes} mistake{'s' if mistakes > 1 else ''}", style="uncovered")
        raise typer.Exit(1) from None
    layers = len(list(book.all_layers()))
    changes = ", ".join(str(day) for day in book.changes()) or "none"
    out.print(f"{name}: no mistake found. {layers} layers, {len(book.caps)} caps; changes on {changes}.")
    out.print(f"sha256 of its content: {digest(book)}", style="quiet")
    warnings = [problem for problem in (*check_sense(book), *check_law(book)) if problem.warning]
    if warnings:
        out.print("\n[bold]Look again at[/bold]")
        for problem in warnings:
            say(f"{problem.says}" + (f"; perhaps {problem.instead}" if problem.instead else ""))
    law = book.jurisdiction or "no jurisdiction given"
    out.print(f"\n[bold]Law ({law})[/bold]")
    for finding in judge(book):
        say(f"{finding.verdict}: {finding.rule}")
        say(f"  {finding.says}", "quiet")
    says = "Not contradicted does not mean compliant: amounts, models and practice cannot be seen here, nor "
    say("\n" + says + "whether the file says what the rules say.", "quiet")


@app.command()
def explain(
    name: Name,
    on: Annotated[
        str | None,
        typer.Option(
            "--on", metavar="DATE", help="As of this day, such as 2018-09-11; else as last written."
        ),
    ] = None,
    rulebooks: Folders = None,
) -> None:
    """Say in plain sentences who pays what, up to which amount and why, in order."""
    from penstock.report.words import rulebook_sentences
    from penstock.store.rulebooks import open_rulebook

    id_, pinned = _named(name)
    book = open_rulebook(id_, existing(rulebooks))
    day = _day(on) if on else pinned
    out.print(Text(book.title, style="bold"))
    out.print(
        f"{book.rulebook}, {book.currency}" + (f", as of {day}" if day else ", all its days"), style="quiet"
    )
    for head, sentence, source in rulebook_sentences(book, day):
        out.print(Text(f"\n{head}", style="bold"))
        say(sentence)
        say(f"({source})", "quiet")


@app.command()
def diff(
    before: Annotated[str, typer.Argument(metavar="BEFORE", help="An id, id@date, or a file.")],
    after: Annotated[str, typer.Argument(metavar="AFTER", help="An id, id@date, or a file.")],
    scenario: Annotated[
        Path | None,
        typer.Option(
            "--scenario", metavar="FILE", help="Also the amounts that each asks for, on its resources."
        ),
    ] = None,
    loss: Annotated[
        list[str] | None, typer.Option("--loss", metavar="AMOUNT", help="At this loss; may be repeated.")
    ] = None,
    rulebooks: Folders = None,
) -> None:
    """What changed between two versions of a rulebook, or differs between two, in words and in amounts."""
    from penstock.report.differences import differences
    from penstock.store.rulebooks import open_rulebook

    folders = existing(rulebooks)
    (old, old_day), (new, new_day) = _named(before), _named(after)
    mine, other = open_rulebook(old, folders), open_rulebook(new, folders)
    found = differences(mine, other, old_day, new_day)
    say(f"- {before}\n+ {after}", "quiet")
    head = ""
    for one in found:
        if one.head != head:
            head = one.head
            out.print(Text(f"\n{head}", style="bold"))
        facet = f"{one.facet}: " if one.facet else ""
        for sign, said in (("-", one.before), ("+", one.after)):
            if said:
                say(f"{sign} {facet}{said}")
    if not found:
        say(_the_same(before, after, mine, other))
    if scenario:
        _amounts(scenario, before, after, loss or [], folders)


def _the_same(before: str, after: str, mine: Rulebook, other: Rulebook) -> str:
    """What may be said where no difference was found."""
    from penstock.core.canonical import digest

    if digest(mine) == digest(other):
        return f"{before} and {after} say the same."
    says = f"{before} and {after} say the same of who pays what"
    return f"{says}; their files differ in words for readers, or dates."


def _amounts(file: Path, before: str, after: str, losses: list[str], folders: Sequence[Path]) -> None:
    from penstock.core.money import parse
    from penstock.report.differences import amount_rows, amounts
    from penstock.store.scenarios import load_scenario

    mine, other = (load_scenario(file, folders, under=one) for one in (before, after))
    unit = mine.currency
    points = amounts(mine, other, [parse(text, unit, ("loss",)) for text in losses])
    out.print(f"\n[bold]Who bears the last default's loss, {unit}[/bold]")
    table(("loss", "borne by", "-", "+", "change"), amount_rows(points, unit), right=(0, 2, 3, 4), whole=(1,))


@app.command()
def words(
    markdown: Annotated[bool, typer.Option("--markdown", help="As a page rather than as tables.")] = False,
) -> None:
    """Every word of the rulebook language, map by map, with its meaning and what may stand there."""
    from penstock.report import reference

    if markdown:
        typer.echo(reference.markdown(), nl=False)
        return
    for title, rows in reference.reference():
        table((title, "meaning", "value"), [(w, s, v.replace("`", "")) for w, s, v in rows], whole=(0,))


def _named(name: str) -> tuple[str, date | None]:
    """``id@date`` as the id and the day; None without one."""
    id_, at, day = name.partition("@")
    return id_, _day(day) if at else None


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Refused(Problem("RULE_DATE", (), f"{text!r} is not a date", "2018-09-11, for one")) from None
