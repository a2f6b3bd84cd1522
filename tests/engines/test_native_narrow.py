"""Networks with a handful of units, whose matrices the core turns: against the reference engine, and the same bits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pellucid as pl
from pellucid.engines.engine import Model, TrainingState, TrainingTask
from pellucid.engines.reference import ReferenceEngine
from pellucid.program.compilation import compile_program
from pellucid.typing import Array
from support.members import ALL_LAYERS, ALL_LOSSES
from support.native_tasks import assert_close, assert_same, model_of, outputs_of, targets_of

pytest.importorskip("pellucid._native")
from pellucid.engines.native import NativeEngine

# All that the core can turn works number by number.
BETWEEN = [
    layer
    for layer in ALL_LAYERS if not layer.code_columns
    if not layer.parameter_specs((4,)) and not layer.statistic_specs((4,)) and not layer.draws
    and layer.kernel() is not None and not isinstance(layer, pl.Softmax)
]  # fmt: skip
LOSSES = [loss for loss in ALL_LOSSES if loss.kernel() is not None]
KINKED = (pl.ReLU, pl.LeakyReLU, pl.HardTanh, pl.SELU)  # a rounding may turn a sign
KINKED_LOSSES = (pl.AbsoluteError, pl.Quantile, pl.Hinge, pl.Huber)
BATCHES = [16, 17, 33, 64, 250, 1024, 1030, 1100]
THREADS = (2, 4, 8)


def check(
    layers: list[pl.Layer],
    inputs: int,
    loss: pl.Loss,
    y: Array,
    x: Array,
    weight: Array | None,
    batch: int,
    **more: Any,
) -> None:
    """Gradient and training against the reference engine; the same bits for every number of threads."""
    model = model_of(layers, inputs, x.dtype, np.random.default_rng(len(x)))
    exact = Model(model.program, model.parameters.astype(np.float64), model.statistics)
    double = x.dtype == np.float64
    native, reference = NativeEngine(1), ReferenceEngine()

    value, gradient = native.loss_and_gradient(model, loss, pl.L2(0.1), x, y, weight)
    expected_value, expected = reference.loss_and_gradient(exact, loss, pl.L2(0.1), x, y, weight)
    assert value == pytest.approx(expected_value, rel=1e-12 if double else 1e-5, abs=1e-12 if double else 1e-6)
    if double or not (any(isinstance(layer, KINKED) for layer in layers) or isinstance(loss, KINKED_LOSSES)):
        assert_close(gradient, expected, 1e-12 if double else 1e-5)
    for threads in THREADS:
        np.testing.assert_array_equal(
            NativeEngine(threads).loss_and_gradient(model, loss, pl.L2(0.1), x, y, weight)[1], gradient
        )

    optimizer = more.pop("optimizer", pl.Momentum(0.001))
    task = TrainingTask(
        model.program, loss, pl.L2(0.1), optimizer, x, y, loss.link(y), weight, min(batch, len(x)), True, 7, **more
    )
    start = TrainingState.start(model.parameters, model.statistics, optimizer)
    ours = native.train(task, start, start, 3)
    for threads in THREADS:
        theirs = NativeEngine(threads).train(task, start, start, 3)
        assert_same(theirs.state, ours.state)
        assert_same(theirs.safe, ours.safe)
        assert (theirs.logs.loss, theirs.logs.accuracy) == (ours.logs.loss, ours.logs.accuracy)
    if not double:
        return
    expected_end = reference.train(task, start, start, 3)
    assert ours.stopped == expected_end.stopped == ""
    assert_close(ours.state.parameters, expected_end.state.parameters, 1e-9)
    assert_close(ours.safe.parameters, expected_end.safe.parameters, 1e-9)
    assert ours.logs.loss == pytest.approx(expected_end.logs.loss, rel=1e-9)
    if expected_end.logs.accuracy[0] is not None:
        assert ours.logs.accuracy == pytest.approx(expected_end.logs.accuracy, abs=1e-12)


@pytest.mark.parametrize("layer", BETWEEN, ids=str)
@settings(max_examples=8)
@given(
    inputs=st.integers(1, 33),
    width=st.integers(1, 17),
    rows=st.integers(1, 200),
    batch=st.sampled_from(BATCHES),
    bias=st.booleans(),
    first=st.booleans(),
    double=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_every_layer_that_turns(
    layer: pl.Layer, inputs: int, width: int, rows: int, batch: int, bias: bool, first: bool, double: bool, seed: int
) -> None:
    random = np.random.default_rng(seed)
    layers = [pl.Dense(width, bias=bias), layer, pl.Dense(3, bias=bias)]
    x = random.normal(size=(rows, inputs)).astype(np.float64 if double else np.float32)
    check(
        [layer, *layers] if first else layers,
        inputs,
        pl.SoftmaxCrossEntropy(),
        random.integers(0, 3, rows),
        x,
        None,
        batch,
    )


@pytest.mark.parametrize("loss", LOSSES, ids=str)
@settings(max_examples=10)
@given(
    wanted=st.integers(1, 17),
    rows=st.integers(1, 200),
    batch=st.sampled_from(BATCHES),
    classes=st.booleans(),
    weighted=st.booleans(),
    double=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_every_loss(
    loss: pl.Loss, wanted: int, rows: int, batch: int, classes: bool, weighted: bool, double: bool, seed: int
) -> None:
    random = np.random.default_rng(seed)
    outputs = outputs_of(loss, wanted)
    x = random.normal(size=(rows, 6)).astype(np.float64 if double else np.float32)
    y = targets_of(loss, rows, outputs, classes, random)
    weight = random.uniform(size=rows) * (random.uniform(size=rows) < 0.8) + 1e-3 if weighted else None
    check([pl.Dense(8), pl.Tanh(), pl.Dense(outputs)], 6, loss, y, x, weight, batch)


@pytest.mark.parametrize("rows", [1024, 1025, 1100, 2063])
@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_batches_of_several_pieces_and_ragged_last_ones(rows: int, batch: int, dtype: Any) -> None:
    random = np.random.default_rng(rows)
    x = random.normal(size=(rows, 2)).astype(dtype)
    optimizer = pl.Adam(0.001, clip_norm=0.2, weight_decay=0.1)
    y = random.integers(0, 2, rows)
    weight = random.uniform(0.1, 1.0, size=rows)
    layers = [pl.Dense(5), pl.Tanh(), pl.Dense(5), pl.GELU(), pl.Dense(2)]
    check(layers, 2, pl.SoftmaxCrossEntropy(), y, x, weight, batch, optimizer=optimizer, average=0.9)


@pytest.mark.parametrize("width", range(1, 18))
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_width(width: int, dtype: Any) -> None:
    """Where a vector ends, turned matrices give way to the usual ones."""
    random = np.random.default_rng(width)
    x = random.normal(size=(70, width)).astype(dtype)
    y = random.normal(size=(70, width))
    check([pl.Dense(width), pl.Sigmoid(), pl.Dense(width)], width, pl.SquaredError(), y, x, None, 32)


def test_a_last_row_that_is_not_finite_stops_as_in_the_reference() -> None:
    """The last row of a ragged batch stands in for the rows that are missing."""
    random = np.random.default_rng(0)
    program = compile_program([pl.Dense(3), pl.ReLU(), pl.Dense(2)], (2,))
    parameters, x, y = random.normal(size=program.parameter_count), random.normal(size=(40, 2)), np.arange(40) % 2
    start = TrainingState.start(parameters, np.zeros(0), pl.Adam())
    for row, steps in ((39, 2), (20, 1), (3, 0)):
        bad = x.copy()
        bad[row] = np.nan
        task = TrainingTask(program, pl.SoftmaxCrossEntropy(), None, pl.Adam(), bad, y, "softmax", None, 16, False, 1)
        with np.errstate(invalid="ignore"):
            ours, theirs = (engine.train(task, start, start, 2) for engine in (NativeEngine(2), ReferenceEngine()))
        assert ours.stopped == theirs.stopped == "not_finite"
        assert ours.state.step == theirs.state.step == steps
        assert_close(ours.state.parameters, theirs.state.parameters, 1e-12)


@pytest.mark.parametrize("width", [3, 40])
def test_an_epsilon_that_is_no_normal_number_leaves_what_has_no_gradient(width: int) -> None:
    """Numbers below the smallest normal one are zero in the core; 0/0 would be NaN, in padding too."""
    x, y = np.random.default_rng(0).normal(size=(64, 4)).astype(np.float32), np.arange(64) % 2
    x[:, 1] = 0.0  # no gradient: its weights stay
    kinds = (pl.Adam, pl.AdaGrad, pl.RMSProp, pl.AMSGrad, pl.AdaDelta, pl.Adamax, pl.NAdam)
    for optimizer in (kind(epsilon=1e-42) for kind in kinds):
        model = model_of([pl.Dense(width), pl.Tanh(), pl.Dense(2)], 4, np.float32, np.random.default_rng(1))
        task = TrainingTask(
            model.program, pl.SoftmaxCrossEntropy(), None, optimizer, x, y, "softmax", None, 32, True, 1
        )
        start = TrainingState.start(model.parameters, model.statistics, optimizer)
        outcome = NativeEngine(1).train(task, start, start, 2)
        assert outcome.stopped == ""
        assert np.isfinite(outcome.state.parameters).all(), optimizer
        weight = model.program.views()["0.weight"]
        np.testing.assert_array_equal(weight.of(outcome.state.parameters)[1], weight.of(model.parameters)[1])
