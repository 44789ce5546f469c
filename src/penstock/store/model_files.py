"""Simulation files: a scenario, and how likely its members default with which losses.

    model.yaml  +  a table, a row a member   ->   ModelFile, every mistake with its place

The circumstances of the scenario's first default are those of every simulated one; its loss is not read.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path as FilePath

from penstock.core.money import Currency, parse
from penstock.core.problems import Path, Problem, Refused
from penstock.core.scenario import Scenario
from penstock.store.documents import Many, Map, Node, Scalar
from penstock.store.documents import parse as parse_document
from penstock.store.reading import Reader
from penstock.store.rulebooks import position, read_bytes
from penstock.store.scenarios import load_scenario
from penstock.store.tables import read_table
from penstock.store.values import Unreadable

WORDS = ("simulation", "scenario", "members", "copula", "losses", "correlations", "note")
MARKET = "market"
"""The market factor's name among the correlations."""
FEWEST, MOST_DEGREES = Fraction(1, 10), 1000
"""Degrees of freedom."""

LARGEST = 2**50
"""The largest loss that is drawn, in minor units."""

_BIDS = ("bid_none", "bid_poor", "bid_good", "bid_winner")
COLUMNS = {
    "probability": "number",
    "correlation": "number",
    "block": "word",
    "loss_scale": "money",
    "loss_volatility": "money",
    "loss_start": "money",
    "market": "number",
    "wrong_way": "number",
    "jump": "number",
    "unable": "number",
    **dict.fromkeys(_BIDS, "number"),
    "gains_up": "money",
    "gains_down": "money",
}
"""Of the table: the columns beside ``member``."""
_RANGES = {
    "probability": (0, 1),
    "correlation": (0, 1),
    "market": (-1, 1),
    "wrong_way": (-1, 1),
    "jump": (-100, 100),
    "unable": (0, 1),
    **dict.fromkeys(_BIDS, (0, 1)),
}
_SIGNED = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,18})?")


@dataclass(frozen=True, slots=True)
class RiskRow:
    """What is said of one member: numbers by column, its block, amounts in minor units by column."""

    member: str
    place: str
    block: str
    numbers: Mapping[str, Fraction]
    amounts: Mapping[str, int]

    def number(self, name: str) -> Fraction:
        """The number under a column; zero where none stands."""
        return self.numbers.get(name, Fraction(0))

    @property
    def bids(self) -> tuple[Fraction, ...] | None:
        """The chances of none, poor, good and winner, what is left being good; None where none is said."""
        if not self.numbers.keys() & set(_BIDS):
            return None
        none, poor, good, winner = (self.number(name) for name in _BIDS)
        return none, poor, good + 1 - (none + poor + good + winner), winner


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A simulation as it is written.

    ``degrees`` None: a Gaussian copula; ``shared``: losses have the mixing of the copula.
    """

    title: str
    scenario: Scenario
    rows: tuple[RiskRow, ...]
    degrees: Fraction | None = None
    tail: str = "normal"
    tail_degrees: Fraction | None = None
    shared: bool = False
    tail_index: Fraction = Fraction(0)
    correlations: Mapping[tuple[str, str], Fraction] = field(default_factory=dict)
    place: str = ""
    """Where its correlations stand."""

    def blocks(self) -> tuple[str, ...]:
        """The blocks in byte order."""
        return tuple(sorted({row.block for row in self.rows}))


def load_model(path: FilePath, rulebooks: Sequence[FilePath] = (), under: str = "") -> ModelFile:
    """The simulation in the file; Refused with every mistake of the file, of its scenario or of its table.

    ``rulebooks`` and ``under`` as for ``load_scenario``.
    """
    reader = Reader(parse_document(read_bytes(path, "simulation"), str(path)), "MODEL")
    try:
        found = _read(reader, path.parent, rulebooks, under)
    except Unreadable:
        found = None
    if reader.problems:
        raise Refused(sorted(reader.problems, key=position))
    assert found is not None
    return found


def _read(reader: Reader, beside: FilePath, rulebooks: Sequence[FilePath], under: str) -> ModelFile:
    root = reader.words(reader.document.root, (), WORDS, "a simulation")
    for word in ("simulation", "scenario", "members"):
        if word not in root.items:
            reader.problem("MISSING", (word,), root, f"a simulation needs {word!r}", f"{word}: ...")
    if reader.problems:
        raise Unreadable
    title = reader.text(root.items["simulation"], ("simulation",))
    scenario = _scenario(reader, root.items["scenario"], beside, rulebooks, under)
    degrees = _copula(reader, root.items.get("copula"))
    losses = _losses(reader, root.items.get("losses"), degrees)
    rows = _rows(reader, root.items["members"], beside, scenario, losses)
    found = ModelFile(title, scenario, rows, degrees, *losses)
    told = _correlations(reader, root.items.get("correlations"), (*found.blocks(), MARKET))
    return ModelFile(title, scenario, rows, degrees, *losses, told, reader.document.place(("correlations",)))


def _scenario(
    reader: Reader, node: Node, beside: FilePath, rulebooks: Sequence[FilePath], under: str
) -> Scenario:
    path: Path = ("scenario",)
    file = beside / reader.text(node, path)
    try:
        scenario = load_scenario(file, rulebooks, under)
    except Refused as refused:
        if refused.problems[0].code == "FILE_NOT_FOUND":
            raise reader.adopt(refused, path, node) from None
        raise
    if not scenario.defaults:
        says = "the scenario has no default whose time and circumstances the simulated ones could have"
        raise reader.problem("SCENARIO", path, node, says, "one default in it; its loss is not read")
    return scenario


def _copula(reader: Reader, node: Node | None) -> Fraction | None:
    if node is None:
        return None
    path: Path = ("copula",)
    map_ = reader.words(node, path, ("kind", "degrees_of_freedom"), "a copula")
    kind = reader.choice(("gaussian", "student_t"), map_.items.get("kind", Scalar("student_t")), path)
    if kind == "gaussian":
        if "degrees_of_freedom" in map_.items:
            raise reader.problem("DEGREES", path, map_, "a Gaussian copula has none", "kind: student_t")
        return None
    return _degrees(reader, map_, path)


def _degrees(reader: Reader, map_: Map, path: Path) -> Fraction:
    if "degrees_of_freedom" not in map_.items:
        says = "degrees_of_freedom are not said"
        raise reader.problem("MISSING", path, map_, says, 'degrees_of_freedom: "4"')
    node = map_.items["degrees_of_freedom"]
    degrees = reader.number(node, (*path, "degrees_of_freedom"))
    if not FEWEST <= degrees <= MOST_DEGREES:
        says = "degrees of freedom lie from 0.1 up to 1000"
        raise reader.problem("DEGREES", path, node, says, "4, for one; gaussian for very many")
    return degrees


def _losses(
    reader: Reader, node: Node | None, copula: Fraction | None
) -> tuple[str, Fraction | None, bool, Fraction]:
    """The tail of the losses, its degrees of freedom, whether it shares the copula's mixing, its index."""
    if node is None:
        return "normal", None, False, Fraction(0)
    path: Path = ("losses",)
    map_ = reader.words(node, path, ("tail", "degrees_of_freedom", "mixing", "index"), "losses")
    tail = reader.choice(("normal", "student_t", "pareto"), map_.items.get("tail", Scalar("normal")), path)
    allowed = {"normal": (), "student_t": ("degrees_of_freedom", "mixing"), "pareto": ("index",)}[tail]
    for word in map_.items:
        if word not in ("tail", *allowed):
            says = f"a {tail} tail has no {word}"
            raise reader.problem("WORD", (*path, word), map_.keys[word], says, f"no {word}")
    if tail == "normal":
        return tail, None, False, Fraction(0)
    if tail == "pareto":
        index = reader.number(map_.items["index"], (*path, "index")) if "index" in map_.items else Fraction(0)
        if index >= 1:
            says = "with an index of 1 or more the mean loss is infinite"
            raise reader.problem("INDEX", (*path, "index"), map_, says, "below 1")
        return tail, None, False, index
    if {"mixing", "degrees_of_freedom"} <= set(map_.items):
        says = "the mixing of the copula has the degrees of freedom of the copula"
        raise reader.problem("DEGREES", (*path, "degrees_of_freedom"), map_, says, "one of the two")
    if "mixing" in map_.items:
        reader.choice(("copula",), map_.items["mixing"], (*path, "mixing"))
        if copula is None:
            says = "a Gaussian copula has no mixing to share"
            raise reader.problem("MIXING", (*path, "mixing"), map_, says, "copula: {degrees_of_freedom: ...}")
        if copula <= 1:
            raise _no_mean(reader, map_, path)
        return tail, copula, True, Fraction(0)
    degrees = _degrees(reader, map_, path)
    if degrees <= 1:
        raise _no_mean(reader, map_, path)
    return tail, degrees, False, Fraction(0)


def _no_mean(reader: Reader, map_: Map, path: Path) -> Unreadable:
    says = "with one degree of freedom or less the mean loss is infinite"
    return reader.problem("DEGREES", path, map_, says, "more than 1, more than 2 for a variance")


def _correlations(
    reader: Reader, node: Node | None, names: Sequence[str]
) -> Mapping[tuple[str, str], Fraction]:
    """Between the factors of two blocks, or of a block and the market; each pair once, in byte order."""
    if node is None:
        return {}
    found: dict[tuple[str, str], Fraction] = {}
    for i, item in enumerate(node.items if isinstance(node, Many) else (node,)):
        path: Path = ("correlations", i)
        map_ = reader.words(item, path, ("between", "is"), "a correlation")
        if set(map_.items) != {"between", "is"}:
            raise reader.problem("MISSING", path, map_, "a correlation says both", "between: and is:")
        pair = reader.read(tuple[str, ...], map_.items["between"], (*path, "between"))
        unknown = [name for name in pair if name not in names]
        if unknown or len(set(pair)) != 2:
            says = f"{unknown[0]!r} is neither a block nor {MARKET}" if unknown else "not two blocks"
            raise reader.problem("BLOCK", path, map_, says, "two of " + ", ".join(names))
        value = _signed(reader.text(map_.items["is"], (*path, "is")))
        if value is None or abs(value) > 1:
            raise reader.problem("RANGE", path, map_, "no number from -1 to 1", '"0.3"')
        first, second = sorted(pair, key=names.index)
        if (first, second) in found:
            raise reader.problem("TWICE", path, map_, f"{first} and {second} stand twice", "them once")
        found[first, second] = value
    return found


def _signed(text: str) -> Fraction | None:
    return Fraction(text) if _SIGNED.fullmatch(text) else None


# --- the table ----------------------------------------------------------------------------------------


def _rows(
    reader: Reader,
    node: Node,
    beside: FilePath,
    scenario: Scenario,
    losses: tuple[str, Fraction | None, bool, Fraction],
) -> tuple[RiskRow, ...]:
    path: Path = ("members",)
    file = beside / reader.text(node, path)
    try:
        table = read_table(file, COLUMNS, scenario.currency)
    except Refused as refused:
        raise reader.adopt(refused, path, node) from None
    problems: list[Problem] = []
    rows: dict[str, RiskRow] = {}
    for name, cells in table:
        row = _row(name, cells, scenario.currency, problems)
        known = scenario.members
        at = row.place
        if row.member in rows:
            problems.append(Problem("MODEL_TWICE", (), f"{row.member} stands twice", "it once", place=at))
        elif row.member not in known:
            says = f"{row.member} is no member of the scenario"
            problems.append(Problem("MODEL_UNKNOWN", (), says, "a member of its resources", place=at))
        rows[row.member] = row
        problems += _senseless(row, losses)
    if any("gains_up" in row.amounts for row in rows.values()):
        for row in rows.values():
            if not row.amounts.keys() & {"gains_up", "gains_down"}:
                says = f"{row.member} has no gains, others have"
                instead = "gains in every row, 0 where there are none"
                problems.append(Problem("MODEL_ROW", (), says, instead, place=row.place))
    missing = sorted(set(scenario.members) - set(rows))
    if missing and not problems:
        says = f"no row for {', '.join(missing[:5])}{', ...' if len(missing) > 5 else ''}"
        instead = 'a row a member; probability "0" for one that never defaults'
        problems.append(Problem("MODEL_MISSING", (), says, instead, place=str(file)))
    if problems:
        reader.adopt(Refused(problems), path, node)
        raise Unreadable
    return tuple(rows.values())


def _row(name: str, cells: Mapping[str, Scalar], unit: Currency, problems: list[Problem]) -> RiskRow:
    numbers: dict[str, Fraction] = {}
    amounts: dict[str, int] = {}
    for column, cell in cells.items():
        at = f"{name}:{cell.line}:{cell.column}"
        kind = COLUMNS.get(column)
        if kind == "number":
            value = _signed(cell.text.strip())
            low, high = _RANGES[column]
            if value is None or not low <= value <= high:
                says = f"{column} {cell.text!r} is no number from {low} to {high}"
                problems.append(Problem("MODEL_NUMBER", (), says, '"0.01", for one', place=at))
            else:
                numbers[column] = value
        elif kind == "money":
            try:
                amounts[column] = parse(cell.text.strip(), unit)
            except Refused as refused:
                one = refused.problems[0]
                problems.append(Problem(one.code, (), one.says, one.instead, place=at))
    member = cells["member"]
    block = cells["block"].text if "block" in cells else ""
    return RiskRow(member.text, f"{name}:{member.line}:{member.column}", block, numbers, amounts)


def _senseless(row: RiskRow, losses: tuple[str, Fraction | None, bool, Fraction]) -> list[Problem]:
    """What cannot be meant in one row."""
    tail, degrees, _, index = losses
    found: list[tuple[str, str]] = []
    if "probability" not in row.numbers:
        found.append((f"{row.member} has no probability", 'a probability such as "0.01"'))
    if ("loss_scale" in row.amounts) == ("loss_volatility" in row.amounts):
        found.append((f"{row.member} has neither or both of loss_scale and loss_volatility", "one of them"))
    if "loss_volatility" in row.amounts:
        if tail == "student_t" and degrees is not None and degrees <= 2:
            says = f"with {float(degrees):g} degrees of freedom a loss has no volatility"
            found.append((says, "more than 2 degrees, or loss_scale"))
        if tail == "pareto" and 2 * index >= 1:
            found.append(("with an index of 0.5 or more a loss has no volatility", "loss_scale"))
    if any(amount < 0 for name, amount in row.amounts.items() if name != "loss_start"):
        found.append((f"{row.member} has a negative amount", "zero or more; only loss_start may be below"))
    if row.block == MARKET:
        found.append((f"a block may not be called {MARKET}: that is the market factor", "another name"))
    if any(abs(amount) > LARGEST for name, amount in row.amounts.items() if name.startswith("loss_")):
        found.append((f"{row.member} has losses beyond 2^50 minor units", "amounts in a larger unit"))
    if float(row.number("correlation")) == 1:
        found.append((f"{row.member} has a correlation of 1", "below 1: its own part is needed"))
    bids = row.bids
    if bids and (sum(bids) != 1 or min(bids) < 0):
        found.append((f"the chances of {row.member}'s bids add up to more than 1", "at most 1"))
    if len(row.amounts.keys() & {"gains_up", "gains_down"}) == 1:
        found.append((f"{row.member} has one of gains_up and gains_down", "both, 0 where there are none"))
    return [Problem("MODEL_ROW", (), says, instead, place=row.place) for says, instead in found]
