"""Rulebook files: found by id or path, read, checked."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from importlib.resources import files
from pathlib import Path as FilePath

from penstock.core.amounts import Citation, Id
from penstock.core.law_checks import check_law
from penstock.core.money import Currency
from penstock.core.problems import Problem, Refused, nearest
from penstock.core.rule_checks import check_rulebook
from penstock.core.rulebook import Rulebook
from penstock.store.documents import MOST_BYTES, Document, Map, from_value, parse
from penstock.store.reading import Reader
from penstock.store.values import Unreadable

READ_BY_OTHERS = ("currency", "figures", "segments", "caps")
"""Words without which much else in a rulebook cannot be judged."""
NO_UNIT = Currency("", 0)

PLACES = "PENSTOCK_RULEBOOKS"
"""Environment variable: folders of rulebooks, looked through before the shipped ones."""


def shipped() -> FilePath:
    """The folder of the rulebooks that come with Penstock."""
    return FilePath(str(files("penstock") / "rulebooks"))


def folders(first: Sequence[FilePath] = ()) -> tuple[FilePath, ...]:
    """Where ids are looked up, in order: ``first``, PENSTOCK_RULEBOOKS, the shipped ones."""
    named = [FilePath(part) for part in os.environ.get(PLACES, "").split(os.pathsep) if part]
    return (*first, *named, shipped())


def listed(first: Sequence[FilePath] = ()) -> Iterator[tuple[str, FilePath]]:
    """Every rulebook id with its file, each id once, in order of the id."""
    found: dict[str, FilePath] = {}
    for folder in folders(first):
        for path in folder.glob("*/*.yaml"):
            found.setdefault(f"{path.parent.name}/{path.stem}", path)
    yield from sorted(found.items())


def find(id_: str, first: Sequence[FilePath] = ()) -> FilePath:
    """The file of the rulebook ``clearing house/service``; Refused RULE_NOT_FOUND."""
    known = dict(listed(first))
    if id_ not in known:
        instead = nearest(id_, known) or "one of " + ", ".join(known)
        raise Refused(Problem("RULE_NOT_FOUND", (), f"there is no rulebook {id_!r}", instead))
    return known[id_]


def read_bytes(path: FilePath, what: str) -> bytes:
    """The bytes of a file; Refused FILE_NOT_FOUND or FILE_UNREADABLE."""
    try:
        with path.open("rb") as file:
            return file.read(MOST_BYTES + 1)  # one too many is refused by whoever parses them
    except FileNotFoundError:
        raise Refused(
            Problem("FILE_NOT_FOUND", (), f"there is no {what} {path}", "a file that is there")
        ) from None
    except OSError as error:
        says = f"{what} {path} cannot be read: {error.strerror}"
        raise Refused(Problem("FILE_UNREADABLE", (), says)) from None


def load_rulebook(path: FilePath) -> Rulebook:
    """The rulebook in the file, read and checked; Refused with every error at once."""
    return read_rulebook(parse(read_bytes(path, "rulebook"), str(path)))


def open_rulebook(name: str | FilePath, folders: Sequence[FilePath] = ()) -> Rulebook:
    """The rulebook with this id, or in this file (a name that ends in .yaml or .yml).

    Ids are looked up in ``folders``, those of PENSTOCK_RULEBOOKS, and among the shipped ones.
    """
    is_file = str(name).endswith((".yaml", ".yml"))
    return load_rulebook(FilePath(name) if is_file else find(str(name), folders))


def rulebook_from(value: object) -> Rulebook:
    """A rulebook from plain Python maps, lists and strings, as they would stand in the file."""
    return read_rulebook(Document(from_value(value)))


def read_rulebook(document: Document, *, inline: bool = False) -> Rulebook:
    """The rulebook in the document; an inline one may leave out from, jurisdiction and cite."""
    reader = Reader(document, "RULE")
    rulebook = None
    try:
        rulebook = _read(reader, inline)
    except Unreadable:
        pass
    problems = list(reader.problems)
    if rulebook:
        written = check_rulebook(rulebook, inline=inline)
        sound = not problems and all(problem.warning for problem in written)
        found = (
            replace(problem, place=document.place(problem.path))
            for problem in (*written, *(_unlawful(rulebook) if sound else ()))
        )
        problems += (problem for problem in found if not follows(problem, reader.problems))
    if any(not problem.warning for problem in problems):
        raise Refused(sorted(problems, key=position))
    assert rulebook is not None
    return rulebook


def _unlawful(rulebook: Rulebook) -> list[Problem]:
    """What the law leaves no room for; what else it may mind is told by ``rulebook check``."""
    return [problem for problem in check_law(rulebook) if not problem.warning]


def position(problem: Problem) -> tuple[int, int]:
    """Line and column of a problem, to sort by; (0, 0) without a place."""
    numbers = problem.place.rsplit(":", 2)[1:]
    if len(numbers) < 2 or not all(number.isdigit() for number in numbers):
        return 0, 0
    return int(numbers[0]), int(numbers[1])


def follows(problem: Problem, unread: Sequence[Problem]) -> bool:
    """Whether a problem may only come from what could not be read, at its place or under a name."""
    for other in unread:
        short, long = sorted((problem.path, other.path), key=len)
        if long[: len(short)] == short or (other.path and other.path[0] in READ_BY_OTHERS):
            return True
    return False


def _read(reader: Reader, inline: bool) -> Rulebook:
    root = reader.document.root
    given: dict[str, object] = {}
    if isinstance(root, Map):
        if "currency" in root.items:
            try:
                reader.unit = given["currency"] = reader.currency(root.items["currency"], ("currency",))
            except Unreadable:
                given["currency"] = NO_UNIT  # only to go on: its problem is noted
        if "citations" in root.items:
            reader.citations = reader.read(Mapping[Id, Citation], root.items["citations"], ("citations",))
            given["citations"] = reader.citations
        if inline:
            given |= {word: "inline" for word in ("rulebook", "title") if word not in root.items}
    rulebook: Rulebook = reader.dataclass(Rulebook, root, (), given)
    return replace(rulebook, status="unverified") if inline and not rulebook.status else rulebook
