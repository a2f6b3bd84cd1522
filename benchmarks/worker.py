"""One contender in a process of its own: reads "round" or "score" from standard input, answers a line of JSON.

Usage: python -m benchmarks.worker CONTENDER WORKLOAD THREADS [--quick] [--native FILE]

--native takes the native engine from another file than the installed one.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import warnings
from typing import Any


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("contender")
    parser.add_argument("workload")
    parser.add_argument("threads", type=int)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--native")
    chosen = parser.parse_args()
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[variable] = str(chosen.threads)
    warnings.simplefilter("ignore")
    if chosen.native:
        take_native_engine(chosen.native)

    if chosen.workload in ("P1", "P2"):
        from benchmarks.predictors import PREDICTORS

        contender: Any = PREDICTORS[chosen.contender](chosen.workload, chosen.threads)
    else:
        from benchmarks.contenders import find
        from benchmarks.workloads import CONVOLUTIONS, WORKLOADS

        workload = (WORKLOADS | CONVOLUTIONS)[chosen.workload]
        contender = find(chosen.contender)(workload.quick() if chosen.quick else workload, chosen.threads)
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        if line.strip() == "round":
            began = time.perf_counter()
            contender.round()
            print(json.dumps({"seconds": time.perf_counter() - began}), flush=True)
        else:
            print(json.dumps({"score": contender.score()}), flush=True)


def take_native_engine(path: str) -> None:
    """Make a file the module `pellucid._native`, before anybody imports it."""
    import importlib.util

    spec = importlib.util.spec_from_file_location("pellucid._native", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    sys.modules["pellucid._native"] = module


if __name__ == "__main__":
    main()
