"""What the native engine promises besides the right numbers: the same bits, interrupts, forks, exits, and no crash."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import textwrap
import threading
import time
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import pellucid as pl
from pellucid.engines.base import Model, State, Task
from pellucid.engines.program import compile_program

_native = pytest.importorskip("pellucid._native")
from pellucid.engines.native import NativeEngine  # noqa: E402

LAYERS = [pl.Standardize(), pl.Dense(70), pl.ReLU(), pl.Dropout(0.2), pl.Dense(33), pl.Tanh(), pl.Dense(10)]


def make_task(rows: int = 500, batch: int = 32, **changes: Any) -> tuple[Task, State]:
    generator = np.random.default_rng(3)
    program = compile_program(changes.pop("layers", LAYERS), (45,))
    parameters = generator.normal(size=program.parameter_count).astype(changes.pop("dtype", np.float32)) * 0.1
    task = Task(
        program=program,
        loss=pl.SoftmaxCrossEntropy(),
        penalty=pl.L2(1e-3),
        optimizer=pl.Adam(),
        x=generator.normal(size=(rows, 45)),
        targets=generator.integers(0, 10, rows),
        link="softmax",
        sample_weight=None,
        batch_size=batch,
        shuffle=True,
        seed=5,
    )
    task = replace(task, **changes)
    return task, State.start(parameters, np.ones(program.statistic_count), task.optimizer)


def assert_same(a: State, b: State) -> None:
    np.testing.assert_array_equal(a.parameters, b.parameters)
    for mine, other in zip(a.slots, b.slots, strict=True):
        np.testing.assert_array_equal(mine, other)
    assert (a.epoch, a.batch, a.step) == (b.epoch, b.batch, b.step)
    assert (a.loss_sum, a.weight_sum, a.correct_sum) == (b.loss_sum, b.weight_sum, b.correct_sum)


def random_layers(generator: random.Random) -> list[pl.Layer]:
    layers: list[pl.Layer] = []
    for _ in range(generator.randint(1, 3)):
        layers.append(pl.Dense(generator.randint(1, 100), bias=generator.random() < 0.7))
        layers.append(generator.choice([pl.ReLU(), pl.Sigmoid(), pl.Tanh(), pl.Softmax(), pl.Dropout(0.4)]))
    return [*layers, pl.Dense(10)]


@pytest.mark.parametrize("part", range(10))
def test_the_same_bits_for_any_number_of_threads(part: int) -> None:
    generator = random.Random(part)
    for _ in range(10):
        task, start = make_task(
            rows=generator.randint(1, 200),
            layers=random_layers(generator),
            dtype=generator.choice([np.float32, np.float64]),
            optimizer=generator.choice([pl.GradientDescent(), pl.Momentum(), pl.Nesterov(), pl.Adam()]),
        )
        task = replace(task, batch_size=generator.randint(1, len(task.x)))
        model = Model(task.program, start.parameters, start.statistics)
        one = NativeEngine(1)
        trained, scores = one.train(task, start, start, 2), one.scores(model, task.x)
        for threads in (2, 4, 8):
            many = NativeEngine(threads)
            outcome = many.train(task, start, start, 2)
            assert_same(outcome.state, trained.state)
            assert_same(outcome.safe, trained.safe)
            assert [log[:2] for log in outcome.logs] == [log[:2] for log in trained.logs]
            np.testing.assert_array_equal(many.scores(model, task.x), scores)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("batch", [1, 32, 499, 500])
def test_ten_epochs_are_ten_times_one(dtype: Any, batch: int) -> None:
    task, start = make_task(batch=batch, dtype=dtype)
    engine = NativeEngine()
    at_once = engine.train(task, start, start, 4)
    state, safe = start, start
    for _ in range(4):
        outcome = engine.train(task, state, safe, 1)
        state, safe = outcome.state, outcome.safe
    assert_same(state, at_once.state)
    assert_same(safe, at_once.safe)


def test_many_epochs_in_several_calls_of_the_core(monkeypatch: pytest.MonkeyPatch) -> None:
    task, start = make_task(rows=20, batch=20)
    whole = NativeEngine().train(task, start, start, 10)
    monkeypatch.setattr("pellucid.engines.native._MOST_EPOCHS", 3)
    parts = NativeEngine().train(task, start, start, 10)
    assert_same(parts.state, whole.state)
    assert len(parts.logs) == 10


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_rows_scores_do_not_depend_on_its_batch(dtype: Any) -> None:
    task, start = make_task(dtype=dtype)
    model = Model(task.program, start.parameters, start.statistics)
    engine = NativeEngine()
    scores = engine.scores(model, task.x)
    for i in (0, 1, 63, 64, 250, 499):
        np.testing.assert_array_equal(engine.scores(model, task.x[i : i + 1])[0], scores[i])
    np.testing.assert_array_equal(engine.scores(model, task.x[::-7]), scores[::-7])


def test_the_first_loss_that_is_not_finite_stops() -> None:
    task, start = make_task(optimizer=pl.GradientDescent(1e30))
    outcome = NativeEngine().train(task, start, start, 5)
    assert outcome.stopped == "not_finite"
    assert outcome.logs == []
    assert outcome.state.step < task.batches
    assert_same(outcome.safe, start)
    broken = replace(start, parameters=np.full_like(start.parameters, np.nan))
    outcome = NativeEngine().train(task, broken, start, 1)
    assert outcome.stopped == "not_finite"
    assert outcome.safe is start
    assert outcome.state.step == 0


def test_an_interrupt_stops_soon_and_training_goes_on() -> None:
    """Ctrl-C at random moments: no more than a tenth of a second is lost, and the end is the same to the bit."""
    task, start = make_task(rows=3000, batch=8)
    engine = NativeEngine()
    expected = engine.train(task, start, start, 12)
    generator = random.Random(0)
    state, safe, delays = start, start, []
    for _ in range(8):
        moment = time.perf_counter() + generator.uniform(0.001, 0.06)
        timer = threading.Timer(moment - time.perf_counter(), os.kill, (os.getpid(), signal.SIGINT))
        timer.start()
        with contextlib.suppress(KeyboardInterrupt):  # between two bytecodes, where nothing is lost either
            outcome = engine.train(task, state, safe, 12 - state.epoch)
            delays.append(time.perf_counter() - moment)
            state, safe = outcome.state, outcome.safe
            assert outcome.stopped in ("", "interrupted")
        with contextlib.suppress(KeyboardInterrupt):
            timer.join()
        if state.epoch == 12:
            break
    assert min(delays, default=0.0) < 0.5
    if state.epoch < 12:
        outcome = engine.train(task, state, safe, 12 - state.epoch)
        state = outcome.state
    assert_same(state, expected.state)


def test_a_signal_handlers_own_error_is_passed_on() -> None:
    def handler(number: int, frame: Any) -> None:
        raise OSError("from the handler")

    before = signal.signal(signal.SIGALRM, handler)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        task, start = make_task(rows=3000, batch=8)
        with pytest.raises(OSError, match="from the handler"):
            NativeEngine().train(task, start, start, 500)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_denormals_do_not_slow_a_step_and_the_callers_state_comes_back() -> None:
    task, start = make_task(layers=[pl.Dense(100), pl.ReLU(), pl.Dense(10)], penalty=None, rows=200, batch=200)
    tiny = replace(start, slots=tuple(np.full_like(slot, 1e-41) for slot in start.slots))
    outcome = NativeEngine(2).train(replace(task, x=np.zeros_like(task.x)), tiny, tiny, 3)
    weight = task.program.views()["0.weight"].of(outcome.state.slots[0])
    assert not weight.any()  # flushed, where it would stay denormal otherwise
    assert np.float32(1e-38) / np.float32(100) > 0  # this thread still has denormals


def test_several_python_threads_at_once() -> None:
    task, start = make_task()
    engine = NativeEngine(2)
    expected = engine.train(task, start, start, 3)
    outcomes: list[Any] = []
    workers = [threading.Thread(target=lambda: outcomes.append(engine.train(task, start, start, 3))) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(outcomes) == 4
    for outcome in outcomes:
        assert_same(outcome.state, expected.state)


def _train_in_child(queue: Any) -> None:
    task, start = make_task()
    queue.put(NativeEngine(2).train(task, start, start, 2).state.parameters)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_fork_after_use() -> None:
    task, start = make_task()
    expected = NativeEngine(2).train(task, start, start, 2).state.parameters
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=_train_in_child, args=(queue,))
    child.start()
    np.testing.assert_array_equal(queue.get(timeout=60), expected)
    child.join(60)
    assert child.exitcode == 0
    np.testing.assert_array_equal(NativeEngine(2).train(task, start, start, 2).state.parameters, expected)


def run_python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
    )


TRAIN = """
    import numpy as np, pellucid as pl, threading, os
    def train(epochs=2):
        x = np.random.default_rng(0).normal(size=(400, 20)).astype(np.float32)
        network = pl.Network([pl.Dense(30), pl.ReLU(), pl.Dense(3)], engine="native", threads=4)
        pl.Trainer(network, loss="softmax_cross_entropy", optimizer="adam").fit(x, np.arange(400) % 3, epochs=epochs)
    train()
"""


@pytest.mark.parametrize(
    "ending",
    [
        "",
        "os._exit(0)",
        "raise SystemExit(0)",
        "threading.Thread(target=train, args=(100000,), daemon=True).start(); import time; time.sleep(0.2)",
        "worker = threading.Thread(target=train); worker.start(); worker.join()",
    ],
    ids=["falls off the end", "_exit", "SystemExit", "a daemon still trains", "another thread"],
)
def test_the_interpreter_ends(ending: str) -> None:
    result = run_python(textwrap.dedent(TRAIN) + ending)
    assert result.returncode == 0, result.stderr


def test_ctrl_c_from_outside() -> None:
    code = (
        textwrap.dedent(TRAIN)
        + "print('ready', flush=True)\ntry: train(10**7)\nexcept KeyboardInterrupt: print('stopped')"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
    )
    with child:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        time.sleep(0.3)
        child.send_signal(signal.SIGINT)
        assert child.stdout.read() == "stopped\n"
    assert child.returncode == 0


def test_memory_does_not_grow() -> None:
    resource = pytest.importorskip("resource")
    task, start = make_task()
    engine = NativeEngine()
    model = Model(task.program, start.parameters, start.statistics)

    def use(times: int) -> int:
        for _ in range(times):
            engine.train(task, start, start, 1)
            engine.scores(model, task.x)
            engine.loss_and_gradient(model, task.loss, None, task.x, task.targets, None)
        return int(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)

    before = use(20)
    assert use(100) - before < 4000  # kilobytes


BAD = {
    "x with other columns": ({"x": np.zeros((500, 44))}, "x must be a matrix with 45 columns"),
    "x in one dimension": ({"x": np.zeros(500)}, "x must be a matrix with 45 columns"),
    "a class out of range": ({"targets": np.full(500, 10)}, "a class is out of range"),
    "a negative class": ({"targets": np.full(500, -1)}, "a class is out of range"),
    "too few classes": ({"targets": np.zeros(499, np.int64)}, "classes must be a contiguous vector of 500"),
    "targets of another width": ({"targets": np.zeros((500, 9))}, "targets must be a matrix with 10 columns"),
    "too few targets": ({"targets": np.zeros((499, 10))}, "x and targets must have as many rows"),
    "too few weights": ({"sample_weight": np.ones(3)}, "sample_weight must be a contiguous vector of 500"),
    "no rows": ({"x": np.zeros((0, 45)), "targets": np.zeros(0, np.int64)}, "there must be at least one row"),
}


@pytest.mark.parametrize(("changes", "message"), BAD.values(), ids=BAD)
def test_bad_input_does_not_reach_the_core(changes: dict[str, Any], message: str) -> None:
    """The trainer checks in the user's words; the binding checks again, since the core trusts it."""
    task, start = make_task()
    with pytest.raises(ValueError, match=message):
        NativeEngine().train(replace(task, **changes), start, start, 1)


def test_bad_state_does_not_reach_the_core() -> None:
    task, start = make_task()
    engine = NativeEngine()
    with pytest.raises(ValueError, match="state must be a contiguous vector"):
        engine.train(task, replace(start, parameters=start.parameters[:-1]), start, 1)
    with pytest.raises(ValueError, match="must be as many as the optimizer has"):
        engine.train(task, replace(start, slots=()), start, 1)
    with pytest.raises(ValueError, match="must not be negative"):
        engine.train(task, replace(start, batch=10**6), start, 1)
    with pytest.raises(ValueError, match="must not be negative"):
        engine.train(task, replace(start, step=-1), start, 1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 1, 0, []), "at least one input"),
        ((2**40, 2**40, 0, []), "at most 2"),
        ((3, 4, 0, []), "the last layer's outputs"),
        ((3, 4, 12, [("dense", 0, 2, 4, [], [(0, 2, 4, True)], [])]), "a layer's inputs are not"),
        ((3, 4, 12, [("dense", 0, 3, 4, [], [(1, 3, 4, True)], [])]), "outside the flat vector"),
        ((3, 4, 12, [("dense", 0, 3, 4, [], [(0, 2**40, 2**40, True)], [])]), "outside the flat vector"),
        ((3, 4, 12, [("dense", 0, 3, 4, [], [(0, 4, 3, True)], [])]), "the shape"),
        ((3, 4, 12, [("dense", 0, 3, 4, [], [], [])]), "a dense layer has a weight"),
        ((3, 3, 0, [("convolution", 0, 3, 3, [], [], [])]), "has no layer convolution"),
        ((3, 4, 0, [("relu", 0, 3, 4, [], [], [])]), "as many outputs as inputs"),
        ((3, 3, 0, [("standardize", 0, 3, 3, [], [], [0, 3])]), "statistics lie outside"),
        ((3, 3, 0, [("relu", 0, 3, 3, [1.0] * 99, [], [])]), "too many numbers"),
    ],
)
def test_bad_programs(arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        _native.Machine32(*arguments, [], [], [], [], 0.0)


def test_sizes_beyond_memory_are_a_memory_error() -> None:
    width = 2**28
    line = ("dense", 0, width, width, [], [(0, width, width, True)], [])
    machine = _native.Machine32(width, width, width * width, [line], [], [], [], [], 0.0)
    with pytest.raises(ValueError, match="parameters must be a contiguous vector"):
        machine.scores(np.zeros(3, np.float32), np.zeros(0), np.zeros((1, 3), np.float32), np.zeros(3, np.float32), 1)
    wide = _native.Machine32(width, width, 0, [("relu", 0, width, width, [], [], [])] * 1, [], [], [], [], 0.0)
    x = np.broadcast_to(np.zeros(1, np.float32), (1, width))
    with pytest.raises((MemoryError, ValueError)):
        wide.scores(np.zeros(0, np.float32), np.zeros(0), x, np.zeros(3, np.float32), 1)


def test_what_has_no_kernel_is_named() -> None:
    class Mine(pl.Layer):
        def forward(self, x: Any, parameters: Any, context: Any) -> Any:
            return x, None

    engine = NativeEngine()
    assert engine.obstacle(compile_program([pl.Dense(3), Mine()], (4,))) == "layer 1, Mine()"
    assert engine.obstacle(compile_program([pl.ReLU()], (4, 4))) == "layer 0, ReLU() on examples of the shape (4, 4)"
    assert engine.obstacle(compile_program(LAYERS, (45,)), pl.SquaredError(), pl.L1(0.1), pl.Adam()) is None


@pytest.mark.parametrize(
    ("loky", "openmp", "asked"), [("", "", 0), ("1", "", -1), ("", "4", -4), ("3", "8", -3), ("many", "0", 0)]
)
def test_no_more_threads_than_a_worker_was_told(
    monkeypatch: pytest.MonkeyPatch, loky: str, openmp: str, asked: int
) -> None:
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", loky)
    monkeypatch.setenv("OMP_NUM_THREADS", openmp)
    assert NativeEngine()._asked == asked
    assert NativeEngine(2)._asked == 2
    model = pl.Network([pl.Dense(200)], engine="native").build(200).model
    x = np.random.default_rng(0).normal(size=(2000, 200)).astype(np.float32)
    assert (NativeEngine().scores(model, x) == NativeEngine(1).scores(model, x)).all()
