"""What ``simulate`` and ``compare`` are asked alike, and what of it cannot be meant."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from penstock.core.problems import Problem, Refused

MOST = 10**13
SCHEMES = "tcp", "tls", "ws", "wss", "ucx"
"""Of the address of a Dask scheduler."""

Seed = Annotated[str, typer.Option("--seed", metavar="NUMBER", help="The same seed, the same bits.")]
Scenarios = Annotated[str, typer.Option("--scenarios", metavar="N", help="How many: 1000000, or 1e6.")]
Level = Annotated[float, typer.Option("--level", metavar="PART", help="Of all intervals.")]
Workers = Annotated[int, typer.Option("--workers", min=0, help="At a time; 0: a processor each.")]
Processes = Annotated[bool, typer.Option("--processes", help="Processes instead of threads.")]
Cluster = Annotated[
    str | None,
    typer.Option("--cluster", metavar="ADDRESS", help="Run on this Dask cluster: tcp://host:8786."),
]
Out = Annotated[
    Path | None,
    typer.Option("--out", metavar="DIR", help="Keep results here: tables, pictures, what to resume."),
]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with the run in --out.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")]
Rulebooks = Annotated[
    list[Path] | None, typer.Option("--rulebooks", metavar="DIR", help="Look rulebook ids up here first.")
]


@dataclass(frozen=True, slots=True)
class Asked:
    """How many scenarios from which seed, done where, kept where; ``level``: of all intervals."""

    scenarios: int
    seed: int
    level: float
    workers: int
    processes: bool
    cluster: str
    folder: Path | None
    resume: bool


def asked(
    scenarios: str,
    seed: str,
    level: float,
    workers: int,
    processes: bool,
    cluster: str | None,
    folder: Path | None,
    resume: bool,
    picture: Path | None,
) -> Asked:
    """What the options say; Refused USAGE, CLUSTER, FILE_TYPE where they cannot be meant."""
    from penstock.report.figures import form_of

    count, number = scenarios_of(scenarios), seed_of(seed)
    check_level(level)
    if cluster is not None:
        check_address(cluster)
        if workers or processes:
            says = "the workers are those of the cluster"
            raise Refused(Problem("USAGE", ("--cluster",), says, "no --workers or --processes beside it"))
    if resume and not folder:
        raise Refused(Problem("USAGE", ("--resume",), "there is no folder to resume", "--out FOLDER"))
    if picture:
        form_of(picture)
    return Asked(count, number, level, workers, processes, cluster or "", folder, resume)


def scenarios_of(text: str) -> int:
    """How many scenarios; Refused USAGE for anything else than a whole number up to 10^13."""
    match = re.fullmatch(r"([1-9][0-9]{0,18})(?:[eE]\+?([0-9]{1,2}))?", text.replace("_", ""))
    count = int(match[1]) * 10 ** int(match[2] or 0) if match else 0
    if not match:
        says = f"{text!r} is no number of scenarios"
        raise Refused(Problem("USAGE", ("--scenarios",), says, "1000000, or 1e6"))
    if count > MOST:
        says = f"{text} scenarios would take years"
        raise Refused(Problem("USAGE", ("--scenarios",), says, "at most 1e13"))
    return count


def seed_of(text: str) -> int:
    """The seed; Refused USAGE for anything else than a whole number of 64 bits."""
    if not re.fullmatch("[0-9]{1,20}", text) or int(text) >= 2**64:
        says = f"{text[:40]!r} is no seed"
        raise Refused(Problem("USAGE", ("--seed",), says, "a whole number from 0 to 2^64 - 1"))
    return int(text)


def check_level(level: float) -> None:
    """Refused USAGE where the level of intervals is none."""
    if not 0.5 <= level < 1:
        raise Refused(Problem("USAGE", ("--level",), f"{level:g} is no level", "0.95, or from 0.5 to 0.9999"))


def check_address(text: str) -> None:
    """Refused CLUSTER where the text is no address; whether somebody answers there is not asked."""
    try:
        parts = urlsplit(text if "://" in text else f"tcp://{text}")
        good = parts.scheme in SCHEMES and bool(parts.hostname) and bool(parts.port)
    except ValueError:  # a port that is none, half an IPv6 address
        good = False
    if not good:
        says = f"{text[:80]!r} is no address of a Dask scheduler"
        raise Refused(Problem("CLUSTER", ("--cluster",), says, "a host and a port, such as tcp://host:8786"))
