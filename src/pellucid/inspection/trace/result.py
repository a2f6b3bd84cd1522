"""A trace as it is returned: a traced step with its ways out, which are text, plain data, JSON and a page."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pellucid.inspection.trace.data import to_dict
from pellucid.inspection.trace.page import fragment, page
from pellucid.inspection.trace.text import text
from pellucid.inspection.trace.values import TracedStep
from pellucid.storage.atomic import write_atomically
from pellucid.validation import check_integer


@dataclass(frozen=True, eq=False)
class Trace(TracedStep):
    """One training step with every number in it. Print it, show it in a notebook, or save it as a page.

    Its numbers are those of a `TracedStep`: `x`, `targets`, `layers`, `values`, `cost` and so on.
    """

    def text(self, *, unit: int | str | None = None, row: int = 0, digits: int = 4) -> str:
        """The step as a walk through the chain rule: each line's formula, and the numbers put in.

        Parameters
        ----------
        unit : int, "all" or None
            Which unit of each layer is worked out number by number. None: every one of a layer of at most four, of a
            larger one that whose gradient is the largest.
        row : int
            Which row is followed through the layers, from 0 on.
        digits : int
            How many decimals are shown; small numbers show three digits anyway. `layers` has them all.
        """
        self._check_row(row)
        if unit is not None and unit != "all":
            if isinstance(unit, str):
                raise ValueError(f"unit must be a whole number, 'all' or None, not {unit!r}.")
            widest = max(layer.output[0].size for layer in self.layers)
            check_integer("unit", unit, minimum=0, maximum=widest - 1)
        return text(self, unit, row, check_integer("digits", digits, minimum=1, maximum=16))

    def __str__(self) -> str:
        """The walk through the chain rule."""
        return self.text()

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain data: dictionaries, lists, numbers and strings."""
        return to_dict(self)

    def to_json(self, *, indent: int | None = None) -> str:
        """Everything as JSON; numbers that are not finite are the strings "NaN", "Infinity" and "-Infinity"."""
        return json.dumps(self.to_dict(), ensure_ascii=False, allow_nan=False, indent=indent)

    def to_html(self, *, row: int = 0) -> str:
        """A page of its own: fold out a layer, hover over a unit to see its sum written out. It loads nothing."""
        self._check_row(row)
        return page(self, row)

    def save_html(self, path: str | Path, *, row: int = 0) -> None:
        """Write `to_html` to a file."""
        write_atomically(Path(path).expanduser(), [self.to_html(row=row).encode()])

    def _repr_html_(self) -> str:
        """What notebooks show."""
        return fragment(self, 0)

    def _check_row(self, row: int) -> None:
        check_integer("row", row, minimum=0, maximum=len(self.x) - 1)
