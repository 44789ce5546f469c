"""Figures drawn by matplotlib, written whole or not at all, the same bytes from the same values.

matplotlib is imported only when something is drawn.
"""

import os
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from penstock.core.problems import Problem, Refused

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PAYER_KINDS: Final = {  # what colour means: name; used and left: a colour, and the hatch on it in white
    "defaulter": ("Defaulter", ("#68707c", "..."), ("#eceef1", "")),
    "ccp": ("CCP", ("#a86d00", "|||"), ("#f8efdc", "")),
    "members": ("Members", ("#1565a9", "///"), ("#e6f0f8", "")),
    "other": ("Others", ("#177a64", "---"), ("#e1f2ee", "")),
}
ALARM: Final = "#b3261e"

_SETTINGS: Final[Any] = {
    "font.family": ["DejaVu Sans", "sans-serif"],
    "font.sans-serif": ["DejaVu Sans"],
    "svg.fonttype": "none",
    "svg.hashsalt": "penstock",
    "text.hinting": "no_hinting",
    "hatch.linewidth": 0.9,
}
_LOCK: Final = threading.Lock()  # the settings of matplotlib are global


def form_of(path: Path) -> str:
    """svg or png, as the suffix says: asked before a run, so that none is lost for want of a place.

    Refused FILE_TYPE for another suffix, FILE_UNWRITABLE where the folder is not there, or the file is one.
    """
    form = path.suffix.lower().removeprefix(".")
    if form not in {"svg", "png"}:
        says = f"{path.name} ends in neither .svg nor .png"
        raise Refused(Problem("FILE_TYPE", (), says, "a file name that ends in .svg or .png"))
    if not path.parent.is_dir():
        says = f"{path} cannot be written: there is no folder {path.parent}"
        raise Refused(Problem("FILE_UNWRITABLE", (), says, "a folder that exists"))
    if path.is_dir():
        says = f"{path} cannot be written: it is a folder"
        raise Refused(Problem("FILE_UNWRITABLE", (), says, "the name of a file"))
    return form


def write_figure(path: Path, title: str, draw: Callable[["Figure"], float]) -> None:
    """Let ``draw`` fill a figure and write it to ``path``; the suffix, .svg or .png, says how.

    ``draw`` returns the dots per inch of a PNG. Refused FILE_TYPE for another suffix and
    FILE_UNWRITABLE; a failure leaves ``path`` as it was.
    """
    form = form_of(path)
    import matplotlib
    from matplotlib.figure import Figure

    metadata: dict[str, Any] = {"Title": title}
    metadata |= {"Date": None, "Creator": "Penstock"} if form == "svg" else {"Software": None}
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    with _LOCK, matplotlib.rc_context(), warnings.catch_warnings():
        # A name in a script that the bundled font lacks is drawn as boxes in a PNG; an SVG keeps it.
        warnings.filterwarnings("ignore", "Glyph .* missing from")
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_SETTINGS)
        try:
            figure = Figure(facecolor="#ffffff")
            dots = draw(figure)
            figure.savefig(partial, format=form, dpi=dots, metadata=metadata)
            partial.replace(path)
        except OSError as error:
            says = f"{path} cannot be written: {error.strerror}"
            raise Refused(Problem("FILE_UNWRITABLE", (), says, "a folder that exists")) from None
        finally:
            partial.unlink(missing_ok=True)
