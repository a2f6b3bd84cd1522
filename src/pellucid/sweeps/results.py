"""What came of a sweep: a row for each configuration."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pellucid.metrics import higher_is_better
from pellucid.pictures import draw
from pellucid.sweeps.keeping import described
from pellucid.training.history import History
from pellucid.validation import unknown_name_message

_NOT_METRICS = ("epoch", "learning_rate", "seconds")
_MOST_LINES = 100
_MOST_CHARACTERS = 24  # of a parameter in a table
_LONGEST_ERROR = 90


@dataclass(frozen=True)
class Trial:
    """One configuration and what came of it.

    Attributes
    ----------
    parameters : dict
        What `make_trainer` was called with.
    state : {"waiting", "running", "done", "failed"}
        "waiting" and "running" also after an interrupt: not finished.
    metrics : dict
        The columns of the history (loss, accuracy, …) in the epoch whose weights were kept: the best one where early
        stopping restored it, else the last.
    history : History or None
        Epoch by epoch.
    seconds : float
        How long it took, with all that `make_trainer` does.
    error : str
        What went wrong: the exception's class and message.
    traceback : str
        Where it went wrong.
    """

    parameters: dict[str, Any]
    state: str = "waiting"
    metrics: dict[str, Any] = field(default_factory=dict)
    history: History | None = None
    seconds: float = 0.0
    error: str = ""
    traceback: str = ""

    @property
    def epochs(self) -> int:
        """How many epochs are done."""
        return 0 if self.history is None else len(self.history)

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain data; parameters that are no plain data as their text."""
        return {
            "parameters": {name: _plain(value) for name, value in self.parameters.items()},
            "state": self.state,
            "metrics": dict(self.metrics),
            "history": None if self.history is None else self.history.to_dict(),
            "seconds": self.seconds,
            "error": self.error,
            "traceback": self.traceback,
        }

    def __str__(self) -> str:
        """The parameters and the metrics in one line."""
        metrics = ", ".join(f"{name.replace('_', ' ')} {label(value)}" for name, value in self.metrics.items())
        return f"{self.label}: {self.error or metrics or self.state}"

    @property
    def label(self) -> str:
        """The parameters in words."""
        return ", ".join(f"{name}={label(value)}" for name, value in self.parameters.items())


def metrics_of(history: History) -> dict[str, Any]:
    """The row of the epoch whose weights were kept, without what is no result."""
    if not len(history):
        return {}
    kept = -1 if history.best_epoch is None else history["epoch"].index(history.best_epoch)
    return {name: value for name, value in history.row(kept).items() if name not in _NOT_METRICS}


class SweepResults:
    """The rows of a sweep, in the order of the configurations.

    Attributes
    ----------
    rows : tuple of Trial
        One for each configuration.
    stopped : str
        Why the sweep ended before its time; "" if it did not.

    Examples
    --------
    >>> rows = [Trial({"rate": 0.1}, "done", {"loss": 0.5}), Trial({"rate": 1.0}, "done", {"loss": 0.2})]
    >>> results = SweepResults(rows)
    >>> results["loss"]
    [0.5, 0.2]
    >>> results.best("loss").parameters
    {'rate': 1.0}
    """

    def __init__(self, rows: Any, stopped: str = "") -> None:
        self.rows: tuple[Trial, ...] = tuple(rows)
        self.stopped = stopped

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of all parameters, in the order of their first appearance."""
        return tuple(dict.fromkeys(name for row in self.rows for name in row.parameters))

    @property
    def metrics(self) -> tuple[str, ...]:
        """The names of all metrics, in the order of the history."""
        return tuple(dict.fromkeys(name for row in self.rows for name in row.metrics))

    @property
    def failed(self) -> tuple[Trial, ...]:
        """The rows of the configurations that failed."""
        return tuple(row for row in self.rows if row.state == "failed")

    def best(self, metric: str | None = None, *, highest: bool | None = None) -> Trial:
        """The row with the best value of a metric; of several, the first.

        Parameters
        ----------
        metric : str or None
            None: `validation_loss`, or `loss` without a validation set.
        highest : bool or None
            Whether the highest value is the best; None: for accuracies and r2.

        Raises
        ------
        ValueError
            If there is no such metric, no configuration has one, or it is not known which of its values are better.
        """
        finished = [row for row in self.rows if row.state == "done"]
        if not finished:
            first = f" The first error: {self.failed[0].error}" if self.failed else ""
            raise ValueError(f"No configuration was finished, so none is the best.{first}")
        name = self._metric(metric)
        values = {index: row.metrics.get(name) for index, row in enumerate(finished)}
        sign = -1.0 if higher_is_better(name, highest, "highest") else 1.0
        ranked = {index: sign * value for index, value in values.items() if value is not None and value == value}
        if not ranked:
            raise ValueError(f"No configuration has a number for {name}, so none is the best.")
        return finished[min(ranked, key=lambda index: ranked[index])]

    def _metric(self, metric: str | None) -> str:
        if metric is None:
            return "validation_loss" if "validation_loss" in self.metrics else "loss"
        if metric not in self.metrics:
            raise ValueError(unknown_name_message("metric", metric, self.metrics))
        return metric

    def __getitem__(self, name: str | int) -> Any:
        """A column by the name of a parameter, a metric, or "seconds", "epochs", "state", "error"; a row by number."""
        if isinstance(name, int):
            return self.rows[name]
        if name in self.parameters:
            return [row.parameters.get(name) for row in self.rows]
        if name in self.metrics:
            return [row.metrics.get(name) for row in self.rows]
        others = ("seconds", "epochs", "state", "error")
        if name not in others:
            raise KeyError(unknown_name_message("column", name, [*self.parameters, *self.metrics, *others]))
        return [getattr(row, name) for row in self.rows]

    def __len__(self) -> int:
        """How many configurations there are."""
        return len(self.rows)

    def __iter__(self) -> Iterator[Trial]:
        """Row by row."""
        return iter(self.rows)

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain data."""
        return {"rows": [row.to_dict() for row in self.rows], "stopped": self.stopped}

    def to_json(self, indent: int | None = None) -> str:
        """`to_dict` as JSON."""
        return json.dumps(self.to_dict(), indent=indent)

    def to_frame(self) -> Any:
        """Parameters, metrics, epochs, seconds, state and error as a pandas DataFrame (needs pandas)."""
        import pandas

        names = dict.fromkeys([*self.parameters, *self.metrics, "epochs", "seconds", "state", "error"])
        return pandas.DataFrame({name: self[name] for name in names})

    def plot(self, x: str, y: str | None = None, **options: Any) -> Any:
        """Draw a metric against a parameter (needs matplotlib); see `pellucid.plots.sweep`."""
        return draw("sweep", self, x, y, **options)

    def __str__(self) -> str:
        """A table, and the best configuration."""
        lines = self.table(range(min(len(self.rows), _MOST_LINES)))
        if len(self.rows) > _MOST_LINES:
            lines.append(f"… and {len(self.rows) - _MOST_LINES:,} more")
        lines.append(self.tally())
        try:
            best = self.best()
        except ValueError:
            pass
        else:
            name = self._metric(None)
            lines.append(f"best {name.replace('_', ' ')} {label(best.metrics[name])}: {best.label}")
        return "\n".join([*lines, self.stopped] if self.stopped else lines)

    def tally(self) -> str:
        """How many configurations are in which state."""
        counts = {state: sum(row.state == state for row in self.rows) for state in ("done", "failed", "running")}
        parts = ", ".join(f"{count:,} {state}" for state, count in counts.items() if count)
        return f"{len(self.rows):,} configuration{'' if len(self.rows) == 1 else 's'}: {parts or 'none begun'}"

    def table(self, chosen: Any) -> list[str]:
        """The lines of a table of the chosen rows, with the titles."""
        titles = ["", *self.parameters, *self.metrics, "epochs", "seconds", ""]
        cells = [[title.replace("_", " ") for title in titles]]
        for index in chosen:
            row = self.rows[index]
            begun = row.history is not None or row.seconds > 0
            cells.append(
                [
                    str(index),
                    *(label(row.parameters[name]) if name in row.parameters else "–" for name in self.parameters),
                    *(label(row.metrics.get(name)) for name in self.metrics),
                    str(row.epochs) if begun else "–",
                    f"{row.seconds:.3g}" if begun else "–",
                    row.error.split("\n")[0][:_LONGEST_ERROR] if row.state == "failed" else _word(row.state),
                ]
            )
        widths = [max(len(row[i]) for row in cells) for i in range(len(titles) - 1)]
        return ["  ".join([*map(str.rjust, row[:-1], widths), row[-1]]).rstrip() for row in cells]

    def __repr__(self) -> str:
        """How many configurations, and how they fared."""
        return f"SweepResults({self.tally()})"


def _word(state: str) -> str:
    return "" if state == "done" else state


def label(value: Any) -> str:
    """A value in a few characters."""
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.4g}" if math.isfinite(value) else str(value)
    text = getattr(value, "__name__", None) or str(value)
    return text if len(text) <= _MOST_CHARACTERS else f"{text[: _MOST_CHARACTERS - 1]}…"


def _plain(value: Any) -> Any:
    try:
        return described(value)
    except TypeError:
        return str(value)


def from_dict(data: Any, parameters: Mapping[str, Any]) -> Trial:
    """The finished row that `Trial.to_dict` wrote down, with the parameters themselves.

    Raises
    ------
    ValueError
        If the data is no finished row.
    """
    if not isinstance(data, Mapping) or data.get("state") != "done" or not isinstance(data.get("metrics"), dict):
        raise ValueError("This is no finished configuration of a sweep.")
    history = History.from_dict(data.get("history") or {})
    row = Trial(dict(parameters), "done", dict(data["metrics"]), history)
    return dataclasses.replace(row, seconds=float(data.get("seconds", 0.0)))
