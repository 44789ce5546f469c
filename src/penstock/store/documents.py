"""YAML text as a tree of strings that knows where each of them stands.

    bytes -> Document(root node), every node with its line and column

Strict on purpose: no tags, no anchors, no aliases, no duplicate keys, no second document, one depth
limit. Scalars stay strings; what they mean is for the reader that knows the word they belong to.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import yaml

from penstock.core.problems import Path, Problem, Refused

MOST_BYTES = 5_000_000
MOST_DEPTH = 32

_CONTROL = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x85\u2028\u2029\ufeff\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


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
    """``file:line:column``; without what is not known."""
    return ":".join(str(part) for part in (name, line, column) if part)


def parse(data: bytes, name: str) -> Document:
    """The document in ``data``, named ``name`` in messages.

    Raises Refused: FILE_TOO_LARGE, TEXT_CONTROL_CHAR, YAML_SYNTAX, YAML_TAG, YAML_ALIAS_FORBIDDEN,
    YAML_DUPLICATE_KEY, YAML_TOO_DEEP, YAML_EMPTY.
    """

    def refused(code: str, says: str, instead: str = "", line: int = 0, column: int = 0) -> Refused:
        return Refused(Problem(code, (), says, instead, place=place(name, line, column)))

    if len(data) > MOST_BYTES:
        raise refused("FILE_TOO_LARGE", f"{len(data)} bytes, at most {MOST_BYTES} are read")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise refused("YAML_SYNTAX", "not UTF-8 text", "the file in UTF-8", line) from None
    if text.startswith("\ufeff"):
        raise refused("YAML_SYNTAX", "a byte order mark", "the file without it", 1, 1)
    bad = _CONTROL.search(text)
    if bad:
        line = text.count("\n", 0, bad.start()) + 1
        says = f"the control or direction character U+{ord(bad[0]):04X}"
        raise refused("TEXT_CONTROL_CHAR", says, "plain text without it", line)
    try:
        root = _Builder(refused).build(yaml.parse(text, Loader=yaml.CBaseLoader))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        at = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        raise refused("YAML_SYNTAX", f"not YAML: {error.problem or error.context}", "", *at) from None
    except yaml.YAMLError as error:
        raise refused("YAML_SYNTAX", f"not YAML: {error}") from None
    return Document(root, name)


class _Builder:
    """Builds nodes from the event stream, refusing what the language has no use for."""

    def __init__(self, refused: Callable[..., Refused]) -> None:
        self._refused = refused

    def build(self, events: Iterator[yaml.Event]) -> Node:
        root: Node | None = None
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                if root is not None:
                    raise self._error("YAML_SYNTAX", "a second document", "one document a file", event)
                root = self._node(next(events), events, 0)
        if root is None:
            raise self._refused("YAML_EMPTY", "the file is empty", "a map of words")
        return root

    def _error(self, code: str, says: str, instead: str, event: yaml.Event) -> Refused:
        return self._refused(code, says, instead, *_at(event))

    def _node(self, event: yaml.Event, events: Iterator[yaml.Event], depth: int) -> Node:
        line, column = _at(event)
        if depth > MOST_DEPTH:
            raise self._error("YAML_TOO_DEEP", f"nested deeper than {MOST_DEPTH}", "fewer levels", event)
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise self._error("YAML_ALIAS_FORBIDDEN", "an anchor or alias", "the value in full", event)
        tag = getattr(event, "tag", None)
        if tag:
            raise self._error("YAML_TAG", f"the tag {tag}", "the value without a tag", event)
        if isinstance(event, yaml.ScalarEvent):
            return Scalar(event.value, line, column)
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


def from_value(value: object, depth: int = 0) -> Node:
    """Plain Python maps, lists and strings as nodes; booleans as ``true`` and ``false``.

    Numbers are refused (MONEY_MUST_BE_STRING): a float has lost digits before we see it.
    """
    if depth > MOST_DEPTH:
        raise Refused(Problem("YAML_TOO_DEEP", (), f"nested deeper than {MOST_DEPTH}"))
    if isinstance(value, str):
        return Scalar(value)
    if isinstance(value, bool):
        return Scalar("true" if value else "false")
    if isinstance(value, Mapping):
        items = {str(key): from_value(item, depth + 1) for key, item in value.items()}
        return Map(items, dict.fromkeys(items, (0, 0)))
    if isinstance(value, Sequence):
        return Many(tuple(from_value(item, depth + 1) for item in value))
    says = f"a {type(value).__name__} ({value!r})"
    raise Refused(Problem("MONEY_MUST_BE_STRING", (), says, 'it as a string, such as "12.50"'))


def to_value(node: Node) -> object:
    """The node as plain maps, lists and strings."""
    if isinstance(node, Scalar):
        return node.text
    if isinstance(node, Many):
        return [to_value(item) for item in node.items]
    return {key: to_value(item) for key, item in node.items.items()}
