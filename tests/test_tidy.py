"""Style that no linter knows: sizes, leftovers, addresses, what may be committed."""

import ast
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "penstock"
LEFT_FOR_LATER = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|HA" + r"CK|X" + r"XX:)")
MACHINE_PATH = re.compile(r"(?<![\w.])/(work|home|root|farm)/\w")
REGISTRY = re.compile(r"py" + r"pi\.org|python" + r"hosted|registry\." + r"npm|deb\." + r"debian")
MOST_LINES = {"core": 300, "": 400}


def _tracked() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    return [path for name in listed if (path := ROOT / name).is_file()]


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""


def test_no_file_has_outgrown_its_purpose() -> None:
    long = []
    for path in SOURCE.rglob("*.py"):
        room = path.relative_to(SOURCE).parts[0]
        lines = _text(path).count("\n")
        if lines > MOST_LINES.get(room, MOST_LINES[""]):
            long.append(f"{path.relative_to(ROOT)}: {lines} lines")
    assert long == []


def test_no_function_is_longer_than_its_meaning() -> None:
    long = []
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(_text(path))):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                lines = (node.end_lineno or 0) - node.lineno + 1
                if lines > 70:
                    long.append(f"{path.relative_to(ROOT)}:{node.lineno} {node.name}: {lines} lines")
    assert long == []


def test_every_module_and_public_name_says_what_it_is() -> None:
    silent = []
    for path in SOURCE.rglob("*.py"):
        tree = ast.parse(_text(path))
        nodes: list[ast.AST] = [tree]
        nodes += [n for n in tree.body if isinstance(n, (ast.FunctionDef, ast.ClassDef))]
        for node in nodes:
            name = getattr(node, "name", "module")
            if not name.startswith("_") and not ast.get_docstring(node):  # type: ignore[arg-type]
                silent.append(f"{path.relative_to(ROOT)}: {name}")
    assert silent == []


def test_nothing_is_left_for_later_and_no_machine_or_registry_is_named() -> None:
    found = []
    for path in _tracked():
        if path == Path(__file__):
            continue
        for number, line in enumerate(_text(path).splitlines(), 1):
            for what, pattern in (
                ("left for later", LEFT_FOR_LATER),
                ("a path of a machine", MACHINE_PATH),
                ("the address of a package registry", REGISTRY),
            ):
                if pattern.search(line):
                    found.append(f"{path.relative_to(ROOT)}:{number}: {what}")
    assert found == []


def test_only_what_belongs_is_committed() -> None:
    wrong = [
        str(path.relative_to(ROOT))
        for path in _tracked()
        if path.name in {"uv.lock", "pylock.toml"}
        or path.suffix in {".pyc", ".db", ".sqlite", ".log"}
        or path.stat().st_size > 1_000_000
    ]
    assert wrong == []


def test_the_papers_of_the_house_are_there() -> None:
    names = ("README.md", "ARCHITECTURE.md", "DECISIONS.md", "CHANGELOG.md", "LICENSE", "Makefile", ".ci/run")
    assert [name for name in names if not (ROOT / name).is_file()] == []


def test_locks_have_hashes_and_no_addresses() -> None:
    for lock in sorted((ROOT / "locks").glob("*.txt")):
        text = _text(lock)
        assert "--hash=sha256:" in text, lock.name
        assert "http" not in text, lock.name
        pins = [line for line in text.splitlines() if "==" in line]
        assert all(line.rstrip().endswith("\\") for line in pins), lock.name
