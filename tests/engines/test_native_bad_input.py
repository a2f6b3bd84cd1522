"""Bad input at the binding: nothing that is passed can crash the process, and nothing is lost."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import pellucid as pl
from pellucid.engines.program import compile_program
from support.native_tasks import LAYERS, assert_same, make_task, run_python

_native = pytest.importorskip("pellucid._native")
from pellucid.engines.native import NativeEngine  # noqa: E402


def unaligned(numbers: Any) -> Any:
    """The same numbers, one byte beside where they should lie."""
    numbers = np.asarray(numbers)
    moved = np.frombuffer(b"\0" + numbers.tobytes(), dtype=np.uint8)[1:].view(numbers.dtype).reshape(numbers.shape)
    assert not moved.flags.aligned
    return moved


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


def test_sizes_that_are_no_sizes() -> None:
    width = 2**28
    line = ("dense", 0, width, width, [], [(0, width, width, True)], [])
    with pytest.raises(ValueError, match=r"parameter_count must be at most 2\*\*40"):
        _native.Machine32(width, width, width * width, [line], [], [], [], [], 0.0)
    line = ("dense", 0, width, 2**12, [], [(0, width, 2**12, True)], [])
    machine = _native.Machine32(width, 2**12, 2**40, [line], [], [], [], [], 0.0)
    with pytest.raises(ValueError, match="parameters must be a contiguous vector"):
        machine.scores(np.zeros(3, np.float32), np.zeros(0), np.zeros((1, 3), np.float32), np.zeros(3, np.float32), 1)
    same = ("dense", 0, 3, 3, [], [(0, 3, 3, True)], [])
    with pytest.raises(ValueError, match="must begin where those before them end"):  # the same ones twice
        _native.Machine32(3, 3, 9, [same, same], [], [], [], [], 0.0)
    with pytest.raises(ValueError, match="as many parameters as the flat vector"):  # one that no layer would write
        _native.Machine32(3, 3, 10, [same], [], [], [], [], 0.0)
    bare = ("dense\0", 0, 3, 3, [], [], [])
    with pytest.raises(ValueError, match="has no layer dense"):  # which would be a dense layer without a weight
        _native.Machine32(3, 3, 0, [bare], [], [], [], [], 0.0)
    both = ("standardize", 0, 3, 3, [], [], [2**63 - 1, 0])
    with pytest.raises(ValueError, match="statistics lie outside"):
        _native.Machine32(3, 3, 0, [both], [0.0] * 6, [], [], [], 0.0)
    both = ("batch_normalization", 0, 3, 3, [0.1, 1e-5], [(0, 1, 3, False), (3, 1, 3, False)], [0, 2])
    with pytest.raises(ValueError, match="must lie behind those before them"):  # mean and variance that share a place
        _native.Machine32(3, 3, 6, [both], [0.0] * 6, [], [], [], 0.0)
    with pytest.raises(ValueError, match="must not be negative"):
        _native.Machine32(3, 3, -1, [], [], [], [], [], 0.0)
    for threshold in (-1.0, 1e300, float("nan")):
        with pytest.raises(ValueError, match="must be finite" if threshold != threshold else "threshold from 0 to"):
            _native.Machine32(3, 3, 0, [("dropout", 0, 3, 3, [threshold, 2.0], [], [])], [], [], [], [], 0.0)


def test_out_of_memory_is_a_memory_error_with_nothing_lost() -> None:
    """A data set of rows that are one row, in a batch that cannot be cut: more than any address space."""
    task, start = make_task(layers=[pl.Dense(1000), pl.BatchNormalization(), pl.Dense(10)])
    engine = NativeEngine(2)
    expected = engine.train(task, start, start, 2)
    rows = 2**32 - 1
    endless = replace(
        task,
        x=np.broadcast_to(task.x[:1], (rows, 45)),
        targets=np.broadcast_to(np.full((1, 10), 0.1), (rows, 10)),
        link="softmax",
        batch_size=rows,
    )
    with pytest.raises(MemoryError):
        engine.train(endless, start, start, 1)
    assert_same(engine.train(task, start, start, 2).state, expected.state)


def test_what_has_no_kernel_is_named() -> None:
    class Mine(pl.Layer):
        def forward(self, x: Any, parameters: Any, context: Any) -> Any:
            return x, None

    engine = NativeEngine()
    assert engine.obstacle(compile_program([pl.Dense(3), Mine()], (4,))) == "layer 1, Mine()"
    assert engine.obstacle(compile_program([pl.ReLU()], (4, 4))) == "layer 0, ReLU() on examples of the shape (4, 4)"
    assert engine.obstacle(compile_program(LAYERS, (45,)), pl.SquaredError(), pl.L1(0.1), pl.Adam()) is None


@pytest.mark.parametrize("threads", [1, 3])
def test_arrays_at_odd_addresses(threads: int) -> None:
    """What the core reads as vectors of numbers is copied where its address does not suit the processor."""
    task, start = make_task(sample_weight=np.linspace(0.5, 1.5, 500))
    engine = NativeEngine(threads)
    odd = replace(
        task, x=unaligned(task.x), targets=unaligned(task.targets), sample_weight=unaligned(task.sample_weight)
    )
    assert_same(engine.train(odd, start, start, 2).state, engine.train(task, start, start, 2).state)
    with pytest.raises(ValueError, match=r"state must be a contiguous vector of .* aligned numbers"):
        engine.train(task, replace(start, parameters=unaligned(start.parameters)), start, 1)


@pytest.mark.parametrize(
    "wrong",
    [None, "text", 3, [[1.0] * 45], np.zeros((2, 45), complex), np.zeros((2, 45), object), np.zeros((2, 45), "M8[s]")],
    ids=["None", "text", "a number", "a list", "complex", "object", "dates"],
)
def test_what_is_no_array_of_numbers(wrong: Any) -> None:
    machine = _native.Machine64(45, 45, 0, [("relu", 0, 45, 45, [], [], [])], [], [], [], [], 0.0)
    with pytest.raises((TypeError, ValueError, BufferError)):
        machine.scores(np.zeros(0), np.zeros(0), wrong, np.zeros(90), 1)


def test_arrays_that_may_not_be_written_or_do_not_fit() -> None:
    machine = _native.Machine64(45, 45, 0, [("relu", 0, 45, 45, [], [], [])], [], [], [], [], 0.0)
    x, fixed = np.ones((2, 45)), np.zeros(90)
    fixed.flags.writeable = False
    for out in (fixed, np.zeros(89), np.zeros(90, np.float32), np.zeros(180)[::2], np.zeros((2, 45))):
        with pytest.raises((ValueError, BufferError)):
            machine.scores(np.zeros(0), np.zeros(0), x, out, 1)
    out = np.zeros(90)
    for threads in (-(2**31), 0, 1, 10**6):
        machine.scores(np.zeros(0), np.zeros(0), x, out, threads)
        assert (out == 1.0).all()
    with pytest.raises(TypeError):
        machine.scores(np.zeros(0), np.zeros(0), x, out, 2**40)


def test_counters_that_overflow() -> None:
    task, start = make_task()
    engine = NativeEngine()
    for counters in ({"step": 2**63 - 2}, {"epoch": 2**63 - 1}):
        with pytest.raises(ValueError, match="too many epochs or steps"):
            engine.train(task, replace(start, **counters), start, 1)
    late = replace(start, step=2**62, slots=tuple(np.zeros_like(start.parameters) for _ in range(2)))
    outcome = engine.train(replace(task, optimizer=pl.NAdam()), late, late, 1)  # and in no more time than from step 0
    assert outcome.state.step == 2**62 + task.batches


CHANGING = """
    import sys, threading, time
    import numpy as np
    import pellucid as pl
    from support.native_tasks import make_task
    from pellucid.engines.native import NativeEngine

    classes = np.arange(3000) % 10
    task, start = make_task(rows=3000, batch=30, targets=classes, loss=pl.Hinge(), link="argmax")
    done = []

    def spoil():
        while not done:
            classes[100:] = 10**9
            classes[100:] = 3
            time.sleep(1e-4)

    worker = threading.Thread(target=spoil)
    worker.start()
    for _ in range(20):
        try:
            NativeEngine(2).train(task, start, start, 2)
        except ValueError as error:
            assert "a class is out of range" in str(error)
    done.append(True)
    worker.join()
"""


def test_arrays_that_change_while_they_are_read() -> None:
    """What comes out means nothing, but it comes out."""
    result = run_python(CHANGING)
    assert result.returncode == 0, (result.returncode, result.stderr)
