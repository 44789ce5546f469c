"""Pictures of sizings: amounts at the points, days as steps, segments by name."""

import re
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import pytest

from penstock.core.money import currency
from penstock.report.frontier import draw_frontier
from penstock.report.size_pictures import MEMBERS, draw_sizes
from penstock.report.sizes import Day, History, Own, Sized
from penstock.sim.stress import Cover

EUR = currency("EUR")


def covers(*amounts: int) -> list[Cover]:
    return [Cover(n, amount, "s", ("A",)) for n, amount in enumerate(amounts, 1)]


SIZED = Sized(
    scenarios=1,
    members=3,
    groups=3,
    covers=covers(3_400, 6_400, 6_600),
    emir=covers(3_400)[0],
    standard=2,
    own=Own(500),
    fund=5_900,
    binding="s",
    defaulters=("A", "B"),
    contributions={"A": 5_900},
)


def drawn(sized: Sized, path: Path) -> str:
    draw_sizes({"": sized}, EUR, path)
    return path.read_text(encoding="utf-8")


def texts(picture: str) -> list[str]:
    return [
        "".join(one.itertext())
        for one in ElementTree.fromstring(picture).iter("{http://www.w3.org/2000/svg}text")
    ]


def lines(picture: str, colour: str) -> list[list[tuple[float, float]]]:
    """The points of the lines of one colour."""
    found = []
    for path, style in re.findall(r'<path d="([^"]+)"[^>]*style="([^"]*)"', picture):
        if f"stroke: {colour}" in style and "fill: none" in style:
            numbers = [float(one) for one in re.findall(r"-?[0-9.]+", path)]
            found.append(list(zip(numbers[::2], numbers[1::2], strict=True)))
    return found


def test_the_points_of_the_cover_curve_have_their_amounts(tmp_path: Path) -> None:
    told = texts(drawn(SIZED, tmp_path / "p.svg"))
    assert {"34.00", "64.00", "66.00"} <= set(told)
    assert "Fund and own capital, 64.00" in told
    told = texts(drawn(replace(SIZED, own=Own(0)), tmp_path / "p.svg"))
    assert "Fund, 59.00" in told


def test_where_there_is_no_room_for_all_amounts_some_stand_there(tmp_path: Path) -> None:
    amounts = [10**14 + n for n in range(30)]
    told = texts(drawn(replace(SIZED, covers=covers(*amounts)), tmp_path / "p.svg"))
    shown = [text for text in told if text.startswith("1,000,000,000,000.")]
    assert 3 <= len(shown) <= 5
    assert "1,000,000,000,000.00" in shown


@pytest.mark.parametrize("gap", [1, 30])
def test_the_fund_over_days_is_drawn_in_steps(tmp_path: Path, gap: int) -> None:
    """Needs hold until the next day, and the last is seen as well: nothing goes up or down aslant."""
    first, needs = date(2024, 1, 30), [64, 25, 22, 40]
    days = tuple(
        Day(first + timedelta(days=gap * i), 1, covers(need)[0], need, 70) for i, need in enumerate(needs)
    )
    picture = drawn(replace(SIZED, history=History(3, days, {})), tmp_path / "p.svg")
    steps = max(lines(picture, MEMBERS), key=len)
    assert all(x == u or y == v for (x, y), (u, v) in pairwise(steps))
    heights = [y for i, (_, y) in enumerate(steps) if i == 0 or y != steps[i - 1][1]]
    assert len(heights) == 4
    assert heights[0] < heights[3] < heights[1] < heights[2]  # downwards on the page
    assert steps[-1][0] > next(x for x, y in steps if y == steps[-1][1])
    told = texts(picture)
    assert {"2024-01-30", "The fund, largest need of 3 days"} <= set(told)
    single = drawn(replace(SIZED, history=History(1, days[:1], {})), tmp_path / "p.svg")
    assert "The fund, largest need of 1 day" in texts(single)


def test_segments_have_curves_of_their_own(tmp_path: Path) -> None:
    both = replace(SIZED, segments={"rates": covers(3_000, 3_200), "power": covers(100)})
    assert {"rates alone", "power alone", "All segments"} <= set(texts(drawn(both, tmp_path / "p.svg")))
    assert "Largest defaults" in texts(drawn(SIZED, tmp_path / "p.svg"))


def test_a_frontier_is_level_for_each_number_of_defaults(tmp_path: Path) -> None:
    """A layer that no severity exhausts is left out; the last one that is drawn has the colour of alarm."""
    layers = [("own capital", [(1, 0.6), (2, 0.5)]), ("the fund", [(2, 1.5)]), ("the fund and the calls", [])]
    draw_frontier(layers, tmp_path / "f.svg")
    picture = (tmp_path / "f.svg").read_text(encoding="utf-8")
    assert {"exhausts nothing", "exhausts own capital", "exhausts the fund"} <= set(texts(picture))
    assert "exhausts the fund and the calls" not in texts(picture)
    (own,) = [line for line in lines(picture, "#a86d00") if len(line) == 4]
    (fund,) = [line for line in lines(picture, "#b3261e") if len(line) == 2]
    assert own[0][1] == own[1][1] < own[2][1] == own[3][1]
    assert (fund[0][0], fund[1][0]) == (own[2][0], own[3][0])
    assert fund[0][1] == fund[1][1] < own[0][1]
