"""Bars on the error output, only where somebody watches: while a file is read, while scenarios are drawn."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

from rich.console import Console

PATIENCE = 1.0
"""Seconds before a bar is shown."""


@contextmanager
def reading(
    what: str, console: Console, patience: float = PATIENCE
) -> Iterator[Callable[[int, int], None] | None]:
    """Yields what is to be told how many bytes of how many are read; None where no terminal is watched.

    The bar is gone when the block ends.
    """
    if not console.is_terminal:
        yield None
        return
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn()
    bar = Progress(*columns, console=console, transient=True)
    task = bar.add_task(f"Reading {what}".replace("[", r"\["), total=None)
    began = monotonic()

    def told(read: int, size: int) -> None:
        bar.update(task, completed=read, total=size)
        if monotonic() - began >= patience:
            bar.start()

    try:
        yield told
    finally:
        bar.stop()


@contextmanager
def counting(total: int, console: Console) -> Iterator[Callable[[int], None]]:
    """Yields what is to be told how many scenarios are done: shown with the rate and the time left."""
    if not console.is_terminal:
        yield lambda count: None
        return
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("Simulating"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=total, rate="")

        def told(count: int) -> None:
            bar.update(task, completed=count)
            speed = bar.tasks[0].speed
            if speed:
                bar.update(task, rate=f"{speed / 1e6:.1f}m scenarios/s")

        yield told
