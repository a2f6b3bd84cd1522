"""The native engine against the reference engine, its oracle: random programs, losses, penalties and optimizers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import pellucid as pl
from pellucid.engines.engine import Model, TrainingState, TrainingTask
from pellucid.engines.reference import ReferenceEngine
from pellucid.program.compilation import compile_program
from support.native_tasks import assert_close, model_of

pytest.importorskip("pellucid._native")
from pellucid.engines.native import NativeEngine

ACTIVATIONS = [pl.ReLU(), pl.Sigmoid(), pl.Tanh(), pl.Softmax(), pl.Identity(), pl.Rescale(0.5, 0.25)]
PENALTIES = [None, pl.L1(0.01), pl.L2(0.02)]
OPTIMIZERS = [
    pl.GradientDescent(0.002),
    pl.GradientDescent(pl.StepDecay(0.004, decay=0.5, every=7)),
    pl.Momentum(0.001, 0.8),
    pl.Nesterov(0.001, 0.7),
    pl.Adam(0.001, 0.8, 0.9, 1e-6),
]
LOSSES = [pl.SquaredError(), pl.SoftmaxCrossEntropy(), pl.SigmoidCrossEntropy()]
INPUT_TYPES = ["float32", "float64", "uint8", "int8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "bool"]


@st.composite
def layer_lists(draw: st.DrawFn, *, standardize: bool = True) -> list[pl.Layer]:
    others = [*ACTIVATIONS, pl.Dropout(0.3), *([pl.Standardize()] if standardize else [])]
    layers: list[pl.Layer] = []
    for _ in range(draw(st.integers(1, 3))):
        layers += draw(st.lists(st.sampled_from(others), max_size=2))
        layers.append(pl.Dense(draw(st.integers(1, 130)), bias=draw(st.booleans())))
    return [*layers, *draw(st.lists(st.sampled_from(others), max_size=1))]


def targets_of(loss: pl.Loss, classes: bool, rows: int, outputs: int, random: np.random.Generator) -> np.ndarray:
    """Targets as `loss` encodes them, in one of its two forms."""
    if classes and not isinstance(loss, pl.SigmoidCrossEntropy):
        return random.integers(0, outputs, rows)
    y = random.uniform(0.05, 1.0, size=(rows, outputs))
    return y / y.sum(axis=1, keepdims=True) if isinstance(loss, pl.SoftmaxCrossEntropy) else y


@settings(max_examples=300)
@given(
    layers=layer_lists(),
    inputs=st.integers(1, 130),
    rows=st.integers(1, 257),
    loss=st.sampled_from(LOSSES),
    penalty=st.sampled_from(PENALTIES),
    classes=st.booleans(),
    weighted=st.booleans(),
    double=st.booleans(),
    threads=st.integers(1, 3),
    seed=st.integers(0, 1000),
)
def test_scores_loss_and_gradient(
    layers: list[pl.Layer],
    inputs: int,
    rows: int,
    loss: pl.Loss,
    penalty: pl.Penalty | None,
    classes: bool,
    weighted: bool,
    double: bool,
    threads: int,
    seed: int,
) -> None:
    random = np.random.default_rng(seed)
    dtype, tolerance = (np.float64, 1e-12) if double else (np.float32, 1e-5)
    model = model_of(layers, inputs, dtype, random)
    exact = Model(model.program, model.parameters.astype(np.float64), model.statistics)
    x = random.normal(size=(rows, inputs)).astype(dtype)
    y = targets_of(loss, classes, rows, model.program.outputs, random)
    weight = random.uniform(size=rows) if weighted else None
    native, reference = NativeEngine(threads), ReferenceEngine()

    assert_close(native.scores(model, x), reference.scores(exact, x), tolerance)
    value, gradient = native.loss_and_gradient(model, loss, penalty, x, y, weight)
    expected_value, expected_gradient = reference.loss_and_gradient(exact, loss, penalty, x, y, weight)
    assert_close(value, expected_value, tolerance)
    if not any(isinstance(layer, pl.ReLU) for layer in layers) or double:  # a rounding may switch a ReLU in float32
        assert_close(gradient, expected_gradient, tolerance)


@settings(max_examples=150)
@given(
    layers=layer_lists(standardize=False),
    inputs=st.integers(1, 130),
    rows=st.integers(1, 300),
    batch=st.integers(1, 257),
    loss=st.sampled_from(LOSSES),
    penalty=st.sampled_from(PENALTIES),
    optimizer=st.sampled_from(OPTIMIZERS),
    classes=st.booleans(),
    weighted=st.booleans(),
    penalty_in_loss=st.booleans(),
    threads=st.integers(1, 3),
    seed=st.integers(0, 1000),
)
def test_a_hundred_steps(
    layers: list[pl.Layer],
    inputs: int,
    rows: int,
    batch: int,
    loss: pl.Loss,
    penalty: pl.Penalty | None,
    optimizer: pl.Optimizer,
    classes: bool,
    weighted: bool,
    penalty_in_loss: bool,
    threads: int,
    seed: int,
) -> None:
    random = np.random.default_rng(seed)
    batch = min(batch, rows)
    model = model_of(layers, inputs, np.float64, random)
    task = TrainingTask(
        program=model.program,
        loss=loss,
        penalty=penalty,
        optimizer=optimizer,
        x=random.normal(size=(rows, inputs)) / np.sqrt(inputs),  # small enough for every rate to converge
        targets=(y := targets_of(loss, classes, rows, model.program.outputs, random)),
        link=loss.link(y),
        sample_weight=random.uniform(size=rows) if weighted else None,
        batch_size=batch,
        shuffle=True,
        seed=seed,
        penalty_in_loss=penalty_in_loss,
    )
    start = TrainingState.start(model.parameters, model.statistics, optimizer)
    epochs = min(max(1, 100 // task.batches), 100)
    ours = NativeEngine(threads).train(task, start, start, epochs)
    theirs = ReferenceEngine().train(task, start, start, epochs)

    assume(theirs.stopped == "" and np.abs(theirs.state.parameters).max() < 100)  # what diverges, differs
    assert ours.stopped == ""
    for attribute in ("epoch", "batch", "step"):
        assert getattr(ours.state, attribute) == getattr(theirs.state, attribute)
        assert getattr(ours.safe, attribute) == getattr(theirs.safe, attribute)
    assert_close(ours.state.parameters, theirs.state.parameters, 1e-9)
    assert_close(ours.safe.parameters, theirs.safe.parameters, 1e-9)
    for mine, other in zip(ours.state.slots + ours.safe.slots, theirs.state.slots + theirs.safe.slots, strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-9, atol=1e-9)
    for log, expected in zip(ours.logs, theirs.logs, strict=True):
        assert log.loss == pytest.approx(expected.loss, rel=1e-9)
        assert (log.accuracy is None) == (expected.accuracy is None)
        if log.accuracy is not None:
            assert log.accuracy == pytest.approx(expected.accuracy, abs=1e-12)


@pytest.mark.parametrize("kind", INPUT_TYPES)
@pytest.mark.parametrize("scaling", [[], [pl.Rescale(0.1, 0.5)], [pl.Standardize(), pl.Rescale(2.0)]], ids=str)
def test_every_type_of_input(kind: str, scaling: list[pl.Layer]) -> None:
    random = np.random.default_rng(0)
    x = random.integers(0, 2 if kind == "bool" else 100, size=(37, 45)).astype(kind)
    model = model_of([*scaling, pl.Dense(7)], 45, np.float64, random)
    expected = ReferenceEngine().scores(model, x)
    assert_close(NativeEngine().scores(model, x), expected, 1e-13)


@pytest.mark.parametrize("kind", ["float16", ">f8", ">i4"])
def test_types_that_are_converted_first(kind: str) -> None:
    random = np.random.default_rng(0)
    x = random.integers(0, 100, size=(37, 45)).astype(kind)
    model = model_of([pl.Dense(7)], 45, np.float64, random)
    assert_close(NativeEngine().scores(model, x), ReferenceEngine().scores(model, x), 1e-13)


@pytest.mark.parametrize(
    "view",
    [
        lambda x: x[::2],
        lambda x: x[::-1],
        lambda x: x[:, ::-1],
        lambda x: np.asfortranarray(x),
        lambda x: np.broadcast_to(x[3], x.shape),
        lambda x: np.frombuffer(b"\0" + x.tobytes(), offset=1).reshape(x.shape),
        lambda x: np.lib.stride_tricks.as_strided(x, (20, 11), (x.strides[0], 8), writeable=False),
    ],
    ids=["every other row", "rows backwards", "columns backwards", "Fortran", "broadcast", "unaligned", "overlapping"],
)
def test_any_strides(view: Any) -> None:
    random = np.random.default_rng(0)
    x = view(random.normal(size=(40, 11)))
    model = model_of([pl.Dense(7), pl.Tanh(), pl.Dense(3)], 11, np.float64, random)
    assert_close(NativeEngine().scores(model, x), ReferenceEngine().scores(model, x), 1e-13)
    y = random.integers(0, 3, len(x))
    loss = pl.SoftmaxCrossEntropy()
    task = TrainingTask(model.program, loss, None, pl.Adam(), x, y, "softmax", None, 7, True, 1)
    start = TrainingState.start(model.parameters, model.statistics, pl.Adam())
    ours, theirs = (engine.train(task, start, start, 3) for engine in (NativeEngine(), ReferenceEngine()))
    assert_close(ours.state.parameters, theirs.state.parameters, 1e-11)


def test_a_large_batch_goes_through_in_pieces() -> None:
    """More rows than a piece holds: gradients add up, dropout draws on, and the parameters change once."""
    random = np.random.default_rng(0)
    model = model_of([pl.Dropout(0.2), pl.Dense(9), pl.Sigmoid(), pl.Dense(3)], 5, np.float64, random)
    x, y = random.normal(size=(2500, 5)), random.integers(0, 3, 2500)
    start = TrainingState.start(model.parameters, model.statistics, pl.Momentum())
    for batch in (2500, 1100):
        loss, penalty = pl.SoftmaxCrossEntropy(), pl.L2(0.1)
        task = TrainingTask(model.program, loss, penalty, pl.Momentum(), x, y, "softmax", None, batch, True, 1)
        ours, theirs = (engine.train(task, start, start, 3) for engine in (NativeEngine(), ReferenceEngine()))
        assert_close(ours.state.parameters, theirs.state.parameters, 1e-11)
        assert ours.logs[-1].loss == pytest.approx(theirs.logs[-1].loss, rel=1e-12)
        assert ours.logs[-1].accuracy == theirs.logs[-1].accuracy
        value, gradient = NativeEngine().loss_and_gradient(model, loss, penalty, x, y, None)
        expected_value, expected = ReferenceEngine().loss_and_gradient(model, loss, penalty, x, y, None)
        assert value == pytest.approx(expected_value, rel=1e-12)
        assert_close(gradient, expected, 1e-12)


def test_a_batch_whose_weights_are_all_zero_changes_nothing() -> None:
    random = np.random.default_rng(0)
    model = model_of([pl.Dense(3)], 5, np.float64, random)
    x, y = random.normal(size=(8, 5)), random.integers(0, 3, 8)
    value, gradient = NativeEngine().loss_and_gradient(model, pl.SoftmaxCrossEntropy(), None, x, y, np.zeros(8))
    assert value == 0.0
    assert not gradient.any()


def test_networks_without_parameters() -> None:
    model = model_of([pl.Softmax()], 5, np.float64, np.random.default_rng(0))
    x = np.random.default_rng(1).normal(size=(8, 5))
    assert_close(NativeEngine().scores(model, x), ReferenceEngine().scores(model, x), 1e-14)
    value, gradient = NativeEngine(2).loss_and_gradient(model, pl.SquaredError(), None, x, np.arange(8) % 5, None)
    assert gradient.shape == (0,)
    assert value == pytest.approx(
        ReferenceEngine().loss_and_gradient(model, pl.SquaredError(), None, x, np.arange(8) % 5, None)[0]
    )


def test_extreme_numbers() -> None:
    """Softmax and sigmoid saturate, and NaN and infinity pass through as in NumPy."""
    for layer in (pl.Softmax(), pl.Sigmoid(), pl.Tanh(), pl.ReLU()):
        for dtype in ("float32", "float64"):
            model = Model(compile_program([layer], (4,)), np.zeros(0, dtype), np.zeros(0))
            x = np.array([[1e4, -1e4, 0.0, -0.0], [90.0, -90.0, 710.0, -746.0], [1e-30, -1e-30, 5.0, -5.0]], dtype)
            ours, theirs = NativeEngine().scores(model, x), ReferenceEngine().scores(model, x)
            np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-37)
            with np.errstate(invalid="ignore"):
                x[0, 0], x[1, 1], x[2, 2] = np.nan, np.nan, np.inf
                ours, theirs = NativeEngine().scores(model, x), ReferenceEngine().scores(model, x)
            np.testing.assert_array_equal(np.isnan(ours), np.isnan(theirs))
