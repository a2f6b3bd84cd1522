"""W0 to W5: training beside the peers, in turn, each in a process of its own."""

from __future__ import annotations

import statistics
from collections.abc import Iterator

from benchmarks.measure import Worker
from benchmarks.workloads import WORKLOADS, Workload

Row = tuple[str, str, str, str]


def rows(names: list[str] | None = None) -> Iterator[Row]:
    """A row for each workload: ours, the best peer, the ratio, the scores."""
    for name in names or list(WORKLOADS):
        yield run(WORKLOADS[name])


def run(workload: Workload) -> Row:
    """Everybody on one workload; the better of one and two threads counts for each."""
    workers = []
    try:
        for name in ("pellucid", *workload.peers):
            workers += [Worker(name, workload.name, threads) for threads in (1, 2)]
        for number in range(workload.rounds + 1):
            for worker in workers:
                seconds = worker.ask("round")["seconds"]
                if number:
                    worker.seconds.append(seconds)
        results = {w.label: (statistics.median(w.seconds), w.ask("score")["score"]) for w in workers}
    finally:
        for worker in workers:
            worker.close()
    ours = {label: result for label, result in results.items() if label.startswith("pellucid")}
    peers = {label: result for label, result in results.items() if label not in ours}
    mine, best = min(ours, key=lambda k: ours[k][0]), min(peers, key=lambda k: peers[k][0])
    ratio = peers[best][0] / ours[mine][0]
    others = "; ".join(f"{label} {_time(result[0])}" for label, result in results.items() if label not in (mine, best))
    return (
        f"{workload.name}: {workload.title}",
        f"{_time(ours[mine][0])} ({ours[mine][1]:.1%}; {mine.split(', ')[1]})",
        f"{best} {_time(peers[best][0])} ({peers[best][1]:.1%}): **{ratio:.2f} ×** ({others})",
        f"≥ {workload.wanted:g} ×",
    )


def _time(seconds: float) -> str:
    return f"{seconds * 1e3:.1f} ms" if seconds < 1 else f"{seconds:.2f} s"
