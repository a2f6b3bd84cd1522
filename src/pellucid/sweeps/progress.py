"""ProgressListener how a sweep goes: a table that renews itself in a terminal, a line for each configuration elsewhere.

Contract: a report is called with the results so far, whether something was finished since the last call, and whether
this is the last call.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from typing import Any, Protocol

from pellucid.sweeps.results import SweepResults


class SweepReport(Protocol):
    """See the head of this file."""

    def __call__(self, results: SweepResults, changed: bool, last: bool) -> None:
        """Show the results."""


def find_report(progress: Any) -> SweepReport | None:
    """The report for a stream, a callable, or None."""
    if progress is None:
        return None
    if callable(getattr(progress, "write", None)):
        terminal = callable(getattr(progress, "isatty", None)) and progress.isatty()
        return _LiveTable(progress) if terminal else _Lines(progress)
    if not callable(progress) or isinstance(progress, type):
        raise TypeError(f"progress must be a text stream such as sys.stderr, a callable, or None, not {progress!r}.")
    return _Call(progress)


class _Call:
    """Hands the results to a function of the user's, whenever a configuration is finished."""

    def __init__(self, function: Callable[[SweepResults], Any]) -> None:
        self._function = function

    def __call__(self, results: SweepResults, changed: bool, last: bool) -> None:
        if changed and not last:
            self._function(results)


class _Lines:
    """A line for each configuration that is finished."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._written: set[int] = set()

    def __call__(self, results: SweepResults, changed: bool, last: bool) -> None:
        new = [i for i, row in enumerate(results) if row.state in ("done", "failed") and i not in self._written]
        for index in new:
            self._written.add(index)
            self._stream.write(f"{len(self._written)}/{len(results)}  {results.rows[index]}\n")
        if new:
            self._stream.flush()


class _LiveTable:
    """The table of what is running, finished and failed, drawn over itself."""

    _SECONDS = 0.5

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._height = 0
        self._last = 0.0

    def __call__(self, results: SweepResults, changed: bool, last: bool) -> None:
        now = time.monotonic()
        if not (changed or last) and now - self._last < self._SECONDS:
            return
        self._last = now
        width, height = shutil.get_terminal_size()
        lines = [results.tally(), *results.table(self._chosen(results, max(1, height - 4)))]
        if last:
            lines = str(results).split("\n")
        back = f"\x1b[{self._height}F\x1b[J" if self._height else ""
        self._stream.write(back + "".join(f"{line[: width - 1]}\n" for line in lines))
        self._stream.flush()
        self._height = len(lines)

    @staticmethod
    def _chosen(results: SweepResults, most: int) -> list[int]:
        """What fits: first of all what is running, then what was finished last by number."""
        running = [index for index, row in enumerate(results) if row.state == "running"]
        finished = [index for index, row in enumerate(results) if row.state in ("done", "failed")]
        return sorted([*running[:most], *finished[::-1][: max(0, most - len(running))]])
