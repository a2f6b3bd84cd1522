"""The chart's points: as many as a chart can show, however long training goes on."""

from __future__ import annotations

import numpy as np

from pellucid.typing import Floats

_MOST = 2000


class Curve:
    """Rows of (epoch, numbers …); when there are too many, every other one of them is dropped.

    Parameters
    ----------
    columns : int
        How many numbers a row has, the epoch included.
    """

    def __init__(self, columns: int) -> None:
        self._rows: list[tuple[float, ...]] = []
        self._columns = columns
        self._apart = 0.0  # epochs that must lie between two rows

    def add(self, *row: float | None) -> None:
        """A row; one of the same epoch as the last takes its place, and None is NaN."""
        numbers = tuple(float("nan") if value is None else float(value) for value in row)
        if self._rows and (numbers[0] == self._rows[-1][0] or self._too_near(numbers[0])):
            self._rows[-1] = numbers
            return
        self._rows.append(numbers)
        if len(self._rows) > _MOST:
            self._rows = self._rows[::2] + ([self._rows[-1]] if len(self._rows) % 2 == 0 else [])
            self._apart = (self._rows[-1][0] - self._rows[0][0]) / _MOST * 1.5

    def _too_near(self, epoch: float) -> bool:
        return len(self._rows) > 1 and epoch - self._rows[-2][0] < self._apart

    def since(self, epoch: float) -> Floats:
        """The rows of later epochs, (m, columns), float32."""
        rows = [row for row in self._rows if row[0] > epoch]
        return np.array(rows, dtype=np.float32).reshape(-1, self._columns)

    def columns(self) -> tuple[tuple[float, ...], ...]:
        """All rows as columns; () where there are none."""
        return tuple(zip(*self._rows, strict=True))

    def __len__(self) -> int:
        """How many rows there are."""
        return len(self._rows)
