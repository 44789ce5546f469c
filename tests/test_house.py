"""The house: which room may import which, in which order core reads, and what core may not touch.

Each rule is shown to bite: a break planted in a copy of the source must be found.
"""

import ast
import re
import shutil
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "penstock"
ROOMS = {
    "core": {"core"},
    "sim": {"core", "sim"},
    "store": {"core", "store"},
    "report": {"core", "sim", "store", "report"},
    "app": {"core", "sim", "store", "report", "app"},
}
CORE = [
    "problems", "money", "canonical", "business_days", "collateral", "waterfall", "amounts",
    "rulebook", "variants", "scenario", "amount_checks", "order_checks", "rule_checks",
    "scenario_checks", "history", "windows", "circumstances", "terms", "plans", "law_checks",
    "sense_checks", "parts", "tranches",
    "results", "steps", "pouring", "unfunded", "recoveries", "replenishment", "replay", "exposure",
]  # fmt: skip
STANDARD = {
    "collections", "dataclasses", "datetime", "enum", "fractions", "functools", "hashlib", "itertools",
    "calendar", "json", "math", "operator", "re", "types", "typing",
}  # fmt: skip
FORBIDDEN_CALLS = {
    "open",
    "print",
    "input",
    "float",
    "now",
    "today",
    "utcnow",
    "time",
    "random",
    "eval",
    "exec",
}
FORBIDDEN_MATH = {"sqrt", "log", "exp", "fsum", "inf", "nan", "pi", "e"}


def findings(source: Path) -> list[str]:
    """Everything in the source tree that breaks the house, one line each."""
    found = []
    for path in sorted(source.rglob("*.py")):
        inside = path.relative_to(source)
        room = inside.parts[0] if len(inside.parts) > 1 else ""
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for line, module in _imports(tree):
            problem = _forbidden(room, inside.stem, module)
            if problem:
                found.append(f"{inside}:{line}: {problem}")
        if room == "core":
            found += [f"{inside}:{line}: {problem}" for line, problem in _impure(tree)]
        elif room not in ROOMS and room != "":
            found.append(f"{inside}: {room} is no room of the house")
    return found


def _imports(tree: ast.AST) -> list[tuple[int, str]]:
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            found.append((node.lineno, base))
            found += [(node.lineno, f"{base}.{alias.name}") for alias in node.names if base.count(".") < 2]
    return found


def _forbidden(room: str, module: str, imported: str) -> str:
    parts = imported.split(".")
    if imported.startswith("."):
        return f"the relative import {imported}"
    if parts[0] != "penstock":
        if room == "core" and parts[0] not in STANDARD:
            return f"core imports {parts[0]}, which is not of the standard library's pure part"
        return ""
    if room == "" or len(parts) == 1:
        free = room == "" or (imported == "penstock" and room == "app")
        return "" if free else f"{room} imports the front door"
    if parts[1] not in ROOMS:
        return "" if room == "app" else f"{room} imports penstock.{parts[1]}, the front door"
    if parts[1] not in ROOMS[room]:
        return f"{room} imports upward or sideways: {imported}"
    if room == "core" and len(parts) > 2 and parts[2] in CORE and CORE.index(parts[2]) >= CORE.index(module):
        return f"core's {module} imports {parts[2]}, which comes after it"
    return ""


def _impure(tree: ast.AST) -> list[tuple[int, str]]:
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, (float, complex)):
            found.append((node.lineno, f"the float {node.value}"))
        if isinstance(node, (ast.BinOp, ast.AugAssign)) and isinstance(node.op, ast.Div):
            if not _of_fractions(node):
                found.append((node.lineno, "a division / that is not of fractions"))
        if isinstance(node, ast.Call):
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            if name in FORBIDDEN_CALLS:
                found.append((node.lineno, f"a call of {name}"))
        if isinstance(node, ast.Name) and node.id == "float":
            found.append((node.lineno, "the name float"))
        if isinstance(node, ast.ImportFrom) and node.module == "math":
            found += [(node.lineno, f"math.{a.name}") for a in node.names if a.name in FORBIDDEN_MATH]
    return found


def _of_fractions(node: ast.AST) -> bool:
    return any(isinstance(inner, ast.Name) and inner.id == "Fraction" for inner in ast.walk(node))


def test_the_house_stands() -> None:
    assert findings(SOURCE) == []


def test_every_module_of_core_has_its_place_in_the_order() -> None:
    names = {path.stem for path in (SOURCE / "core").glob("*.py")} - {"__init__"}
    assert names == set(CORE)


def test_core_runs_on_the_standard_library_alone() -> None:
    assert set(sys.stdlib_module_names) >= STANDARD


@pytest.mark.parametrize(
    ("module", "planted", "said"),
    [
        ("core/money.py", "import time", "standard library's pure part"),
        ("core/money.py", "import random", "standard library's pure part"),
        ("core/terms.py", "import yaml", "standard library's pure part"),
        ("core/replay.py", "from penstock.store import documents", "upward or sideways"),
        ("core/money.py", "from penstock.core.replay import replay", "comes after it"),
        ("core/money.py", "from penstock.core import replay", "comes after it"),
        ("core/money.py", "from . import replay", "relative import"),
        ("core/history.py", "from penstock.core import history", "comes after it"),
        ("store/tables.py", "import penstock.report.wire", "upward or sideways"),
        ("report/wire.py", "from penstock.app import cli", "upward or sideways"),
        ("report/wire.py", "from penstock import run", "front door"),
        ("store/tables.py", "def f():\n    from penstock.sim import kernel", "upward or sideways"),
        ("core/terms.py", "half = 0.5", "the float"),
        ("core/terms.py", "def f(a: int, b: int) -> object:\n    return a / b", "a division /"),
        ("core/terms.py", "def f(text: str) -> object:\n    return open(text)", "a call of open"),
        ("core/terms.py", "from datetime import datetime\nwhen = datetime.now()", "a call of now"),
        ("core/terms.py", "def f(x: float) -> None: ...", "the name float"),
        ("core/money.py", "from math import sqrt", "math.sqrt"),
        ("web/page.py", "x = 1", "no room of the house"),
    ],
)
def test_a_planted_break_is_found(tmp_path: Path, module: str, planted: str, said: str) -> None:
    copy = tmp_path / "penstock"
    shutil.copytree(SOURCE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    target = copy / module
    target.parent.mkdir(exist_ok=True)
    before = target.read_text(encoding="utf-8") if target.exists() else ""
    target.write_text(before + "\n" + planted + "\n", encoding="utf-8")
    new = [line for line in findings(copy) if said in line]
    assert new, f"{planted!r} in {module} was not found"


def names_of_clearing_houses(source: Path) -> list[str]:
    """Where the rules of default management speak of one clearing house: file and line."""
    houses = sorted(path.name for path in (SOURCE / "rulebooks").iterdir() if path.name != "illustrative")
    assert len(houses) >= 12
    pattern = re.compile(rf"(?i)(?<![a-z0-9])({'|'.join(houses)})(?![a-z0-9])")
    found = []
    for path in sorted((source / "core").rglob("*.py")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if pattern.search(line):
                found.append(f"{path.relative_to(source)}:{number}")
    return found


def test_the_rules_know_no_clearing_house_by_name(tmp_path: Path) -> None:
    assert names_of_clearing_houses(SOURCE) == []
    planted = tmp_path / "core" / "tranches.py"
    planted.parent.mkdir()
    planted.write_text('limit = 2 if rulebook.rulebook.startswith("eurex/") else 1\n', encoding="utf-8")
    assert names_of_clearing_houses(tmp_path) == ["core/tranches.py:1"]
