"""An encoder in C99: a struct for a row of the table, and the function that makes numbers of it.

A number is a double, NAN where it is missing; a date the seconds from 1970 on as a double; yes and no 1 and 0, NAN
where it is missing; a category its name, NULL where it is missing. A field has the name of its column, in small ASCII
letters.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from pellucid.encoding.encoded import BooleanColumn, CategoryColumn, DateColumn, EncodedColumn, NumberColumn
from pellucid.encoding.encoder import TableEncoder
from pellucid.formats.c_source.text import comment, string

_RESERVED = (
    "auto break case char const continue default do double else enum extern float for goto if inline int long register "
    "restrict return short signed sizeof static struct switch typedef union unsigned void volatile while"
)

_SCALED = """\
/* (x - median) * factor, clipped smoothly; 0 where x is missing, NaN where it is infinite. */
static float scaled(double x, double median, double factor, double clip)
{
    double z = (x - median) * factor;

    if (isnan(x))
        return 0.0f;
    if (isinf(x))
        return NAN;
    if (z > 1e150)
        z = 1e150;
    if (z < -1e150)
        z = -1e150;
    return (float)(z / sqrt(1.0 + (z / clip) * (z / clip)));
}"""

_SIGN = """\
/* 1 for yes, -1 for no, 0 where it is missing. */
static float sign_of(double x)
{
    return isnan(x) ? 0.0f : x > 0.0 || x < 0.0 ? 1.0f : -1.0f;
}"""

_CODE = """\
/* The place of a name among the values, from 1 on; 0 for another one or none. */
static int code_of(const char *name, const char *const values[], int count)
{
    for (int i = 0; name != NULL && i < count; i++)
        if (strcmp(name, values[i]) == 0)
            return i + 1;
    return 0;
}"""

_PARTS = """\
/* Year, month, day, weekday (0: Monday), hour and days since `first` of a moment, in seconds from 1970 on. */
static void parts_of(double seconds, double first, double parts[6])
{
    const double whole = floor(seconds), day = floor(whole / 86400.0);
    const double shifted = day + 719468.0;                      /* days from the first of March of the year 0 on */
    const double era = floor(shifted / 146097.0), rest = shifted - 146097.0 * era;      /* 400 years each */
    const double year = floor((rest - floor(rest / 1460.0) + floor(rest / 36524.0) - floor(rest / 146096.0)) / 365.0);
    const double of_year = rest - (365.0 * year + floor(year / 4.0) - floor(year / 100.0));
    const double month = floor((5.0 * of_year + 2.0) / 153.0);  /* 0: March */

    parts[0] = year + 400.0 * era + (month > 9.5 ? 1.0 : 0.0);
    parts[1] = month > 9.5 ? month - 9.0 : month + 3.0;
    parts[2] = of_year - floor((153.0 * month + 2.0) / 5.0) + 1.0;
    parts[3] = day + 3.0 - 7.0 * floor((day + 3.0) / 7.0);
    parts[4] = floor((whole - 86400.0 * day) / 3600.0);
    parts[5] = (whole - first) / 86400.0;
    for (int i = 0; isinf(seconds) && i < 6; i++)
        parts[i] = seconds;
}"""

_PLACE_OF_PART = {name: place for place, name in enumerate(("year", "month", "day", "weekday", "hour", "days"))}


@dataclass(frozen=True)
class RowSource:
    """What the files of a program say of rows of the table."""

    header: str
    """The struct and the declaration."""
    source: str
    """The functions."""


def row_source(encoder: TableEncoder, name: str) -> RowSource:
    """The struct `NAME_row` and the function `NAME_encode`."""
    big, fields = name.upper(), field_names(encoder)
    members = "\n".join(
        f"    {_member(column, field)}  /* {comment(_words(column))} */"
        for column, field in zip(encoder.columns, fields, strict=True)
    )
    declaration = f"void {name}_encode(const struct {name}_row *row, float x[{big}_INPUTS])"
    header = (
        f"/* A row of the table, as the columns are called there. */\nstruct {name}_row {{\n{members}\n}};\n\n"
        f"/* A row as the numbers that the other functions take. */\n{declaration};"
    )
    lines, tables = _lines(encoder, fields)
    body = "\n".join(f"    {line}" for line in lines)
    code = f"{declaration}\n{{\n{body}\n}}"
    used = [text for call, text in _FUNCTIONS.items() if f"{call}(" in code]
    return RowSource(header, "\n\n".join([*used, *tables, code]))


_FUNCTIONS = {"scaled": _SCALED, "sign_of": _SIGN, "code_of": _CODE, "parts_of": _PARTS}


def field_names(encoder: TableEncoder) -> tuple[str, ...]:
    """The fields of the struct: the names of the columns as C takes them, no two the same."""
    fields: list[str] = []
    for column in encoder.columns:
        plain = re.sub(r"[^a-z0-9]+", "_", column.name.lower()).strip("_") or "column"
        if plain[0].isdigit() or plain in _RESERVED.split():
            plain = f"column_{plain}"
        number, free = 1, plain
        while free in fields:
            number += 1
            free = f"{plain}_{number}"
        fields.append(free)
    return tuple(fields)


def _member(column: EncodedColumn, field: str) -> str:
    return f"const char *{field};" if isinstance(column, CategoryColumn) else f"double {field};"


def _words(column: EncodedColumn) -> str:
    """What a field holds: for the comment behind it."""
    name = column.name.encode("ascii", "replace").decode().replace("\n", " ")
    if isinstance(column, CategoryColumn):
        return f"{name}: a name, NULL if it is missing"
    if isinstance(column, BooleanColumn):
        return f"{name}: 1 for yes, 0 for no, NAN if it is missing"
    if isinstance(column, DateColumn):
        return f"{name}: seconds from 1970 on (UTC), NAN if it is missing"
    return f"{name}: a number, NAN if it is missing"


def _lines(encoder: TableEncoder, fields: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """The body of the function, group by group, and the tables of values."""
    groups: dict[str, list[str]] = {"numbers": [], "signs": [], "missing": [], "one_hot": [], "codes": []}
    tables: list[str] = []
    for place, (column, field) in enumerate(zip(encoder.columns, fields, strict=True)):
        cell = f"row->{field}"
        if isinstance(column, NumberColumn):
            groups["numbers"].append(_scaling(cell, column.median, column.factor, column.clip))
        elif isinstance(column, DateColumn):
            groups["numbers"].append(f"parts_of({cell}, {float(column.first)!r}, parts);")
            groups["numbers"] += [
                _scaling(f"parts[{_PLACE_OF_PART[part]}]", median, factor, column.clip)
                for part, median, factor in zip(column.parts, column.medians, column.factors, strict=True)
            ]
        elif isinstance(column, BooleanColumn):
            groups["signs"].append(f"*x++ = sign_of({cell});")
        else:
            for value in column.values:
                if "\0" in value:
                    raise ValueError(
                        f"Column {column.name!r:.60} has the value {value!r:.60}, which no string of C holds."
                    )
            values = ", ".join(map(string, column.values))
            tables.append(f"static const char *const values_{place}[{len(column.values)}] = {{{values}}};")
            _category(column, f"code_of({cell}, values_{place}, {len(column.values)})", groups)
        if isinstance(column, NumberColumn | DateColumn) and column.missing:
            groups["missing"].append(f"*x++ = isnan({cell}) ? 1.0f : 0.0f;")
    lines = [line for group in groups.values() for line in group]
    declared = [
        text for key, text in (("parts[", "double parts[6];"), ("code =", "int code;")) if key in "".join(lines)
    ]
    return [*declared, *([""] if declared else []), *lines], tables


def _scaling(cell: str, median: float, factor: float, clip: float) -> str:
    return f"*x++ = scaled({cell}, {median!r}, {factor!r}, {clip!r});"


def _category(column: CategoryColumn, code: str, groups: dict[str, list[str]]) -> None:
    """The lines of a category in its form."""
    if column.form == "code":
        groups["codes"].append(f"*x++ = (float){code};")
        return
    if column.form == "sign":
        groups["signs"] += [f"code = {code};", "*x++ = code == 0 ? 0.0f : code == 1 ? -1.0f : 1.0f;"]
        return
    groups["one_hot"].append(f"code = {code};")
    groups["one_hot"].append(f"for (int i = 1; i <= {len(column.values)}; i++)")
    groups["one_hot"].append("    *x++ = code == i ? 1.0f : 0.0f;")
