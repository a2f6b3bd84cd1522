"""Nested plain values with arrays in them, as JSON and tensors.

Contract: `TreeWriter.plain(value, name)` returns JSON values for texts, numbers, None, lists, tuples, tables, arrays
and states of a training, and collects the arrays in `tensors`; `TreeReader.value` returns the same again, exactly:
numbers to the bit, tuples as lists, arrays read-only in memory of their own. An array that is there twice is written
once, and is one array again. What is no plain JSON is a table with a single key,

    {"$tensor": name}     {"$float": "nan", "inf" or "-inf"}     {"$state": table of the state's fields}
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from pellucid.engines.engine import TrainingState
from pellucid.typing import Array

_COUNTERS = ("epoch", "batch", "step")
_NUMBERS = ("rate_scale", "loss_sum", "weight_sum", "correct_sum")


class TreeWriter:
    """Takes trees apart.

    Attributes
    ----------
    tensors : dict of array
        The arrays of all trees so far, by name.
    """

    def __init__(self) -> None:
        self.tensors: dict[str, Array] = {}
        self._names: dict[int, str] = {}

    def plain(self, value: Any, name: str) -> Any:
        """The tree as JSON values; arrays are named by the way to them: "training.state.parameters".

        Raises
        ------
        TypeError
            If something in it is neither plain nor an array of numbers; the message says where.
        """
        if isinstance(value, np.generic):
            value = value.item()
        if value is None or isinstance(value, str | int):  # a bool is an int
            return value
        if isinstance(value, float):
            return value if math.isfinite(value) else {"$float": str(value)}
        if isinstance(value, np.ndarray):
            return {"$tensor": self._keep(value, name)}
        if isinstance(value, TrainingState):
            parts = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
            return {"$state": self.plain(parts, name)}
        if isinstance(value, list | tuple):
            return [self.plain(item, f"{name}.{index}") for index, item in enumerate(value)]
        if isinstance(value, Mapping) and all(isinstance(key, str) and key[:1] != "$" for key in value):
            return {key: self.plain(item, f"{name}.{key}") for key, item in value.items()}
        raise TypeError(f"{name} is {value!r:.60} ({type(value).__name__}), which cannot be written as plain data.")

    def _keep(self, array: Array, name: str) -> str:
        if id(array) not in self._names:  # `tensors` holds the array, so that its identity stays its own
            if array.dtype.kind not in "biuf":
                raise TypeError(f"{name} is an array of {array.dtype}, which cannot be written: only numbers can.")
            self._names[id(array)] = name
            self.tensors[name] = array
        return self._names[id(array)]


class TreeReader:
    """Puts trees together again.

    Parameters
    ----------
    tensor : function
        Answers the array of a name, or raises `KeyError`.
    """

    def __init__(self, tensor: Callable[[str], Array]) -> None:
        self._tensor = tensor
        self._arrays: dict[str, Array] = {}

    def value(self, plain: Any) -> Any:
        """What `TreeWriter.plain` was given.

        Raises
        ------
        ValueError, TypeError, KeyError
            If it is not what that returns.
        """
        if isinstance(plain, list):
            return [self.value(item) for item in plain]
        if not isinstance(plain, dict):
            return plain
        (key,) = plain if len(plain) == 1 else ("",)
        if key == "$tensor":
            return self._array(plain[key])
        if key == "$float":
            return {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}[plain[key]]
        if key == "$state":
            return _state(self.value(plain[key]))
        return {key: self.value(item) for key, item in plain.items()}

    def _array(self, name: str) -> Array:
        if name not in self._arrays:
            view = self._tensor(name)
            array = np.array(view, dtype=view.dtype.newbyteorder("="))  # in memory of its own
            array.flags.writeable = False
            self._arrays[name] = array
        return self._arrays[name]


def _state(values: Any) -> TrainingState:
    """A state from its fields, each of the right kind."""
    names = {field.name for field in dataclasses.fields(TrainingState)}
    if not isinstance(values, dict) or set(values) != names:
        raise ValueError("a state of the training has other fields than it should")
    vectors = [values["parameters"], values["statistics"], *values["slots"]]
    vectors += [] if values["average"] is None else [values["average"]]
    for vector in vectors:
        if not isinstance(vector, np.ndarray) or vector.ndim != 1 or vector.dtype.kind != "f":
            raise ValueError("a state of the training holds something that is no vector of numbers")
    for name in _COUNTERS:
        if type(values[name]) is not int or values[name] < 0:
            raise ValueError(f"the {name} of a state of the training is {values[name]!r:.40}")
    for name in _NUMBERS:
        if type(values[name]) not in (int, float):
            raise ValueError(f"the {name} of a state of the training is {values[name]!r:.40}")
    return TrainingState(**{**values, "slots": tuple(values["slots"])})
