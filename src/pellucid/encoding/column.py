"""A column of a table and what it is taken for: a number, a category, yes or no, a date, or left out."""

from __future__ import annotations

from dataclasses import dataclass

LEFT_OUT = ("ignore", "identifier", "constant")
"""The kinds a network is given nothing of."""


@dataclass(frozen=True)
class Column:
    """A column and what it is taken for.

    Parameters
    ----------
    name : str
        As in the file.
    kind : str
        "number", "category", "boolean" or "date"; "ignore", "identifier" or "constant" where it is left out.
    reason : str
        What it was seen by.
    rows, missing : int
        How many cells there are, and how many of them hold nothing.
    examples : tuple of str
        The first different cells.
    order : str
        Of a date in texts: "ymd", "dmy" or "mdy".
    numeric : bool
        Of a category: whether all its names are numbers.
    lenient : bool
        Of a number: whether texts count as missing, since it was declared one.
    reach : str
        Of numbers and moments: from where to where they go.
    """

    name: str
    kind: str
    reason: str
    rows: int
    missing: int
    examples: tuple[str, ...]
    order: str = "ymd"
    numeric: bool = False
    lenient: bool = False
    reach: str = ""

    @property
    def used(self) -> bool:
        """Whether a network is given it."""
        return self.kind not in LEFT_OUT

    @property
    def decision(self) -> str:
        """What becomes of it, in words."""
        return {
            "number": "scaled" + (", and whether it is missing" if self.missing else ""),
            "category": "one-hot or an embedding",
            "boolean": "−1 for no, +1 for yes",
            "date": f"taken apart ({' '.join({'y': 'year', 'm': 'month', 'd': 'day'}[part] for part in self.order)})",
        }.get(self.kind, "left out")
