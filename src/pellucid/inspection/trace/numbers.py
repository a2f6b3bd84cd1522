"""Numbers in words: four decimals, or three digits where that is more; what is long is abbreviated."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

from pellucid.typing import Array

MINUS = "−"
_LONG = 8  # a vector of more numbers shows its first and last
_LARGE = 6  # a matrix of more rows or columns likewise
_TERMS = 6  # a sum of more terms shows the largest


def number(value: float, digits: int = 4) -> str:
    """One number: this many decimals, at least three digits, fewer of large ones and where the number has no more."""
    value = float(value)
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("∞" if value > 0 else f"{MINUS}∞")
    if value == 0:
        return "0"
    size = math.floor(math.log10(abs(value)))
    if not -4 <= size <= 8:
        text = f"{value:.{max(2, digits - 2)}e}"
        mantissa, exponent = text.split("e")
        return f"{mantissa}·10{_raised(int(exponent))}".replace("-", MINUS)
    decimals = max(0, digits - size) if size >= 0 else max(digits, 2 - size)
    text = f"{value:.{decimals}f}"
    short = text.rstrip("0").rstrip(".") if "." in text else text
    exact = abs(float(short) - value) <= 1e-7 * abs(value)
    return (short if exact else text).replace("-", MINUS)


def _raised(exponent: int) -> str:
    return str(exponent).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def within(value: float, digits: int = 4) -> str:
    """A number inside a formula: a negative one in brackets."""
    text = number(value, digits)
    return f"({text})" if text.startswith(MINUS) else text


def array(values: Array, digits: int = 4) -> str:
    """An array: a number as it is, a vector in a row, a matrix in rows."""
    values = np.asarray(values)
    if values.size == 1:
        return number(values.reshape(-1)[0], digits)
    if values.ndim > 2:
        return f"{vector(values.reshape(-1), digits)} in the shape {' × '.join(map(str, values.shape))}"
    if values.ndim == 2 and values.shape[0] > 1:
        return matrix(values, digits)
    return vector(values.reshape(-1), digits)


def vector(values: Array, digits: int = 4) -> str:
    """[0.1 0.2 … 0.9], and how many there are where some are left out."""
    if len(values) <= _LONG:
        return f"[{'  '.join(number(value, digits) for value in values)}]"
    first = "  ".join(number(value, digits) for value in values[: _LONG - 2])
    return f"[{first}  …  {number(values[-1], digits)}]  ({len(values)} numbers)"


def matrix(values: Array, digits: int = 4) -> str:
    """Rows of equal width below each other."""
    rows, columns = (_shown(size) for size in values.shape)
    cells = [
        ["…" if row is None or column is None else number(values[row, column], digits) for column in columns]
        for row in rows
    ]
    widths = [max(len(line[place]) for line in cells) for place in range(len(columns))]
    lines = ["  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)) for line in cells]
    shape = f"  ({values.shape[0]} × {values.shape[1]})" if max(values.shape) > _LARGE else ""
    return "\n".join(f"[{line}]" for line in lines) + shape


def _shown(size: int) -> list[int | None]:
    """The places that are shown; None for those left out."""
    return [*range(size)] if size <= _LARGE else [*range(_LARGE - 2), None, size - 1]


def products(
    left: Sequence[float] | Array, right: Sequence[float] | Array, more: Iterable[float] = (), digits: int = 4
) -> str:
    """The sum of products, term by term: 0.8·(−0.115) + 0.2·0.4546 + 0.54; of many, the largest and the rest."""
    left, right = np.asarray(left, dtype=np.float64), np.asarray(right, dtype=np.float64)  # (k,) each
    terms = left * right
    places = np.arange(len(terms))
    if len(terms) > _TERMS:
        places = np.flatnonzero((left != 0) & (right != 0))
    shown = (
        places if len(places) <= _TERMS else np.sort(places[np.argsort(-np.abs(terms[places]), kind="stable")[:_TERMS]])
    )
    pieces = [
        f"{within(left[i], digits) if k else number(left[i], digits)}·{within(right[i], digits)}"
        for k, i in enumerate(shown)
    ]
    if len(places) > len(shown):
        rest = float(terms[places].sum() - terms[shown].sum())
        pieces.append(f"{within(rest, digits)} of {len(places) - len(shown)} smaller terms")
    return added([" + ".join(pieces), *more], digits)


def added(parts: Sequence[str | float], digits: int = 4) -> str:
    """Words and numbers with plus signs between them, and minus signs in front of negative numbers."""
    shown = ""
    for part in parts:
        text = part if isinstance(part, str) else number(part, digits)
        if not shown or not text:
            shown += text
        elif isinstance(part, str) or not text.startswith(MINUS):
            shown += f" + {text}"
        else:
            shown += f" {MINUS} {text.removeprefix(MINUS)}"
    return shown or "0"
