"""Files written whole or not at all."""

from pathlib import Path

from penstock.store.results import write_bytes


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text beside the file and put it in its place; Refused FILE_UNWRITABLE."""
    write_bytes(path, text.encode())
