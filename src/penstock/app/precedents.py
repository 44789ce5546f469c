"""The precedents that come with Penstock: found by name, loaded, replayed."""

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from penstock.core.problems import Problem, Refused, nearest
from penstock.core.scenario import Scenario
from penstock.store.scenarios import load_scenario


def names() -> list[str]:
    """The names of all precedents, in order."""
    return sorted(path.stem for path in _folder().glob("*.yaml"))


def path_of(name: str) -> Path:
    """The file of a precedent; Refused PRECEDENT_NOT_FOUND."""
    known = names()
    if name not in known:
        instead = nearest(name, known) or "one of " + ", ".join(known)
        raise Refused(Problem("PRECEDENT_NOT_FOUND", (), f"there is no precedent {name!r}", instead))
    return _folder() / f"{name}.yaml"


def load(name: str, folders: Sequence[Path] = ()) -> Scenario:
    """The precedent's scenario."""
    return load_scenario(path_of(name), folders)


def _folder() -> Path:
    return Path(str(files("penstock") / "precedents"))
