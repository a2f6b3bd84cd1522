"""The columns of an encoder as JSON values, and back: what a model file says of them, checked to the last field."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from pellucid.encoding.dates import ORDERS, PARTS
from pellucid.encoding.encoded import FORMS, BooleanColumn, CategoryColumn, DateColumn, EncodedColumn, NumberColumn
from pellucid.validation import check_choice

_CLASSES: dict[str, type[EncodedColumn]] = {
    "number": NumberColumn,
    "date": DateColumn,
    "boolean": BooleanColumn,
    "category": CategoryColumn,
}
_KINDS = {cls: kind for kind, cls in _CLASSES.items()}


def plain_column(column: EncodedColumn) -> dict[str, Any]:
    """The table that stands for a column of an encoder; floats are exact."""
    return {"kind": _KINDS[type(column)], **_lists(asdict(column))}


def _lists(values: dict[str, Any]) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


def column_from(data: Any) -> EncodedColumn:
    """The column that a table stands for.

    Raises
    ------
    ValueError
        If something in it is not what it should be.
    """
    if not isinstance(data, Mapping) or not isinstance(data.get("kind"), str):
        raise ValueError(f"a column of the preprocessing must be a table with a kind, not {data!r:.60}.")
    kind = check_choice("the kind of a column", data["kind"], _CLASSES)
    cls = _CLASSES[kind]
    values = {name: value for name, value in data.items() if name != "kind"}
    known = {each.name for each in fields(cls)}
    if set(values) != known:
        raise ValueError(
            f"a column of kind {kind} must have {', '.join(sorted(known))}, not {', '.join(sorted(values))!s:.80}."
        )
    for name, value in values.items():
        _CHECKS[name](name, value)
    if kind == "date":
        check_choice("the order of a date", values["order"], ORDERS)
        for part in values["parts"]:
            check_choice("the part of a date", part, PARTS)
        if not values["parts"] or not (len(values["parts"]) == len(values["medians"]) == len(values["factors"])):
            raise ValueError("a date must have a median and a factor for each part, and at least one.")
        _once(values["parts"])
    if kind == "category":
        form, count = check_choice("the form of a category", values["form"], FORMS), len(values["values"])
        if not count or (form == "sign" and count != 2):
            raise ValueError(f"a category of the form {form} cannot have {count} values.")
        _once(values["values"])
    made: Any = cls
    column: EncodedColumn = made(
        **{name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
    )
    return column


def _once(texts: list[str]) -> None:
    if len(set(texts)) < len(texts):
        raise ValueError("a list of the preprocessing names something twice.")


def _text(name: str, value: Any) -> None:
    if not isinstance(value, str):
        raise ValueError(f"{name} must be a text, not {value!r:.60}.")


def _number(name: str, value: Any) -> None:
    if type(value) not in (int, float) or not math.isfinite(value):
        raise ValueError(f"{name} must be a finite number, not {value!r:.60}.")


def _above_zero(name: str, value: Any) -> None:
    _number(name, value)
    if value <= 0:
        raise ValueError(f"{name} must be above 0, not {value!r}.")


def _truth(name: str, value: Any) -> None:
    if not isinstance(value, bool):
        raise ValueError(f"{name} must be true or false, not {value!r:.60}.")


def _whole(name: str, value: Any) -> None:
    if type(value) is not int or abs(value) > 2**53:
        raise ValueError(f"{name} must be a whole number, not {value!r:.60}.")


def _texts(name: str, value: Any) -> None:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise ValueError(f"{name} must be a list of texts, not {value!r:.60}.")


def _numbers(name: str, value: Any) -> None:
    if not isinstance(value, list):
        raise ValueError(f"{name} must be a list of numbers, not {value!r:.60}.")
    for each in value:
        _number(name, each)


_CHECKS = {
    "name": _text,
    "median": _number,
    "factor": _number,
    "clip": _above_zero,
    "missing": _truth,
    "lenient": _truth,
    "order": _text,
    "first": _whole,
    "parts": _texts,
    "medians": _numbers,
    "factors": _numbers,
    "values": _texts,
    "form": _text,
    "numeric": _truth,
}
