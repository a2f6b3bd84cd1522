"""The sweep itself: configurations handed to workers, what they answer collected.

Threads are the default, and fit nearly everything: the native engine trains outside Python's lock, the data is shared,
and `make_trainer` may be a lambda in a notebook. Processes (`processes=True`) are for what holds the lock for long, the
reference engine and layers written in Python; they are started anew (spawned), so `make_trainer` must be a function of
a module, and the data is copied to each.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from functools import partial
from typing import Any

from pellucid.engines.pool import collect, worker_count
from pellucid.metrics import Metrics, find_metrics
from pellucid.sweeps.configurations import check_configurations
from pellucid.sweeps.keeping import Keeper
from pellucid.sweeps.progress import SweepReport, find_report
from pellucid.sweeps.results import SweepResults, Trial, from_dict, metrics_of
from pellucid.sweeps.workers import Runner, SweepTask, check_picklable, run_in_process, start_process
from pellucid.training.history import History
from pellucid.training.trainer import Trainer
from pellucid.validation import check_integer


def sweep(
    make_trainer: Callable[..., Trainer],
    configurations: Any,
    x: Any,
    y: Any,
    *,
    epochs: int,
    validation: Any = None,
    sample_weight: Any = None,
    class_weight: Any = None,
    workers: int | None = None,
    processes: bool = False,
    directory: str | os.PathLike[str] | None = None,
    progress: Any = None,
    metrics: Metrics | None = None,
) -> SweepResults:
    """Train many configurations side by side and compare them.

    Each network is trained as it would be alone: its numbers depend on its parameters and the seed in its Trainer, not
    on the number of workers or on the others. A configuration that fails is reported in its row, and the rest go on.

    Parameters
    ----------
    make_trainer : callable
        Called with each configuration as keyword arguments; answers a new Trainer with a new Network.
    configurations : list of dict
        See `grid` and `samples`.
    x, y, epochs, validation, sample_weight, class_weight, metrics
        As for `Trainer.fit`.
    workers : int or None
        How many are trained at a time, each on one thread; None: one for each core. With one worker networks may use
        as many threads as they want.
    processes : bool
        Workers are processes instead of threads. Then `make_trainer` must be a function of a module.
    directory : path or None
        Where finished configurations are kept, a file each. Called again with the same directory, the sweep goes on
        where it was cut off, and failed configurations are tried again. What counts as the same
        sweep is the code of `make_trainer` itself: after a change in a function that it calls, give another directory.
    progress : text stream, callable or None
        A stream (`sys.stderr`) gets a table that renews itself in a terminal, or a line for each configuration
        elsewhere; a callable is given the SweepResults so far. None: nothing is printed.

    Returns
    -------
    SweepResults
        One row a configuration, in their order. After Ctrl-C: what is finished, and `stopped` says so.

    Notes
    -----
    Ctrl-C ends the networks that are being trained after the epoch that they are in. To have the best network, train
    its configuration again: `make_trainer(**results.best().parameters)` gives the same bits.

    Examples
    --------
    >>> import pellucid as pl
    >>> def make_trainer(units, learning_rate):
    ...     network = pl.Network([pl.Dense(units), pl.Tanh(), pl.Dense(2)])
    ...     return pl.Trainer(network, loss=pl.SoftmaxCrossEntropy(), optimizer=pl.Adam(learning_rate), seed=0)
    >>> moons = pl.datasets.load_toy("crescent-moons")
    >>> configurations = pl.grid(units=[2, 8], learning_rate=[0.001, 0.1])
    >>> results = pl.sweep(make_trainer, configurations, *moons.train, epochs=20, validation=moons.validation)
    >>> results.best("validation_accuracy").parameters["learning_rate"]
    0.1
    """
    if not callable(make_trainer):
        raise TypeError(f"make_trainer must be a function that answers a Trainer, not {make_trainer!r:.80}.")
    rows = [Trial(parameters) for parameters in check_configurations(configurations)]
    check_integer("epochs", epochs, minimum=1)
    if workers is not None:
        check_integer("workers", workers, minimum=1)
    report = find_report(progress)
    find_metrics(metrics)
    options = {"sample_weight": sample_weight, "class_weight": class_weight, "validation": validation}
    if metrics is not None:
        options["metrics"] = metrics
    task = SweepTask(make_trainer, x, y, epochs, options)
    collection = _Collection(rows, report, None if directory is None else Keeper(directory, task.described()))
    left = collection.recall()
    count = worker_count(len(left), workers)
    if processes:
        check_picklable(task, [rows[index].parameters for index in left])
    if left:
        collection.run(left, task, count, processes)
    return collection.results()


class _Collection:
    """The rows as they come in."""

    def __init__(self, rows: list[Trial], report: SweepReport | None, keeper: Keeper | None) -> None:
        self._rows, self._report = rows, report
        self._keeper = keeper
        self._paths = [] if keeper is None else [keeper.path(i, row.parameters) for i, row in enumerate(rows)]
        self._stopped = ""

    def recall(self) -> list[int]:
        """Take over what an earlier sweep has finished; the numbers of the rows that are left."""
        for index, path in enumerate(self._paths):
            assert self._keeper is not None
            data = self._keeper.read(path)
            if data is None:
                continue
            try:
                self._rows[index] = from_dict(data, self._rows[index].parameters)
            except ValueError:
                raise ValueError(f"{path} is damaged: delete it, and its configuration is trained again.") from None
        return [index for index, row in enumerate(self._rows) if row.state != "done"]

    def run(self, left: list[int], task: SweepTask, workers: int, processes: bool) -> None:
        """Train the rows that are left, and collect them as they are finished."""
        executor, stopping, jobs = self._start(left, task, workers, processes)

        def finish(number: int, future: Future[Trial], interrupted: bool) -> None:
            if not (interrupted and isinstance(future.exception(), BrokenProcessPool)):
                self._finish(left[number], future)  # else Ctrl-C ended a worker that was just starting: no row failed

        try:
            if collect(executor, jobs, finish, lambda number: stopping.set(), self._tell):
                finished = sum(row.state == "done" for row in self._rows)
                again = (
                    "The same call goes on from here." if self._keeper else "Give directory=… to go on after a stop."
                )
                self._stopped = f"Interrupted: {finished} of {len(self._rows)} configurations are finished. {again}"
        finally:
            self._tell(force=True, last=True)

    def _start(
        self, left: list[int], task: SweepTask, workers: int, processes: bool
    ) -> tuple[Executor, Any, list[Callable[[], Trial]]]:
        """The workers, the flag that stops them, and the jobs, one for each row that is left."""
        if processes:
            context = multiprocessing.get_context("spawn")
            stopping: Any = context.Event()
            arguments = (task, stopping, workers > 1)
            executor = ProcessPoolExecutor(workers, context, initializer=start_process, initargs=arguments)
            return executor, stopping, [partial(run_in_process, self._rows[index].parameters) for index in left]
        stopping = threading.Event()
        runner = Runner(task, stopping, workers > 1)
        threads = ThreadPoolExecutor(workers, thread_name_prefix="sweep")
        return threads, stopping, [partial(self._run_in_thread, runner, index) for index in left]

    def _run_in_thread(self, runner: Runner, index: int) -> Trial:
        parameters = self._rows[index].parameters
        began = time.perf_counter()

        def tell(history: History) -> None:
            row = Trial(parameters, "running", metrics_of(history), history)
            self._rows[index] = replace(row, seconds=time.perf_counter() - began)

        self._rows[index] = Trial(parameters, "running")
        return runner.run(parameters, tell)

    def _finish(self, index: int, future: Future[Trial]) -> None:
        """Put the row in its place, and keep it if it is good."""
        parameters = self._rows[index].parameters
        try:
            row = replace(future.result(), parameters=parameters)
        except BrokenProcessPool:
            if not any(row.state == "done" for row in self._rows):
                raise RuntimeError(
                    "The worker processes ended before anything was trained. Does the script guard what it does by "
                    'if __name__ == "__main__":? Is there memory enough? Else use processes=False.'
                ) from None
            row = Trial(parameters, "failed", error="A worker process ended, and all others with it: out of memory?")
        self._rows[index] = row
        if self._keeper is not None and row.state == "done":
            self._keeper.write(self._paths[index], row.to_dict())

    def results(self) -> SweepResults:
        """All rows."""
        return SweepResults(self._rows, self._stopped)

    def _tell(self, force: bool = False, last: bool = False) -> None:
        if self._report is not None:
            self._report(self.results(), force, last)
