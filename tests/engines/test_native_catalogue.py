"""The whole catalogue on the native engine, against the reference engine: all in a registry that has a kernel."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import pellucid as pl
from pellucid.engines import EngineChoice
from pellucid.engines.engine import Model, Outcome, TrainingState, TrainingTask
from pellucid.engines.reference import ReferenceEngine
from pellucid.program.compilation import compile_program
from pellucid.typing import Floats
from support.members import ALL_LAYERS, ALL_LOSSES, ALL_OPTIMIZERS, ALL_PENALTIES
from support.native_tasks import assert_close, assert_same, model_of, outputs_of, targets_of

pytest.importorskip("pellucid._native")
from pellucid.engines.native import NativeEngine

LAYERS = [layer for layer in ALL_LAYERS if layer.kernel() is not None and not layer.code_columns]
LOSSES = [loss for loss in ALL_LOSSES if loss.kernel() is not None]
OPTIMIZERS = [optimizer for optimizer in ALL_OPTIMIZERS if optimizer.kernel() is not None]
PENALTIES = [penalty for penalty in ALL_PENALTIES if penalty.kernel() is not None]

# Where a sign decides, a rounding may turn it: these are compared where it cannot matter.
KINKED = (pl.ReLU, pl.LeakyReLU, pl.PReLU, pl.HardTanh, pl.Maxout, pl.SELU)


def kinked(layer: pl.Layer) -> bool:
    return isinstance(layer.activation if isinstance(layer, pl.ParametricActivation) else layer, KINKED)


TOLERANCES = {np.float64: 1e-12, np.float32: 1e-5}


def in_double(model: Model) -> Model:
    return Model(model.program, model.parameters.astype(np.float64), model.statistics)


def assert_same_outcome(ours: Outcome, theirs: Outcome, tolerance: float) -> None:
    assert ours.stopped == theirs.stopped == ""
    for mine, other in ((ours.state, theirs.state), (ours.safe, theirs.safe)):
        assert (mine.epoch, mine.batch, mine.step) == (other.epoch, other.batch, other.step)
        assert mine.rate_scale == other.rate_scale
        assert_close(mine.parameters, other.parameters, tolerance)
        assert_close(mine.statistics, other.statistics, tolerance)
        assert (mine.average is None) == (other.average is None)
        if mine.average is not None:
            assert_close(mine.average, other.average, tolerance)
        for slot, expected in zip(mine.slots, other.slots, strict=True):
            np.testing.assert_allclose(slot, expected, rtol=tolerance, atol=tolerance)
    for log, expected_log in zip(ours.logs, theirs.logs, strict=True):
        assert log.loss == pytest.approx(expected_log.loss, rel=tolerance)
        assert (log.accuracy is None) == (expected_log.accuracy is None)
        if log.accuracy is not None:
            assert log.accuracy == pytest.approx(expected_log.accuracy, abs=1e-12)


@pytest.mark.parametrize("layer", LAYERS, ids=str)
@settings(max_examples=25)
@given(
    width=st.integers(1, 70),
    first=st.booleans(),
    rows=st.integers(1, 130),
    double=st.booleans(),
    threads=st.integers(1, 3),
    seed=st.integers(0, 1000),
)
def test_every_layer(
    layer: pl.Layer, width: int, first: bool, rows: int, double: bool, threads: int, seed: int
) -> None:
    """In prediction, and in training, which includes what it draws and measures."""
    random = np.random.default_rng(seed)
    dtype: Any = np.float64 if double else np.float32
    layers = [layer, pl.Dense(4), pl.Tanh(), pl.Dense(3)]
    model = model_of(layers if first else [pl.Dense(width), *layers], width if first else 5, dtype, random)
    exact = in_double(model)
    x = random.normal(size=(rows, model.program.input_shape[0])).astype(dtype)
    y, loss = random.integers(0, 3, rows), pl.SoftmaxCrossEntropy()
    native, reference = NativeEngine(threads), ReferenceEngine()
    assert native.obstacle(model.program, loss) is None

    tolerance = TOLERANCES[dtype]
    if isinstance(layer, pl.PeriodicEmbedding) and not double:
        tolerance *= 20  # what float32 leaves of an angle of several turns
    assert_close(native.scores(model, x), reference.scores(exact, x), tolerance)
    value, gradient = native.loss_and_gradient(model, loss, None, x, y, None)
    expected_value, expected = reference.loss_and_gradient(exact, loss, None, x, y, None)
    assert_close(value, expected_value, tolerance)
    if double or not kinked(layer):
        assert_close(gradient, expected, tolerance)
    if double:
        # Behind a dense layer waves of a frequency of 1 multiply every rounding in a few large steps.
        rate = 1e-4 if isinstance(layer, pl.PeriodicEmbedding) else 0.01
        task = TrainingTask(
            model.program, loss, None, pl.Momentum(rate), x, y, "softmax", None, min(rows, 1 + seed % 60), True, seed
        )
        start = TrainingState.start(model.parameters, model.statistics, task.optimizer)
        ours, theirs = native.train(task, start, start, 3), reference.train(task, start, start, 3)
        # In batches of two or three a variance may all but vanish, and then multiplies every rounding.
        assert_same_outcome(ours, theirs, 1e-6 if isinstance(layer, pl.BatchNormalization) else 1e-9)


@pytest.mark.parametrize("loss", LOSSES, ids=str)
@settings(max_examples=50)
@given(
    wanted=st.integers(1, 70),
    rows=st.integers(1, 130),
    penalty=st.sampled_from([None, *PENALTIES]),
    classes=st.booleans(),
    weighted=st.booleans(),
    double=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_every_loss_and_penalty(
    loss: pl.Loss,
    wanted: int,
    rows: int,
    penalty: pl.Penalty | None,
    classes: bool,
    weighted: bool,
    double: bool,
    seed: int,
) -> None:
    random = np.random.default_rng(seed)
    dtype: Any = np.float64 if double else np.float32
    outputs = outputs_of(loss, wanted)
    model = model_of([pl.Dense(9), pl.Tanh(), pl.Dense(outputs)], 5, dtype, random)
    x, y = random.normal(size=(rows, 5)).astype(dtype), targets_of(loss, rows, outputs, classes, random)
    weight = random.uniform(size=rows) if weighted else None
    value, gradient = NativeEngine().loss_and_gradient(model, loss, penalty, x, y, weight)
    exact = in_double(model)
    expected_value, expected = ReferenceEngine().loss_and_gradient(exact, loss, penalty, x, y, weight)
    assert_close(value, expected_value, TOLERANCES[dtype])
    if double:  # rounded to float32, a score may lie on the other side of a kink
        assert_close(gradient, expected, TOLERANCES[dtype])
        task = TrainingTask(
            model.program, loss, penalty, pl.Momentum(0.001), x, y, loss.link(y), weight, min(rows, 32), True, seed
        )
        start = TrainingState.start(model.parameters, model.statistics, task.optimizer)
        ours, theirs = (engine.train(task, start, start, 3) for engine in (NativeEngine(2), ReferenceEngine()))
        assert_same_outcome(ours, theirs, 1e-10)
    elif not isinstance(loss, pl.AbsoluteError | pl.Quantile | pl.Hinge):
        assert_close(gradient, expected, TOLERANCES[dtype])


def surrounded(optimizer: pl.Optimizer, draw: Any) -> pl.Optimizer:
    """The optimizer with any of what surrounds it."""
    return replace(
        optimizer,
        weight_decay=draw(st.sampled_from([optimizer.weight_decay, 0.0, 0.3])),
        clip_value=draw(st.sampled_from([None, 0.02])),
        clip_norm=draw(st.sampled_from([None, 0.1, 100.0])),
    )


@st.composite
def tasks(draw: st.DrawFn, optimizer: pl.Optimizer, *, dtype: Any = np.float64) -> tuple[TrainingTask, TrainingState]:
    """A small network to train, with any combination of clipping, decay, factors, limit and average."""
    random = np.random.default_rng(draw(st.integers(0, 1000)))
    hidden = draw(st.integers(5, 70))  # of two or three normalized numbers hardly more than roundings remain
    between = draw(
        st.sampled_from([pl.Tanh(), pl.BatchNormalization(), pl.LayerNormalization(), pl.PReLU(per_unit=True)])
    )
    # A bias in front of a batch normalization has no gradient but roundings, which many an optimizer would magnify.
    first = pl.Dense(hidden, bias=not isinstance(between, pl.BatchNormalization))
    model = model_of([first, between, pl.Dense(3)], draw(st.sampled_from([5, 40, 300])), dtype, random)
    rows = draw(st.integers(20, 60))
    optimizer = surrounded(optimizer, draw)
    task = TrainingTask(
        program=model.program,
        loss=pl.SoftmaxCrossEntropy(),
        penalty=draw(st.sampled_from([None, *PENALTIES])),
        optimizer=optimizer,
        x=random.normal(size=(rows, *model.program.input_shape)) / np.sqrt(model.program.input_shape[0]),
        targets=random.integers(0, 3, rows),
        link="softmax",
        sample_weight=None,
        batch_size=draw(st.integers(10, rows)),
        shuffle=True,
        seed=draw(st.integers(0, 1000)),
        rate_factors=random.uniform(0.0, 2.0, model.parameters.size).astype(dtype) if draw(st.booleans()) else None,
        constraint=draw(st.sampled_from([None, pl.MaxNorm(0.7)])),
        average=draw(st.sampled_from([None, 0.0, 0.9])),
    )
    start = TrainingState.start(model.parameters, model.statistics, optimizer)
    return task, replace(start, rate_scale=draw(st.sampled_from([1.0, 0.25])))


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=str)
@settings(max_examples=15)
@given(data=st.data())
def test_every_optimizer_and_what_surrounds_it(optimizer: pl.Optimizer, data: st.DataObject) -> None:
    """A hundred steps."""
    if optimizer.rate_at(0) < 1.0:
        optimizer = replace(optimizer, learning_rate=0.001)
    task, start = data.draw(tasks(optimizer))
    epochs = max(1, 100 // task.batches)
    ours, theirs = (engine.train(task, start, start, epochs) for engine in (NativeEngine(2), ReferenceEngine()))
    assume(theirs.stopped == "" and np.abs(theirs.state.parameters).max() < 100)
    assume(
        not (isinstance(optimizer, pl.Lion) and isinstance(task.penalty, pl.L1 | pl.ElasticNet))
    )  # signs of roundings
    assert_same_outcome(ours, theirs, 1e-9)


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=str)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@settings(max_examples=6)
@given(data=st.data())
def test_the_same_bits(optimizer: pl.Optimizer, dtype: Any, data: st.DataObject) -> None:
    """For any number of threads, and for six epochs at once or one by one."""
    task, start = data.draw(tasks(optimizer, dtype=dtype))
    whole = NativeEngine(1).train(task, start, start, 6)
    for threads in (2, 4):
        outcome = NativeEngine(threads).train(task, start, start, 6)
        assert_same(outcome.state, whole.state)
        assert_same(outcome.safe, whole.safe)
    state, safe = start, start
    engine = NativeEngine(2)
    for _ in range(6):
        outcome = engine.train(task, state, safe, 1)
        state, safe = outcome.state, outcome.safe
        NativeEngine(1).train(task, start, start, 1)
        engine.train(task, start, start, 1)  # what the program remembers of other steps must not matter
    assert_same(state, whole.state)
    assert_same(safe, whole.safe)


@pytest.mark.parametrize("layer", LAYERS, ids=str)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_layer_gives_the_same_bits_for_any_number_of_threads(layer: pl.Layer, dtype: Any) -> None:
    random = np.random.default_rng(0)
    model = model_of([pl.Dense(45), layer, pl.Dense(20), layer, pl.Dense(3)], 7, dtype, random)
    x, y = random.normal(size=(100, 7)).astype(dtype), random.integers(0, 3, 100)
    task = TrainingTask(
        model.program, pl.SoftmaxCrossEntropy(), pl.L2(0.1), pl.Adam(), x, y, "softmax", None, 40, True, 1
    )
    start = TrainingState.start(model.parameters, model.statistics, task.optimizer)
    one = NativeEngine(1)
    trained, scores = one.train(task, start, start, 2), one.scores(model, x)
    _, gradient = one.loss_and_gradient(model, task.loss, None, x, y, None)
    for threads in (2, 3, 4):
        many = NativeEngine(threads)
        assert_same(many.train(task, start, start, 2).state, trained.state)
        np.testing.assert_array_equal(many.scores(model, x), scores)
        np.testing.assert_array_equal(many.loss_and_gradient(model, task.loss, None, x, y, None)[1], gradient)


@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_every_layer_with_a_batch_of_several_pieces(layer: pl.Layer) -> None:
    random = np.random.default_rng(0)
    model = model_of([pl.Dense(9), layer, pl.Dense(3)], 5, np.float64, random)
    x, y, loss = random.normal(size=(2500, 5)), random.integers(0, 3, 2500), pl.SoftmaxCrossEntropy()
    start = TrainingState.start(model.parameters, model.statistics, pl.Momentum())
    for batch in (2500, 1100):
        optimizer = pl.Momentum(0.01, clip_norm=0.1, clip_value=0.05, weight_decay=0.1)
        task = TrainingTask(
            model.program, loss, pl.L2(0.1), optimizer, x, y, "softmax", None, batch, True, 1, average=0.5
        )
        ours, theirs = (engine.train(task, start, start, 3) for engine in (NativeEngine(2), ReferenceEngine()))
        assert_same_outcome(ours, theirs, 1e-10)
    value, gradient = NativeEngine(2).loss_and_gradient(model, loss, None, x, y, None)
    expected_value, expected = ReferenceEngine().loss_and_gradient(model, loss, None, x, y, None)
    assert value == pytest.approx(expected_value, rel=1e-12)
    assert_close(gradient, expected, 1e-12)


SCALINGS = [
    [pl.RobustScale()],
    [pl.RobustScale(None), pl.Rescale(2.0, 0.5)],
    [pl.Standardize(), pl.RobustScale(), pl.MinMax()],
    [pl.Center(), pl.RobustScale(), pl.RobustScale(1.0)],
]


@pytest.mark.parametrize("layers", SCALINGS, ids=str)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_inputs_are_scaled_before_they_are_rounded(layers: list[pl.Layer], dtype: Any) -> None:
    """Seconds since 1970 differ by less than float32 can tell."""
    x = 1.7e9 + np.random.default_rng(0).normal(size=(200, 6))
    network = pl.Network([*layers, pl.Dense(4)], dtype=np.dtype(dtype).name).build(6, seed=1)
    network.fit_statistics(x)
    model = Model(network.program, network.parameters, network.statistics)
    assert_close(NativeEngine().scores(model, x), ReferenceEngine().scores(in_double(model), x), TOLERANCES[dtype])


def test_running_averages_do_not_build_a_program_anew() -> None:
    random = np.random.default_rng(0)
    model = model_of([pl.Standardize(), pl.Dense(9), pl.BatchNormalization(), pl.Dense(3)], 5, np.float64, random)
    x, y = random.normal(size=(50, 5)), random.integers(0, 3, 50)
    task = TrainingTask(model.program, pl.SoftmaxCrossEntropy(), None, pl.Adam(), x, y, "softmax", None, 10, True, 1)
    start = TrainingState.start(model.parameters, model.statistics, task.optimizer)
    engine = NativeEngine()
    first = engine.train(task, start, start, 1)
    ((_, native),) = engine._programs.values()
    assert first.state.statistics is not start.statistics
    engine.train(task, first.state, first.safe, 1)
    assert [kept for _, kept in engine._programs.values()] == [native]
    moved = first.state.statistics.copy()
    moved[0] += 1.0  # a statistic that the program was built with
    scores = engine.scores(Model(model.program, first.state.parameters, moved), x)
    expected = ReferenceEngine().scores(Model(model.program, first.state.parameters, moved), x)
    assert_close(scores, expected, 1e-12)
    old = engine.scores(Model(model.program, first.state.parameters, first.state.statistics), x)
    assert_close(
        old, ReferenceEngine().scores(Model(model.program, first.state.parameters, first.state.statistics), x), 1e-12
    )


def test_statistics_of_a_step_that_was_not_made() -> None:
    """A loss that is not finite leaves the running averages as they were."""
    random = np.random.default_rng(0)
    model = model_of([pl.BatchNormalization(), pl.Dense(3)], 5, np.float64, random)
    x, y = random.normal(size=(20, 5)), random.integers(0, 3, 20)
    x[13, 2] = np.nan
    task = TrainingTask(model.program, pl.SoftmaxCrossEntropy(), None, pl.Adam(), x, y, "softmax", None, 10, False, 1)
    start = TrainingState.start(model.parameters, model.statistics, task.optimizer)
    with np.errstate(invalid="ignore"):
        ours, theirs = (engine.train(task, start, start, 3) for engine in (NativeEngine(2), ReferenceEngine()))
    assert ours.stopped == theirs.stopped == "not_finite"
    assert ours.state.step == theirs.state.step == 1
    assert_close(ours.state.statistics, theirs.state.statistics, 1e-12)
    np.testing.assert_array_equal(ours.safe.statistics, start.statistics)


@pytest.mark.parametrize("step", [0, 1, 12345])
def test_nadam_from_any_step(step: int) -> None:
    random = np.random.default_rng(0)
    model = model_of([pl.Dense(3)], 5, np.float64, random)
    x, y = random.normal(size=(20, 5)), random.integers(0, 3, 20)
    task = TrainingTask(model.program, pl.SoftmaxCrossEntropy(), None, pl.NAdam(), x, y, "softmax", None, 20, False, 1)
    start = replace(TrainingState.start(model.parameters, model.statistics, task.optimizer), step=step)
    ours, theirs = (engine.train(task, start, start, 3) for engine in (NativeEngine(), ReferenceEngine()))
    assert_same_outcome(ours, theirs, 1e-12)


class HalfAdam(pl.Adam):
    """A user's own, which inherits the kernel of another."""

    def update(self, parameters: Floats, gradient: Floats, slots: Any, rate: Any, step: int) -> Any:
        return super().update(parameters, gradient, slots, 0.5 * rate, step)


class Leaky(pl.ReLU):
    def forward(self, x: Floats, parameters: Any, context: Any) -> Any:
        return np.maximum(x, 0.1 * x), x


class Halved(pl.Penalty):
    def value(self, weight: Floats) -> float:
        return 0.0


class Rounded(pl.Constraint):
    def apply(self, weight: Floats) -> Floats:
        return weight.round(1)


def test_what_the_core_does_not_have_is_named() -> None:
    engine = NativeEngine()
    dense = compile_program([pl.Dense(3)], (4,))
    assert engine.obstacle(dense, optimizer=HalfAdam()) == str(HalfAdam())
    assert engine.obstacle(dense, penalty=Halved(1.0)) == str(Halved(1.0))
    assert engine.obstacle(dense, constraint=Rounded()) == str(Rounded())
    assert engine.obstacle(dense, constraint=pl.MaxNorm(1.0)) is None
    assert engine.obstacle(compile_program([Leaky()], (4,))) == "layer 0, Leaky()"
    levels = tuple(np.linspace(0.1, 0.9, 33))
    assert engine.obstacle(compile_program([pl.Dense(33)], (4,)), pl.Quantile(levels)) == str(pl.Quantile(levels))
    assert engine.obstacle(compile_program([pl.Dense(32)], (4,)), pl.Quantile(levels[:32])) is None
    engine_for, note = EngineChoice().choose(dense, constraint=Rounded())
    assert engine_for.name == "reference"
    assert "Rounded" in note
    with pytest.raises(ValueError, match="Rounded"):
        EngineChoice("native").choose(dense, constraint=Rounded())


def test_a_trainer_with_a_constraint_of_ones_own() -> None:
    x, y = np.random.default_rng(0).normal(size=(30, 4)), np.arange(30) % 3
    network = pl.Network([pl.Dense(3)])
    trainer = pl.Trainer(network, loss="softmax_cross_entropy", constraint=Rounded(), seed=0)
    assert trainer.fit(x, y, epochs=2).engine == "reference"
    np.testing.assert_array_equal(network.get("0.weight"), network.get("0.weight").round(1))


def test_extreme_numbers_in_every_activation() -> None:
    """Far out an activation saturates or grows, and what is no number stays so."""
    for layer in LAYERS:
        program = compile_program([layer], (6,))
        if program.parameter_count or program.statistic_count or layer.draws or not program.instructions:
            continue
        for dtype in ("float32", "float64"):
            model = Model(program, np.zeros(0, dtype), np.zeros(0))
            x = np.array([[1e4, -1e4, 0.0, -0.0, 30.0, -30.0], [90.0, -90.0, 700.0, -700.0, 1e-6, -1e-6]], dtype)
            x = np.vstack([x, np.where(np.arange(6) == 3, np.nan, 0.5).astype(dtype)])
            with np.errstate(over="ignore", invalid="ignore"):
                ours, theirs = NativeEngine().scores(model, x), ReferenceEngine().scores(model, x)
            np.testing.assert_allclose(
                ours, theirs, rtol=2e-6, atol=1e-14 if dtype == "float64" else 1e-6, err_msg=str(layer)
            )
