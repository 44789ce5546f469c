"""How functions are compiled: by Numba, arithmetic exactly as written, kept on disk between runs."""

import os
import tempfile
from pathlib import Path
from typing import Any

import numba as nb
from numba.extending import intrinsic

_settings: Any = nb.config
if not _settings.CACHE_DIR and not any(
    os.access(place, os.W_OK) for place in (Path(__file__).parent, Path("~").expanduser())
):
    # Without a place to keep what it compiles Numba refuses to begin; nobody else may write to this one.
    _settings.CACHE_DIR = tempfile.mkdtemp(prefix="penstock-")

kernel: Any = nb.njit(cache=True, nogil=True, error_model="numpy")
"""A compiled function; it holds no lock."""

inlined: Any = nb.njit(cache=True, nogil=True, error_model="numpy", inline="always")
"""The same for what is called once a scenario with many arrays: handing them over would cost more."""

_intrinsic: Any = intrinsic


@_intrinsic
def borrowed(typing, array):
    """The array without its count of owners, which every hand-over would raise and lower again.

    The array it is borrowed from has to be kept as long.
    """

    def code(context, builder, signature, args):
        found = context.make_array(signature.args[0])(context, builder, args[0])
        found.meminfo = found.meminfo.type(None)
        found.parent = found.parent.type(None)
        return found._getvalue()

    return array(array), code
