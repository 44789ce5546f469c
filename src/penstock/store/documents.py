"""YAML text as a tree of strings that knows where each of them stands.

    bytes -> Document(root node), every node with its line and column

Strict on purpose: no tags, no anchors, no aliases, no duplicate keys, no second document, one depth
limit, no invisible characters. Scalars stay strings, in Unicode's form NFC; what they mean is for the
reader that knows the word they belong to.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from numbers import Number

import yaml

from penstock.core.problems import Path, Problem, Refused

MOST_BYTES = 5_000_000
MOST_DEPTH = 32
MOST_VALUES = 200_000

_UNFIT = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)
_BELOW_SPACE = re.compile("[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Scalar:
    """A string, at line and column (both from 1; 0 where there was no text)."""

    text: str
    line: int = 0
    column: int = 0


@dataclass(frozen=True, slots=True)
class Many:
    """A list of nodes."""

    items: tuple["Node", ...]
    line: int = 0
    column: int = 0


@dataclass(frozen=True, slots=True)
class Map:
    """Nodes by key; ``keys`` has the place of each key."""

    items: dict[str, "Node"]
    keys: dict[str, tuple[int, int]]
    line: int = 0
    column: int = 0


Node = Scalar | Many | Map


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed file and what to call it in messages."""

    root: Node
    name: str = ""

    def place(self, path: Path) -> str:
        """``file:line:column`` of the path, or of as much of it as the text has."""
        node, at = self.root, (self.root.line, self.root.column)
        for step in path:
            if isinstance(node, Map) and isinstance(step, str) and step in node.items:
                at = node.keys[step]
                node = node.items[step]
            elif isinstance(node, Many) and isinstance(step, int) and step < len(node.items):
                node = node.items[step]
                at = (node.line, node.column)
            else:
                break
        return place(self.name, *at)


def place(name: str, line: int, column: int) -> str:
    """``file:line:column``; without what is not known. In a sheet (``file:sheet!``) the cell: ``B3``."""
    if name.endswith("!") and line:
        return f"{name}{letters(column)}{line}"
    return ":".join(str(part) for part in (name, line, column) if part)


def letters(column: int) -> str:
    """The letters of a column of a sheet: 1 is A, 27 is AA."""
    text = ""
    while column > 0:
        column, rest = divmod(column - 1, 26)
        text = chr(ord("A") + rest) + text
    return text


def unfit(text: str, *, name: bool = False) -> tuple[str, str, int] | None:
    """Why the text cannot be taken as it is: a code, what is wrong, and where in it; None if it can.

    A ``name`` (a key, a member's id) has no line breaks, tabs or invisible characters either.
    """
    bad = _UNFIT.search(text) or (_BELOW_SPACE.search(text) if name else None)
    at = bad.start() if bad else -1
    if not bad and name and not text.isascii():
        at = next((i for i, mark in enumerate(text) if unicodedata.category(mark) == "Cf"), -1)
    if at < 0:
        return None
    shown, kind = f"U+{ord(text[at]):04X}", unicodedata.category(text[at])
    if kind == "Cs":
        return "TEXT_INVALID_UNICODE", f"half a character, {shown}", at
    if kind == "Cf":
        return "TEXT_FORMAT_CHAR", f"the invisible character {shown}", at
    return "TEXT_CONTROL_CHAR", f"the control character {shown}", at


def composed(text: str) -> str:
    """The text in Unicode's form NFC, in which equal names are equal strings."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def parse(data: bytes, name: str) -> Document:
    """The document in ``data``, named ``name`` in messages.

    Raises Refused: FILE_TOO_LARGE, TEXT_CONTROL_CHAR, TEXT_FORMAT_CHAR, YAML_SYNTAX, YAML_TAG,
    YAML_ALIAS_FORBIDDEN, YAML_DUPLICATE_KEY, YAML_TOO_DEEP, YAML_EMPTY.
    """

    def refused(code: str, says: str, instead: str = "", line: int = 0, column: int = 0) -> Refused:
        return Refused(Problem(code, (), says, instead, place=place(name, line, column)))

    if len(data) > MOST_BYTES:
        says = f"{len(data)} bytes, and at most {MOST_BYTES} are read"
        raise refused("FILE_TOO_LARGE", says, "a smaller file")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line, column = _line_and_column(data[: error.start].decode("utf-8"))
        raise refused("YAML_SYNTAX", "not UTF-8 text", "the file in UTF-8", line, column) from None
    if text.startswith("\ufeff"):
        raise refused("YAML_SYNTAX", "a byte order mark", "the file without it", 1, 1)
    bad = unfit(text)
    if bad:
        line, column = _line_and_column(text[: bad[2]])
        raise refused(bad[0], bad[1], "plain text without it", line, column)
    try:
        root = _Builder(refused).build(yaml.parse(text, Loader=yaml.CBaseLoader))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        at = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        why = str(error.problem or error.context)
        instead = _yaml_instead(why, text, *at)
        raise refused("YAML_SYNTAX", f"not YAML: {why}", instead, *at) from None
    except yaml.YAMLError as error:
        raise refused("YAML_SYNTAX", f"not YAML: {error}", "text without that character") from None
    return Document(root, name)


def _line_and_column(before: str) -> tuple[int, int]:
    """Where a text goes on after ``before``, both from 1."""
    return before.count("\n") + 1, len(before) - before.rfind("\n")


def _yaml_instead(why: str, text: str, line: int, column: int) -> str:
    """A hint at the usual causes: a tab, a bracket left open, a colon in text without quotes."""
    lines = text.splitlines()
    here = lines[line - 1] if 0 < line <= len(lines) else ""
    if "\t" in here[:column]:
        return "spaces in place of the tab"
    if "expected ','" in why:
        return "a comma between the parts, and ] or } where they end"
    if here.count(": ") > 1 or here[column - 1 : column + 1] == ": ":
        return 'quotes around a text that has ": " in it'
    return "a word, a colon, a space and a value; what is opened is closed"


class _Builder:
    """Builds nodes from the event stream, refusing what the language has no use for."""

    def __init__(self, refused: Callable[..., Refused]) -> None:
        self._refused = refused
        self._values = 0

    def build(self, events: Iterator[yaml.Event]) -> Node:
        root: Node | None = None
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                if root is not None:
                    raise self._error("YAML_SYNTAX", "a second document", "one document a file", event)
                root = self._node(next(events), events, 0)
        if root is None:
            raise self._refused("YAML_EMPTY", "the file is empty", "a map of words", 1, 1)
        return root

    def _error(self, code: str, says: str, instead: str, event: yaml.Event) -> Refused:
        return self._refused(code, says, instead, *_at(event))

    def _node(self, event: yaml.Event, events: Iterator[yaml.Event], depth: int) -> Node:
        line, column = _at(event)
        self._values += 1
        if self._values > MOST_VALUES:
            raise self._error("FILE_TOO_LARGE", f"more than {MOST_VALUES} values", "a smaller file", event)
        if depth > MOST_DEPTH:
            raise self._error("YAML_TOO_DEEP", f"nested deeper than {MOST_DEPTH}", "fewer levels", event)
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise self._error("YAML_ALIAS_FORBIDDEN", "an anchor or alias", "the value in full", event)
        tag = getattr(event, "tag", None)
        if tag:
            raise self._error("YAML_TAG", f"the tag {tag}", "the value without a tag", event)
        if isinstance(event, yaml.ScalarEvent):
            bad = unfit(event.value)  # an escape such as "\\0" names what may not stand in the text
            if bad:
                raise self._error(bad[0], bad[1], "plain text without it", event)
            return Scalar(composed(event.value), line, column)
        if isinstance(event, yaml.SequenceStartEvent):
            items = []
            while not isinstance(item := next(events), yaml.SequenceEndEvent):
                items.append(self._node(item, events, depth + 1))
            return Many(tuple(items), line, column)
        return self._map(events, depth, line, column)

    def _map(self, events: Iterator[yaml.Event], depth: int, line: int, column: int) -> Map:
        nodes: dict[str, Node] = {}
        keys: dict[str, tuple[int, int]] = {}
        while not isinstance(event := next(events), yaml.MappingEndEvent):
            key = self._node(event, events, depth + 1)
            if not isinstance(key, Scalar):
                raise self._error("YAML_SYNTAX", "a key that is not a word", "a word", event)
            bad = unfit(key.text, name=True)
            if bad:
                raise self._error(bad[0], f"{bad[1]} in a name", "the name without it", event)
            if key.text in nodes:
                first = keys[key.text][0]
                says = f"{key.text!r} stands twice (first in line {first})"
                raise self._error("YAML_DUPLICATE_KEY", says, "it once", event)
            keys[key.text] = (key.line, key.column)
            nodes[key.text] = self._node(next(events), events, depth + 1)
        return Map(nodes, keys, line, column)


def _at(event: yaml.Event) -> tuple[int, int]:
    mark = event.start_mark
    return (mark.line + 1, mark.column + 1) if mark else (0, 0)


def from_value(value: object) -> Node:
    """Plain Python maps, lists and strings as nodes; booleans as ``true`` and ``false``.

    Numbers are refused (MONEY_MUST_BE_STRING): a float has lost digits before we see it. Raises
    Refused with every such value: YAML_TOO_DEEP, TYPE and the TEXT_ codes as well.
    """
    problems: list[Problem] = []
    node = _from_value(value, (), problems)
    if problems:
        raise Refused(problems)
    return node


def _from_value(value: object, path: Path, problems: list[Problem]) -> Node:
    if len(path) > MOST_DEPTH:
        problems.append(Problem("YAML_TOO_DEEP", path, f"nested deeper than {MOST_DEPTH}", "fewer levels"))
    elif isinstance(value, str):
        bad = unfit(value)
        if bad:
            problems.append(Problem(bad[0], path, bad[1], "plain text without it"))
        else:
            return Scalar(composed(value))
    elif isinstance(value, bool):
        return Scalar("true" if value else "false")
    elif value is None:
        return Scalar("")
    elif isinstance(value, Mapping):
        items: dict[str, Node] = {}
        for key, item in value.items():
            bad = unfit(key, name=True) if isinstance(key, str) else ("TYPE", f"a {type(key).__name__}", 0)
            if bad:
                problems.append(Problem(bad[0], path, f"{bad[1]} as or in a key", "a plain string"))
            elif composed(key) in items:
                says = f"{key!r} stands twice, written in two ways"
                problems.append(Problem("YAML_DUPLICATE_KEY", path, says, "it once"))
            else:
                items[composed(key)] = _from_value(item, (*path, key), problems)
        return Map(items, dict.fromkeys(items, (0, 0)))
    elif isinstance(value, Sequence) and not isinstance(value, bytes | bytearray | memoryview):
        return Many(tuple(_from_value(item, (*path, i), problems) for i, item in enumerate(value)))
    elif isinstance(value, Number):
        says = f"a {type(value).__name__}, not a string"
        problems.append(Problem("MONEY_MUST_BE_STRING", path, says, 'a string, such as "12.50"'))
    else:
        says = f"a {type(value).__name__} cannot stand in a document"
        problems.append(Problem("TYPE", path, says, "a string, a list or a map"))
    return Scalar("")


def to_value(node: Node) -> object:
    """The node as plain maps, lists and strings."""
    if isinstance(node, Scalar):
        return node.text
    if isinstance(node, Many):
        return [to_value(item) for item in node.items]
    return {key: to_value(item) for key, item in node.items.items()}
