"""What to change: layers as they usually begin, rates that work, as remedies need them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

from pellucid.inspection.doctor.evidence import Run
from pellucid.layers import Layer
from pellucid.optimizers import Optimizer
from pellucid.program.compilation import Instruction
from pellucid.schedules import Schedule

HIGHER = tuple(10.0**power for power in range(1, 7))
_LOWER = tuple(10.0**-power for power in range(1, 9))


def lower_scales(run: Run) -> tuple[float, ...]:
    """Parts of the rate to try: powers of ten, and what suits the first weights where that lies far below."""
    better = None if run.divergence is None else run.divergence.better_rate
    if better is None or not stated_rate(run):
        return _LOWER
    scale = better / stated_rate(run)
    return (*_LOWER, *(scale * factor for factor in (10.0, 1.0, 0.1))) if scale < _LOWER[-1] else _LOWER


def default_start(instructions: Iterable[Instruction]) -> tuple[Layer, ...]:
    """The layers, each beginning as it would without initializers of its own."""
    return tuple(_usual(instruction.layer) for instruction in instructions)


def _usual(layer: Layer) -> Layer:
    usual = {
        item.name: item.default
        for item in dataclasses.fields(layer)
        if item.name in ("weight_initializer", "bias_initializer")
    }
    return dataclasses.replace(layer, **usual) if usual else layer


def stated_rate(run: Run) -> float:
    """The learning rate as it was given: a number, or what a schedule is a multiple of, which may begin at 0; that of
    the first step where it is a function.
    """
    rate = run.rehearsal.task.optimizer.learning_rate
    while isinstance(rate, Schedule):
        rate = rate.learning_rate
    return run.rehearsal.task.rate_at(run.first) if callable(rate) else float(rate)


def lower_rate(run: Run) -> tuple[float, dict[str, Any]]:
    """A lower rate that gets further in a few steps from the first weights, and the optimizer with it."""
    return _rate(run, best_scale(run, lower_scales(run)))


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


def _rate(run: Run, scale: float) -> tuple[float, dict[str, Any]]:
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


def other_rate(run: Run, scale: float) -> tuple[float, dict[str, Any]]:
    """The rate times a factor, and the optimizer with it."""
    return _rate(run, scale)
