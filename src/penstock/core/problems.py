"""What is wrong, where, and what to write instead.

A ``Problem`` is a value: checks collect all of them. ``Refused`` carries one or more of them out of
a reader or a run. Codes are stable and in capitals; the text is for a person.
"""

from collections.abc import Iterable
from dataclasses import dataclass

Path = tuple[str | int, ...]
"""Where in a document: keys and list positions, outermost first."""


def written_path(path: Path) -> str:
    """``("layers", 2, "limit")`` as ``layers[2].limit``."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


MOST_PROBLEMS = 100
"""So many are told at once; a file with more is not what it says it is."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake. ``instead`` is what to write; ``warning`` lets the document be used all the same."""

    code: str
    path: Path
    says: str
    instead: str = ""
    warning: bool = False
    place: str = ""
    """``file:line:column``, filled in by whoever read the bytes."""

    def __str__(self) -> str:
        at = ": ".join(part for part in (self.place, written_path(self.path)) if part)
        text = f"{at}: {self.says}" if at else self.says
        if self.instead:
            text += f"; write {self.instead}"
        return f"{text} [{self.code}]"


class Refused(Exception):
    """A document or a run that cannot go on; ``problems`` say why, all of them."""

    def __init__(self, problems: Problem | Iterable[Problem]) -> None:
        self.problems = (problems,) if isinstance(problems, Problem) else tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))

    @property
    def code(self) -> str:
        """The code of the first problem."""
        return self.problems[0].code


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word within two slips of ``word`` (edit distance), the closest and first of them."""
    best: tuple[int, str] | None = None
    for candidate in sorted(known):
        if abs(len(candidate) - len(word)) > 2:
            continue
        distance = _edit_distance(word, candidate)
        if distance <= 2 and (best is None or distance < best[0]):
            best = (distance, candidate)
    return best[1] if best else None


def _edit_distance(a: str, b: str) -> int:
    previous = list(range(len(b) + 1))
    for i, left in enumerate(a, 1):
        row = [i]
        for j, right in enumerate(b, 1):
            row.append(min(previous[j] + 1, row[-1] + 1, previous[j - 1] + (left != right)))
        previous = row
    return previous[-1]
