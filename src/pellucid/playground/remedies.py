"""What the doctor advises, as changes of the page's own controls.

Contract: `changes_for` returns changes only where they make exactly what is advised; what no control can do, such as a
`Standardize` in front of the points, stays a line of Python.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pellucid.layers import Layer
from pellucid.optimizers import OPTIMIZERS, Optimizer
from pellucid.penalties import Penalty
from pellucid.playground.catalogue import SCHEDULE_OF
from pellucid.playground.data import PlaneData
from pellucid.playground.loading import shape_of
from pellucid.playground.network_recipe import NetworkRecipe, batches, optimizer_of, penalty_of
from pellucid.playground.state import PlaygroundState, Refused
from pellucid.schedules import Schedule

if TYPE_CHECKING:
    from pellucid.inspection.doctor.finding import Remedy


def changes_for(remedy: Remedy | None, state: PlaygroundState, data: PlaneData) -> dict[str, Any] | None:
    """The controls to be changed, {key: value}; None where they cannot do what the remedy says."""
    if remedy is None or remedy.fit or remedy.leave_out is not None or set(remedy.settings) - {"optimizer", "penalty"}:
        return None
    wanted: PlaygroundState | None = state
    if "optimizer" in remedy.settings:
        wanted = _with_optimizer(state, data, remedy.settings["optimizer"])
    if wanted is not None and "penalty" in remedy.settings:
        wanted = _with_penalty(wanted, remedy.settings["penalty"])
    if wanted is not None and remedy.layers is not None:
        wanted = _with_layers(wanted, data, remedy.layers)
    if wanted is None:
        return None
    before = state.to_table()
    return {key: value for key, value in wanted.to_table().items() if value != before[key]} or None


def _with_optimizer(state: PlaygroundState, data: PlaneData, optimizer: Optimizer) -> PlaygroundState | None:
    name = next((name for name, cls in OPTIMIZERS.items() if type(optimizer) is cls), None)
    if name is None:
        return None
    rate: Any = optimizer.learning_rate
    more: dict[str, Any] = {"schedule": "none"}
    if isinstance(rate, Schedule):
        kind = next((name for name, cls in SCHEDULE_OF.items() if type(rate) is cls), "none")
        steps = getattr(rate, "steps", getattr(rate, "every", 0))
        more = {"schedule": kind, "schedule_epochs": max(1, round(steps / batches(state, data)))}
        rate = rate.learning_rate
    wanted = replace(state, optimizer=name, learning_rate=float(rate), **more)
    return wanted if optimizer_of(wanted, data) == optimizer else None


def _with_penalty(state: PlaygroundState, penalty: Penalty | None) -> PlaygroundState | None:
    rate = 0.0 if penalty is None else float(getattr(penalty, "strength", 0.0))
    wanted = replace(state, regularization_rate=rate)
    return wanted if penalty_of(wanted) == penalty else None


def _with_layers(state: PlaygroundState, data: PlaneData, layers: Sequence[Layer]) -> PlaygroundState | None:
    try:
        values = shape_of(layers)
    except Refused:
        return None
    for initializer in (state.initializer, "auto"):
        wanted = replace(state, **values, initializer=initializer)
        if NetworkRecipe.of(wanted, data).layers == tuple(layers):
            return wanted
    return None
