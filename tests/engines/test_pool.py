"""Jobs side by side: their order, how many run at a time, and what one Ctrl-C does."""

from __future__ import annotations

import threading
from functools import partial
from typing import NamedTuple

import pytest

from pellucid.engines.cores import usable_cores
from pellucid.engines.pool import run_all, worker_count

LONG = 60.0  # seconds after which a test that hangs fails


class Done(NamedTuple):
    number: int
    interrupted: bool = False


def never(number: int) -> None:
    raise AssertionError(f"job {number} was asked to stop")


def test_how_many_run_at_a_time() -> None:
    assert worker_count(1000) == usable_cores()
    assert [worker_count(jobs, 3) for jobs in (0, 1, 3, 5)] == [1, 1, 3, 3]


@pytest.mark.parametrize("workers", [1, 3])
def test_results_keep_the_order_of_the_jobs(workers: int) -> None:
    told: list[int] = []
    results, interrupted = run_all([partial(Done, n) for n in range(8)], workers, never, told.append)
    assert (results, interrupted) == ([Done(n) for n in range(8)], False)
    assert sorted(told) == list(range(8))


def test_as_many_jobs_run_at_once_as_there_are_workers() -> None:
    together = threading.Barrier(3, timeout=LONG)  # is passed only if three wait at the same time

    def job(number: int) -> Done:
        together.wait()
        return Done(number)

    results, _ = run_all([partial(job, n) for n in range(3)], 3, never)
    assert results == [Done(0), Done(1), Done(2)]


def test_ctrl_c_stops_what_runs_and_cancels_what_has_not_begun() -> None:
    begun, asked = threading.Event(), threading.Semaphore(0)
    stops: list[int] = []

    def endless() -> Done:
        begun.set()
        assert asked.acquire(timeout=LONG)
        assert asked.acquire(timeout=LONG)  # the first request came too early: it must be repeated
        return Done(1)

    def stop(number: int) -> None:
        stops.append(number)
        asked.release()

    def ended(number: int) -> None:
        assert begun.wait(LONG)
        raise KeyboardInterrupt

    def first() -> Done:
        assert begun.wait(LONG)
        return Done(0)

    blocked = threading.Event()
    jobs = [first, endless, *[lambda: Done(2, not blocked.wait(LONG))] * 3]

    def stop_any(number: int) -> None:
        if number == 1:
            stop(number)
        blocked.set()

    results, interrupted = run_all(jobs, 2, stop_any, ended)
    assert interrupted
    assert results[:2] == [Done(0), Done(1)]
    assert results[3:] == [None, None]
    assert stops[:2] == [1, 1]


def test_an_error_in_one_job_stops_the_others() -> None:
    stopping = threading.Event()

    def fail() -> Done:
        raise MemoryError("too large")

    def wait() -> Done:
        assert stopping.wait(LONG)
        return Done(1)

    with pytest.raises(MemoryError, match="too large"):
        run_all([fail, wait], 2, lambda number: stopping.set())


def test_one_after_the_other_an_interrupted_job_is_the_last() -> None:
    told: list[int] = []
    jobs = [partial(Done, 0), partial(Done, 1, True), partial(Done, 2)]
    assert run_all(jobs, 1, never, told.append) == ([Done(0), Done(1, True), None], True)
    assert told == [0]


def test_ctrl_c_between_two_jobs() -> None:
    def ended(number: int) -> None:
        raise KeyboardInterrupt

    assert run_all([partial(Done, 0), partial(Done, 1)], 1, never, ended) == ([Done(0), None], True)
