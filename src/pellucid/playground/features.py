"""The network's inputs as formulas of the two coordinates: a small parser with a whitelist, and nothing else.

Contract: `Formula.parse(text)` returns a formula or raises `FormulaError` with the place; `values(x1, x2)` are its
numbers, `python()` the same as a NumPy expression that gives the same bits. A formula is made of numbers, x1, x2, pi,
+ − * / ^, brackets and the functions of `FUNCTIONS`. Text is never run: it is read character by character into a
tree.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any, Union

import numpy as np

from pellucid.typing import Array, Floats

MOST_FORMULAS = 8
MOST_CHARACTERS = 120
_DEEPEST = 30

FUNCTIONS = {
    "sin": np.sin, "cos": np.cos, "tan": np.tan, "tanh": np.tanh, "exp": np.exp, "log": np.log, "sqrt": np.sqrt,
    "abs": np.abs, "sign": np.sign, "atan": np.arctan, "floor": np.floor, "min": np.minimum, "max": np.maximum,
}  # fmt: skip
_NUMPY = {"atan": "arctan", "min": "minimum", "max": "maximum", "^": "power"}
_OPERATORS = {"+": np.add, "-": np.subtract, "*": np.multiply, "/": np.divide, "^": np.power}
_TOKEN = re.compile(
    r"\s*(?:([0-9]+\.?[0-9]*(?:[eE][+-]?[0-9]+)?|\.[0-9]+(?:[eE][+-]?[0-9]+)?)|([A-Za-z_₁₂][A-Za-z_0-9₁₂]*)|(\*\*|[-+*/^(),−·²]))"
)
_PRECEDENCE = {"+": 1, "-": 1, "*": 2, "/": 2}


class FormulaError(ValueError):
    """A text is no formula; the message says where and why."""


@dataclass(frozen=True)
class Number:
    """A number, finite."""

    value: float


@dataclass(frozen=True)
class Variable:
    """x1 or x2."""

    name: str


@dataclass(frozen=True)
class Operation:
    """A function or an operator of one or two parts; "negative" is the sign."""

    name: str
    parts: tuple[Node, ...]


Node = Union[Number, Variable, Operation]  # noqa: UP007 - of classes that name it themselves


@dataclass(frozen=True)
class Formula:
    """A formula of x1 and x2.

    Examples
    --------
    >>> Formula.parse("2*x1 + sin(x2)^2").values([1.0], [0.0])
    array([2.])
    >>> Formula.parse("x1²·x2").python()
    'np.power(x1, 2.0) * x2'
    """

    text: str
    tree: Node

    @staticmethod
    def parse(text: str) -> Formula:
        """Read a formula.

        Raises
        ------
        FormulaError
            If it is none, too long or too deep.
        """
        if not isinstance(text, str):
            raise FormulaError(f"A formula must be a text, not {text!r:.40}.")
        if len(text) > MOST_CHARACTERS:
            raise FormulaError(f"A formula may have {MOST_CHARACTERS} characters, not {len(text)}.")
        return Formula(text.strip(), _Parser(text).formula())

    def values(self, x1: Any, x2: Any) -> Floats:
        """Its value at each point: (n,), (n,) -> (n,), float64. Where it is not finite it is what NumPy says."""
        point = {"x1": np.asarray(x1, dtype=np.float64), "x2": np.asarray(x2, dtype=np.float64)}
        with np.errstate(all="ignore"):
            return np.broadcast_to(_value(self.tree, point), point["x1"].shape).astype(np.float64)

    def python(self) -> str:
        """The formula as a NumPy expression."""
        return _python(self.tree)[0]


def finite(values: Any) -> Floats:
    """What a network can be given: NaN as 0, and nothing beyond a million."""
    return np.clip(np.nan_to_num(values, nan=0.0), -1e6, 1e6)


def check_formula(text: Any) -> str:
    """The text, stripped, if it is a formula that has finite values in a quarter of the plane at least.

    Raises
    ------
    FormulaError
        If it is none, or is finite on less than a quarter of the plane between -6 and 6.
    """
    formula = Formula.parse(text)
    grid = np.linspace(-6.0, 6.0, 13)
    x1, x2 = (axis.ravel() for axis in np.meshgrid(grid, grid))
    if np.isfinite(formula.values(x1, x2)).mean() < 0.25:
        raise FormulaError(f"{formula.text!r} is not finite on most of the plane.")
    return formula.text


def _value(node: Node, point: dict[str, Array]) -> Any:
    if isinstance(node, Number):
        return node.value
    if isinstance(node, Variable):
        return point[node.name]
    parts = [_value(part, point) for part in node.parts]
    if node.name == "negative":
        return np.negative(parts[0])
    return (_OPERATORS[node.name] if node.name in _OPERATORS else FUNCTIONS[node.name])(*parts)


def _python(node: Node) -> tuple[str, int]:
    """The expression and how tightly it binds: 1 sums, 2 products, 3 signs, 4 all else."""
    if isinstance(node, Number):
        return repr(node.value), 4 if node.value >= 0 else 3
    if isinstance(node, Variable):
        return node.name, 4
    texts = [_python(part) for part in node.parts]
    if node.name == "negative":
        return f"-{_bracketed(texts[0], 3)}", 3
    if node.name in _PRECEDENCE:
        level = _PRECEDENCE[node.name]
        return f"{_bracketed(texts[0], level)} {node.name} {_bracketed(texts[1], level + 1)}", level
    return f"np.{_NUMPY.get(node.name, node.name)}({', '.join(text for text, _ in texts)})", 4


def _bracketed(part: tuple[str, int], least: int) -> str:
    return part[0] if part[1] >= least else f"({part[0]})"


class _Parser:
    """sum = product {± product}; product = sign {*/ sign}; sign = ± sign | power; power = atom [^ sign]."""

    def __init__(self, text: str) -> None:
        self.text, self.tokens, self.at, self.depth = text, _tokens(text), 0, 0

    def formula(self) -> Node:
        node = self._sum()
        if self._peek() is not None:
            raise self._error(f"{self._peek()!r} is not expected here")
        return node

    def _peek(self) -> str | None:
        return self.tokens[self.at][0] if self.at < len(self.tokens) else None

    def _take(self) -> str:
        token = self._peek()
        if token is None:
            raise self._error("something is missing at the end")
        self.at += 1
        return token

    def _expect(self, token: str) -> None:
        if self._peek() != token:
            raise self._error(f"{token!r} is missing")
        self.at += 1

    def _sum(self) -> Node:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise self._error("it is nested too deeply")
        node = self._product()
        while self._peek() in ("+", "-"):
            node = self._operation(self._take(), node, self._product())
        self.depth -= 1
        return node

    def _product(self) -> Node:
        node = self._sign()
        while self._peek() in ("*", "/"):
            node = self._operation(self._take(), node, self._sign())
        return node

    def _sign(self) -> Node:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise self._error("it is nested too deeply")
        if self._peek() in ("+", "-"):
            sign, node = self._take(), self._sign()
            node = self._operation("negative", node) if sign == "-" else node
        else:
            node = self._power()
        self.depth -= 1
        return node

    def _power(self) -> Node:
        node = self._atom()
        if self._peek() == "^":
            self._take()
            return self._operation("^", node, self._sign())
        return node

    def _atom(self) -> Node:
        token = self._take()
        if token == "(":
            node = self._sum()
            self._expect(")")
            return node
        if token[0].isdigit() or token[0] == ".":
            value = float(token)
            if not math.isfinite(value):
                raise self._error(f"the number {token!r} is too large")
            return Number(value)
        name = token.replace("₁", "1").replace("₂", "2").lower()
        if name in ("x", "y"):
            name = {"x": "x1", "y": "x2"}[name]
        if name in ("x1", "x2"):
            return Variable(name)
        if name == "pi":
            return Number(math.pi)
        if name in FUNCTIONS:
            return self._call(name)
        self.at -= 1
        raise self._error(f"{token!r} is unknown")

    def _call(self, name: str) -> Node:
        self._expect("(")
        parts = [self._sum()]
        while self._peek() == ",":
            self._take()
            parts.append(self._sum())
        self._expect(")")
        wanted = 2 if name in ("min", "max") else 1
        if len(parts) != wanted:
            raise self._error(f"{name} takes {wanted} {'values' if wanted > 1 else 'value'}, not {len(parts)}")
        return self._operation(name, *parts)

    def _operation(self, name: str, *parts: Node) -> Node:
        """What numbers alone come to is worked out at once: NumPy and Python differ in what they say to 1/0."""
        node = Operation(name, parts)
        if not all(isinstance(part, Number) for part in parts):
            return node
        with np.errstate(all="ignore"):
            value = float(_value(node, {}))
        if not math.isfinite(value):
            raise self._error("a part of it is not finite")
        return Number(value)

    def _error(self, words: str) -> FormulaError:
        place = self.tokens[self.at][1] if self.at < len(self.tokens) else len(self.text)
        return FormulaError(
            f"The formula {self.text!r} cannot be read: {words} (character {place + 1}). Allowed: numbers, x1, x2, pi, "
            f"+ - * / ^, brackets and {', '.join(FUNCTIONS)}."
        )


def _tokens(text: str) -> list[tuple[str, int]]:
    """The words of a formula with their places."""
    found: list[tuple[str, int]] = []
    at, end = 0, len(text.rstrip())
    while at < end:
        match = _TOKEN.match(text, at)
        if match is None:
            place = at + len(text[at:]) - len(text[at:].lstrip())
            raise FormulaError(
                f"The formula {text!r} cannot be read: {text[place]!r} is no part of one (character {place + 1})."
            )
        token = match.group(1) or match.group(2) or match.group(3)
        place = match.start(match.lastindex or 0)
        plain = {"**": "^", "−": "-", "·": "*"}.get(token, token)
        found += [("^", place), ("2", place)] if token == "²" else [(plain, place)]
        at = match.end()
    return found
