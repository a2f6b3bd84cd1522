"""The history: what happened in training, epoch by epoch."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

from pellucid.display import html_table, text_table
from pellucid.pictures import draw
from pellucid.validation import unknown_name_message

_TABLE_ROWS = 20  # a printed history shows the first and last of its rows, not thousands


class History:
    """Columns of numbers, one row an epoch.

    Columns: `epoch` (from 1 on), `loss` and, for classes, `accuracy` (means over the epoch's batches, each at the
    weights it was trained with, dropout included); `validation_loss`, `validation_accuracy` or `validation_r2` (at the
    epoch's end, weighted where the rows have weights), where there is a validation set; `learning_rate` (of the epoch's
    last step); `seconds`.

    Attributes
    ----------
    engine : str
        What computed: "native" or "reference".
    engine_note : str
        Why it was not the native engine, where that needs saying.
    stopped : str
        Why training stopped before its time; "" if it did not.
    diverged : int or None
        The epoch in which the loss was no number any more; None if it always was one.
    best_epoch : int or None
        The epoch whose weights were restored, where early stopping did so.

    Examples
    --------
    >>> history = History()
    >>> history.append({"epoch": 1, "loss": 0.5, "seconds": 0.1})
    >>> history["loss"]
    [0.5]
    """

    def __init__(self) -> None:
        self._columns: dict[str, list[float | None]] = {}
        self._length = 0
        self.engine = ""
        self.engine_note = ""
        self.stopped = ""
        self.diverged: int | None = None
        self.best_epoch: int | None = None

    def append(self, row: Mapping[str, float | None]) -> None:
        """Add one epoch's numbers; columns that are new are None in the rows before."""
        self.extend({name: [value] for name, value in row.items()})

    def extend(self, columns: Mapping[str, Sequence[float | None]]) -> None:
        """Add several epochs' numbers, column by column; all of the same length."""
        (count,) = {len(column) for column in columns.values()}
        for name in columns:
            if name not in self._columns:
                self._columns[name] = [None] * self._length
        for name, column in self._columns.items():
            column.extend(columns.get(name, [None] * count))
        self._length += count

    def set_last(self, values: Mapping[str, float]) -> None:
        """Put further numbers into the last row."""
        for name, value in values.items():
            self._columns.setdefault(name, [None] * self._length)[-1] = value

    def cut(self, epoch: int) -> None:
        """Forget the rows of all epochs after this one: training went back to its end."""
        kept = [index for index, number in enumerate(self._columns.get("epoch", ())) if (number or 0) <= epoch]
        self._columns = {name: [column[index] for index in kept] for name, column in self._columns.items()}
        self._length = len(kept)

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns, in the order of the table."""
        first = ("epoch", "loss", "accuracy", "validation_loss", "validation_accuracy", "validation_r2")
        last = ("learning_rate", "seconds")
        others = [name for name in self._columns if name not in first + last]
        return tuple(name for name in (*first, *others, *last) if name in self._columns)

    def __getitem__(self, name: str) -> list[Any]:
        """A column by its name."""
        if name not in self._columns:
            raise KeyError(unknown_name_message("column", name, self._columns))
        return list(self._columns[name])

    def __contains__(self, name: object) -> bool:
        """Whether there is such a column."""
        return name in self._columns

    def __len__(self) -> int:
        """How many epochs there are."""
        return self._length

    def __iter__(self) -> Iterator[dict[str, float | None]]:
        """Row by row."""
        return (self.row(index) for index in range(self._length))

    def row(self, index: int) -> dict[str, float | None]:
        """One epoch's numbers; −1 is the last."""
        return {name: self._columns[name][index] for name in self.columns}

    @property
    def seconds(self) -> float:
        """The time all epochs took together."""
        return float(sum(value or 0.0 for value in self._columns.get("seconds", [])))

    # -- other forms ---------------------------------------------------------------------------------------------

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain data: the columns, the engine, why training stopped."""
        return {
            "columns": {name: list(self._columns[name]) for name in self.columns},
            "engine": self.engine,
            "engine_note": self.engine_note,
            "stopped": self.stopped,
            "diverged": self.diverged,
            "best_epoch": self.best_epoch,
        }

    def to_json(self, indent: int | None = None) -> str:
        """`to_dict` as JSON; numbers that are not finite, which JSON does not have, become null."""
        data = self.to_dict()
        data["columns"] = {
            name: [value if value is None or math.isfinite(value) else None for value in column]
            for name, column in data["columns"].items()
        }
        return json.dumps(data, indent=indent, allow_nan=False)

    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> History:
        """The history that `to_dict` wrote down.

        Raises
        ------
        ValueError
            If the data is not a history, or its columns differ in length.
        """
        history = History()
        columns = data.get("columns") if isinstance(data, Mapping) else None
        if not isinstance(columns, Mapping) or not all(isinstance(column, list) for column in columns.values()):
            raise ValueError("This is not a history: it has no table of columns.")
        if len({len(column) for column in columns.values()}) > 1:
            raise ValueError("This history is damaged: its columns differ in length.")
        history._columns = {str(name): list(column) for name, column in columns.items()}
        history._length = len(next(iter(columns.values()), []))
        history.engine = str(data.get("engine", ""))
        history.engine_note = str(data.get("engine_note", ""))
        history.stopped = str(data.get("stopped", ""))
        history.diverged = data.get("diverged")
        history.best_epoch = data.get("best_epoch")
        return history

    @staticmethod
    def from_json(text: str) -> History:
        """The history that `to_json` wrote down."""
        return History.from_dict(json.loads(text))

    def to_frame(self) -> Any:
        """The columns as a pandas DataFrame, indexed by the epoch (needs pandas)."""
        try:
            import pandas
        except ImportError as error:
            raise ImportError("to_frame needs pandas: install it with pip install pandas.") from error
        return pandas.DataFrame(self.to_dict()["columns"]).set_index("epoch")

    def plot(self, **options: Any) -> Any:
        """Draw the loss and accuracy curves (needs matplotlib); see `pellucid.plots.history`."""
        return draw("history", self, **options)

    def _rows(self) -> list[list[str]]:
        """The titles, and the first and the last epochs."""
        names, half = self.columns, _TABLE_ROWS // 2
        skipped = self._length > _TABLE_ROWS
        indices = [*range(half), *range(self._length - half, self._length)] if skipped else range(self._length)
        cells = [[_cell(name, self._columns[name][index]) for name in names] for index in indices]
        if skipped:
            cells.insert(half, ["…"] * len(names))
        return [[name.replace("_", " ") for name in names], *cells]

    def _notes(self) -> list[str]:
        note = f" ({self.engine_note})" if self.engine_note else ""
        count = "1 epoch" if self._length == 1 else f"{self._length} epochs"
        lines = [f"{count} in {self.seconds:.3g} s on the {self.engine or '?'} engine{note}"]
        return [*lines, self.stopped] if self.stopped else lines

    def __str__(self) -> str:
        """A table: the first and the last epochs."""
        return "\n".join([text_table(self._rows()), *self._notes()]) if self._length else "History: no epoch yet"

    def _repr_html_(self) -> str:
        """The same table, in a notebook."""
        if not self._length:
            return "<p>History: no epoch yet</p>"
        notes = "".join(f"<p>{escape(note)}</p>" for note in self._notes())
        return html_table(self._rows(), numbers=len(self.columns)) + notes

    def __repr__(self) -> str:
        """How many epochs, and the last loss."""
        last = f", loss {self._columns['loss'][-1]:.4g}" if self._length and "loss" in self._columns else ""
        return f"History({self._length} epoch{'' if self._length == 1 else 's'}{last})"


def _cell(name: str, value: float | None) -> str:
    if value is None:
        return "–"
    if name == "epoch":
        return str(int(value))
    return f"{value:.4f}" if name.endswith(("accuracy", "r2")) else f"{value:.4g}"
