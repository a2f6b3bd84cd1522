"""Numbers, arrays and comments as C99. What is written depends on the numbers alone: no locale, no date."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from pellucid.typing import Array

_WIDTH = 118
_TYPES = {"float32": "float", "int8": "int8_t", "uint8": "uint8_t", "int16": "int16_t", "int32": "int32_t"}


def number(value: float) -> str:
    """A float constant: the shortest decimal that is read as the same float again."""
    if not math.isfinite(value):
        return "NAN" if math.isnan(value) else "INFINITY" if value > 0 else "-INFINITY"
    with np.errstate(over="ignore"):
        single = np.float32(value)
    if not np.isfinite(single):
        raise ValueError(f"{value!r} is beyond what a float of C can hold: the network cannot be written in C.")
    return f"{single!s}f"


def text_array(values: Iterable[str]) -> str:
    """Words with commas between, in lines."""
    return textwrap.fill(", ".join(values), _WIDTH, initial_indent="    ", subsequent_indent="    ")


def string(words: str) -> str:
    """A string constant; what is not plain ASCII as the octal bytes of its UTF-8."""
    plain = (chr(b) if 32 <= b < 127 and chr(b) not in '"\\?' else f"\\{b:03o}" for b in words.encode(errors="replace"))
    return f'"{"".join(plain)}"'


def comment(text: str) -> str:
    """Text that may stand inside a comment."""
    return text.replace("*/", "* /").replace("/*", "/ *")


@dataclass
class Constants:
    """The arrays of a program, in the order in which they were asked for."""

    texts: list[str] = field(default_factory=list)
    bytes: int = 0
    prefix: str = ""
    """What their names begin with."""
    names: set[str] = field(default_factory=set)

    def array(self, name: str, values: Array, note: str = "") -> str:
        """Write an array, in the type of its numbers; return its name, which is changed where it is taken."""
        flat, full = values.ravel(), f"{self.prefix}{name}"
        while full in self.names:
            full = f"{self.prefix}{name}_{len(self.names)}"
        self.names.add(full)
        words = [number(v) for v in flat] if flat.dtype == np.float32 else [f"{v}" for v in flat.tolist()]
        above = f"/* {note} */\n" if note else ""
        head = f"static const {_TYPES[flat.dtype.name]} {full}[{flat.size}] = {{"
        self.texts.append(f"{above}{head}\n{text_array(words)}\n}};")
        self.bytes += flat.nbytes
        return full

    def of_features(self, name: str, values: Array, index: str = "i") -> str:
        """What stands for feature i: a constant where all are the same, else an element of an array."""
        numbers = single(values)
        return number(numbers[0]) if (numbers == numbers[0]).all() else f"{self.array(name, numbers)}[{index}]"


def single(values: Array) -> Array:
    """Numbers as floats of C, none of which may be beyond what a float can hold."""
    with np.errstate(over="ignore"):
        numbers = values.astype(np.float32)
    too_large = np.isfinite(values) & ~np.isfinite(numbers)
    if too_large.any():
        number(float(values[too_large][0]))  # raises
    return numbers
