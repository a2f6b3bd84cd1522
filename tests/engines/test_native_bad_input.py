"""Bad input at the binding: nothing that is passed can crash the process, and nothing is lost."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import pellucid as pl
from pellucid.program.compilation import compile_program
from support.native_tasks import LAYERS, assert_same, make_task, run_python

_native = pytest.importorskip("pellucid._native")
from pellucid.engines.native import NativeEngine  # noqa: E402
from support.native_records import layer, program  # noqa: E402


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
    with pytest.raises(ValueError, match="parameters must be a contiguous vector"):
        engine.train(task, replace(start, parameters=start.parameters[:-1]), start, 1)
    with pytest.raises(ValueError, match="slots must be as many as the optimizer has"):
        engine.train(task, replace(start, slots=()), start, 1)
    with pytest.raises(ValueError, match="batch must be at most the number of batches"):
        engine.train(task, replace(start, batch=10**6), start, 1)
    with pytest.raises(ValueError, match="must not be negative"):
        engine.train(task, replace(start, step=-1), start, 1)


DENSE = ((3, 4),)
BAD_PROGRAMS: dict[str, tuple[Any, str]] = {
    "no inputs": (lambda: program([], 0, 1), "from 1 to 2"),
    "too many inputs": (lambda: program([], 2**40, 2**40), "from 1 to 2"),
    "positions that are too many": (lambda: program([], 2**20, 1, positions=2**20), "from 1 to 2"),
    "other outputs": (lambda: program([], 3, 4), "the last layer's outputs"),
    "a negative count": (lambda: program([], 3, 3, -1), "parameter_count must be at least 0"),
    "parameters without end": (lambda: program([], 3, 3, 2**40 + 1), "at most 2"),
    "other inputs": (lambda: program([layer("dense", 2, 4, [(2, 4)])], 3, 4, 8), "its inputs are not"),
    "a gap": (lambda: program([layer("dense", 3, 4, DENSE, start=1)], 3, 4, 13), "must begin where those before"),
    "too many parameters": (lambda: program([layer("dense", 3, 4, DENSE)], 3, 4, 11), "outside the flat vector"),
    "a product that overflows": (lambda: layer("dense", 3, 4, [(2**40, 2**40)]), "its numbers at most 2"),
    "another shape": (lambda: program([layer("dense", 3, 4, [(4, 3)])], 3, 4, 12), "layer 0, dense: .* the shape"),
    "no weight": (lambda: program([layer("dense", 3, 4)], 3, 4), "a dense layer has a weight"),
    "an unknown kernel": (lambda: program([layer("attention", 3, 3)], 3, 3), "has no layer attention"),
    "another width": (lambda: program([layer("relu", 3, 4)], 3, 4), "as many outputs as inputs"),
    "other positions": (lambda: program([layer("relu", 3, 3, output_positions=2)], 3, 3), "keeps the positions"),
    "too many numbers": (lambda: program([layer("relu", 3, 3, numbers=[1.0] * 99)], 3, 3), "too many numbers"),
    "too few numbers": (lambda: program([layer("elu", 3, 3, numbers=[1.0])], 3, 3), "too many numbers, or too few"),
    "no statistics": (lambda: program([layer("standardize", 3, 3)], 3, 3), "too many statistics, or too few"),
    "statistics beyond the end": (
        lambda: program([layer("standardize", 3, 3, statistics=[0, 3])], 3, 3, statistics=[0.0] * 5),
        "statistics lie outside",
    ),
    "a schedule for an activation": (lambda: program([layer("relu", 3, 3, scheduled=True)], 3, 3), "from step to step"),
    "a buffer that comes later": (
        lambda: program([layer("relu", 3, 3, sources=[2]), layer("tanh", 3, 3, sources=[1])], 3, 3),
        "layer 0, relu: it reads a buffer that is not written before it",
    ),
    "its own buffer": (lambda: program([layer("relu", 3, 3, sources=[1])], 3, 3), "not written before it"),
    "a buffer below 0": (lambda: program([layer("relu", 3, 3, sources=[-1])], 3, 3), "not written before it"),
    "a buffer that nobody reads": (
        lambda: program([layer("relu", 3, 3), layer("tanh", 3, 3)], 3, 3),
        "every buffer but the last must be read",
    ),
    "branches that do not fit add": (
        lambda: program([layer("dense", 3, 4, DENSE), layer("add", 3, 3, sources=[0, 1])], 3, 3, 12),
        "layer 1, add: the branches of add are as wide as its output",
    ),
    "branches that do not fit concatenate": (
        lambda: program([layer("dense", 3, 4, DENSE), layer("concatenate", 3, 6, sources=[0, 1])], 3, 6, 12),
        "the branches of concatenate are together as wide",
    ),
    "branches with other positions": (
        lambda: program([layer("reshape", 4, 2, output_positions=2), layer("add", 4, 4, sources=[0, 1])], 4, 4),
        "layer 1, add: its positions are not those of the buffer it reads",
    ),
    "a join of one branch": (lambda: program([layer("add", 3, 3)], 3, 3), "it joins at least two buffers"),
    "a join of too many": (lambda: layer("add", 3, 3, sources=[0] * 1025), "reads from 1 to 1024 buffers"),
    "two buffers for an activation": (lambda: program([layer("relu", 3, 3, sources=[0, 0])], 3, 3), "reads one buffer"),
    "a layer that reads nothing": (lambda: layer("relu", 3, 3, sources=[]), "reads from 1 to 1024 buffers"),
    "a reshape that loses numbers": (
        lambda: program([layer("reshape", 4, 3, output_positions=1)], 4, 3),
        "a reshape keeps the numbers",
    ),
    "a scaling of another width": (
        lambda: program(
            [], 3, 3, scaling=_native.Scaling(mean=[0.0] * 2, scale=[1.0] * 2, offset=[0.0] * 2, limit=0.0)
        ),
        "a number for each input",
    ),
}


@pytest.mark.parametrize(("make", "message"), BAD_PROGRAMS.values(), ids=BAD_PROGRAMS)
def test_bad_programs(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_branches_that_fit() -> None:
    """The programs above are refused for what is wrong in them: with it mended, they run."""
    x, empty = np.arange(6, dtype=np.float32).reshape(2, 3), np.zeros(0, np.float32)
    added = program([layer("relu", 3, 3), layer("add", 3, 3, sources=[0, 1, 0])], 3, 3)
    out = np.empty(6, np.float32)
    added.scores(empty, np.zeros(0), x, out, 1)
    np.testing.assert_array_equal(out, 3 * x.ravel())
    beside = program([layer("relu", 3, 3), layer("concatenate", 3, 6, sources=[1, 0])], 3, 6)
    out = np.empty(12, np.float32)
    beside.scores(empty, np.zeros(0), -x, out, 1)
    np.testing.assert_array_equal(out.reshape(2, 6), np.concatenate([0 * x, -x], axis=1))


def test_sizes_that_are_no_sizes() -> None:
    width = 2**28
    with pytest.raises(ValueError, match=r"its numbers at most 2\*\*40"):
        layer("dense", width, width, [(width, width)])
    wide = program([layer("dense", width, 2**12, [(width, 2**12)])], width, 2**12, 2**40)
    with pytest.raises(ValueError, match="parameters must be a contiguous vector"):
        wide.scores(np.zeros(3, np.float32), np.zeros(0), np.zeros((1, 3), np.float32), np.zeros(3, np.float32), 1)
    same = layer("dense", 3, 3, [(3, 3)]), layer("dense", 3, 3, [(3, 3)], sources=[1])
    with pytest.raises(ValueError, match="must begin where those before them end"):  # the same ones twice
        program(same, 3, 3, 9)
    with pytest.raises(ValueError, match="as many parameters as the flat vector"):  # one that no layer would write
        program(same[:1], 3, 3, 10)
    with pytest.raises(ValueError, match="has no layer dense"):  # which would be a dense layer without a weight
        program([layer("dense\0", 3, 3)], 3, 3)
    both = layer("standardize", 3, 3, statistics=[2**63 - 1, 0])
    with pytest.raises(ValueError, match="statistics lie outside"):
        program([both], 3, 3, statistics=[0.0] * 6)
    both = layer("batch_normalization", 3, 3, [(1, 3), (1, 3)], numbers=[0.1, 1e-5], statistics=[0, 2])
    with pytest.raises(ValueError, match="must lie behind those before them"):  # mean and variance that share a place
        program([both], 3, 3, 6, statistics=[0.0] * 6)
    for threshold in (-1.0, 1e300, float("nan")):
        with pytest.raises(ValueError, match="must be finite" if threshold != threshold else "threshold from 0 to"):
            program([layer("dropout", 3, 3, numbers=[threshold, 2.0])], 3, 3)


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
    assert engine.obstacle(compile_program([pl.ReLU()], (4, 4))) is None
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
    with pytest.raises(ValueError, match=r"parameters must be a contiguous vector of .* aligned numbers"):
        engine.train(task, replace(start, parameters=unaligned(start.parameters)), start, 1)


@pytest.mark.parametrize(
    "wrong",
    [None, "text", 3, [[1.0] * 45], np.zeros((2, 45), complex), np.zeros((2, 45), object), np.zeros((2, 45), "M8[s]")],
    ids=["None", "text", "a number", "a list", "complex", "object", "dates"],
)
def test_what_is_no_array_of_numbers(wrong: Any) -> None:
    native = program([layer("relu", 45, 45)], 45, 45, dtype="float64")
    with pytest.raises((TypeError, ValueError, BufferError)):
        native.scores(np.zeros(0), np.zeros(0), wrong, np.zeros(90), 1)


def test_arrays_that_may_not_be_written_or_do_not_fit() -> None:
    native = program([layer("relu", 45, 45)], 45, 45, dtype="float64")
    x, fixed = np.ones((2, 45)), np.zeros(90)
    fixed.flags.writeable = False
    for out in (fixed, np.zeros(89), np.zeros(90, np.float32), np.zeros(180)[::2], np.zeros((2, 45))):
        with pytest.raises((ValueError, BufferError)):
            native.scores(np.zeros(0), np.zeros(0), x, out, 1)
    out = np.zeros(90)
    for threads in (-(2**31), 0, 1, 10**6):
        native.scores(np.zeros(0), np.zeros(0), x, out, threads)
        assert (out == 1.0).all()
    with pytest.raises(TypeError):
        native.scores(np.zeros(0), np.zeros(0), x, out, 2**40)


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
