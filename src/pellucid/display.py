"""What people read: a part as one would type it; tables as text for a terminal, as HTML for a notebook or a page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import MISSING, Field, fields, is_dataclass
from html import escape
from typing import Any

_ALWAYS = "learning_rate"
"""The field that is shown at its default too: everybody looks for it."""


def typed(part: Any, prefix: str = "") -> str:
    """A part as one would type it: what has no default by its place, the rest by name and only where it differs.

    Parameters
    ----------
    part : object
        A frozen dataclass (a layer, a loss, an optimizer, a schedule …), numbers and texts, or a sequence of these. A
        function is shown by its name, and an object whose `repr` is not code ("<…>") by its class: such a `repr` mostly
        has an address, which differs from run to run.
    prefix : str
        What stands in front of every class: "pl.".

    Examples
    --------
    >>> import pellucid as pl
    >>> typed(pl.Dense(30, weight_initializer=pl.Uniform(0.5)))
    'Dense(30, weight_initializer=Uniform(limit=0.5))'
    >>> typed(pl.Momentum(pl.WarmUp(0.1, steps=5), momentum=0.8), prefix="pl.")
    'pl.Momentum(learning_rate=pl.WarmUp(0.1, steps=5), momentum=0.8)'
    """
    if isinstance(part, list) or (isinstance(part, tuple) and any(map(is_dataclass, part))):
        return f"[{', '.join(typed(each, prefix) for each in part)}]"
    if callable(part) and hasattr(part, "__name__"):
        return str(part.__name__)
    if not is_dataclass(part):
        shown = repr(part)
        return type(part).__name__ if shown.startswith("<") else shown
    arguments = []
    for item, value in changed_fields(part):
        name = "" if _required(item) and not item.kw_only else f"{item.name}="
        arguments.append(name + typed(value, prefix))
    return f"{prefix}{type(part).__name__}({', '.join(arguments)})"


def changed_fields(part: Any) -> Iterator[tuple[Field[Any], Any]]:
    """The fields of a part that have no default or differ from it, and the learning rate, each with its value."""
    for item in fields(part):
        value = getattr(part, item.name)
        if _required(item) or item.name == _ALWAYS or value != item.default:
            yield item, value


def _required(item: Field[Any]) -> bool:
    return item.default is MISSING and item.default_factory is MISSING


def text_table(rows: Sequence[Sequence[str]], words: int = 0) -> str:
    """Rows of cells below one another; the first `words` columns are aligned to the left, all others to the right."""
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    lines = (
        "  ".join(
            cell.ljust(width) if place < words else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    )
    return "\n".join(line.rstrip() for line in lines)


def html_table(rows: Iterable[Sequence[object]], numbers: int = 1) -> str:
    """Rows of cells, the first of them headings; the last `numbers` columns hold numbers."""
    lines = []
    for number, row in enumerate(rows):
        tag = "th" if number == 0 else "td"
        cells = [
            f"<{tag}{' class=n' if place >= len(row) - numbers else ''}>{escape(str(cell))}</{tag}>"
            for place, cell in enumerate(row)
        ]
        lines.append(f"<tr>{''.join(cells)}</tr>".replace("class=n", 'class="n"'))
    return f"<table>{''.join(lines)}</table>"
