"""Parts as plain data: how layers, losses, optimizers and the like travel through a file.

Contract: `to_configuration(part)` returns a dictionary of JSON values, `from_configuration(data, family)` the equal
part again. Only classes of Pellucid's own registry (and those a user passes in) are ever made: data names no module
and runs no code.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np

from pellucid.validation import unknown_name_message

_PLAIN = (str, int, float, bool, type(None))
PartT = TypeVar("PartT")


def to_configuration(part: Any) -> dict[str, Any]:
    """A frozen dataclass as {"type": its class' name, field: value, …}, fields at their default left out."""
    data: dict[str, Any] = {"type": type(part).__name__}
    for field in dataclasses.fields(part):
        value = getattr(part, field.name)
        if value != field.default:
            data[field.name] = _encode(value, f"{type(part).__name__}.{field.name}")
    return data


def _encode(value: Any, where: str) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, tuple):
        return [_encode(item, where) for item in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return to_configuration(value)
    raise TypeError(f"{where} is {value!r} ({type(value).__name__}), which cannot be written as plain data.")


def from_configuration(
    data: Any, classes: Mapping[str, type[PartT]], family: str, within: Mapping[str, type[Any]] | None = None
) -> PartT:
    """Make the part that `data` describes; `classes` maps the allowed names to their classes, `within` those of the
    parts it holds, but for initializers, which are their owner's to read.

    Raises
    ------
    ValueError
        If the data is not a configuration, or names an unknown class or field.
    """
    if not isinstance(data, Mapping) or not isinstance(data.get("type"), str):
        raise ValueError(f"A {family} must be described by a table with a 'type', not {data!r:.80}.")
    data = _renamed(data)
    if data["type"] not in classes:
        raise ValueError(unknown_name_message(family, data["type"], classes))
    cls = classes[data["type"]]
    known = {field.name: str(field.type) for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
    values = {name: value for name, value in data.items() if name != "type"}
    for name, value in values.items():
        if name not in known:
            raise ValueError(unknown_name_message(f"Field of {data['type']}", name, known))
        values[name] = _decode(value, {} if "Initializer" in known[name] else within or {})
    return cls(**values)


def _renamed(data: Mapping[str, Any]) -> Mapping[str, Any]:
    """With the present name of a class that had another in an earlier version."""
    name = data["type"]
    if name == "ThroughData":
        name = "DataDependentBias"
    elif name == "Embedding" and "cardinalities" in data:
        name = "CategoryEmbedding"
    return {**data, "type": name}


def _decode(value: Any, within: Mapping[str, type[Any]]) -> Any:
    """Lists come back as tuples, and the parts `within` as themselves."""
    if isinstance(value, list):
        return tuple(_decode(item, within) for item in value)
    if isinstance(value, Mapping) and value.get("type") in within:
        return from_configuration(value, within, "part", within)
    return value
