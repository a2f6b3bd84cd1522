"""One contender in a process of its own: reads "round" or "score" from standard input, answers a line of JSON.

Usage: python -m benchmarks.worker CONTENDER WORKLOAD THREADS
"""

from __future__ import annotations

import json
import os
import sys
import time
import warnings
from typing import Any


def main() -> None:
    name, workload, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
    if threads == 1 and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[0]})
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[variable] = str(threads)
    warnings.simplefilter("ignore")

    if workload in ("P1", "P2"):
        from benchmarks.predictors import PREDICTORS

        contender: Any = PREDICTORS[name](workload, threads)
    else:
        from benchmarks.contenders import CONTENDERS
        from benchmarks.workloads import WORKLOADS

        contender = CONTENDERS[name](WORKLOADS[workload], threads)
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        if line.strip() == "round":
            began = time.perf_counter()
            contender.round()
            print(json.dumps({"seconds": time.perf_counter() - began}), flush=True)
        else:
            print(json.dumps({"score": contender.score()}), flush=True)


if __name__ == "__main__":
    main()
