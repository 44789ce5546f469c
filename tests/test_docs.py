"""The documentation holds: its files load, its Python runs, its commands print what the page shows.

Fences and what they stand for:
    console [exit=N]          lines that begin with ``$ penstock`` are run, the rest is their output;
                              a line ``...`` stands for any lines, ``\\`` at the end folds a line
    python                    executed, in order, with its asserts
    yaml [file=NAME]          a whole rulebook, scenario or simulation: loads (``refused``: is refused)
    yaml add=NAME             lines that go to the end of this file: it still loads
    yaml fragment             words of a rulebook, in place of those of the page's first one
    yaml scenario-fragment    the same for the scenario
    csv file=NAME             a table that the commands find under this name
    sh                        for the reader's shell: not run
"""

import dataclasses
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest
import typer
import yaml

import penstock
from penstock.app.cli import app
from penstock.core import amount_checks, amounts, business_days, collateral, rulebook, scenario
from penstock.store import circumstances, scenarios
from penstock.store.model_files import load_model

DOCS = Path(__file__).parents[1] / "docs"
PAGES = sorted(path.name for path in DOCS.glob("*.md"))
FENCES = {
    "console": {"exit"},
    "python": set(),
    "yaml": {"file", "add", "refused", "fragment", "scenario-fragment"},
    "csv": {"file"},
    "sh": set(),
}
WIDTH = 100


@dataclass(frozen=True)
class Block:
    """A fenced block: its kind, the words after it (``word`` or ``word=value``), where it begins."""

    kind: str
    words: dict[str, str]
    text: str
    line: int


def text_of(page: str) -> str:
    return (DOCS / page).read_text(encoding="utf-8")


def blocks(page: str) -> Iterator[Block]:
    """The fenced blocks of a page, in order."""
    text = text_of(page)
    for match in re.finditer(r"^```([^\n]+)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        kind, *rest = match[1].split()
        words = {word: value for word, _, value in (part.partition("=") for part in rest)}
        yield Block(kind, words, match[2], text.count("\n", 0, match.start()) + 1)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_laid_out_as_the_others(page: str) -> None:
    lines = text_of(page).splitlines()
    assert [f"{i}: {len(line)}" for i, line in enumerate(lines, 1) if len(line) > WIDTH] == []
    assert [i for i, line in enumerate(lines, 1) if line != line.rstrip()] == []
    found = list(blocks(page))
    assert len([line for line in lines if line.startswith("```")]) == 2 * len(found)
    assert {block.kind for block in found} <= set(FENCES)
    assert [block for block in found if not set(block.words) <= FENCES[block.kind]] == []


@pytest.mark.parametrize("page", PAGES)
def test_what_a_page_links_to_is_there(page: str) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", text_of(page)):
        name, _, anchor = target.partition("#")
        other = text_of(name or page)
        heads = {
            re.sub(r"[^a-z0-9 -]", "", head.lower()).replace(" ", "-")
            for head in re.findall(r"^#+ (.+)$", other, re.MULTILINE)
        }
        assert not anchor or anchor in heads, target


@pytest.mark.parametrize("page", PAGES)
def test_what_a_page_shows_is_so(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PENSTOCK_RULEBOOKS", raising=False)
    names: dict[str, Any] = {"__name__": page}
    whole: dict[str, dict[str, Any]] = {}
    for block in blocks(page):
        at = f"docs/{page}:{block.line}"
        if block.kind == "console":
            _run_commands(block, at)
        elif block.kind == "python":
            exec(compile("\n" * block.line + block.text, f"docs/{page}", "exec"), names)
        elif block.kind in ("yaml", "csv"):
            _load(block, at, whole)


def _load(block: Block, at: str, whole: dict[str, dict[str, Any]]) -> None:
    """Write the file that the block is, or is a part of, and load it."""
    path = Path(block.words.get("add") or block.words.get("file", "block.yaml"))
    path.parent.mkdir(exist_ok=True)
    text = path.read_text(encoding="utf-8") + block.text if "add" in block.words else block.text
    path.write_text(text, encoding="utf-8")
    if block.kind == "csv":
        return
    try:
        value = yaml.load(text, Loader=yaml.BaseLoader)
    except yaml.YAMLError:
        value = {}  # nor does it load
    kind = "scenario" if "scenario" in value or "scenario-fragment" in block.words else "rulebook"
    if {"fragment", "scenario-fragment"} & set(block.words):
        value = {**whole[kind], **value}
        path.write_text(json.dumps(value), encoding="utf-8")
    elif "simulation" not in value:
        whole.setdefault(kind, value)
    said = ""
    try:
        if "simulation" in value:
            load_model(path)
        elif kind == "scenario":
            penstock.load_scenario(path)
        else:
            penstock.load_rulebook(path)
    except penstock.Refused as refused:
        said = str(refused)
    assert bool(said) == ("refused" in block.words), f"{at}: {said or 'is not refused'}"


def _run_commands(block: Block, at: str) -> None:
    """Run the commands of a block, and compare what they print with what stands under them."""
    head, *parts = re.split(r"^\$ ", block.text.replace("\\\n", ""), flags=re.MULTILINE)
    assert not head, f"{at} begins with output"
    for part in parts:
        command, *shown = part.rstrip().split("\n")
        program, *words = shlex.split(command)
        assert program == "penstock", f"{at}: {command}"
        done = subprocess.run(
            [sys.executable, "-m", "penstock", *words],
            env={**os.environ, "COLUMNS": "80", "PYTHONUTF8": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            check=False,
        )
        printed = [line.rstrip() for line in done.stdout.rstrip().split("\n")]
        said = f"{at}: {command}\nprinted:\n{done.stdout}"
        assert done.returncode == int(block.words.get("exit", "0")), said
        assert not shown or _as_shown(printed, shown), said + "\nshown:\n" + "\n".join(shown)


def _as_shown(printed: list[str], shown: list[str]) -> bool:
    """Whether the lines are those shown, where a line ``...`` stands for any lines."""
    if "..." not in shown:
        return printed == shown
    at = shown.index("...")
    head, rest = shown[:at], shown[at + 1 :]
    return printed[:at] == head and any(
        _as_shown(printed[start:], rest) for start in range(at, len(printed) + 1)
    )


@pytest.mark.parametrize(
    ("shown", "so"),
    [
        ("a b c", True),
        ("a ...", True),
        ("... c", True),
        ("a ... c", True),
        ("... b ...", True),
        ("a b c ...", True),
        ("a b", False),
        ("a ... b", False),
        ("b ...", False),
        ("... c b ...", False),
        ("a ... a b c", False),
    ],
)
def test_three_dots_stand_for_any_lines(shown: str, so: bool) -> None:
    assert _as_shown(["a", "b", "c"], shown.split()) is so


# --- nothing is left out ----------------------------------------------------------------------------


def test_every_command_and_every_option_is_mentioned() -> None:
    docs = "\n".join(text_of(page) for page in PAGES)
    unsaid = [
        said
        for said in _commands(typer.main.get_command(app), "penstock")
        if not re.search(rf"(?<![\w-]){re.escape(said)}(?![\w-])", docs)
    ]
    assert unsaid == []


def _commands(command: Any, name: str) -> Iterator[str]:
    """The command, its options, and the same of its sub-commands."""
    yield name
    for option in command.params:
        yield from (word for word in (*option.opts, *option.secondary_opts) if word.startswith("-"))
    for sub, inner in getattr(command, "commands", {}).items():
        yield from _commands(inner, f"{name} {sub}")


def test_every_name_of_the_api_is_mentioned() -> None:
    page = text_of("python.md")
    assert [name for name in penstock.__all__ if f"`{name}`" not in page] == []


NOT_IN_AN_EXAMPLE: list[str] = []
"""Words that no tested block of a page uses yet; take out what an example was written for, add none."""


def test_every_word_of_the_language_is_mentioned() -> None:
    page = text_of("language.md")
    words = _keys_of_the_language() | {*amounts.CALLED, *amounts.OWED, *rulebook.ROLES}
    assert sorted(word for word in words if f"`{word}`" not in page) == []


def test_every_word_of_the_language_is_in_an_example() -> None:
    keys: set[str] = set()
    values: set[str] = set()
    for block in (*blocks("guide.md"), *blocks("language.md")):
        if block.kind == "yaml" and "refused" not in block.words:
            _gather(yaml.load(block.text, Loader=yaml.BaseLoader), keys, values)
    unused = (_keys_of_the_language() - keys) | (_values_of_the_language() - values)
    assert sorted(unused) == NOT_IN_AN_EXAMPLE


def _gather(node: Any, keys: set[str], values: set[str]) -> None:
    """The keys of a parsed block, and its values."""
    if isinstance(node, dict):
        keys.update(node)
        for inner in node.values():
            _gather(inner, keys, values)
    elif isinstance(node, list):
        for inner in node:
            _gather(inner, keys, values)
    else:
        values.add(re.sub(r"^\d+ ", "", node))  # "30 days" is in days


def _maps_of_the_language() -> list[Any]:
    maps = [
        item
        for module in (amounts, rulebook)
        for item in vars(module).values()
        if isinstance(item, type) and dataclasses.is_dataclass(item) and item.__module__ == module.__name__
    ]
    return [*maps, scenario.Decision, scenario.Published, scenario.Precedent]


def _keys_of_the_language() -> set[str]:
    words = {
        field.name.rstrip("_")
        for item in _maps_of_the_language()
        for field in dataclasses.fields(item)
        if "says" in field.metadata
    }
    words |= {field.name for field in dataclasses.fields(collateral.Lot)}
    words |= {*scenarios.WORDS, *circumstances.DEFAULT_WORDS, *circumstances.STATED_WORDS}
    return words | {"paid_in", "paid_late", "recovered"}


def _values_of_the_language() -> set[str]:
    """The values that a word of the language can have, where they are listed."""
    hints = [hint for item in _maps_of_the_language() for hint in get_type_hints(item).values()]
    words = {value for hint in (*hints, scenario.Basis, business_days.Unit) for value in _listed(hint)}
    words |= {*rulebook.ROLES, *amounts.CALLED, *amounts.OWED, *amount_checks.MOMENTS}
    words |= {value for values in amount_checks.VALUES.values() for value in values}
    words |= {"initial_margin", "excess_margin", "default_fund", "own_capital", "insurance", "collateral"}
    return words | {"each"}


def _listed(hint: Any) -> Iterator[str]:
    if get_origin(hint) is Literal:
        yield from get_args(hint)
    else:
        for inner in get_args(hint):
            yield from _listed(inner)
