"""Arithmetic as code: expressions that know how tightly they hold together, so that brackets stand where they must.

Contract: `arithmetic(node, operands, words)` is one operation on numbers at the same place. `words` has what a language
calls the operations that are no signs: "Math.max" for a function, "{0} ** 2" for anything else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pellucid.program.operations import Node

CHOICE, AND, COMPARISON, SUM, PRODUCT, SIGN, ATOM = range(7)
"""How tightly an expression holds together, the loosest first."""


class Expression(NamedTuple):
    """Code, and how tightly it holds together."""

    text: str
    level: int = ATOM

    def within(self, level: int) -> str:
        """The code, in brackets where it holds together less tightly than that."""
        return f"({self.text})" if self.level < level else self.text


def number(text: str) -> Expression:
    """A number, which may have a sign."""
    return Expression(text, SIGN if text.startswith("-") else ATOM)


INFIX: Mapping[str, tuple[str, int]] = {
    "add": ("+", SUM),
    "subtract": ("-", SUM),
    "multiply": ("*", PRODUCT),
    "divide": ("/", PRODUCT),
    "greater": (">", COMPARISON),
    "greater_equal": (">=", COMPARISON),
    "less": ("<", COMPARISON),
    "less_equal": ("<=", COMPARISON),
}
"""What all languages write with a sign between two operands."""


def infix(sign: str, level: int, left: Expression, right: Expression) -> Expression:
    """Two operands with a sign between them; no two signs meet."""
    first, second = left.within(level + (level == COMPARISON)), right.within(level + 1)
    if level == SUM and second.startswith("-"):
        sign, second = {"+": "-", "-": "+"}[sign], second[1:]
    return Expression(f"{first} {sign} {second}", level)


def arithmetic(node: Node, operands: Sequence[Expression], words: Mapping[str, str]) -> Expression:
    """One operation on numbers at the same place."""
    operation = node.operation
    if operation in INFIX:
        return infix(*INFIX[operation], *operands)
    if operation == "negative":
        return Expression(f"-{operands[0].within(ATOM)}", SIGN)
    if operation == "to_dtype":
        return operands[0]
    if operation == "where" and operation not in words:
        condition, yes, no = operands
        return Expression(f"{condition.within(AND)} ? {yes.within(AND)} : {no.within(CHOICE)}", CHOICE)
    if operation == "logical_and" and operation not in words:
        return infix("&&", AND, *operands)
    word = words[operation]
    if "{" not in word:
        return Expression(f"{word}({', '.join(each.text for each in operands)})")
    return Expression(word.format(*(each.within(ATOM) for each in operands)), PRODUCT if " " in word else ATOM)
