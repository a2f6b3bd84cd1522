"""How several trainings go, side by side: one bar in a terminal, a line for each that has ended elsewhere.

Contract: what `ProgressListener` asks for (`begun`, `watch`, `ended`, `now`), and a context that leaves the terminal as
it was. Callbacks come from other threads; all they do is count.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from pellucid.tables.running import Job
from pellucid.training import Callback, Trainer

_SECONDS = 0.2  # between two looks of the bar


class _Counting(Callback):
    """Tells the bar how many rows a training has gone through."""

    def __init__(self, progress: Progress, task: Any) -> None:
        self.progress, self.task = progress, task
        self._rows = self._seen = 0

    def on_fit_begin(self, trainer: Trainer, epochs: int) -> None:
        """See how many rows an epoch has; of a stream, each piece has its own number."""
        self._rows, self._seen = len(trainer.task.x), trainer.epoch

    def interval(self, trainer: Trainer) -> int:
        """As many epochs as take a fifth of a second."""
        seconds = trainer.history["seconds"][-1] if len(trainer.history) else 0.0
        return max(1, int(_SECONDS / seconds)) if seconds > 0 else 1

    def on_epoch_end(self, trainer: Trainer) -> None:
        """Count on."""
        self.progress.advance(self.task, (trainer.epoch - self._seen) * self._rows)
        self._seen = trainer.epoch


class TrainingsBar:
    """One bar for all trainings, by the rows they go through."""

    def __init__(self, console: Console) -> None:
        columns: list[Any] = [TextColumn("{task.description}", style="bold"), BarColumn(bar_width=24)]
        self._progress = Progress(*columns, TimeRemainingColumn(compact=True), console=console, transient=True)
        self._task = self._progress.add_task("training", total=None)
        self._left = 0

    def __enter__(self) -> TrainingsBar:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def begun(self, jobs: Sequence[Job]) -> None:
        """Know how much there is to do."""
        self._left = len(jobs)
        self._progress.update(self._task, total=sum(job.visits for job in jobs), description=self._words())

    def watch(self, job: Job) -> list[Callback]:
        """Count the rows of a training."""
        return [_Counting(self._progress, self._task)]

    def ended(self, job: Job) -> None:
        """One less to go."""
        self._left -= 1
        self._progress.update(self._task, description=self._words())

    def now(self, words: str) -> None:
        """Say what is done."""
        self._progress.update(self._task, description=f"measuring: {words}", total=None)

    def _words(self) -> str:
        return f"{self._left} training{'' if self._left == 1 else 's'} to go"


class ReadingBar:
    """How far the passes over a file have come; nothing where there is no terminal."""

    def __init__(self, console: Console) -> None:
        columns: list[Any] = [TextColumn("{task.description}", style="bold"), BarColumn(bar_width=24)]
        columns += [TextColumn("{task.completed:,} rows"), TimeRemainingColumn(compact=True)]
        self._progress = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._task = self._progress.add_task("reading", total=None)

    def __enter__(self) -> ReadingBar:
        self._progress.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._progress.stop()

    def on_progress(self, words: str, rows: int, of: int | None) -> None:
        """Say what the file is read for, and how far that is."""
        self._progress.update(self._task, description=words, completed=rows, total=of)


class TrainingsLines:
    """A line for each training that has ended."""

    def __init__(self, console: Console) -> None:
        self.console = console

    def __enter__(self) -> TrainingsLines:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def begun(self, jobs: Sequence[Job]) -> None:
        """Nothing to say yet."""

    def watch(self, job: Job) -> list[Callback]:
        """Nobody counts."""
        return []

    def ended(self, job: Job) -> None:
        """Say what was trained, and how it ended."""
        self.console.print(f"{job.name[0].upper()}{job.name[1:]}: {job.label}", soft_wrap=True)

    def now(self, words: str) -> None:
        """Rivals and columns are quick enough to be silent about."""
