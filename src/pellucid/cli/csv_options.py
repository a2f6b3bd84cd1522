"""How a CSV file is written, as one types it: in the words that are printed of it."""

from __future__ import annotations

from typing import Any

from pellucid.cli.errors import UsageError, choice

HELP = (
    "How the CSV file is written, where it is not found out: delimiter=semicolon (or comma, tab, bar, space), "
    "decimal=comma, encoding=cp1252, header=no; with commas between."
)
_DECIMALS = {"comma": ",", "point": "."}
_HEADERS = {"yes": True, "no": False}


def csv_of(text: str | None) -> dict[str, Any]:
    """What `read_table` is to know of a CSV file: {"delimiter": ";"} for "delimiter=semicolon"."""
    from pellucid.tables.csv_dialect import DELIMITERS

    delimiters = {name: sign for sign, name in DELIMITERS.items()}
    known: dict[str, Any] = {}
    for part in text.split(",") if text else []:
        name, equals, value = (word.strip() for word in part.partition("="))
        if not equals or not value:
            raise UsageError(f"--csv must be such as delimiter=semicolon,decimal=comma, not {text!r:.60}.")
        name = choice("The word in --csv", name, ("delimiter", "decimal", "encoding", "header"))
        if name == "encoding" or (name == "delimiter" and len(value) == 1):
            known[name] = value
        else:
            every: dict[str, dict[str, Any]] = {"delimiter": delimiters, "decimal": _DECIMALS, "header": _HEADERS}
            meanings = every[name]
            known[name] = meanings[choice(f"The {name} in --csv", value, meanings)]
    return known
