"""Scenario files: read against their rulebook, checked, with members from a table where they stand in one."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path as FilePath

from penstock.core.amounts import Citation, Id
from penstock.core.problems import Path, Refused
from penstock.core.rulebook import Rulebook
from penstock.core.scenario import Precedent, Scenario
from penstock.core.scenario_checks import check_scenario
from penstock.store.calendars import calendar_for
from penstock.store.circumstances import CircumstancesReader
from penstock.store.documents import Document, Map, Node, Scalar, from_value, parse
from penstock.store.reading import Reader
from penstock.store.rulebooks import follows, open_rulebook, position, read_bytes, read_rulebook
from penstock.store.values import Unreadable

WORDS = (
    "scenario", "currency", "rulebook", "precedent", "resources", "figures", "defaults", "events", "note",
)  # fmt: skip
NEEDED = ("scenario", "currency", "rulebook", "defaults")


def load_scenario(path: FilePath, rulebooks: Sequence[FilePath] = (), under: str = "") -> Scenario:
    """The scenario in the file, with its rulebook, read and checked; Refused with every error at once.

    ``rulebooks`` are folders to look ids up in first; ``under`` takes the place of the rulebook that
    the file names: an id, id@date, or a path.
    """
    document = parse(read_bytes(path, "scenario"), str(path))
    if under and isinstance(document.root, Map):
        file = under.partition("@")[0]
        if file.endswith((".yaml", ".yml")):
            under = str(FilePath(under).absolute())
        items = {**document.root.items, "rulebook": Scalar(under)}
        root = replace(document.root, items=items, keys={"rulebook": (0, 0), **document.root.keys})
        document = replace(document, root=root)
    return read_scenario(document, path.parent, rulebooks)


def open_scenario(path: str | FilePath, rulebooks: Sequence[FilePath] = ()) -> Scenario:
    """The scenario in the file; ``rulebooks`` are folders to look ids up in first."""
    return load_scenario(FilePath(path), rulebooks)


def scenario_from(
    value: object, rulebooks: Sequence[FilePath] = (), rulebook: Rulebook | None = None
) -> Scenario:
    """A scenario from plain Python maps, lists and strings, as they would stand in the file."""
    return read_scenario(Document(from_value(value)), FilePath(), rulebooks)


def read_scenario(
    document: Document,
    beside: FilePath,
    rulebooks: Sequence[FilePath] = (),
) -> Scenario:
    """The scenario in the document; files that it names are looked for in the folder ``beside``."""
    reader = Reader(document, "SCENARIO")
    scenario = None
    try:
        scenario = _read(reader, beside, rulebooks)
    except Unreadable:
        pass
    problems = list(reader.problems)
    if scenario:
        found = (replace(problem, place=document.place(problem.path)) for problem in check_scenario(scenario))
        problems += (problem for problem in found if not follows(problem, reader.problems))
    if any(not problem.warning for problem in problems):
        raise Refused(sorted(problems, key=position))
    assert scenario is not None
    return scenario


def _read(reader: Reader, beside: FilePath, folders: Sequence[FilePath]) -> Scenario:
    """Read as far as possible, so that every mistake is noted; then raise Unreadable if there was one."""
    root = reader.words(reader.document.root, (), WORDS, "a scenario")
    for word in NEEDED:
        if word not in root.items:
            reader.problem("MISSING", (word,), root, f"a scenario needs {word!r}", f"{word}: ...")
    if not {"currency", "rulebook"} <= set(root.items):
        raise Unreadable
    reader.unit = reader.currency(root.items["currency"], ("currency",))
    book, pinned, reference = _rulebook(reader, root.items["rulebook"], beside, folders)
    what = CircumstancesReader(reader, book, beside)
    own = what.attempt(_citations, reader, root.items.get("precedent"))
    reader.citations = {**book.citations, **(own or {})}
    title = what.attempt(reader.text, root.items.get("scenario", Scalar("-")), ("scenario",))
    precedent = None
    if "precedent" in root.items:
        precedent = what.attempt(reader.read, Precedent, root.items["precedent"], ("precedent",))
    figures = what.attempt(what.figures, root)
    defaults = what.attempt(what.defaults, root)
    events = what.attempt(what.events, root)
    resources = what.attempt(what.resources, root)
    if resources is None or defaults is None:
        raise Unreadable
    members, parties = resources
    return Scenario(
        title=title or "",
        currency=reader.unit,
        rulebook=book,
        defaults=defaults,
        members=members,
        parties=parties,
        figures=figures or {},
        events=events or (),
        pinned=pinned,
        reference=reference,
        precedent=precedent,
        calendar=calendar_for(book),
    )


def _rulebook(
    reader: Reader, node: Node, beside: FilePath, folders: Sequence[FilePath]
) -> tuple[Rulebook, date | None, str]:
    """The rulebook that the scenario names or holds, the pinned day, and what the file says."""
    path: Path = ("rulebook",)
    if isinstance(node, Map):
        try:
            return read_rulebook(Document(node, reader.document.name), inline=True), None, ""
        except Refused as refused:
            inside = (replace(problem, path=(*path, *problem.path)) for problem in refused.problems)
            raise Refused(inside) from None
    text = reader.text(node, path)
    name, at, day = text.partition("@")
    pinned = reader.day(Scalar(day, node.line, node.column), path) if at else None
    is_file = name.endswith((".yaml", ".yml"))
    try:
        return open_rulebook(beside / name if is_file else name, folders), pinned, text
    except Refused as refused:
        raise reader.adopt(refused, path, node) from None


def _citations(reader: Reader, node: Node | None) -> Mapping[str, Citation]:
    """A precedent's own citations, read before anything that may cite them."""
    if not isinstance(node, Map) or "citations" not in node.items:
        return {}
    found: Mapping[str, Citation] = reader.read(
        Mapping[Id, Citation], node.items["citations"], ("precedent", "citations")
    )
    return found
