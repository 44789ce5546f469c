"""Two waterfalls on the same scenarios, against pouring every scenario twice in plain Python."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app_files import folder_of
from penstock.app import jobs, keeping, simulating
from penstock.app.cli import main
from penstock.core.problems import Refused
from penstock.sim import comparing, engine, reference
from penstock.sim.comparing import SUM_FIRST
from penstock.sim.comparison import Comparison, comparison, pair
from penstock.sim.tally import total
from penstock.store.model_files import load_model

COUNT = 3000


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[simulating.Ready, simulating.Ready]:
    """The same service with 10m and with 20m of own capital, and calls that the second has not."""
    path = folder_of(tmp_path_factory.mktemp("first"))
    other = folder_of(tmp_path_factory.mktemp("second"))
    scenario = other.with_name("scenario.yaml")
    text = scenario.read_text(encoding="utf-8").replace('amount: "10000000"', 'amount: "20000000"')
    scenario.write_text(text.replace('multiple: "1"', 'multiple: "0"'), encoding="utf-8")
    return simulating.ready(load_model(path)), simulating.ready(load_model(other))


def plain(one: simulating.Ready, other: simulating.Ready, seed: int) -> dict[str, tuple[float, ...]]:
    """By payer: how often only the first, only the second pays; both sums; the squares of the difference."""
    found: dict[str, list[int]] = {}
    for number in range(COUNT):
        drawn = reference.scenario(one.engine.model, seed, number)
        sides = []
        for each in (one, other):
            poured = reference.poured(each.waterfall, each.engine.model, seed, drawn)
            sums = {"uncovered": poured.uncovered, "members": 0}
            for layer, used in zip(each.waterfall.layers, poured.used, strict=True):
                sums[layer.kind] = sums.get(layer.kind, 0) + used
                sums["members"] += used if layer.payer == "members" else 0
            for i, name in enumerate(each.waterfall.members):
                sums[name] = sum(paid.get(i, 0) for paid in poured.paid.values())
            sides.append(sums)
        for name in sides[0]:
            a, b = sides[0][name], sides[1][name]
            row = found.setdefault(name, [0] * 5)
            now = (a > 0 == b, b > 0 == a, a, b, (a - b) ** 2)
            found[name] = [old + new for old, new in zip(row, now, strict=True)]
    return {name: tuple(row) for name, row in found.items()}


def found_in(both: tuple[simulating.Ready, simulating.Ready], seed: int = 5) -> Comparison:
    """The comparison of all scenarios, by two workers in blocks."""
    together = pair(both[0].engine, both[1].engine)
    run = keeping.Run(together, seed, COUNT, 271)
    with jobs.pool_of(together, 2) as pool:
        assert run.go(pool)
    return comparison(together, run.tally)


def test_a_comparison_is_that_of_every_scenario_poured_twice(
    both: tuple[simulating.Ready, simulating.Ready],
) -> None:
    """Counts, means, and the interval of the difference from its exact second moment."""
    expected = plain(*both, seed=5)
    found = found_in(both)
    checked = 0
    for one in (*found.payers, *found.members):
        if one.name not in expected:
            assert not any(one.means)
            continue
        only_a, only_b, a, b, squares = expected[one.name]
        assert one.means == (a / COUNT, b / COUNT)
        assert one.likelier.value == (only_a - only_b) / COUNT
        assert one.difference.value == pytest.approx((a - b) / COUNT)
        error = np.sqrt((squares / COUNT - ((a - b) / COUNT) ** 2) / COUNT)
        half = (one.difference.high - one.difference.low) / 2
        assert half == pytest.approx(1.959963984540054 * error, rel=1e-9)
        assert one.likelier.low <= one.likelier.value <= one.likelier.high
        checked += a != b
    assert checked > 8, "the two do differ"


def test_the_difference_is_known_far_better_than_the_two(
    both: tuple[simulating.Ready, simulating.Ready],
) -> None:
    """That is what common random numbers are for; with other numbers for one of the two it is not so."""
    found = {one.name: one for one in found_in(both).payers}["other"]
    half = (found.difference.high - found.difference.low) / 2
    same = found_in((both[0], both[0]))
    assert all(one.difference.value == 0 == one.difference.high for one in same.payers)
    apart = {one.name: one for one in found_in(both, seed=6).payers}["other"]
    assert abs(found.means[0] - apart.means[0]) > 0, "the control: other scenarios, other means"
    assert half < abs(found.difference.value)


def test_a_range_of_any_length_is_carried_in_between(
    both: tuple[simulating.Ready, simulating.Ready], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same bits in steps of 64 scenarios; and sums that a step fills to the brim stay exact."""
    together = pair(both[0].engine, both[1].engine)
    whole = together.run(5, 3, COUNT)
    monkeypatch.setattr(engine, "MOST", 64)
    steps: list[int] = []
    compare = comparing.compare

    def watched(*words: Any) -> Any:
        steps.append(words[-1])
        return compare(*words)

    monkeypatch.setattr(comparing, "compare", watched)
    assert all(np.array_equal(a, b) for a, b in zip(together.run(5, 3, COUNT), whole, strict=True))
    assert (max(steps), sum(steps)) == (64, COUNT)
    monkeypatch.setattr(engine, "MOST", 2**26)

    def brim(*words: Any) -> None:
        """As many as there can be, each of 2^32 - 1 in the low limb."""
        words[3].payers[:, SUM_FIRST] += words[-1] * (2**32 - 1)

    monkeypatch.setattr(comparing, "compare", brim)
    count = 100 * 2**26
    assert all(total(row[SUM_FIRST:]) == count * (2**32 - 1) for row in together.run(5, 0, count).payers)
    at_once = together.nothing()
    with np.errstate(over="ignore"):
        for _ in range(100):
            brim(None, None, None, at_once, 2**26)
    assert total(at_once.payers[0, SUM_FIRST:]) != count * (2**32 - 1), "the control: without carries"


def test_two_models_are_not_compared(both: tuple[simulating.Ready, simulating.Ready], tmp_path: Path) -> None:
    """Only rules and resources may differ."""
    path = folder_of(tmp_path)
    risk = path.with_name("risk.csv")
    risk.write_text(risk.read_text(encoding="utf-8").replace("ALPHA,0.04", "ALPHA,0.05"), encoding="utf-8")
    other = simulating.ready(load_model(path))
    with pytest.raises(Refused, match="more than rules and resources"):
        pair(both[0].engine, other.engine)
    assert pair(both[0].engine, both[1].engine).digest != pair(both[1].engine, both[0].engine).digest


def test_the_command_prints_and_gives_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], both: tuple[simulating.Ready, simulating.Ready]
) -> None:
    """With another file, or the same under another rulebook; not with both, nor with nothing."""
    path = folder_of(tmp_path / "a")
    other = folder_of(tmp_path / "b")
    words = ["compare", str(path), str(other), "--scenarios", "2000", "--seed", "5"]
    with pytest.raises(SystemExit) as left:
        main([*words, "--json"])
    assert left.value.code == 0
    said = json.loads(capsys.readouterr().out)
    assert {one["mean_difference"]["estimate"] for one in said["payers"]} == {"0.00"}
    with pytest.raises(SystemExit) as left:
        main(words)
    assert left.value.code == 0
    assert "members, default fund" in capsys.readouterr().out
    with pytest.raises(SystemExit) as left:
        main([*words[:3], "--scenarios", "1", "--seed", "3"])
    assert left.value.code == 0
    for wrong in (words[:2], [*words[:3], "--under", "nasdaq/commodities"]):
        with pytest.raises(SystemExit) as left:
            main(wrong)
        assert left.value.code == 2
