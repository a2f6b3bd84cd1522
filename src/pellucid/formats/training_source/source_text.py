"""Words and forms of the training program: how parts are called, docstrings, functions."""

from __future__ import annotations

import dataclasses
import inspect
import textwrap
from typing import Any

WIDTH = 116
"""How long a line inside a function may be."""


def words_of(part: Any) -> str:
    """A part as one would type it, with only what differs from the defaults."""
    told = []
    for item in dataclasses.fields(part):
        value = getattr(part, item.name)
        shown = words_of(value) if dataclasses.is_dataclass(value) else repr(value)
        if item.default is dataclasses.MISSING:
            told.append(shown)
        elif value != item.default:
            told.append(f"{item.name}={shown}")
    return f"{type(part).__name__}({', '.join(told)})"


def formula(part: Any) -> str:
    """What a part computes: the first paragraph of its documentation."""
    return " ".join((inspect.getdoc(type(part)) or "").split("\n\n")[0].split())


def docstring(head: str, more: str = "") -> list[str]:
    """The lines of a docstring: a sentence, and what there is to say besides."""
    if not more:
        return [f'"""{head}"""']
    return [f'"""{head}', "", *textwrap.wrap(more, WIDTH - 4), '"""']


def function(head: str, lines: list[str]) -> str:
    """A function with these lines."""
    return f"def {head}:\n" + "\n".join(f"    {line}" if line else "" for line in lines)
