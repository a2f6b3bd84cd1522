"""Jobs side by side: as many at a time as there are cores for, collected as they end, all ended by one Ctrl-C.

Contract: Ctrl-C comes to the main thread alone, which hands it on: jobs that have not begun are cancelled, and those
that run are asked to stop, again and again until they have. A thread of ours trains outside Python's lock, so that
threads are as good as processes wherever the native engine trains.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait
from typing import Any, Protocol, TypeVar

from pellucid.engines.cores import usable_cores

LOOK = 0.1
"""Seconds between two looks: at what has ended, and at whether to stop."""


class Ended(Protocol):
    """What a job returns."""

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C ended it."""


EndedT = TypeVar("EndedT", bound=Ended)


def worker_count(jobs: int, threads: int | None = None) -> int:
    """How many of the jobs run at a time: as many as there are cores for, or `threads`."""
    return max(1, min(jobs, threads or usable_cores()))


def run_all(
    jobs: Sequence[Callable[[], EndedT]],
    workers: int,
    stop: Callable[[int], None],
    ended: Callable[[int], None] = lambda number: None,
) -> tuple[list[EndedT | None], bool]:
    """Run jobs on threads, or one after the other in this one if there is one worker.

    Parameters
    ----------
    jobs : sequence of functions
        The first ones begin first. In the main thread a job notes Ctrl-C down and does not raise it.
    workers : int
        How many run at a time.
    stop : function
        Asks a job, by its number, to end soon; called from the main thread while the job runs.
    ended : function
        Told of each job, by its number, when it has ended, in the main thread; not after Ctrl-C.

    Returns
    -------
    list, bool
        What the jobs returned, in their order, None for one that did not run; and whether Ctrl-C came.
    """
    results: list[EndedT | None] = [None] * len(jobs)
    if workers > 1:

        def finish(number: int, future: Future[EndedT], interrupted: bool) -> None:
            results[number] = future.result()
            if not interrupted:
                ended(number)

        return results, collect(ThreadPoolExecutor(workers), jobs, finish, stop)
    try:
        for number, job in enumerate(jobs):
            results[number] = result = job()
            if result.interrupted:
                return results, True
            ended(number)
    except KeyboardInterrupt:  # between two jobs
        return results, True
    return results, False


def collect(
    executor: Executor,
    jobs: Sequence[Callable[[], Any]],
    finish: Callable[[int, Future[Any], bool], None],
    stop: Callable[[int], None],
    look: Callable[[bool], None] = lambda changed: None,
) -> bool:
    """Hand jobs to workers, threads or processes, and collect what they return; return whether Ctrl-C came.

    Parameters
    ----------
    executor : Executor
        The workers; they are gone in the end.
    jobs : sequence of functions
        The first ones begin first.
    finish : function
        Called with the number of a job that has ended, its future, and whether Ctrl-C came before.
    stop : function
        Asks a job, by its number, to end soon.
    look : function
        Called ten times a second with whether anything has ended.
    """
    pending: dict[Future[Any], int] = {}
    try:
        for number, job in enumerate(jobs):
            pending[executor.submit(job)] = number
        look(True)
        while pending:
            done, _ = wait(pending, timeout=LOOK, return_when=FIRST_COMPLETED)
            for future in done:
                finish(pending.pop(future), future, False)
            look(bool(done))
    except BaseException as error:
        executor.shutdown(wait=False, cancel_futures=True)
        while running := [future for future in pending if not future.done()]:
            for future in running:
                stop(pending[future])
            wait(running, timeout=LOOK)
        if not isinstance(error, KeyboardInterrupt):
            raise
        for future, number in pending.items():
            if not future.cancelled():
                finish(number, future, True)
        return True
    finally:
        executor.shutdown(wait=True, cancel_futures=True)
    return False
