"""The folder of a simulation or comparison: what is needed to read it, to go on with it, and to check it.

manifest.json   what was run: seed, digests, versions
tally.npz       what was added up so far, of which ranges of scenarios, by which engine
rare.npz        the same by importance sampling
*.csv, *.svg    what was found
"""

import io
import json
import os
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from penstock.core.problems import Problem, Refused

MANIFEST, TALLY, RARE = "manifest.json", "tally.npz", "rare.npz"
RANGES, SOURCE, CHECK = "ranges", "source", "check"
"""Among the arrays of a checkpoint: the ranges, n x 2, what they were added up by, and a digest of all of it,
four numbers each."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Sums by name; the ranges of scenarios that they are of, n x 2 of first and count; ``source``: whose."""

    arrays: Mapping[str, NDArray[np.int64]]
    ranges: NDArray[np.int64]
    source: NDArray[np.int64]


def source_of(name: str) -> NDArray[np.int64]:
    """What names an engine and its seed as four numbers, as it stands in a checkpoint."""
    return np.frombuffer(sha256(name.encode()).digest(), dtype=np.int64)


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
    """Whether the folder holds a run; a folder that cannot be is none."""
    return os.path.exists(folder / MANIFEST)


def is_taken(folder: Path) -> bool:
    """Whether the folder holds files, which results could overwrite; an unreadable one is told later."""
    try:
        return bool(os.listdir(folder))
    except OSError:
        return False


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
        says = f"{folder} holds no simulation or comparison"
        raise Refused(Problem("RESULTS_MISSING", (), says, "the folder of one, or no --resume")) from None
    except (OSError, ValueError, AssertionError):
        raise _broken(path) from None
    return found


def save_checkpoint(folder: Path, name: str, checkpoint: Checkpoint) -> None:
    """Write it as the file ``name``, whole or not at all; Refused FILE_UNWRITABLE."""
    data = io.BytesIO()
    named: dict[str, Any] = {RANGES: checkpoint.ranges, SOURCE: checkpoint.source, **checkpoint.arrays}
    named[CHECK] = _check_of(named)
    np.savez_compressed(data, **named)
    write_bytes(folder / name, data.getvalue())


def read_checkpoint(folder: Path, name: str = TALLY) -> Checkpoint | None:
    """What was added up; None where nothing was yet; Refused RESULTS_BROKEN."""
    path = folder / name
    if not path.exists():
        return None
    try:
        with zipfile.ZipFile(path) as archive:
            if archive.testzip():
                raise _broken(path)
        with path.open("rb") as file, np.load(file, allow_pickle=False) as found:
            arrays = {name: found[name] for name in found.files}
        if not np.array_equal(arrays.pop(CHECK), _check_of(arrays)):
            raise _broken(path)
        ranges, source = arrays.pop(RANGES), arrays.pop(SOURCE)
    except Exception:  # whatever a damaged archive makes its readers stumble over
        raise _broken(path) from None
    if any(one.dtype != np.int64 for one in (ranges, source, *arrays.values())):
        raise _broken(path)
    return Checkpoint(arrays, ranges, source)


def _check_of(arrays: Mapping[str, NDArray[np.int64]]) -> NDArray[np.int64]:
    """So that sums are only gone on with as they were written."""
    found = sha256()
    for name in sorted(arrays):
        found.update(f"{name} {arrays[name].dtype} {arrays[name].shape} ".encode() + arrays[name].tobytes())
    return np.frombuffer(found.digest(), dtype=np.int64)


def _broken(path: Path) -> Refused:
    return Refused(Problem("RESULTS_BROKEN", (), f"{path} is damaged", "another folder, to begin anew"))
