"""An encoder in Python: the functions that a file of `write_numpy` has for rows with names."""

from __future__ import annotations

import pprint

from pellucid.encoding.cells import MISSING, NO, YES
from pellucid.encoding.encoder import TableEncoder

ROWS = """\
    if isinstance(x, dict):
        x = [x]
    if len(x) and isinstance(x[0], dict):
        x = encode(x)
"""
"""What stands at the head of `scores`: rows with names are encoded first."""

IMPORTS = ("calendar", "datetime", "math", "re")
"""The modules of the standard library that the functions need, besides NumPy as np."""

_FUNCTIONS = '''\
def encode(rows):
    """Rows of a table, a list of mappings from columns to cells, as the numbers (n, {width}) they become."""
    return np.array([_encoded(row) for row in rows], dtype=np.float32).reshape(len(rows), {width})


def _encoded(row):
    numbers, signs, missing, one_hot, codes = [], [], [], [], []
    for column in COLUMNS:
        name, kind = column["name"], column["kind"]
        if name not in row:
            raise ValueError(f"The row has no column {{name!r}}: give it None if it is not known.")
        cell = _cell(row[name])
        if kind == "number":
            x = _number(cell, name, column["lenient"])
            numbers.append(_scaled(x, column["median"], column["factor"], column["clip"]))
            if column["missing"]:
                missing.append(x is None)
        elif kind == "date":
            seconds = _seconds(cell, name, column["order"])
            parts = _parts(seconds, column["first"])
            for part, median, factor in zip(column["parts"], column["medians"], column["factors"]):
                numbers.append(_scaled(parts.get(part), median, factor, column["clip"]))
            if column["missing"]:
                missing.append(seconds is None)
        elif kind == "boolean":
            signs.append(_truth(cell, name))
        else:
            values, text = column["values"], _text(cell, column["numeric"])
            code = values.index(text) + 1 if text in values else 0
            if column["form"] == "sign":
                signs.append((0, -1, 1)[code])
            elif column["form"] == "one_hot":
                one_hot += [place == code for place in range(1, len(values) + 1)]
            else:
                codes.append(code)
    return numbers + signs + missing + one_hot + codes


def _cell(cell):
    """None for what is missing, "true" and "false" for a truth, texts without the space around them."""
    if isinstance(cell, (bool, np.bool_)):
        return "true" if cell else "false"
    if isinstance(cell, str):
        return None if cell.strip().lower() in MISSING else cell.strip()
    return None if cell is None or cell != cell else cell


def _read(text):
    """The number that a text is, or None."""
    try:
        return None if "_" in text else float(text)
    except ValueError:
        return None


def _number(cell, name, lenient):
    x = _read(cell) if isinstance(cell, str) else cell
    if x is None and cell is not None and not lenient:
        raise ValueError(f"Column {{name!r}} holds {{cell!r}}, where a number belongs.")
    if x is not None and math.isinf(x):
        raise ValueError(f"Column {{name!r}} holds {{cell!r}}: every number must be finite.")
    return None if x is None else float(x)


def _scaled(x, median, factor, clip):
    """(x - median) * factor, clipped smoothly; 0 for what is missing."""
    if x is None:
        return 0.0
    z = min(max((x - median) * factor, -1e150), 1e150)
    return z / math.sqrt(1 + (z / clip) * (z / clip))


def _text(cell, numeric):
    """The name of a category; whole numbers have no point."""
    if isinstance(cell, str):
        if not numeric or _read(cell) is None:
            return cell
        cell = int(cell) if cell.lstrip("+-").isdigit() else float(cell)
    if isinstance(cell, (float, np.floating)):
        cell = float(cell)
        return str(int(cell)) if cell.is_integer() and abs(cell) < 2**53 else repr(cell)
    if isinstance(cell, (datetime.date, np.datetime64)):
        return str(np.datetime64(cell, "s")).removesuffix("T00:00:00")
    return None if cell is None else str(cell)


def _truth(cell, name):
    text = _text(cell, True)
    if text is None:
        return 0
    if text.lower() in YES:
        return 1
    if text.lower() in NO:
        return -1
    raise ValueError(f"Column {{name!r}} holds {{cell!r}}, where yes or no belongs.")


def _seconds(cell, name, order):
    """Seconds from 1970 on to a date, which may be a text."""
    if cell is None:
        return None
    if isinstance(cell, datetime.datetime) and cell.tzinfo is not None:
        cell = cell.astimezone(datetime.timezone.utc).replace(tzinfo=None)
    if isinstance(cell, (datetime.date, np.datetime64)):
        return int(np.datetime64(cell, "s").astype(np.int64))
    match = (YEAR_FIRST if order == "ymd" else YEAR_LAST).fullmatch(cell) if isinstance(cell, str) else None
    try:
        one, _, two, three, hour, minute, second, offset = match.groups()
        year, month, day = {{"ymd": (one, two, three), "dmy": (three, two, one), "mdy": (three, one, two)}}[order]
        time = int(hour or 0), int(minute or 0), min(int(second or 0), 59)
        seconds = calendar.timegm(datetime.datetime(int(year), int(month), int(day), *time).timetuple())
    except (AttributeError, ValueError):
        raise ValueError(f"Column {{name!r}} holds {{cell!r}}, where a date belongs.") from None
    if offset and offset != "Z":
        shift = 3600 * int(offset[1:3]) + 60 * int(offset[-2:])
        seconds -= shift if offset[0] == "+" else -shift
    return seconds


def _parts(seconds, first):
    if seconds is None:
        return {{}}
    moment = datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=seconds)
    return {{
        "year": moment.year,
        "month": moment.month,
        "day": moment.day,
        "weekday": moment.weekday(),
        "hour": moment.hour,
        "days": (seconds - first) / 86400,
    }}


TIME = r"(?:[T ]\\s*(\\d{{1,2}}):(\\d{{2}})(?::(\\d{{2}})(?:[.,]\\d+)?)?\\s*(Z|[+-]\\d{{2}}:?\\d{{2}})?)?"
YEAR_FIRST = re.compile(r"(\\d{{4}})([-/.])(\\d{{1,2}})\\2(\\d{{1,2}})" + TIME)
YEAR_LAST = re.compile(r"(\\d{{1,2}})([-/.])(\\d{{1,2}})\\2(\\d{{4}})" + TIME)
MISSING = {missing}
YES = {yes}
NO = {no}

# What becomes of each column.
COLUMNS = {columns}
'''


def encoding_text(encoder: TableEncoder) -> str:
    """The functions and what they know of the columns."""
    columns = pprint.pformat(encoder.to_plain()["columns"], width=112, compact=True, sort_dicts=False)
    sets = {name: repr(tuple(sorted(words))) for name, words in (("missing", MISSING), ("yes", YES), ("no", NO))}
    return _FUNCTIONS.format(width=encoder.layout.width, columns=columns, **sets)
