"""JSON from a stranger's hands: strict, and refused before it can cost much.

Contract: `read_json` returns what the text says, or raises `ValueError` with the reason in a few words. Refused are
text that is no JSON, tables that name a key twice (readers would differ about which one counts), NaN and infinity
(which JSON does not have), whole numbers beyond 64 bits, nesting deeper than any description needs, and more lists and
tables than any description has.
"""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

DEEPEST = 64
"""How many lists and tables may lie in one another; a description needs about eight."""

MOST = 2**17
"""How many lists and tables there may be in all; a thousand layers have some four thousand."""

_MARKS = re.compile(rb'[\[\]{}"]|\\.', re.DOTALL)
_OPENING, _QUOTE = b"[{", b'"'


def read_json(text: str | bytes) -> Any:
    """What a JSON text says.

    Raises
    ------
    ValueError
        With what is wrong, to be put behind "its header": "is not JSON", "is nested too deeply".
    """
    data = text.encode(errors="surrogatepass") if isinstance(text, str) else text
    _check_nesting(data)
    try:
        return json.loads(
            text, object_pairs_hook=_table, parse_constant=_no_constant, parse_int=_whole, parse_float=_number
        )
    except _Refused:
        raise
    except (ValueError, RecursionError):
        raise ValueError("is not JSON") from None


def write_json(value: Any) -> str:
    """`value` as JSON that `read_json` takes; numbers that are not finite are refused."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False)


class _Refused(ValueError):
    """What JSON allows and `read_json` does not."""


def _check_nesting(text: bytes) -> None:
    """Count brackets outside strings, without building anything."""
    depth = count = 0
    inside = False
    for match in _MARKS.finditer(text):
        mark = match.group()
        if mark == _QUOTE:
            inside = not inside
        elif inside or len(mark) > 1:
            continue
        elif mark in _OPENING:
            depth, count = depth + 1, count + 1
            if depth > DEEPEST:
                raise _Refused("is nested too deeply")
            if count > MOST:
                raise _Refused("has too many lists and tables")
        else:
            depth -= 1


def _table(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) < len(pairs):
        seen: set[str] = set()
        twice = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise _Refused(f"names {twice!r:.60} twice")
    return table


def _no_constant(word: str) -> NoReturn:
    raise _Refused(f"holds {word}, which is no number of JSON")


def _whole(digits: str) -> int:
    if len(digits) > 20:
        raise _Refused(f"holds a whole number of {len(digits)} digits")
    return int(digits)


def _number(digits: str) -> float:
    value = float(digits)
    if value in (float("inf"), float("-inf")):
        raise _Refused(f"holds {digits:.40}, which is too large for a number")
    return value
