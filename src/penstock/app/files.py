"""Files written whole or not at all."""

import os
from pathlib import Path

from penstock.core.problems import Problem, Refused


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text beside the file and put it in its place; Refused FILE_UNWRITABLE."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(text, encoding="utf-8", newline="\n")
        partial.replace(path)
    except OSError as error:
        says = f"{path} cannot be written: {error.strerror}"
        raise Refused(Problem("FILE_UNWRITABLE", (), says, "a folder that you may write to")) from None
    finally:
        partial.unlink(missing_ok=True)
