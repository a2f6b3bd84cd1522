"""The sweep itself: configurations handed to workers, what they answer collected.

Threads are the default, and fit nearly everything: the native engine trains outside Python's lock, the data is shared,
and `make_trainer` may be a lambda in a notebook. Processes (`processes=True`) are for what holds the lock for long, the
reference engine and layers written in Python; they are started anew (spawned), so `make_trainer` must be a function of
a module, and the data is copied to each.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import signal
import sys
import threading
import time
import traceback
import weakref
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from typing import Any

from pellucid.engines import EngineChoice
from pellucid.network import Network
from pellucid.sweeps.configurations import check_configurations
from pellucid.sweeps.keeping import Keeper, described, digest_of_array
from pellucid.sweeps.progress import Report, find_report
from pellucid.sweeps.results import SweepResults, Trial, from_dict, metrics_of
from pellucid.training.callbacks import Callback
from pellucid.training.history import History
from pellucid.training.trainer import Trainer
from pellucid.validation import check_integer

_SECONDS = 0.2  # between two looks: of the sweep at its workers, of a worker at whether to stop

_PICKLING = (
    "Define it with def in a module (a file), not in a notebook, another function or as a lambda, or leave "
    "processes=False."
)


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
    x, y, epochs, validation, sample_weight, class_weight
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
    options = {"sample_weight": sample_weight, "class_weight": class_weight, "validation": validation}
    task = _Task(make_trainer, x, y, epochs, options)
    collection = _Collection(rows, report, None if directory is None else Keeper(directory, task.described()))
    left = collection.recall()
    count = min(workers or _cores(), max(1, len(left)))
    if processes:
        _check_picklable(task, [rows[index].parameters for index in left])
    if left:
        collection.run(left, task, count, processes)
    return collection.results()


@dataclass(frozen=True)
class _Task:
    """What is the same for all configurations."""

    make_trainer: Callable[..., Trainer]
    x: Any
    y: Any
    epochs: int
    options: Mapping[str, Any]

    def described(self) -> list[Any]:
        """All that decides the numbers, besides the parameters, as plain data."""
        from pellucid import __version__

        try:
            function = described(self.make_trainer)
        except TypeError:  # an object that can be called: its class is all that can be seen
            function = described(type(self.make_trainer))
        arrays = [digest_of_array(self.x), digest_of_array(self.y)]
        options = {name: self._described_option(value) for name, value in self.options.items()}
        return [__version__, function, arrays, self.epochs, options]

    @staticmethod
    def _described_option(value: Any) -> Any:
        if isinstance(value, tuple | list) and len(value) == 2:  # a pair of arrays
            return [digest_of_array(part) for part in value]
        with contextlib.suppress(TypeError):
            return described(value)
        return digest_of_array(value)


class _StopTraining(Exception):
    """The sweep was interrupted."""


class _Watch(Callback):
    """Looks some times a second whether to stop, and tells how far the training is."""

    def __init__(self, stopping: Any, tell: Callable[[History], None]) -> None:
        self._stopping, self._tell = stopping, tell

    def interval(self, trainer: Trainer) -> int:
        """As many epochs as fit between two looks."""
        seconds = trainer.history["seconds"][-1] if len(trainer.history) else 0.0
        return max(1, int(_SECONDS / seconds)) if seconds > 0 else 1

    def epoch(self, trainer: Trainer) -> None:
        """Look, and tell."""
        if self._stopping.is_set():
            raise _StopTraining
        self._tell(trainer.history)


class _Runner:
    """Trains one configuration after the other; the threads of a process share one."""

    def __init__(self, task: _Task, stopping: Any, one_thread: bool) -> None:
        self._task, self._stopping, self._one_thread = task, stopping, one_thread
        self._seen: weakref.WeakSet[Any] = weakref.WeakSet()
        self._lock = threading.Lock()

    def run(self, parameters: dict[str, Any], tell: Callable[[History], None]) -> Trial:
        """The finished or failed row; one that is waiting if the sweep was interrupted."""
        began = time.perf_counter()
        trainer: Trainer | None = None
        row = Trial(parameters)
        try:
            if self._stopping.is_set():
                return row
            trainer = self._make(parameters)
            trainer.callbacks.append(_Watch(self._stopping, tell))
            history = trainer.fit(self._task.x, self._task.y, epochs=self._task.epochs, **self._task.options)
            row = replace(row, state="done", metrics=metrics_of(history), history=history)
        except _StopTraining:
            return row
        except Exception as error:
            words, place = f"{type(error).__name__}: {error}", traceback.format_exc()
            history_so_far = trainer.history if isinstance(trainer, Trainer) and len(trainer.history) else None
            row = replace(row, state="failed", error=words, traceback=place, history=history_so_far)
        return replace(row, seconds=time.perf_counter() - began)

    def _make(self, parameters: dict[str, Any]) -> Trainer:
        trainer = self._task.make_trainer(**parameters)
        if not isinstance(trainer, Trainer):
            raise TypeError(f"make_trainer must answer a Trainer, not {trainer!r:.80}.")
        with self._lock:
            for part in (trainer, trainer.network, *trainer.callbacks):
                if part in self._seen:
                    raise ValueError(
                        f"make_trainer answered with the {type(part).__name__} of another configuration, so that one "
                        f"would change the other: make a new one inside make_trainer."
                    )
                self._seen.add(part)
        if self._one_thread and trainer.network.threads is None:
            _use_one_thread(trainer.network)
        return trainer


def _use_one_thread(network: Network) -> None:
    """One thread for each network: the cores belong to the workers. The bits are the same for any number."""
    network.threads = 1
    network.engines = EngineChoice(network.engines.name, 1)


class _Collection:
    """The rows as they come in."""

    def __init__(self, rows: list[Trial], report: Report | None, keeper: Keeper | None) -> None:
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

    def run(self, left: list[int], task: _Task, workers: int, processes: bool) -> None:
        """Train the rows that are left, and collect them as they are finished."""
        executor, stopping, submit = self._start(task, workers, processes)
        pending: dict[Future[Trial], int] = {}
        try:
            pending.update({submit(index): index for index in left})
            self._tell(force=True)
            while pending:
                done, _ = wait(pending, timeout=_SECONDS, return_when=FIRST_COMPLETED)
                for future in done:
                    self._finish(pending.pop(future), future)
                self._tell(force=bool(done))
        except KeyboardInterrupt:
            stopping.set()
            executor.shutdown(wait=True, cancel_futures=True)
            for future, index in pending.items():
                if future.done() and not future.cancelled():
                    self._finish(index, future)
            finished = sum(row.state == "done" for row in self._rows)
            again = "The same call goes on from here." if self._keeper else "Give directory=… to go on after a stop."
            self._stopped = f"Interrupted: {finished} of {len(self._rows)} configurations are finished. {again}"
        finally:
            stopping.set()
            executor.shutdown(wait=True, cancel_futures=True)
            self._tell(force=True, last=True)

    def _start(self, task: _Task, workers: int, processes: bool) -> tuple[Executor, Any, Callable[[int], Any]]:
        """The workers, the flag that stops them, and how a row is handed to them."""
        if processes:
            context = multiprocessing.get_context("spawn")
            stopping: Any = context.Event()
            arguments = (task, stopping, workers > 1)
            pool = ProcessPoolExecutor(workers, context, initializer=_start_process, initargs=arguments)
            return pool, stopping, lambda index: pool.submit(_run_in_process, self._rows[index].parameters)
        stopping = threading.Event()
        runner = _Runner(task, stopping, workers > 1)
        threads = ThreadPoolExecutor(workers, thread_name_prefix="sweep")
        return threads, stopping, lambda index: threads.submit(self._run_in_thread, runner, index)

    def _run_in_thread(self, runner: _Runner, index: int) -> Trial:
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


_process_runner: _Runner | None = None
"""The runner of a worker process: each process has its own."""


def _start_process(task: _Task, stopping: Any, one_thread: bool) -> None:
    """Get a worker process ready. A Ctrl-C is the sweep's to hear, and it tells by `stopping`."""
    global _process_runner
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _process_runner = _Runner(task, stopping, one_thread)


def _run_in_process(parameters: dict[str, Any]) -> Trial:
    assert _process_runner is not None
    row = _process_runner.run(parameters, lambda history: None)
    return replace(row, parameters={})  # the sweep has them


def _check_picklable(task: _Task, configurations: list[Any]) -> None:
    """Raise before anything is started, if a process could not be told what to do."""
    function = getattr(task.make_trainer, "func", task.make_trainer)
    if getattr(function, "__module__", "") == "__main__" and not hasattr(sys.modules["__main__"], "__file__"):
        raise ValueError(f"make_trainer was typed in, so that other processes do not have it. {_PICKLING}")
    _pickle("make_trainer", task.make_trainer)
    _pickle("configurations", configurations)


def _pickle(name: str, value: Any) -> None:
    try:
        pickle.dumps(value)
    except Exception as error:
        raise ValueError(f"{name} cannot be sent to other processes ({error}). {_PICKLING}") from None


def _cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
