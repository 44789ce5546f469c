"""Pictures: written whole or not at all, the same bytes twice, legible without colour."""

from pathlib import Path
from xml.etree import ElementTree

import pytest

from penstock.core.money import Currency
from penstock.core.problems import Refused
from penstock.core.replay import replay
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
