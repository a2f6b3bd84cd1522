"""What to change: layers as they usually begin, layers that pass gradients on, rates that work, as remedies need them.

Contract: what would change nothing is None, so that nothing is advised that is done already.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

from pellucid.inspection.doctor.evidence import Run
from pellucid.layers import (
    BatchNormalization,
    Dense,
    HardTanh,
    Layer,
    LayerNormalization,
    LeakyReLU,
    ReLU,
    Sigmoid,
    Softsign,
    Tanh,
)
from pellucid.optimizers import Optimizer
from pellucid.schedules import Schedule

HIGHER = tuple(10.0**power for power in range(1, 7))
_LOWER = tuple(10.0**-power for power in range(1, 9))
_TWO_ENDS = (Sigmoid, Tanh, HardTanh, Softsign)


def lower_scales(run: Run) -> tuple[float, ...]:
    """Parts of the rate to try: powers of ten, and what suits the first weights where that lies far below."""
    better = None if run.divergence is None else run.divergence.better_rate
    if better is None or not stated_rate(run):
        return _LOWER
    scale = better / stated_rate(run)
    return (*_LOWER, *(scale * factor for factor in (10.0, 1.0, 0.1))) if scale < _LOWER[-1] else _LOWER


def layers_of(run: Run) -> tuple[Layer, ...]:
    """The layers of the network."""
    return tuple(instruction.layer for instruction in run.rehearsal.task.program.instructions)


def default_start(run: Run) -> tuple[Layer, ...]:
    """The layers, each beginning as it would without initializers of its own."""
    return tuple(_usual(layer) for layer in layers_of(run))


def other_start(run: Run) -> tuple[Layer, ...] | None:
    """The same; None where all begin so already."""
    usual = default_start(run)
    return None if usual == layers_of(run) else usual


def _usual(layer: Layer) -> Layer:
    usual = {
        item.name: item.default
        for item in dataclasses.fields(layer)
        if item.name in ("weight_initializer", "bias_initializer")
    }
    return dataclasses.replace(layer, **usual) if usual else layer


def with_relu(layers: tuple[Layer, ...]) -> tuple[Layer, ...]:
    """Hidden activations with two ends become ReLU; what stands last stays."""
    return tuple(ReLU() if isinstance(each, _TWO_ENDS) and each is not layers[-1] else each for each in layers)


def with_leaky_relu(layers: tuple[Layer, ...]) -> tuple[Layer, ...]:
    """ReLUs become LeakyReLUs."""
    return tuple(LeakyReLU() if isinstance(each, ReLU) else each for each in layers)


def with_normalization(layers: tuple[Layer, ...]) -> tuple[Layer, ...] | None:
    """BatchNormalization behind each hidden Dense; None where each is normalized already."""
    last = max((place for place, each in enumerate(layers) if isinstance(each, Dense)), default=-1)
    normalized: list[Layer] = []
    for place, (each, following) in enumerate(zip(layers, (*layers[1:], None), strict=True)):
        normalized.append(each)
        done = isinstance(following, BatchNormalization | LayerNormalization)
        if isinstance(each, Dense) and place != last and not done:
            normalized.append(BatchNormalization())
    return None if len(normalized) == len(layers) else tuple(normalized)


def stated_rate(run: Run) -> float:
    """The learning rate as it was given: a number, or what a schedule is a multiple of, which may begin at 0; that of
    the first step where it is a function.
    """
    rate = base_rate(run.rehearsal.task.optimizer)
    return run.rehearsal.task.rate_at(run.first) if rate is None else rate


def base_rate(optimizer: Optimizer) -> float | None:
    """The number that the learning rate is, or that its schedule is a multiple of; None for a function."""
    rate = optimizer.learning_rate
    while isinstance(rate, Schedule):
        rate = rate.learning_rate
    return None if callable(rate) else float(rate)


def lower_rate(run: Run) -> tuple[float, dict[str, Any]] | None:
    """A lower rate that gets further in a few steps from the first weights, and the optimizer with it; None where no
    lower one does.
    """
    scale = best_scale(run, lower_scales(run))
    return None if scale == 1.0 else other_rate(run, scale)


def best_scale(run: Run, scales: Iterable[float]) -> float:
    """The multiple of the rate with which some steps get furthest; scales are tried until it has long been past."""
    best, lowest, risen = 1.0, run.after(1.0), 0
    for scale in scales:
        trial = run.after(scale)
        if trial.held_out_loss < lowest.held_out_loss:
            best, lowest, risen = scale, trial, 0
        elif lowest.loss < 0.9 * run.first_loss:
            risen += 1
        if risen == 2:
            break
    return best


def other_rate(run: Run, scale: float) -> tuple[float, dict[str, Any]]:
    """The rate times a factor, and the optimizer with it."""
    optimizer = run.rehearsal.task.optimizer
    now = stated_rate(run)
    rate = float(f"{now * scale:.0e}")
    return rate, {"optimizer": with_rate(optimizer, rate if rate > 0 else now)}


def with_rate(optimizer: Optimizer, rate: float) -> Optimizer:
    """The optimizer with another rate; a schedule keeps its form where it has a first rate."""
    return dataclasses.replace(optimizer, learning_rate=_scheduled(optimizer.learning_rate, rate))


def _scheduled(schedule: Any, rate: float) -> Any:
    if dataclasses.is_dataclass(schedule) and not isinstance(schedule, type) and hasattr(schedule, "learning_rate"):
        try:
            return dataclasses.replace(schedule, learning_rate=_scheduled(schedule.learning_rate, rate))
        except (TypeError, ValueError):
            pass
    return rate
