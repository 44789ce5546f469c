"""JSON Schemas of the two file formats, from the same type hints that the reader follows.

They help an editor and other tools; what only a person's sense can see is for the checker.
"""

from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import date, datetime
from fractions import Fraction
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from penstock.core.amounts import Amount, Cite, Dated, Id, Order, Window
from penstock.core.business_days import Duration
from penstock.core.collateral import Lot
from penstock.core.money import Currency, Money
from penstock.core.rulebook import Country, Figure, Rulebook
from penstock.core.scenario import Basis, Decision, Precedent, Recovered
from penstock.store.circumstances import DEFAULT_WORDS, STATED_WORDS
from penstock.store.reading import AMOUNT_BASES, AMOUNT_WORDS, hints
from penstock.store.scenarios import NEEDED, WORDS

Schema = dict[str, Any]

DRAFT = "https://json-schema.org/draft/2020-12/schema"
_DAY = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
_MONEY = r"^-?(0|[1-9][0-9]*|[1-9][0-9]{0,2}( [0-9]{3})+)(\.[0-9]+)?$"
_SCALARS: dict[Any, Schema] = {
    str: {"type": "string", "minLength": 1},
    bool: {"enum": ["true", "false", True, False]},
    int: {"anyOf": [{"type": "string", "pattern": r"^[1-9][0-9]{0,5}$"}, {"type": "integer", "minimum": 1}]},
    date: {"type": "string", "pattern": _DAY},
    datetime: {"type": "string", "pattern": r"T.*(Z|[+-][0-9]{2}:[0-9]{2})$"},
    Fraction: {"type": "string", "pattern": r"^(0|[1-9][0-9]{0,17})(\.[0-9]{1,18})?$"},
    Duration: {"type": "string", "pattern": r"^[1-9][0-9]{0,4} (day|business_day|month|year|hour)s?$"},
    Money: {"type": "string", "pattern": _MONEY},
    Country: {"type": "string", "pattern": "^[A-Z]{2}$"},
    Id: {"type": "string", "pattern": r"^[a-z][a-z0-9_]{0,63}$"},
}


class _Schemas:
    """Builds schemas, gathering the definitions that they refer to."""

    def __init__(self) -> None:
        self.definitions: dict[str, Schema] = {}

    def of(self, hint: Any) -> Schema:
        """The schema of a value of this type as it is written in a file."""
        for known, schema in _SCALARS.items():
            if hint == known:
                return schema
        if hint == Order:
            one_or_many = {"anyOf": [_SCALARS[str], _many(_SCALARS[str])]}
            return {
                "type": "object",
                "minProperties": 1,
                "maxProperties": 1,
                "additionalProperties": _many(one_or_many),
            }
        origin, inner = get_origin(hint), get_args(hint)
        if origin is Dated:
            return _any(self.of(inner[0]), _dated(self.of(inner[0])))
        if origin in (Union, UnionType):
            return _any(*(self.of(one) for one in inner if one is not NoneType))
        if origin is Literal:
            return {"enum": list(inner)}
        if origin is tuple:
            return _any(_many(self.of(inner[0])), self.of(inner[0]))
        if origin is not None and issubclass(origin, Mapping):
            names = self.of(inner[0])
            return {"type": "object", "propertyNames": names, "additionalProperties": self.of(inner[1])}
        return self._defined(hint)

    def _defined(self, cls: type) -> Schema:
        name = cls.__name__
        if name not in self.definitions:
            self.definitions[name] = {}  # stands for itself while it is built: amounts hold amounts
            self.definitions[name] = self._definition(cls)
        return {"$ref": f"#/$defs/{name}"}

    def _definition(self, cls: type) -> Schema:
        if cls is Currency:
            unit = _map({"code": _SCALARS[str], "decimals": _SCALARS[str] | {"pattern": "^([0-9]|1[0-8])$"}})
            return _any(
                {"type": "string", "pattern": "^[A-Z]{3}$"}, unit | {"required": ["code", "decimals"]}
            )
        if cls is Cite:
            return _any(_SCALARS[str], self._defined(hints(Cite)["citation"]))
        words = self._words(cls)
        if cls is Amount:
            return _any(
                _SCALARS[Id], _map(words) | {"oneOf": [{"required": [base]} for base in AMOUNT_BASES]}
            )
        if cls in (Window, Figure):
            of_amount = self._words(Amount)
            words = {**words, **{word: of_amount[word] for word in AMOUNT_WORDS}}
            if cls is Figure:
                dated = _dated(self._defined(Amount))
                return _any(_SCALARS[Id], _map(words), dated)
        required = [
            f.name.rstrip("_") for f in fields(cls) if f.default is MISSING and f.default_factory is MISSING
        ]
        return _map(words) | ({"required": required} if required else {})

    def _words(self, cls: type) -> dict[str, Schema]:
        """A schema a word; inside an amount each value may have versions, as everywhere."""
        assert is_dataclass(cls)
        found = {}
        for f in fields(cls):
            schema = self.of(hints(cls)[f.name])
            if cls is Amount and f.name in ("amount", "multiple", "most"):
                schema = _any(schema, _dated(schema))
            says = f.metadata.get("says")
            found[f.name.rstrip("_")] = schema | ({"description": says} if says else {})
        return found


def _map(words: Mapping[str, Schema]) -> Schema:
    return {"type": "object", "additionalProperties": False, "properties": dict(words)}


def _all(value: Schema) -> Schema:
    return {"type": "object", "additionalProperties": value}


def _any(*schemas: Schema) -> Schema:
    return schemas[0] if len(schemas) == 1 else {"anyOf": list(schemas)}


def _many(item: Schema) -> Schema:
    return {"type": "array", "items": item}


def _dated(value: Schema) -> Schema:
    return {
        "type": "object",
        "minProperties": 1,
        "propertyNames": {"pattern": _DAY},
        "additionalProperties": value,
    }


def rulebook_schema() -> Schema:
    """The JSON Schema of a rulebook file."""
    schemas = _Schemas()
    root = schemas.of(Rulebook)
    own = schemas.definitions["Rulebook"]
    own["required"] = [*own["required"], "from", "jurisdiction"]
    return {"$schema": DRAFT, "title": "Penstock rulebook", **root, "$defs": schemas.definitions}


def scenario_schema() -> Schema:
    """The JSON Schema of a scenario file. Which fields there are, its rulebook says: any name passes."""
    schemas = _Schemas()
    text = _SCALARS[str]
    inline = schemas.of(Rulebook)
    schemas.definitions["Rulebook"]["required"] = ["currency", "layers"]
    field = _field(schemas)
    party = _all(field)
    accounts = {"type": "object", "properties": {"accounts": _all(party)}}
    members = _all(accounts | {"additionalProperties": field})
    default, event = _default(schemas, field, members), _event(schemas, members)
    resources = {
        "type": "object",
        "properties": {"members": _any(text, members)},
        "additionalProperties": party,
    }
    words: dict[str, Schema] = {
        "scenario": text,
        "currency": schemas.of(Currency),
        "rulebook": _any(text, inline),
        "precedent": schemas.of(Precedent),
        "resources": resources,
        "figures": party,
        "defaults": _any(_many(default), default),
        "events": _any(_many(event), event),
        "note": text,
    }
    assert set(words) == set(WORDS), "every word of a scenario has its schema"
    root = _map(words) | {"required": list(NEEDED)}
    return {"$schema": DRAFT, "title": "Penstock scenario", **root, "$defs": schemas.definitions}


def _field(schemas: _Schemas) -> Schema:
    """One value, or several by segment, by version or by day."""
    text, money = _SCALARS[str], _SCALARS[Money]
    stated: dict[str, Schema] = {
        "amount": money,
        "value": text,
        "collateral": _many(schemas.of(Lot)),
        "unknown": {"enum": ["true", True]},
        "basis": schemas.of(Basis),
        "cite": schemas.of(Cite),
        "why": text,
    }
    assert set(stated) == set(STATED_WORDS), "every word of a value has its schema"
    value = _any(text, _map(stated))
    other_keys = {"not": {"enum": list(STATED_WORDS)}}
    return _any(value, _all(value) | {"minProperties": 1, "propertyNames": other_keys})


def _default(schemas: _Schemas, field: Schema, members: Schema) -> Schema:
    text, time = _SCALARS[str], _SCALARS[datetime]
    loss = _any(field, _all(field))
    words: dict[str, Schema] = {
        "member": text,
        "at": time,
        "notice": time,
        "loss": loss,
        "loss_beyond_own_resources": loss,
        "members": members,
        "decisions": _any(_many(schemas.of(Decision)), schemas.of(Decision)),
        "chain": _all(_all(field)),
        "facts": _all(text),
    }
    assert set(words) == set(DEFAULT_WORDS), "every word of a default has its schema"
    one_loss = [{"required": ["loss"]}, {"required": ["loss_beyond_own_resources"]}]
    return _map(words) | {"required": ["member", "at"], "oneOf": one_loss}


def _event(schemas: _Schemas, members: Schema) -> Schema:
    money = _SCALARS[Money]
    words: dict[str, Schema] = {
        "at": _SCALARS[datetime],
        "paid_in": _all(_all(_any(money, _all(money)))),
        "paid_late": _all(_all(money)),
        "recovered": _any(money, schemas.of(Recovered)),
        "members": members,
    }
    return _map(words) | {"required": ["at"]}
