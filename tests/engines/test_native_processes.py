"""The native engine beside others: forks, workers, sub-interpreters, threads, and the end of the process."""

from __future__ import annotations

import importlib.util
import multiprocessing
import os
import textwrap
import threading
from typing import Any

import numpy as np
import pytest

from support.native_tasks import make_task, run_python

pytest.importorskip("pellucid._native")
from pellucid.engines.native import NativeEngine, _asked_threads

forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
may_warn = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")


def train(engine: NativeEngine) -> Any:
    task, start = make_task()
    return engine.train(task, start, start, 2).state.parameters


def in_child(engine: NativeEngine, queue: Any) -> None:
    queue.put(train(engine))


@forks
@may_warn
@pytest.mark.parametrize("threads", [1, 2, None])
def test_a_fork_after_use(threads: int | None) -> None:
    """The child has the parent's native programs, but none of its threads."""
    engine = NativeEngine(threads)
    expected = train(engine)
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    children = [context.Process(target=in_child, args=(engine, queue)) for _ in range(2)]
    for child in children:
        child.start()
    for _ in children:
        np.testing.assert_array_equal(queue.get(timeout=600), expected)
    for child in children:
        child.join(100)
        assert child.exitcode == 0
    np.testing.assert_array_equal(train(engine), expected)


@forks
@may_warn
@pytest.mark.parametrize("threads", [1, 2])
def test_a_fork_in_the_middle_of_a_call(threads: int) -> None:
    """The thread that is in a call does not exist in the child, which takes another state for its own."""
    engine = NativeEngine(threads)
    task, start = make_task(rows=3000, batch=4)
    expected = engine.train(task, start, start, 1).state.parameters
    busy = threading.Thread(target=engine.train, args=(task, start, start, 30))
    busy.start()
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=lambda: queue.put(engine.train(task, start, start, 1).state.parameters))
    child.start()
    try:
        np.testing.assert_array_equal(queue.get(timeout=600), expected)
        child.join(100)
        assert child.exitcode == 0
    finally:
        child.kill()
        busy.join()
    np.testing.assert_array_equal(engine.train(task, start, start, 1).state.parameters, expected)


def joblib_worker(parameters: Any) -> tuple[bool, int, int]:
    """Whether a worker gets the same bits, the threads it asks for, and how many it may use.

    It asks for 0 (all it may use), or, below that, for at most this many.
    """
    may_use = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return np.array_equal(train(NativeEngine()), parameters), _asked_threads(None), may_use


JOBLIB = """
    import os, sys
    import joblib
    import numpy as np
    sys.path[:0] = {paths!r}
    from test_native_processes import joblib_worker, train
    from pellucid.engines.native import NativeEngine

    engine = NativeEngine(2)
    expected = train(engine)
    cores = joblib.cpu_count()
    workers = max(2, cores)
    answers = joblib.Parallel(n_jobs=workers, backend={backend!r})(
        joblib.delayed(joblib_worker)(expected) for _ in range(2 * workers)
    )
    for same, asked, may_use in answers:
        assert same
        if {backend!r} == "loky":
            assert (abs(asked) or may_use) * workers <= max(cores, workers), (asked, may_use, workers, cores)
    assert np.array_equal(train(engine), expected)
"""


@pytest.mark.parametrize("backend", ["loky", "multiprocessing", "threading"])
def test_workers_of_joblib(backend: str) -> None:
    """The same bits; and side by side loky's workers take no more threads than there are cores."""
    pytest.importorskip("joblib", reason="joblib comes with scikit-learn")
    folder = os.path.dirname(os.path.abspath(__file__))
    result = run_python(JOBLIB.format(paths=[folder, os.path.dirname(folder)], backend=backend))
    assert result.returncode == 0, result.stderr


INSIDE = """
    import os
    try:
        import numpy as np
        try:
            np.ones(3).max()
        except TypeError as error:  # NumPy's own sentinels are another interpreter's: nothing that uses it can work
            raise ImportError("NumPy itself does not work here") from error
        import pellucid as pl
        x = np.arange(40.0).reshape(10, 4) / 40
        network = pl.Network([pl.Dense(3)], engine="native", threads=2).build(4, seed=0)
        network.predict(x)
        pl.Trainer(network, "squared_error").fit(x, x[:, :3], epochs=2)
        word = b"trained"
    except ImportError as error:
        assert len(str(error)) > 10
        word = b"refused"
    os.write(1, word)
"""

SUB_INTERPRETER = """
    try:
        import _interpreters as interpreters
    except ImportError:
        import _xxsubinterpreters as interpreters
    {before}
    own = interpreters.create()
    failure = interpreters.run_string(own, {code!r})
    assert failure is None, failure
    interpreters.destroy(own)
"""

USE = "import numpy as np, pellucid as pl; pl.Network([pl.Dense(3)], engine='native').build(4).predict(np.ones((2, 4)))"


@pytest.mark.parametrize("before", ["pass", USE], ids=["before the main one", "after the main one"])
def test_a_sub_interpreter_trains_or_refuses_the_import(before: str) -> None:
    """NumPy, nanobind or Python may not let it in: then an ImportError says so, and nothing crashes or hangs."""
    if not any(importlib.util.find_spec(name) for name in ("_interpreters", "_xxsubinterpreters")):
        pytest.skip("this Python has no sub-interpreters")
    result = run_python(SUB_INTERPRETER.format(before=before, code=textwrap.dedent(INSIDE)))
    assert result.returncode == 0, (result.returncode, result.stderr)
    assert result.stdout in ("trained", "refused"), result.stdout


TRAIN = """
    import numpy as np, pellucid as pl, threading, os
    def train(epochs=2):
        x = np.random.default_rng(0).normal(size=(400, 20)).astype(np.float32)
        network = pl.Network([pl.Dense(30), pl.ReLU(), pl.Dense(3)], engine="native", threads=4)
        pl.Trainer(network, loss="softmax_cross_entropy", optimizer="adam").fit(x, np.arange(400) % 3, epochs=epochs)
"""


@pytest.mark.parametrize(
    "ending",
    [
        "train()",
        "train(); os._exit(0)",
        "train(); raise SystemExit(0)",
        "threading.Thread(target=train, args=(100000,), daemon=True).start(); import time; time.sleep(0.2)",
        "train(); worker = threading.Thread(target=train); worker.start(); worker.join()",
        "worker = threading.Thread(target=train); worker.start(); worker.join()",
    ],
    ids=["falls off the end", "_exit", "SystemExit", "a daemon still trains", "another thread", "a thread alone"],
)
def test_the_interpreter_ends(ending: str) -> None:
    """With workers of the team parked."""
    result = run_python(textwrap.dedent(TRAIN) + ending)
    assert result.returncode == 0, result.stderr


def test_the_first_import_in_a_thread() -> None:
    code = """
        import threading
        def use():
            import numpy as np, pellucid as pl
            network = pl.Network([pl.Dense(3)], engine="native", threads=2).build(4, seed=0)
            print(network.predict(np.ones((2, 4))).shape)
        worker = threading.Thread(target=use)
        worker.start()
        worker.join()
    """
    result = run_python(code)
    assert (result.returncode, result.stdout) == (0, "(2, 3)\n"), result.stderr
