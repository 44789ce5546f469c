"""The folder of a simulation: what is needed to read it, to go on with it, and to check it.

manifest.json   what was run: seed, digests, versions
tally.npz       what was added up so far, and of which ranges of scenarios
*.csv, *.svg    what was found
"""

import io
import json
import os
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from penstock.core.problems import Problem, Refused

MANIFEST, TALLY = "manifest.json", "tally.npz"
RANGES = "ranges"
"""The name of the ranges, n x 2, among the arrays of the tally."""


def write_bytes(path: Path, data: bytes) -> None:
    """Write beside the file and put it in its place; Refused FILE_UNWRITABLE."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(data)
        partial.replace(path)
    except OSError as error:
        says = f"{path} cannot be written: {error.strerror}"
        raise Refused(Problem("FILE_UNWRITABLE", (), says, "a folder that you may write to")) from None
    finally:
        with suppress(OSError):
            partial.unlink()


def is_there(folder: Path) -> bool:
    """Whether the folder holds a simulation; a folder that cannot be is none."""
    return os.path.exists(folder / MANIFEST)


def save_manifest(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Write what is run."""
    text = json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"
    write_bytes(folder / MANIFEST, text.encode())


def read_manifest(folder: Path) -> dict[str, Any]:
    """What was run there; Refused RESULTS_MISSING or RESULTS_BROKEN."""
    path = folder / MANIFEST
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        assert isinstance(found, dict)
    except FileNotFoundError:
        says = f"{folder} holds no simulation"
        raise Refused(Problem("RESULTS_MISSING", (), says, "the folder of one, or no --resume")) from None
    except (OSError, ValueError, AssertionError):
        raise _broken(path) from None
    return found


def save_tally(folder: Path, arrays: Mapping[str, NDArray[np.int64]], ranges: NDArray[np.int64]) -> None:
    """Write the sums and their ranges in one file, whole or not at all."""
    data = io.BytesIO()
    named: dict[str, Any] = {RANGES: ranges, **arrays}
    np.savez_compressed(data, **named)
    write_bytes(folder / TALLY, data.getvalue())


def read_tally(folder: Path) -> tuple[dict[str, NDArray[np.int64]], NDArray[np.int64]] | None:
    """The sums and their ranges; None where nothing was added up yet; Refused RESULTS_BROKEN."""
    path = folder / TALLY
    if not path.exists():
        return None
    try:
        with zipfile.ZipFile(path) as archive:
            if archive.testzip():
                raise _broken(path)
        with path.open("rb") as file, np.load(file, allow_pickle=False) as found:
            arrays = {name: found[name] for name in found.files}
        ranges = arrays.pop(RANGES)
    except Exception:  # whatever a damaged archive makes its readers stumble over
        raise _broken(path) from None
    if any(one.dtype != np.int64 for one in (ranges, *arrays.values())):
        raise _broken(path)
    return arrays, ranges


def _broken(path: Path) -> Refused:
    return Refused(Problem("RESULTS_BROKEN", (), f"{path} is damaged", "another folder, to begin anew"))
