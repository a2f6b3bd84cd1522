"""The page's messages: what each may hold, checked before anything is done with it.

Contract: `read(text)` returns a `Message` whose fields are all there, of their types and within their limits, or raises
`BadMessage`. PROTOCOL.md is the same in words.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
from collections.abc import Callable
from typing import Any, NamedTuple

MOST_BYTES = 18 * 2**20
"""Of a message: a CSV of 16 MB fits, and a model file of 12."""
MOST_FILE_BYTES = 12 * 2**20
_MOST_NUMBER = 1e9
_MOST_ID = 2**53

Check = Callable[[str, Any], Any]


class BadMessage(ValueError):
    """A message that is no message; `code` is "malformed" or "unknown", `re` its id, if it has one."""

    def __init__(self, message: str, code: str = "malformed", re: int | None = None) -> None:
        super().__init__(message)
        self.code, self.re = code, re


class Message(NamedTuple):
    """What the page says."""

    type: str
    id: int | None
    fields: dict[str, Any]


class Field(NamedTuple):
    """How a field is checked, and its value if it is left out (`...`: it must be there)."""

    check: Check
    default: Any = ...


def _text(most: int) -> Check:
    def check(name: str, value: Any) -> str:
        if not isinstance(value, str) or len(value) > most:
            raise BadMessage(f"{name} must be a text of at most {most:,} characters.")
        return value

    return check


def _whole(low: int, high: int) -> Check:
    def check(name: str, value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise BadMessage(f"{name} must be a whole number from {low} to {high}.")
        return value

    return check


def _number(low: float = -_MOST_NUMBER, high: float = _MOST_NUMBER) -> Check:
    def check(name: str, value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise BadMessage(f"{name} must be a number from {low:g} to {high:g}.")
        return float(value)

    return check


def _boolean(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise BadMessage(f"{name} must be true or false.")
    return value


def _optional(check: Check) -> Check:
    return lambda name, value: None if value is None else check(name, value)


def _list(item: Check, most: int, least: int = 0) -> Check:
    def check(name: str, value: Any) -> list[Any]:
        if not isinstance(value, list) or not least <= len(value) <= most:
            raise BadMessage(f"{name} must be a list of {least} to {most:,} values.")
        return [item(name, each) for each in value]

    return check


def _changes(name: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict) or len(value) > 60:
        raise BadMessage(f"{name} must be a table of controls and their values.")
    return value


def _place(name: str, value: Any) -> dict[str, int]:
    if not isinstance(value, dict) or set(value) != {"layer", "unit"}:
        raise BadMessage(f"{name} must have a layer and a unit.")
    return {"layer": _whole(0, 20)(name, value["layer"]), "unit": _whole(0, 255)(name, value["unit"])}


def _base64(most: int) -> Check:
    def check(name: str, value: Any) -> bytes:
        if not isinstance(value, str) or len(value) > 4 * (most // 3 + 1):
            raise BadMessage(f"{name} must be a text in base64, of at most {most:,} bytes.")
        try:
            return base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError):
            raise BadMessage(f"{name} is not in base64.") from None

    return check


_column = _text(80)
_columns = {
    "target": Field(_optional(_column), None),
    "map": Field(_optional(_list(_column, 2, 2)), None),
    "inputs": Field(_optional(_list(_column, 50)), None),
}
_hidden = _list(_whole(1, 256), 3)

MESSAGES: dict[str, dict[str, Field]] = {
    "hello": {"session": Field(_optional(_text(100)), None), "fragment": Field(_text(100_000), "")},
    "set": {"changes": Field(_changes)},
    "open": {"fragment": Field(_text(100_000))},
    "run": {},
    "pause": {},
    "step": {"epochs": Field(_whole(1, 10_000), 1)},
    "rewind": {},
    "reset": {},
    "reseed": {"seed": Field(_whole(0, 2**32 - 1))},
    "regenerate": {},
    "frame": {
        "since": Field(_whole(-1, 2**53), -1),
        "maps": Field(_boolean, True),
        "map_size": Field(_whole(4, 40), 20),
        "unit": Field(_optional(_place), None),
        "output_size": Field(_whole(4, 120), 100),
        "histograms": Field(_boolean, False),
        "test": Field(_boolean, True),
    },
    "weight": {
        "layer": Field(_whole(0, 20)),
        "from": Field(_whole(0, 255)),
        "to": Field(_whole(0, 255)),
        "value": Field(_number(-1e6, 1e6)),
    },
    "bias": {"layer": Field(_whole(0, 20)), "unit": Field(_whole(0, 255)), "value": Field(_number(-1e6, 1e6))},
    "csv": {"text": Field(_text(16 * 2**20)), "name": Field(_text(300), ""), **_columns},
    "columns": _columns,
    "add": {"points": Field(_list(_list(_number(), 3, 3), 1000, 1))},
    "erase": {"x": Field(_number()), "y": Field(_number()), "radius": Field(_number(0))},
    "clear": {},
    "trace": {"point": Field(_list(_number(), 2, 2)), "target": Field(_number())},
    "diagnose": {},
    "code": {},
    "export": {"format": Field(_text(30))},
    "load": {"base64": Field(_base64(MOST_FILE_BYTES)), "name": Field(_text(300), "")},
    "bye": {},
    "digits.open": {"data": Field(_text(20), "digits")},
    "digits.set": {
        "hidden": Field(_optional(_hidden), None),
        "activation": Field(_optional(_text(30)), None),
        "learningRate": Field(_optional(_number(0, 100)), None),
        "batchSize": Field(_optional(_whole(1, 1000)), None),
        "optimizer": Field(_optional(_text(30)), None),
        "dropout": Field(_optional(_number(0, 0.9)), None),
    },
    "digits.run": {},
    "digits.pause": {},
    "digits.reset": {},
    "digits.frame": {},
    "digits.draw": {
        "width": Field(_whole(8, 400)),
        "height": Field(_whole(8, 400)),
        "base64": Field(_base64(400 * 400)),
    },
    "digits.unit": {"layer": Field(_whole(1, 3)), "unit": Field(_whole(0, 255))},
}
"""The fields of every message."""


def read(text: Any) -> Message:
    """Read and check a message.

    Raises
    ------
    BadMessage
        If it is not one of `MESSAGES` with its fields.
    """
    if not isinstance(text, str):
        raise BadMessage("Messages are texts.")
    try:
        data = json.loads(text, parse_constant=_refuse, parse_int=_int)
    except (ValueError, RecursionError):
        raise BadMessage("The message is not JSON.") from None
    if not isinstance(data, dict):
        raise BadMessage("A message must be a table with a type.")
    re = data.pop("id", None)
    if re is not None and (isinstance(re, bool) or not isinstance(re, int) or not 0 <= re < _MOST_ID):
        raise BadMessage("id must be a whole number.")
    kind = data.pop("type", None)
    if not isinstance(kind, str) or kind not in MESSAGES:
        raise BadMessage(f"There is no message {str(kind)[:40]!r}.", "unknown", re)
    fields = MESSAGES[kind]
    for name in data:
        if name not in fields:
            raise BadMessage(f"The message {kind} has no field {name[:40]!r}.", re=re)
    values = {}
    for name, field in fields.items():
        if name in data:
            try:
                values[name] = field.check(name, data[name])
            except BadMessage as error:
                raise BadMessage(f"{kind}: {error}", re=re) from None
        elif field.default is ...:
            raise BadMessage(f"The message {kind} lacks {name}.", re=re)
        else:
            values[name] = field.default
    return Message(kind, re, values)


def _refuse(name: str) -> Any:
    raise ValueError(name)


def _int(text: str) -> int | float:
    """A whole number; one of more digits than anything here needs becomes a float, which is checked like all."""
    return int(text) if len(text) < 20 else float(text) if math.isfinite(float(text)) else _refuse(text)
