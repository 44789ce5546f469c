"""Pictures: written whole or not at all, the same bytes twice, legible without colour."""

import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from penstock.core.exposure import curve
from penstock.core.money import Currency
from penstock.core.problems import Refused
from penstock.core.replay import replay
from penstock.report.curves import draw_curve
from penstock.report.panels import panels
from penstock.report.picture import Picture, Tank, draw
from penstock.store.scenarios import scenario_from

EUR = Currency("EUR", 2)


def _tank(title: str, used: int, capacity: int | None, payer: str = "members") -> Tank:
    return Tank(title, payer, "3 members", used, capacity, False, "Rules 1", "verified")


def _texts(path: Path) -> str:
    return " ".join(
        node.text or "" for node in ElementTree.fromstring(path.read_text(encoding="utf-8")).iter()
    )


def test_the_picture_says_what_the_result_says(tmp_path: Path) -> None:
    scenario = scenario_from(
        {
            "scenario": "Pictured",
            "currency": "EUR",
            "rulebook": {
                "currency": "EUR",
                "layers": [
                    {"id": "own", "payer": "ccp", "source": "own_capital", "limit": {"amount": "20.00"}},
                    {"id": "fund", "payer": "members", "source": "default_fund", "share": "default_fund"},
                ],
            },
            "resources": {"members": {"X": {}, "A": {"default_fund": "30.00"}}},
            "defaults": [{"member": "X", "at": "2024-05-02T09:00:00Z", "loss_beyond_own_resources": "60.00"}],
        }
    )
    path = tmp_path / "one.svg"
    draw(panels(replay(scenario)), path)
    texts = _texts(path)
    for said in ("Pictured", "60.00", "20.00", "30.00", "10.00", "used in full", "Uncovered"):
        assert said in texts


def test_the_same_values_give_the_same_bytes(tmp_path: Path) -> None:
    picture = Picture("Twice", EUR, 500, "Loss", ((_tank("Fund", 300, 400),), (_tank("More", 0, None),)), 200)
    files = []
    for name in ("one.svg", "two.svg", "one.png", "two.png"):
        draw([picture, picture], tmp_path / name)
        files.append((tmp_path / name).read_bytes())
    assert files[0] == files[1] != files[2] == files[3]


def test_an_unknown_tank_is_told_as_such(tmp_path: Path) -> None:
    draw([Picture("P", EUR, 0, "Loss", ((_tank("Fund", 0, None),),), 0)], tmp_path / "p.svg")
    assert "not published" in _texts(tmp_path / "p.svg")


def test_a_script_that_the_font_lacks_is_drawn_all_the_same(tmp_path: Path) -> None:
    draw([Picture("한맥", EUR, 1, "Loss", ((_tank("기금", 1, 2),),), 0)], tmp_path / "p.png")
    assert (tmp_path / "p.png").stat().st_size > 0


@pytest.mark.parametrize("insured", [False, True])
def test_the_colours_of_a_curve_are_those_of_its_payers(tmp_path: Path, insured: bool) -> None:
    """A member may be called as a layer is; green is for others than members, CCP and defaulter."""
    layers: list[dict[str, Any]] = [
        {"id": "margin", "payer": "defaulter", "source": "initial_margin"},
        {"id": "own", "payer": "ccp", "source": "own_capital", "limit": {"amount": "20.00"}},
        {"id": "fund", "payer": "members", "source": "default_fund", "share": "default_fund"},
    ]
    members: dict[str, dict[str, str]] = {"X": {"initial_margin": "5.00"}, "own": {"default_fund": "9.00"}}
    if insured:
        layers.append(
            {"id": "policy", "payer": "insurer", "source": "insurance", "limit": {"amount": "1.00"}}
        )
    scenario = scenario_from(
        {
            "scenario": "Coloured",
            "currency": "EUR",
            "rulebook": {"currency": "EUR", "layers": layers},
            "resources": {"members": members},
            "defaults": [{"member": "X", "loss": "1.00", "at": "2024-01-01T09:00:00Z"}],
        }
    )
    draw_curve(scenario, curve(scenario), tmp_path / "c.svg")
    picture = (tmp_path / "c.svg").read_text(encoding="utf-8")
    colours = set(re.findall(r"#[0-9a-f]{6}", picture)) - {"#ffffff", "#000000"}
    green = {"#177a64"} if insured else set()
    assert colours == {"#68707c", "#a86d00", "#1565a9", "#b3261e"} | green
    assert "Uncovered" in _texts(tmp_path / "c.svg")


@pytest.mark.parametrize(("name", "code"), [("p.gif", "FILE_TYPE"), ("nowhere/p.svg", "FILE_UNWRITABLE")])
def test_what_cannot_be_written_leaves_nothing(tmp_path: Path, name: str, code: str) -> None:
    with pytest.raises(Refused) as refused:
        draw([Picture("P", EUR, 1, "Loss", ((_tank("Fund", 1, 2),),), 0)], tmp_path / name)
    assert refused.value.code == code
    assert list(tmp_path.rglob("*")) == []


def test_a_picture_that_fails_halfway_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "p.svg"
    picture = Picture("P", EUR, 1, "Loss", ((_tank("Fund", 1, 2),),), 0)
    draw([picture], path)
    before = path.read_bytes()

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("matplotlib.figure.Figure.savefig", full)
    with pytest.raises(Refused) as refused:
        draw([picture], path)
    assert "No space left" in str(refused.value)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
