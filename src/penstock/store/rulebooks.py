"""Rulebook files: found by id or path, read, checked."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from importlib.resources import files
from pathlib import Path as FilePath

from penstock.core.amounts import Citation, Id
from penstock.core.problems import Problem, Refused, nearest
from penstock.core.rule_checks import check_rulebook
from penstock.core.rulebook import Rulebook
from penstock.store.documents import Document, Map, from_value, parse
from penstock.store.reading import Reader
from penstock.store.values import Unreadable

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
        return path.read_bytes()
    except FileNotFoundError:
        raise Refused(Problem("FILE_NOT_FOUND", (), f"there is no {what} {path}")) from None
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
    problems = reader.problems
    if rulebook:
        problems = problems + [
            replace(problem, place=document.place(problem.path))
            for problem in check_rulebook(rulebook, inline=inline)
        ]
    if any(not problem.warning for problem in problems):
        raise Refused(problems)
    assert rulebook is not None
    return rulebook


def _read(reader: Reader, inline: bool) -> Rulebook:
    root = reader.document.root
    given: dict[str, object] = {}
    if isinstance(root, Map):
        if "currency" in root.items:
            try:
                reader.unit = reader.currency(root.items["currency"], ("currency",))
            except Unreadable:
                pass
            else:
                given["currency"] = reader.unit
        if "citations" in root.items:
            reader.citations = reader.read(Mapping[Id, Citation], root.items["citations"], ("citations",))
            given["citations"] = reader.citations
        if inline:
            given |= {word: "inline" for word in ("rulebook", "title") if word not in root.items}
    rulebook: Rulebook = reader.dataclass(Rulebook, root, (), given)
    return replace(rulebook, status="unverified") if inline and not rulebook.status else rulebook
