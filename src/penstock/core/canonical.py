"""One canonical form of values as bytes, and its hash.

Dataclasses become maps of the fields that differ from their defaults, so a field added later does
not change the hash of what was written before it. Map keys are sorted by code point; everything else
keeps its order. Integers, fractions and dates are written as strings: no reader can lose a digit.
"""

import json
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import date, datetime
from fractions import Fraction
from hashlib import sha256
from typing import Any


def plain(value: Any) -> Any:
    """``value`` as maps, lists, strings, booleans and None.

    Raises TypeError for a float or any other type that has no exact canonical form.
    """
    if value is None or isinstance(value, (str, bool)):
        return value
    if isinstance(value, (int, Fraction)):
        return str(value)
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name.rstrip("_"): plain(getattr(value, f.name)) for f in fields(value) if _said(value, f)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [plain(item) for item in value]
    raise TypeError(f"{type(value).__name__} has no canonical form")


def _said(value: Any, f: Any) -> bool:
    default = f.default_factory() if f.default_factory is not MISSING else f.default
    return default is MISSING or getattr(value, f.name) != default


def encode(value: Any) -> bytes:
    """The canonical bytes: JSON, keys sorted, no spaces, UTF-8."""
    text = json.dumps(plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode("utf-8")


def digest(value: Any) -> str:
    """SHA-256 of the canonical bytes, in hexadecimal."""
    return sha256(encode(value)).hexdigest()
