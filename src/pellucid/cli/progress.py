"""How training goes: a bar in a terminal, a line now and then elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from pellucid.training import Callback, Trainer

_MOST_LINES = 25
_SECONDS = 0.1  # between two looks of the bar


def progress_for(console: Console) -> Callback:
    """The progress that suits where the output goes."""
    return Bar(console) if console.is_terminal else Lines(console)


def numbers(row: Mapping[str, float | None]) -> str:
    """Losses and accuracies of an epoch in words."""
    parts = []
    for title, prefix in (("loss", ""), ("validation loss", "validation_")):
        if row.get(f"{prefix}loss") is not None:
            parts.append(f"{title} {row[f'{prefix}loss']:.4f}")
        if row.get(f"{prefix}accuracy") is not None:
            parts[-1] += f", accuracy {row[f'{prefix}accuracy']:.4f}"
    return "   ".join(parts)


def line_distance(epochs: int) -> int:
    """After how many epochs a line is written, so that there are not too many: 1, 2, 5, 10, 20, 50 and so on."""
    power = 1
    while epochs > 10 * power * _MOST_LINES:
        power *= 10
    return next(step * power for step in (1, 2, 5, 10) if epochs <= step * power * _MOST_LINES)


class Lines(Callback):
    """A line for each epoch, or for every this many where there are many; always for the first and the last."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._last = self._distance = 1
        self._written = 0

    def on_fit_begin(self, trainer: Trainer, epochs: int) -> None:
        """Find how far the lines lie apart."""
        self._last, self._distance = trainer.epoch + epochs, line_distance(epochs)
        self._written = trainer.epoch

    def interval(self, trainer: Trainer) -> int:
        """1 at the start, then up to the next round number."""
        return self._distance - trainer.epoch % self._distance if trainer.epoch else 1

    def on_epoch_end(self, trainer: Trainer) -> None:
        """Write a line."""
        if not len(trainer.history) or self._written == trainer.epoch:
            return
        self._written = trainer.epoch
        label = f"epoch {trainer.epoch:>{len(str(self._last))}}/{self._last}"
        self.console.print(f"{label}   {numbers(trainer.history.row(-1))}", soft_wrap=True)

    def on_fit_end(self, trainer: Trainer) -> None:
        """Write the last line where training ended between two."""
        self.on_epoch_end(trainer)


class Bar(Callback):
    """A bar that grows, with the latest numbers and the time that is left."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._progress: Progress | None = None
        self._task = TaskID(0)
        self._last = 0

    def on_fit_begin(self, trainer: Trainer, epochs: int) -> None:
        """Put the bar up."""
        self._last = trainer.epoch + epochs
        columns: list[Any] = [
            TextColumn("{task.description}", style="bold"),
            BarColumn(bar_width=14),
            TextColumn("{task.fields[numbers]}"),
        ]
        if self.console.width > 110:
            columns.append(TimeRemainingColumn(compact=True))
        self._progress = Progress(*columns, console=self.console, refresh_per_second=8)
        self._task = self._progress.add_task(self._label(trainer), total=epochs, numbers="")
        self._progress.start()

    def _label(self, trainer: Trainer) -> str:
        return f"epoch {trainer.epoch:>{len(str(self._last))}}/{self._last}"

    def interval(self, trainer: Trainer) -> int:
        """As many epochs as take a tenth of a second."""
        seconds = trainer.history["seconds"][-1] if len(trainer.history) else 0.0
        return max(1, int(_SECONDS / seconds)) if seconds > 0 else 1

    def on_epoch_end(self, trainer: Trainer) -> None:
        """Let the bar grow."""
        if self._progress is None or not len(trainer.history):
            return
        total = self._progress.tasks[0].total or 0
        row = numbers(trainer.history.row(-1))
        if self.console.width < 110:
            row = row.replace("validation loss", "val").replace(", accuracy", ",").replace("   ", "  ")
        self._progress.update(
            self._task, completed=trainer.epoch - self._last + total, description=self._label(trainer), numbers=row
        )

    def on_fit_end(self, trainer: Trainer) -> None:
        """Leave the bar's last state standing."""
        if self._progress is not None:
            self.on_epoch_end(trainer)
            self._progress.stop()
