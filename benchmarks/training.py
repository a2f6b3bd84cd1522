"""W0 to W5: training beside the peers, in turn, each in a process of its own."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from benchmarks.measure import NotMeasured, contender, ready
from benchmarks.workloads import CONVOLUTIONS, WORKLOADS, Workload, steps_of

Row = tuple[str, ...]
ALL = WORKLOADS | CONVOLUTIONS

HOPELESS = 3.0  # whoever takes this many times as long as the fastest peer is asked for one round, not for all of them


@dataclass(frozen=True)
class Result:
    """Of one contender: the median seconds of a round, and the accuracy after all of them."""

    name: str
    threads: int
    seconds: float
    score: float

    @property
    def label(self) -> str:
        return f"{self.name}, {self.threads} thread{'s' if self.threads > 1 else ''}"


@cache
def measure(workload: Workload, peers: tuple[str, ...]) -> tuple[Result, ...]:
    """Us and these peers on one workload, each with one and with two threads."""
    options = ("--quick",) if workload != ALL[workload.name] else ()
    everybody = [(name, threads) for name in ("pellucid", *peers) for threads in (1, 2)]
    with ready([contender(name, workload.name, threads, *options) for name, threads in everybody]) as workers:
        for number in range(workload.rounds + 1):
            first = [worker.seconds[0] for worker in workers if worker.seconds and not _is_ours(worker.label)]
            for worker in workers:
                if number > 1 and not _is_ours(worker.label) and worker.seconds[0] > HOPELESS * min(first):
                    continue
                seconds = worker.ask("round")["seconds"]
                if number:
                    worker.seconds.append(seconds)
        return tuple(
            Result(w.label.split(",")[0], w.threads, statistics.median(w.seconds), w.ask("score")["score"])
            for w in workers
        )


def _is_ours(label: str) -> bool:
    return label.startswith("pellucid,")


def ours(workload: Workload, with_peers: bool) -> Result:
    """Our better number of threads. `with_peers`: of the run in which the peers took part."""
    results = measure(workload, workload.peers if with_peers else ())
    mine = [result for result in results if result.name == "pellucid"]
    if not mine:
        raise NotMeasured(f"{workload.name}: the native engine did not run")
    return min(mine, key=lambda result: result.seconds)


def seconds_of_step(workload: Workload, result: Result) -> float:
    """A round's time over the number of its steps."""
    return result.seconds / steps_of(workload)


def rows(name: str, quick: bool = False) -> Iterator[Row]:
    """Ours, the best peer, the ratio, the scores, what is wanted; the better of one and two threads counts for each."""
    workload = ALL[name].quick() if quick else ALL[name]
    mine = ours(workload, with_peers=True)
    results = measure(workload, workload.peers)
    peers = [result for result in results if result.name != "pellucid"]
    if not peers:
        raise NotMeasured(f"{name}: none of the peers ran")
    best = min(peers, key=lambda result: result.seconds)
    others = "; ".join(f"{r.label} {_time(r.seconds)}" for r in results if r not in (mine, best))
    each = f"; a step {_time(seconds_of_step(workload, mine))}" if workload.layers else ""
    yield (
        f"{workload.name}: {workload.title}",
        f"{_time(mine.seconds)} ({mine.score:.1%}; {mine.threads} thread{'s' if mine.threads > 1 else ''}{each})",
        f"{best.label} {_time(best.seconds)} ({best.score:.1%}): **{best.seconds / mine.seconds:.2f} ×** ({others})",
        f"≥ {workload.wanted:g} ×",
    )


def _time(seconds: float) -> str:
    return f"{seconds * 1e3:.1f} ms" if seconds < 1 else f"{seconds:.2f} s"
