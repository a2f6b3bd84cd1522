"""A node of an ONNX graph as its reader sees it: what goes in, the attributes, and words for what is wrong."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from pellucid.formats.onnx.constants import array_of, numbers_of, text_of
from pellucid.formats.onnx.package import OnnxError
from pellucid.formats.onnx.values import Chain, Value
from pellucid.typing import Array, Floats

_LARGEST = 2**24  # numbers: what a constant may be spread to for the features of a row
_FLOAT, _INT, _STRING, _TENSOR, _FLOATS, _INTS, _STRINGS = 1, 2, 3, 4, 6, 7, 8  # kinds of attributes


class Node:
    """One node.

    Parameters
    ----------
    proto : onnx.NodeProto
        The node itself.
    inputs : list of Value or None
        What its inputs stand for; None where an input is left out.
    """

    def __init__(self, proto: Any, inputs: list[Value | None]) -> None:
        self.operator = operator_name(proto)
        self.outputs = list(map(text_of, proto.output))
        self.inputs = inputs
        self._attributes = {text_of(attribute.name): attribute for attribute in proto.attribute}
        self._names = list(map(text_of, proto.input))

    def __str__(self) -> str:
        """For messages: Gemm (its output is 'fc1')."""
        return f"{self.operator} (its output is {self.outputs[0] if self.outputs else '':.60})"

    def error(self, reason: str) -> OnnxError:
        """What is wrong with it."""
        return OnnxError(f"{self}: {reason}")

    # -- attributes ------------------------------------------------------------------------------------------------

    def number(self, name: str, default: float) -> float:
        """A finite number."""
        attribute = self._attributes.get(name)
        if attribute is None:
            return default
        if attribute.type not in (_FLOAT, _INT):
            raise self.error(f"its {name} is no number.")
        value = shortest(np.float32(attribute.f)) if attribute.type == _FLOAT else float(attribute.i)
        if not math.isfinite(value):
            raise self.error(f"its {name} is {value}.")
        return value

    def numbers(self, name: str) -> Floats | None:
        """A list of finite numbers, float64."""
        attribute = self._attributes.get(name)
        if attribute is None:
            return None
        if attribute.type not in (_FLOATS, _INTS):
            raise self.error(f"its {name} are no numbers.")
        values = np.array(attribute.floats if attribute.type == _FLOATS else attribute.ints, dtype=np.float64)
        return numbers_of(values, f"{name} of {self}")

    def text(self, name: str, default: str) -> str:
        """A word."""
        attribute = self._attributes.get(name)
        if attribute is None:
            return default
        if attribute.type != _STRING:
            raise self.error(f"its {name} is no text.")
        return text_of(attribute.s)

    def names(self, *names: str) -> tuple[str, ...] | None:
        """The first of these lists that is there, of strings or whole numbers, as strings."""
        for name in names:
            attribute = self._attributes.get(name)
            if attribute is not None and attribute.type == _STRINGS:
                return tuple(text_of(word) for word in attribute.strings)
            if attribute is not None and attribute.type == _INTS:
                return tuple(map(str, attribute.ints))
        return None

    def has(self, name: str) -> bool:
        """Whether the attribute is given."""
        return name in self._attributes

    def tensor(self) -> Array:
        """What a node of the kind Constant holds."""
        for name, attribute in self._attributes.items():
            if name == "value" and attribute.type == _TENSOR:
                return array_of(attribute.t, str(self))
            if name in ("value_float", "value_int"):
                return np.array(attribute.f if name == "value_float" else attribute.i)
            if name in ("value_floats", "value_ints"):
                return np.array(attribute.floats if name == "value_floats" else attribute.ints)
        raise self.error("it holds no array.")

    # -- inputs ----------------------------------------------------------------------------------------------------

    def given(self, place: int) -> bool:
        """Whether there is an input at this place."""
        return place < len(self.inputs) and self.inputs[place] is not None

    def chain(self, place: int = 0) -> Chain:
        """The rows, as they come in at this place."""
        value = self.inputs[place] if self.given(place) else None
        if isinstance(value, Chain):
            return value
        raise self.error("its input should be computed from the network's, and is not.")

    def constant(self, place: int) -> Array:
        """A constant array."""
        value = self.inputs[place] if self.given(place) else None
        if isinstance(value, np.ndarray):
            return value
        raise self.error(f"its input {place} should be a constant, and is not.")

    def floats(self, place: int, ndim: int | None = None) -> Floats:
        """Constant numbers, finite, with this many dimensions."""
        name = self._names[place] if place < len(self._names) else f"input {place}"
        return numbers_of(self.constant(place), f"{name:.60} of {self}", ndim=ndim)

    def scalar(self, place: int, default: float) -> float:
        """A single constant number; an infinite one is allowed."""
        if not self.given(place):
            return default
        value = self.constant(place)
        if value.size != 1 or value.dtype.kind not in "fiu" or np.isnan(float(value.reshape(()))):
            raise self.error(f"its input {place} should be one number, and is not.")
        return shortest(value.reshape(())[()])

    def features(self, place: int, chain: Chain) -> Floats:
        """Constant numbers, (1,) or one for each feature of the chain (d,), in float64."""
        values = self.floats(place).astype(np.float64)
        if values.size == 1:
            return values.reshape(1)
        if values.ndim == len(chain.shape) + 1 and values.shape[0] == 1:
            values = values[0]
        if chain.width > _LARGEST:
            raise self.error(f"rows of the shape {chain.shape} are too large.")
        try:
            return np.broadcast_to(values, chain.shape).reshape(-1)
        except ValueError:
            raise self.error(f"numbers of the shape {values.shape} do not fit rows of {chain.shape}.") from None


def shortest(value: Any) -> float:
    """A number as one would type it: 0.01, where float32 holds 0.0099999998."""
    return float(str(value)) if isinstance(value, np.float32) else float(value)


def operator_name(proto: Any) -> str:
    """The operator's name, with its domain in front of it where that is not ONNX' own."""
    name, domain = text_of(proto.op_type), text_of(proto.domain)
    return name if domain in ("", "ai.onnx") else f"{domain}.{name}"
