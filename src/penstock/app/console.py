"""How the command line talks: colours with meaning, tables, problems without tracebacks."""

import errno
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from rich.console import Console, JustifyMethod
from rich.table import Table
from rich.text import Text
from rich.theme import Theme

from penstock.core.problems import Problem, Refused

if TYPE_CHECKING:
    from penstock.report.terminal import Line

THEME = Theme(
    {
        "members": "blue",
        "ccp": "yellow",
        "defaulter": "bright_black",
        "other": "green",
        "uncovered": "bold red",
        "quiet": "dim",
        "title": "bold",
    }
)
out = Console(theme=THEME, highlight=False, soft_wrap=True)
err = Console(theme=THEME, highlight=False, soft_wrap=True, stderr=True)

USAGE, BUG, INTERRUPTED = 2, 70, 130


def existing(folders: Sequence[Path] | None) -> Sequence[Path]:
    """The folders, none if None; Refused FILE_NOT_FOUND if one is not there."""
    for folder in folders or ():
        if not folder.is_dir():
            raise Refused(Problem("FILE_NOT_FOUND", (), f"there is no folder {folder}", "one that is there"))
    return folders or ()


def show(lines: "Sequence[Line]") -> None:
    """Print styled lines."""
    for line in lines:
        text = Text()
        for part, style in line:
            text.append(part, style=style or None)
        text.rstrip()
        out.print(text)


def say(text: str, style: str = "") -> None:
    """Print a paragraph, broken between words."""
    out.print(Text(text, style=style), soft_wrap=False)


def table(
    heads: Sequence[str],
    rows: Sequence[Sequence[str]],
    right: Sequence[int] = (),
    whole: Sequence[int] = (0,),
    to: Console = out,
) -> None:
    """Print a table; columns in ``right`` hold figures, those in ``whole`` are never broken."""
    least = 0
    grid = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for i, head in enumerate(heads):
        is_figure = i in right
        wide = max([len(head), *(len(row[i]) for row in rows)]) if is_figure or i in whole else 8
        least += wide + 2
        justify: JustifyMethod = "right" if is_figure else "left"
        grid.add_column(Text(head), justify=justify, no_wrap=is_figure or i in whole, min_width=wide)
    for row in rows:
        grid.add_row(*(Text(cell) for cell in row))
    # Wider than the screen rather than an amount cut short.
    to.print(grid, soft_wrap=False, width=max(to.width, least), crop=False)


def refuse(refused: Refused) -> None:
    """Print what was wrong, one problem a line, to the error output."""
    for problem in refused.problems:
        style = "quiet" if problem.warning else ""
        err.print(Text(str(problem), style=style))


def unexpected(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """In place of a traceback: a fault of ours, and where."""
    if isinstance(error, KeyboardInterrupt):
        sys.exit(INTERRUPTED)
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        err.print(Text(f"penstock: what was found cannot be written: {error.strerror}"))
        sys.exit(USAGE)
    where = ""
    while trace is not None:
        where = f"{trace.tb_frame.f_code.co_filename.rsplit('penstock', 1)[-1]}:{trace.tb_lineno}"
        trace = trace.tb_next
    err.print(Text(f"penstock: a fault of its own, please report it: {kind.__name__}: {error} (at {where})"))
    sys.exit(BUG)
