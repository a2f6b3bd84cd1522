"""Tables for people: as text for a terminal, as HTML for a notebook or a page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape


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
