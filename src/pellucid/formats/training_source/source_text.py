"""Words and forms of the training program: how parts are called, docstrings, functions."""

from __future__ import annotations

import inspect
import textwrap
from typing import Any

WIDTH = 116
"""How long a line inside a function may be."""


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
