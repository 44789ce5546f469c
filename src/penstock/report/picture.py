"""The waterfall picture that stands alone: SVG or PNG for reports, legible in black and white.

The loss enters a hopper; a pipe carries it down; at each rank outlets fill the tanks of that rank;
what they cannot take goes on; what nobody takes spills, in red.
Amounts are integers in minor units. Positions and sizes are floats in points, y downwards.
"""

import math
import pathlib
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from penstock.core.money import Currency, written
from penstock.report.figures import ALARM, PAYER_KINDS, write_figure
from penstock.report.words import percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.patches import Polygon


@dataclass(frozen=True, slots=True)
class Tank:
    """One layer. `used` and `capacity` in minor units; a capacity of None was not published.

    `payer` is members, ccp, defaulter or other; `called` money is not paid in beforehand.
    """

    title: str
    payer: str
    who: str
    used: int
    capacity: int | None
    called: bool
    cite: str
    status: str | None

    def __post_init__(self) -> None:
        if self.payer not in PAYER_KINDS:
            raise ValueError(f"payer {self.payer!r}: write one of {', '.join(PAYER_KINDS)}")


@dataclass(frozen=True, slots=True)
class Picture:
    """One loss and its ranks in order; the tanks of one rank stand side by side.

    `loss` and `uncovered` in minor units of `currency`.
    """

    title: str
    currency: Currency
    loss: int
    loss_title: str
    ranks: tuple[tuple[Tank, ...], ...]
    uncovered: int


_Point = tuple[float, float]
_Points = list[_Point]
_Font = dict[str, Any]
_Measure = Callable[..., float]  # of a font and texts: the widest, in points

_INK, _INK_2, _INK_3, _STREAM = "#14181d", "#444d57", "#5c6672", "#262d36"
_LINE, _EDGE, _PAPER = "#dfe3e8", "#838d99", "#ffffff"
_HEADING, _TITLE = _Font(size=14, weight="bold"), _Font(size=11.5, weight="bold")
_NUMBER, _SMALL = _Font(size=11.5), _Font(size=10)
_CITE: Final = _Font(size=9.5, style="italic")

_MARGIN, _BETWEEN = 24.0, 44.0
_PIPE, _AXIS, _PIPE_END, _STREAM_W = 10.0, 23.0, 36.0, 20.0
_TANKS, _TANK_H, _GAP, _TANK_MIN, _TANK_UNKNOWN = 66.0, 36.0, 9.0, 14.0, 44.0
_DASHED, _DOTTED = (0, (3.2, 2.0)), (0, (1.0, 1.9))


def draw(pictures: Sequence[Picture], path: pathlib.Path) -> None:
    """Write the pictures side by side to `path`; its suffix, .svg or .png, decides the format.

    There must be at least one, each with at least one tank. Refused as for `write_figure`.
    """
    write_figure(path, "; ".join(_spoken(picture) for picture in pictures), partial(_draw, pictures))


def _draw(pictures: Sequence[Picture], figure: "Figure") -> float:
    """A panel for each picture on one figure; the dots per inch that suit it."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    def measure(font: _Font, *texts: str) -> float:
        look = FontProperties(**font)
        return max(text_to_path.get_text_width_height_descent(s, look, False)[0] for s in texts)

    axes = figure.add_axes((0, 0, 1, 1), autoscale_on=False)
    axes.set_axis_off()
    panels = [_Panel(axes, measure, picture, len(pictures) == 1) for picture in pictures]
    each = max(panel.wanted for panel in panels)
    bottoms = [p.draw(_MARGIN + i * (each + _BETWEEN), each) for i, p in enumerate(panels)]
    width = 2 * _MARGIN + len(panels) * (each + _BETWEEN) - _BETWEEN
    axes.set(xlim=(0, width), ylim=(max(bottoms) + _MARGIN, 0))
    figure.set_size_inches(width / 72, (max(bottoms) + _MARGIN) / 72)
    return 72 * 900 * max(len(panels), 1.5) / width


class _Panel:
    """One picture: tanks at the left, then the columns rank, name, used and left.

    `wanted` is the width it asks for: room for titles within reason, and always for amounts.
    """

    def __init__(self, axes: "Axes", measure: _Measure, picture: Picture, alone: bool) -> None:
        self.axes, self.measure, self.picture = axes, measure, picture
        self.tanks = [tank for rank in picture.ranks for tank in rank]
        self.room = 190.0 if alone else 140.0
        self.step = 54.0 if any(tank.cite for tank in self.tanks) else 41.0
        self.rank, self.name = _TANKS + self.room + 20, _TANKS + self.room + 50
        shares, left, of = zip(*map(self.figures, self.tanks), strict=True)
        used = [picture.loss, picture.uncovered, *(tank.used for tank in self.tanks)]
        self.heads = f"Used, {picture.currency}", f"Left, {picture.currency}"
        self.share_w = measure(_SMALL, self.heads[0], *shares)
        self.used_w = max(measure(_TITLE, *map(self.amount, used)), self.share_w)
        self.left_w = max(measure(_NUMBER, *left), measure(_SMALL, self.heads[1], *of))
        fixed = self.name + 18 + self.used_w + 22 + self.left_w
        least, most = (780.0, 940.0) if alone else (620.0, 780.0)
        titles = measure(_TITLE, *(tank.title for tank in self.tanks))
        self.wanted = math.ceil(max(min(max(fixed + titles, least), most), fixed + 120))

    def amount(self, minor: int) -> str:
        return written(minor, self.picture.currency, grouped=True).replace("-", "−")

    def figures(self, tank: Tank) -> tuple[str, str, str]:
        """The share used, in full only if nothing is left; what is left; of what."""
        if tank.capacity is None:
            return "", "not published", ""
        share = f"{percent(tank.used, tank.capacity)} used"
        share = "used in full" if tank.used >= tank.capacity else share
        left, of = self.amount(tank.capacity - tank.used), "of " + self.amount(tank.capacity)
        return share if tank.used else "", left, of

    def area(self, points: _Points, paint: tuple[str, str]) -> "Polygon":
        x, y = zip(*((self.left + x, y) for x, y in points), strict=True)
        return self.axes.fill(x, y, fc=paint[0], hatch=paint[1], ec=_PAPER, lw=0, zorder=1)[0]

    def stripes(self, x: float, y: float, w: float, h: float) -> None:
        """A framed box of red stripes on white: the loss that nobody takes."""
        frame = self.area(_wall(x, y, w, h), (_PAPER, ""))
        for i in range(int((w + h) / 7) + 1):
            at = x - h + i * 7
            stripe = [(at, y), (at + 3.5, y), (at + 3.5 + h, y + h), (at + h, y + h)]
            self.area(stripe, (ALARM, "")).set_clip_path(frame)
        self.line(_wall(x, y, w, h) * 2, ALARM, 1)

    def line(self, points: _Points, color: str, width: float, style: Any = "solid") -> None:
        x, y = zip(*((self.left + x, y) for x, y in points), strict=True)
        ends: Any = {"solid_capstyle": "butt", "solid_joinstyle": "miter"}
        self.axes.plot(x, y, color=color, lw=width, ls=style, zorder=1, **ends)

    def text(self, at: _Point, words: str, font: _Font, ink: str = _INK, ha: str = "left") -> None:
        """Words on a baseline; `ha` says whether `at` is their left, center or right."""
        self.axes.text(self.left + at[0], at[1], words, color=ink, ha=ha, parse_math=False, **font)

    def fit(self, text: str, font: _Font, room: float, tail: str = "") -> str:
        """The text and its tail, the text shortened with an ellipsis so that both fit the room."""
        text = " ".join(text.split())
        if self.measure(font, text + tail) <= room:
            return text + tail
        cuts = range(1, len(text))
        end = bisect_right(cuts, room, key=lambda n: self.measure(font, text[:n] + "…" + tail))
        return text[:end].rstrip(" ,;:·") + "…" + tail

    def draw(self, left: float, width: float) -> float:
        """From the heading to the legend; gives where it ends."""
        self.left, self.end, self.used = left, width, width - self.left_w - 22
        y, flow, bends = self.heading(), self.picture.loss, list[tuple[float, int]]()
        widths = _tank_widths(self.picture.ranks, self.room)
        for number, (rank, across) in enumerate(zip(self.picture.ranks, widths, strict=True), 1):
            self.row(number, rank, across, y)
            flow -= sum(tank.used for tank in rank)
            bends.append((y + 10, flow))
            y += max(len(rank) * self.step + 12, _TANK_H + (36 if len(rank) > 1 else 24))
            self.line([(_TANKS, y), (self.end, y)], _LINE, 1)
        self.pipe(bends, y)
        return self.legend(self.to_scale(y + 44))

    def heading(self) -> float:
        """The title under its rule, the heads of the columns, the loss; gives where ranks begin."""
        p, y = self.picture, _MARGIN
        unit = p.currency.code + ("" if p.currency.decimals else ", no minor unit")
        title = self.fit(p.title, _HEADING, self.end - self.measure(_SMALL, unit) - 24)
        loss = self.fit(p.loss_title, _TITLE, self.used - self.used_w - 18 - _TANKS)
        self.line([(0, y), (self.end, y)], _INK, 2)
        self.text((0, y + 21), title, _HEADING)
        self.text((self.end, y + 21), unit, _SMALL, _INK_2, "right")
        self.text((self.rank, y + 46), "Layer and who bears it", _SMALL, _INK_3)
        self.text((self.used, y + 46), self.heads[0], _SMALL, _INK_3, "right")
        self.text((self.end, y + 46), self.heads[1], _SMALL, _INK_3, "right")
        self.text((_TANKS, y + 74), loss, _TITLE)
        self.text((self.used, y + 74), self.amount(p.loss), _TITLE, ha="right")
        self.line([(_TANKS, y + 90), (self.end, y + 90)], _LINE, 1)
        return y + 90

    def words(self, tank: Tank, tag: str, y: float) -> None:
        """A layer from y down: title and amounts, who and shares, the citation and its status."""
        room = self.used - self.used_w - 18 - self.name
        called = " · to be called" if tank.called else ""
        who = self.fit(tank.who, _SMALL, room + self.used_w - self.share_w, called)
        share, left, of = self.figures(tank)
        font, ink = (_TITLE, _INK) if tank.used else (_NUMBER, _INK_3)
        quiet = _INK_3 if tank.capacity in {None, tank.used} else _INK
        self.text((self.rank, y + 21), tag, _NUMBER, _INK_2)
        self.text((self.name, y + 21), self.fit(tank.title, _TITLE, room), _TITLE)
        self.text((self.used, y + 21), self.amount(tank.used), font, ink, "right")
        self.text((self.end, y + 21), left, _NUMBER, quiet, "right")
        self.text((self.name, y + 35.5), who, _SMALL, _INK_2)
        self.text((self.used, y + 35.5), share, _SMALL, _INK_2, "right")
        self.text((self.end, y + 35.5), of, _SMALL, _INK_2, "right")
        if tank.cite:
            status = f" ({tank.status})" if tank.status else ""
            cite = self.fit(tank.cite, _CITE, self.end - self.name - 6, status)
            self.text((self.name, y + 50), cite, _CITE, _INK_2)

    def row(self, number: int, rank: Sequence[Tank], across: list[float], y: float) -> None:
        """A rank from y down: its tanks, of these widths, its outlets, and its words."""
        x, outlet, brim, floor, drops = _TANKS, y + 10, y + 17, y + 17 + _TANK_H, list[_Point]()
        for i, (tank, w) in enumerate(zip(rank, across, strict=True)):
            letter = chr(ord("a") + i) if len(rank) > 1 else ""
            tag = f"{number}{letter}"
            self.words(tank, tag, y + i * self.step)
            _, full, room = PAYER_KINDS[tank.payer]
            gap = 0.0 if _style(tank) == "solid" else 2.5
            surface = floor - gap - (_TANK_H - gap) * _level(tank)
            mouth, middle = x + min(9.0, w / 2), x + w / 2
            self.area(_wall(x, brim, w, _TANK_H), room)
            self.area(_wall(x + gap, surface, w - 2 * gap, floor - gap - surface), full)
            self.line(_wall(x, brim - 3, w, _TANK_H + 3), full[0], 1.4, _style(tank))
            if tank.capacity is None:
                self.text((middle, (brim + surface) / 2 + 5), "?", _HEADING, full[0], "center")
            self.text((middle, floor + 13), tag if letter else "", _SMALL, _INK_2, "center")
            drops += [(mouth, surface)] if tank.used > 0 else []
            x += w + _GAP
        self.line([(_PIPE_END, outlet), (mouth + 1.5, outlet)], _LINE, 5)
        for mouth, surface in drops:
            self.line([(_AXIS, outlet), (mouth, outlet), (mouth, surface)], _STREAM, 3)

    def pipe(self, bends: list[tuple[float, int]], y: float) -> None:
        """Hopper, casing, flow and rest. A bend: an outlet, what flows on after it; y: the end."""
        p, neck, leak = self.picture, _MARGIN + 78, self.picture.uncovered > 0
        w, end, edge = 0.0, y + (18 if leak else 22), list[_Point]()
        for at, flow in [(neck, p.loss), *bends]:
            edge.append((w, at - 4 if flow > 0 else at + 1.5))
            w = max(1.0, _STREAM_W / 2 * flow / p.loss) if flow > 0 else 0.0
            edge.append((w, at + 5 if flow > 0 else at + 1.5))
        edge.append((w, end))
        self.line(_wall(_PIPE, neck, _PIPE_END - _PIPE, end - neck), _EDGE, 1.2)
        for side in (edge, [(21.0, neck - 20), (13.6, neck), (13.6, neck + 12)]):
            right = [(_AXIS + d, at) for d, at in reversed(side)]
            self.area([(_AXIS - d, at) for d, at in side] + right, (_STREAM, ""))
        for at in [at for at, flow in bends if flow <= 0 < p.loss][:1]:
            self.line([(_PIPE - 4, at + 6), (_PIPE_END + 4, at + 6)], _INK, 3)
        if leak:
            self.stripes(_PIPE - 6, end, _TANKS + self.room - _PIPE + 6, 9)
        font, ink = (_TITLE, ALARM) if leak else (_NUMBER, _INK_3)
        self.text((self.name, y + 24), "Uncovered", _TITLE, ALARM if leak else _INK)
        self.text((self.used, y + 24), self.amount(p.uncovered), font, ink, "right")

    def to_scale(self, y: float) -> float:
        """All capacities and the uncovered rest on one bar, true to scale; gives where it ends."""
        total = sum(tank.capacity or 0 for tank in self.tanks) + self.picture.uncovered
        x, unit, height, seams = _TANKS, (self.end - _TANKS) / (total or 1), 11.0, [_TANKS]
        for tank in self.tanks:
            w, (_, full, room) = (tank.capacity or 0) * unit, PAYER_KINDS[tank.payer]
            self.area(_wall(x, y, w, height), room)
            self.area(_wall(x, y, min(tank.used * unit, w), height), full)
            x += w
            seams += [x] if seams[-1] + 4 < x < self.end - 4 else []
        self.line(_wall(_TANKS, y, self.end - _TANKS, height) * 2, _EDGE, 0.8)
        for seam in seams[1:]:
            self.line([(seam, y - 3), (seam, y + height + 3)], _INK, 0.8)
        if self.picture.uncovered > 0:
            self.stripes(x, y, self.end - x, height)
        scope = "as far as published" if None in {t.capacity for t in self.tanks} else "in all"
        words = f"{self.picture.currency} {self.amount(total)} {scope}"
        self.text((0, y + 9), "To scale", _SMALL, _INK_2)
        self.text((_TANKS, y + height + 14), "0", _SMALL, _INK_2)
        self.text((self.end, y + height + 14), words, _SMALL, _INK_2, "right")
        return y + height + 14

    def legend(self, y: float) -> float:
        """Payers and walls in use, and what widths mean; gives where it ends."""
        x, y = _TANKS, y + 16
        kinds, walls = {t.payer for t in self.tanks}, {_style(t) for t in self.tanks}
        marks: list[Any] = [payer for kind, payer in PAYER_KINDS.items() if kind in kinds]
        lines = [("to be called", None, _DASHED), ("not published", None, _DOTTED)]
        for name, full, style in marks + [line for line in lines if line[2] in walls]:
            if full:
                self.area(_wall(x, y, 14, 11), full)
            else:
                self.line(_wall(x + 0.6, y, 12.8, 10.4), _INK_2, 1.2, style)
            self.text((x + 20, y + 9.5), name, _SMALL, _INK_2)
            x += 20 + self.measure(_SMALL, name) + 18
        note = "Tank widths follow the cube root of capacity."
        y += 19 if x + self.measure(_SMALL, note) > self.end else 0
        self.text((self.end, y + 9.5), note, _SMALL, _INK_3, "right")
        return y + 12


def _spoken(picture: Picture) -> str:
    loss, rest = (
        written(amount, picture.currency, grouped=True) for amount in (picture.loss, picture.uncovered)
    )
    return f"{picture.title}: loss {picture.currency} {loss}, uncovered {picture.currency} {rest}"


def _level(tank: Tank) -> float:
    """How full to draw a tank, from 0 to 1: a touch shows, and full is only in full."""
    if tank.used <= 0 or tank.used == tank.capacity:
        return 1.0 if tank.used > 0 else 0.0
    return min(max(tank.used / tank.capacity, 0.06), 0.93) if tank.capacity else 0.4


def _style(tank: Tank) -> Any:
    """The line of a tank's wall: dotted if its capacity is unknown, dashed if to be called."""
    return _DOTTED if tank.capacity is None else _DASHED if tank.called else "solid"


def _wall(x: float, y: float, w: float, h: float) -> _Points:
    """A tank, open at the top."""
    return [(x, y), (x, y + h), (x + w, y + h), (x + w, y)]


def _tank_widths(ranks: Sequence[Sequence[Tank]], room: float) -> list[list[float]]:
    """Widths by rank and tank in points, by cube root of capacity: 1 : 1,000 shows as 1 : 10.

    One scale for all, such that the widest rank fills the room. Unknown tanks have a fixed width.
    """
    scale = room
    for rank in ranks:
        roots = sum(math.cbrt(tank.capacity or 0) for tank in rank)
        fixed = sum(_TANK_UNKNOWN for t in rank if t.capacity is None) + (len(rank) - 1) * _GAP
        scale = min(scale, max(room - fixed, _TANK_MIN) / max(roots, 1.0))
    rows = []
    for rank in ranks:
        row = [max(_TANK_MIN, math.cbrt(tank.capacity or 0) * scale) for tank in rank]
        row = [_TANK_UNKNOWN if t.capacity is None else w for t, w in zip(rank, row, strict=True)]
        over = max(1.0, sum(row) / (room - (len(row) - 1) * _GAP))
        rows.append([width / over for width in row])
    return rows
