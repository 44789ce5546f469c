"""The reference page is what the definitions say."""

import dataclasses
from pathlib import Path

from penstock.core import amounts, rulebook
from penstock.report.reference import markdown, reference

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "words.md"


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == markdown(), "penstock rulebook words --markdown writes it anew"


def test_every_word_of_every_map_stands_in_it() -> None:
    told = {(title, word) for title, rows in reference() for word, _, _ in rows}
    maps = [
        item
        for module in (amounts, rulebook)
        for item in vars(module).values()
        if isinstance(item, type) and dataclasses.is_dataclass(item) and item.__module__ == module.__name__
    ]
    missing = []
    for item in maps:
        for field in dataclasses.fields(item):
            word = field.name.rstrip("_")
            title = "".join(f" {c.lower()}" if c.isupper() else c for c in item.__name__).strip().capitalize()
            if "says" in field.metadata and (title, word) not in told:
                missing.append((title, word))
    assert missing == [("Window", "amount"), ("Figure", "amount")]  # their words stand there themselves
