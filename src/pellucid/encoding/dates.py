"""Moments in time: from texts in the orders that people write them in, and to the parts a network is given.

Three orders are known: year-month-day ("2024-01-31", "2024/1/31"), day-month-year ("31.01.2024") and
month-day-year ("01/31/2024"), each with a time behind it if there is one, and that with an offset from UTC. Where no
offset is written, a time is taken as it stands.
"""

from __future__ import annotations

import calendar
import datetime
import re
from typing import Any

import numpy as np

from pellucid.encoding.cells import CellError, in_words
from pellucid.typing import Array, Floats

ORDERS = ("ymd", "dmy", "mdy")
PARTS = ("year", "month", "day", "weekday", "hour", "days")
"""What a date is taken apart into: weekday 0 is Monday; days are those since the first date of the training rows."""

_TIME = r"(?:[T ]\s*(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,]\d+)?)?\s*(Z|[+-]\d{2}:?\d{2})?)?"
_YEAR_FIRST = re.compile(rf"(\d{{4}})([-/.])(\d{{1,2}})\2(\d{{1,2}}){_TIME}")
_YEAR_LAST = re.compile(rf"(\d{{1,2}})([-/.])(\d{{1,2}})\2(\d{{4}}){_TIME}")


def seconds_of(text: str, order: str) -> int | None:
    """The seconds from 1970 on to the moment that a text is in this order; None if it is none."""
    match = (_YEAR_FIRST if order == "ymd" else _YEAR_LAST).fullmatch(text)
    if match is None:
        return None
    one, _, two, three, hour, minute, second, offset = match.groups()
    year, month, day = {"ymd": (one, two, three), "dmy": (three, two, one), "mdy": (three, one, two)}[order]
    try:
        moment = datetime.datetime(
            int(year), int(month), int(day), int(hour or 0), int(minute or 0), min(int(second or 0), 59)
        )
    except ValueError:
        return None
    seconds = calendar.timegm(moment.timetuple())
    if offset and offset != "Z":
        sign, hours, minutes = offset[0], int(offset[1:3]), int(offset[-2:])
        seconds -= (1 if sign == "+" else -1) * (3600 * hours + 60 * minutes)
    return seconds


def orders_of(text: str) -> tuple[str, ...]:
    """In which orders a text is a date."""
    return tuple(order for order in ORDERS if seconds_of(text, order) is not None)


def dates_of(cells: Array, name: str, order: str = "ymd") -> Array:
    """Cells as datetime64[s] (n,), NaT where one is missing.

    Raises
    ------
    TableError
        If a cell is no date in this order.
    """
    if cells.dtype.kind == "M":
        return cells
    if cells.dtype.kind == "f" and np.isnan(cells).all():
        return np.full(len(cells), "NaT", dtype="datetime64[s]")
    items = cells.tolist()
    memory: dict[Any, Any] = {None: np.datetime64("NaT", "s")}
    for item in dict.fromkeys(items):
        if isinstance(item, np.datetime64):
            memory[item] = item.astype("datetime64[s]")
        elif item is not None:
            seconds = seconds_of(item, order) if isinstance(item, str) else None
            memory[item] = None if seconds is None else np.datetime64(seconds, "s")
    if any(moment is None for moment in memory.values()):
        row = next(row for row, item in enumerate(items) if memory[item] is None)
        form = {"ymd": "2024-01-31", "dmy": "31.01.2024", "mdy": "01/31/2024"}[order]
        rest = f", where a date such as {form} belongs: write one, or leave the cell empty."
        raise CellError(f"Column {name!r:.60} holds {in_words([items[row]])}", row, rest)
    return np.array([memory[item] for item in items], dtype="datetime64[s]")


def parts_of(moments: Array, first: int) -> dict[str, Floats]:
    """The parts of moments (n,), each (n,) with NaN where one is missing; `first`: seconds from 1970 on.

    Examples
    --------
    >>> parts = parts_of(np.array(["2024-01-31T18:00:00"], dtype="datetime64[s]"), first=0)
    >>> {name: float(values[0]) for name, values in parts.items()}
    {'year': 2024.0, 'month': 1.0, 'day': 31.0, 'weekday': 2.0, 'hour': 18.0, 'days': 19753.75}
    """
    missing = np.isnat(moments)
    known = np.where(missing, np.datetime64(0, "s"), moments)
    days, months = known.astype("datetime64[D]"), known.astype("datetime64[M]")
    seconds = known.astype(np.int64)
    whole = {
        "year": known.astype("datetime64[Y]").astype(np.int64) + 1970,
        "month": months.astype(np.int64) % 12 + 1,
        "day": (days - months.astype("datetime64[D]")).astype(np.int64) + 1,
        "weekday": (days.astype(np.int64) + 3) % 7,  # the first day of 1970 was a Thursday
        "hour": seconds % 86400 // 3600,
        "days": (seconds - first) / 86400,
    }
    return {name: np.where(missing, np.nan, values) for name, values in whole.items()}
