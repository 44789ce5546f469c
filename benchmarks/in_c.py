"""benchmarks/simulation.c compiled and called with the arrays of an engine."""

import ctypes
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from penstock.sim.engine import Engine
from penstock.sim.layout import CALLED_MONEY, ENDS_ALL, MATCHES, SHARED
from penstock.sim.model import UNABLE, WRONG_WAY
from penstock.sim.tally import Tally, canonical, empty

OPTIONS = ("-O3", "-march=native", "-ffp-contract=off", "-Wall", "-Wextra", "-shared", "-fPIC")


def built(folder: Path) -> Any:
    """The library, compiled into the folder by gcc."""
    source, target = Path(__file__).with_suffix("").parent / "simulation.c", folder / "simulation.so"
    subprocess.run(["gcc", *OPTIONS, str(source), "-o", str(target), "-lm"], check=True)
    library = ctypes.CDLL(str(target))
    library.simulate.argtypes = [ctypes.c_void_p] * 4 + [ctypes.c_uint64, ctypes.c_int64, ctypes.c_int64]
    return library


def run(library: Any, engine: Engine, seed: int, first: int, count: int) -> Tally:
    """The tally of ``count`` scenarios from number ``first``."""
    tally = empty(len(engine.members), len(engine.layers))
    w = engine.waterfall
    sizes = len(engine.members), len(engine.layers), len(w.own_layer), len(w.parts), engine.regimes
    if library.simulate(
        *(_pointers(arrays) for arrays in (engine.model, w, tally)),
        (ctypes.c_int64 * len(sizes))(*sizes),
        seed,
        first,
        count,
    ):
        raise MemoryError
    return canonical(tally)


def check_expressed(engine: Engine) -> None:
    """AssertionError where the engine has what the C source leaves out."""
    m, w = engine.model, engine.waterfall
    assert len(m.blocks) == 3, "one block"
    assert not len(m.bids)
    assert not m.member[:, [WRONG_WAY, UNABLE]].any()
    assert m.numbers[0] in {0.0, 2.0, 4.0, 6.0, 8.0}
    assert m.numbers[1] in {0.0, 1.0}
    assert m.numbers[2] == 0.0
    assert w.even.all()
    assert len(w.ranks) == len(w.parts), "one layer after another"
    assert (w.parts[:, [SHARED, MATCHES]] < 0).all()
    assert not w.parts[:, ENDS_ALL].any()
    assert w.parts[:, CALLED_MONEY].sum() <= 1
    assert len(w.own_layer) <= 8


def _pointers(arrays: Sequence[NDArray[np.generic]]) -> Any:
    assert all(array.flags.c_contiguous for array in arrays)
    return (ctypes.c_void_p * len(arrays))(*(array.ctypes.data for array in arrays))
