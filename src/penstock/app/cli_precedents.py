"""``penstock precedents``: real defaults, replayed, compared, and run otherwise."""

import json as codec
import sys
from pathlib import Path
from typing import Annotated

import typer

from penstock.app.console import err, out, say, show, table

app = typer.Typer(
    help="Real defaults: list, show, replay, compare.", no_args_is_help=True, rich_markup_mode="rich"
)

WHAT_IF = (
    "Run it again otherwise: another rulebook (krx/derivatives@2016-01-01, or a file), "
    "[bold]without=LAYER[/bold], [bold]limit=LAYER:AMOUNT[/bold], or "
    "[bold]ccp=AMOUNT@LAYER[/bold]: capital of the CCP before that layer."
)

Name = Annotated[str, typer.Argument(metavar="PRECEDENT", help="A name from the list, such as nasdaq-2018.")]


@app.command("list")
def list_() -> None:
    """All precedents."""
    from penstock.app import precedents

    rows = []
    for name in precedents.names():
        scenario = precedents.load(name)
        first = scenario.defaults[0]
        loss = "not published" if first.unpublished else "computed"
        rows.append((name, scenario.title, scenario.reference, loss))
    table(("name", "what", "rulebook", "loss"), rows, whole=(0, 2, 3))


@app.command("show")
def show_(name: Name) -> None:
    """What happened, what was published and where sources disagree."""
    from penstock.app import precedents
    from penstock.core.replay import replay
    from penstock.report.precedents import published_rows

    result = replay(precedents.load(name))
    story = result.scenario.precedent
    out.print(f"[bold]{result.scenario.title}[/bold]")
    if story is None:
        return
    for head, text in (("Cause", story.cause), ("Confidence", story.confidence), ("Lesson", story.lesson)):
        out.print(f"\n[bold]{head}[/bold]")
        say(text.strip())
    out.print("\n[bold]Published[/bold]")
    table(("figure", "what it is, and who published it"), published_rows(result))
    if story.disagreements:
        out.print("\n[bold]Where sources disagree[/bold]")
        for text in story.disagreements:
            say(f"- {text.strip()}")


@app.command()
def replay(
    name: Name,
    what_if: Annotated[
        str | None,
        typer.Option("--what-if", metavar="CHANGE", help=WHAT_IF),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
    picture: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Draw the waterfall into a file ending in .svg or .png."),
    ] = None,
) -> None:
    """Run a precedent again under the rules of its day, or otherwise.

    Example: [bold]penstock precedents replay krx-2013 --what-if ccp=20000000000@member_fund[/bold]
    """
    from penstock.app import precedents
    from penstock.app.what_if import changed
    from penstock.core.replay import replay as run
    from penstock.report.precedents import before_and_after, published_rows
    from penstock.report.terminal import waterfall_lines
    from penstock.report.wire import result_json

    result = run(precedents.load(name))
    again = run(changed(precedents.path_of(name), what_if, ())) if what_if else None
    if json:
        sys.stdout.write(codec.dumps(result_json(again or result), indent=2, ensure_ascii=False) + "\n")
    else:
        show(waterfall_lines(again or result))
        if again:
            unit = result.scenario.currency
            out.print(f"[bold]What if[/bold]: {what_if}")
            rows = before_and_after(result, again)
            table(("who pays", f"as it was, {unit}", "what if", "difference"), rows, right=(1, 2, 3))
        elif any(event.unpublished for event in result.events):
            out.print("[bold]What was published[/bold]")
            table(("figure", "what it is, and who published it"), published_rows(result))
    if picture:
        from penstock.report.panels import panels
        from penstock.report.picture import draw

        draw([*panels(result), *(panels(again) if again else [])], picture)
        err.print(f"{picture} written", style="quiet")


@app.command()
def compare(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[PRECEDENT]...", help="Which ones; all if none is named."),
    ] = None,
    picture: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Draw their waterfalls side by side, .svg or .png; repeatable."),
    ] = None,
) -> None:
    """Precedents side by side: cause, who bore what, effect on confidence, lesson."""
    from penstock.app import precedents
    from penstock.core.replay import replay as run
    from penstock.report.precedents import comparison

    chosen = names or precedents.names()
    results = [(name, run(precedents.load(name))) for name in chosen]
    rows = comparison(results)
    table(("", *rows[0][1]), [(label, *cells) for label, cells in rows[1:]])
    for path in picture or ():
        from penstock.report.panels import panels
        from penstock.report.picture import draw

        draw([panel for _, result in results for panel in panels(result)], path)
        err.print(f"{path} written", style="quiet")
