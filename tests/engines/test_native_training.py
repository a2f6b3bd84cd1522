"""What the native engine promises of a training run besides the right numbers: above all, the same bits."""

from __future__ import annotations

import math
import random
import threading
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import pellucid as pl
from pellucid.engines.engine import Model, TrainingState, TrainingTask
from support.members import ALL_LAYERS, ALL_LOSSES, ALL_OPTIMIZERS
from support.native_tasks import assert_same, make_task, model_of, outputs_of, targets_of

pytest.importorskip("pellucid._native")
from pellucid.engines.native import NativeEngine

BETWEEN = [layer for layer in ALL_LAYERS if layer.kernel() is not None and not layer.code_columns]
LOSSES = [loss for loss in ALL_LOSSES if loss.kernel() is not None]
OPTIMIZERS = [optimizer for optimizer in ALL_OPTIMIZERS if optimizer.kernel() is not None]


def some_layers(generator: random.Random, most: int) -> list[pl.Layer]:
    """One to three hidden layers with anything in between."""
    layers: list[pl.Layer] = []
    for _ in range(generator.randint(1, 3)):
        layers.append(pl.Dense(generator.randint(1, most), bias=generator.random() < 0.7))
        layers += generator.choices(BETWEEN, k=generator.randint(0, 2))
    return layers


def some_program(seed: int) -> tuple[TrainingTask, TrainingState]:
    """A small program of any layers, loss, penalty, optimizer and data; every other one so narrow that it is turned."""
    generator, numbers = random.Random(seed), np.random.default_rng(seed)
    loss = generator.choice(LOSSES)
    most = generator.choice([7, 60])
    outputs = outputs_of(loss, generator.randint(1, most))
    rows = generator.randint(1, 80)
    optimizer = replace(
        generator.choice(OPTIMIZERS), clip_norm=generator.choice([None, 0.1]), weight_decay=generator.choice([0.0, 0.1])
    )
    layers = [*some_layers(generator, most), pl.Dense(outputs)]
    model = model_of(layers, generator.randint(1, most), generator.choice([np.float32, np.float64]), numbers)
    targets = targets_of(loss, rows, outputs, generator.random() < 0.5, numbers)
    task = TrainingTask(
        program=model.program,
        loss=loss,
        penalty=generator.choice([None, pl.L1(0.01), pl.L2(0.01)]),
        optimizer=optimizer,
        x=numbers.normal(size=(rows, *model.program.input_shape)),
        targets=targets,
        link=loss.link(targets),
        sample_weight=numbers.uniform(size=rows) if generator.random() < 0.3 else None,
        batch_size=generator.randint(1, rows),
        shuffle=generator.random() < 0.8,
        seed=seed,
        constraint=generator.choice([None, pl.MaxNorm(1.0)]),
        average=generator.choice([None, 0.9]),
    )
    return task, TrainingState.start(model.parameters, model.statistics, optimizer)


@pytest.mark.parametrize("hundred", range(10))
def test_the_same_bits_for_any_number_of_threads(hundred: int) -> None:
    """A thousand random programs."""
    for seed in range(100 * hundred, 100 * (hundred + 1)):
        task, start = some_program(seed)
        model = Model(task.program, start.parameters, start.statistics)
        one, many = NativeEngine(1), NativeEngine(random.Random(seed).choice([2, 3, 4, 5, 8]))
        expected, outcome = (engine.train(task, start, start, 2) for engine in (one, many))
        assert_same(outcome.state, expected.state)
        assert_same(outcome.safe, expected.safe)
        assert (outcome.stopped, outcome.logs.loss) == (expected.stopped, expected.logs.loss)
        np.testing.assert_array_equal(many.scores(model, task.x), one.scores(model, task.x))
        gradients = [
            engine.loss_and_gradient(model, task.loss, task.penalty, task.x, task.targets, task.sample_weight)
            for engine in (one, many)
        ]
        np.testing.assert_array_equal(gradients[1][1], gradients[0][1])
        assert gradients[1][0] == gradients[0][0] or math.isnan(gradients[0][0])


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
    assert len(outcome.logs) == 0
    assert outcome.state.step < task.batches
    assert_same(outcome.safe, start)
    broken = replace(start, parameters=np.full_like(start.parameters, np.nan))
    outcome = NativeEngine().train(task, broken, start, 1)
    assert outcome.stopped == "not_finite"
    assert outcome.safe is start
    assert outcome.state.step == 0


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
