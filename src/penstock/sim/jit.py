"""How functions are compiled: by Numba, arithmetic exactly as written, kept on disk between runs."""

import os
import tempfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import numba as nb
from numba.extending import intrinsic

_settings: Any = nb.config


def _place() -> str:
    """A folder for what is compiled from exactly these sources.

    Numba itself looks at the file of a function only, and would go on with what it compiled from an older
    state of the functions that are called. Where nothing may be written, a folder for this run.
    """
    sources = sha256()
    for source in sorted(Path(__file__).parent.glob("*.py")):
        sources.update(source.read_bytes())
    cache = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "penstock"
    place = Path(os.environ.get("NUMBA_CACHE_DIR") or cache) / sources.hexdigest()[:16]
    try:
        place.mkdir(parents=True, exist_ok=True)
        if os.access(place, os.W_OK):
            return str(place)
    except OSError:
        pass
    return tempfile.mkdtemp(prefix="penstock-")


_PLACE = _place()


def _compiled(**words: Any) -> Callable[[Any], Any]:
    def decorate(function: Any) -> Any:
        before = _settings.CACHE_DIR
        _settings.CACHE_DIR = _PLACE  # read when a function is declared; others' functions keep theirs
        try:
            return nb.njit(cache=True, nogil=True, error_model="numpy", **words)(function)
        finally:
            _settings.CACHE_DIR = before

    return decorate


kernel: Any = _compiled()
"""A compiled function; it holds no lock."""

inlined: Any = _compiled(inline="always")
"""The same for what is called once a scenario with many arrays: handing them over would cost more."""

_intrinsic: Any = intrinsic


@_intrinsic
def borrowed(typing, arrays):
    """An array, or all of a named tuple, without the count of owners that every hand-over raises and lowers.

    What is borrowed from has to be kept as long.
    """

    def lent(context, builder, kind, value):
        if isinstance(kind, nb.types.Array):
            found = context.make_array(kind)(context, builder, value)
            found.meminfo = found.meminfo.type(None)
            found.parent = found.parent.type(None)
            return found._getvalue()
        for i, inner in enumerate(kind):
            one = lent(context, builder, inner, builder.extract_value(value, i))
            value = builder.insert_value(value, one, i)
        return value

    def code(context, builder, signature, args):
        return lent(context, builder, signature.args[0], args[0])

    return arrays(arrays), code
