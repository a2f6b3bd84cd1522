"""Tasks for the native engine, and what it must not change: the bits of a state."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from dataclasses import replace
from typing import Any

import numpy as np

import pellucid as pl
from pellucid.engines.engine import Model, TrainingState, TrainingTask
from pellucid.program.compilation import compile_program
from pellucid.typing import Array

LAYERS = [pl.Standardize(), pl.Dense(70), pl.ReLU(), pl.Dropout(0.2), pl.Dense(33), pl.Tanh(), pl.Dense(10)]


def make_task(rows: int = 500, batch: int = 32, **changes: Any) -> tuple[TrainingTask, TrainingState]:
    """Ten classes of 45 numbers (or others), and where training starts."""
    generator, width, classes = np.random.default_rng(3), changes.pop("width", 45), changes.pop("classes", 10)
    program = compile_program(changes.pop("layers", LAYERS), (width,))
    parameters = generator.normal(size=program.parameter_count).astype(changes.pop("dtype", np.float32)) * 0.1
    task = TrainingTask(
        program=program,
        loss=pl.SoftmaxCrossEntropy(),
        penalty=pl.L2(1e-3),
        optimizer=pl.Adam(),
        x=generator.normal(size=(rows, width)),
        targets=generator.integers(0, classes, rows),
        link="softmax",
        sample_weight=None,
        batch_size=batch,
        shuffle=True,
        seed=5,
    )
    task = replace(task, **changes)
    return task, TrainingState.start(parameters, np.ones(program.statistic_count), task.optimizer)


def model_of(layers: list[pl.Layer], inputs: int, dtype: Any, random: np.random.Generator) -> Model:
    """A network with random parameters and statistics."""
    program = compile_program(layers, (inputs,))
    parameters = np.zeros(program.parameter_count, dtype)
    for view in program.views().values():
        view.of(parameters)[...] = random.normal(size=view.shape) / np.sqrt(view.shape[0])
    return Model(program, parameters, random.uniform(0.5, 1.5, size=program.statistic_count))


def outputs_of(loss: pl.Loss, wanted: int) -> int:
    """How many outputs a network for this loss has, if it may choose: `wanted`."""
    if isinstance(loss, pl.Quantile):
        return len(loss.levels)
    return max(2, wanted) if isinstance(loss, pl.SoftmaxCrossEntropy) else wanted


def targets_of(loss: pl.Loss, rows: int, outputs: int, classes: bool, random: np.random.Generator) -> Array:
    """Targets in one of the forms the loss takes, as it encodes them."""
    if isinstance(loss, pl.Hinge):
        return loss.encode(random.integers(0, max(2, outputs), rows), outputs)
    if classes and isinstance(loss, pl.SoftmaxCrossEntropy | pl.SquaredError) and outputs > 1:
        return loss.encode(random.integers(0, outputs, rows), outputs)
    y = random.uniform(0.05, 1.0, size=(rows, outputs))
    if isinstance(loss, pl.SoftmaxCrossEntropy):
        y /= y.sum(axis=1, keepdims=True)
    return loss.encode(y if classes or outputs > 1 else y[:, 0], outputs)


def assert_close(ours: Any, theirs: Any, tolerance: float) -> None:
    """Largest difference over largest size."""
    ours, theirs = np.asarray(ours, np.float64), np.asarray(theirs, np.float64)
    assert ours.shape == theirs.shape
    if theirs.size:
        assert np.abs(ours - theirs).max() <= tolerance * max(np.abs(theirs).max(), 1e-3)


def assert_same(a: TrainingState, b: TrainingState) -> None:
    """Two states agree to the bit."""
    assert (a.epoch, a.batch, a.step, a.rate_scale) == (b.epoch, b.batch, b.step, b.rate_scale)
    assert (a.loss_sum, a.weight_sum, a.correct_sum) == (b.loss_sum, b.weight_sum, b.correct_sum)
    assert (a.average is None) == (b.average is None)
    mine, other = ([s.parameters, s.statistics, *s.slots, *([] if s.average is None else [s.average])] for s in (a, b))
    for vector, expected in zip(mine, other, strict=True):
        np.testing.assert_array_equal(vector, expected)


def run_python(code: str) -> subprocess.CompletedProcess[str]:
    """Run a program of its own, in which this checkout is imported."""
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        timeout=600,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
    )
