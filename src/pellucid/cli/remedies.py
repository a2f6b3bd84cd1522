"""A remedy of the doctor as the command line that applies it.

Contract: `command_of` returns a command only where that makes exactly what is advised; otherwise None.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any, TypeAlias

from pellucid.inspection.doctor import Remedy
from pellucid.inspection.doctor.advice import base_rate, with_rate
from pellucid.layers import ACTIVATIONS, Dense, Dropout, Layer
from pellucid.penalties import L2
from pellucid.training import EarlyStopping, Trainer

if TYPE_CHECKING:
    from pellucid.cli.table_options import TableOptions
    from pellucid.cli.train_options import TrainOptions

Changes: TypeAlias = dict[str, Any]
"""Values by the names of options."""

LayersFor: TypeAlias = Callable[[Changes], Sequence[Layer]]
"""The layers that a training has with some options changed."""

_DATA = ("dataset", "source")
_NOT_AGAIN = ("save", "overwrite", "checkpoint", "resume")  # another training is another run
_USUAL = {"l2": 0.0, "seed": 0, "engine": "auto", "doctor": False, "recipe": "strong", "ensemble": 1}
_NAMES = {cls: name.replace("_", "-") for name, cls in ACTIVATIONS.items()}


def command_of(
    remedy: Remedy | None, options: TrainOptions | TableOptions, trainer: Trainer, layers_for: LayersFor
) -> str | None:
    """The command line with the remedy in it; None where options cannot say it."""
    changes = None if remedy is None else _changes(remedy, trainer, layers_for)
    known = {each.name for each in fields(options)}
    return command_line(options, changes) if changes and set(changes) <= known else None


def command_line(options: TrainOptions | TableOptions, changes: Mapping[str, Any]) -> str:
    """`pellucid train` as it was typed, with some options changed."""
    words = ["pellucid", "train"]
    for name, value in {**vars(options), **changes}.items():
        if name in _DATA:
            words.append(value)
        elif name not in _NOT_AGAIN and value is not None and value != _USUAL.get(name):
            flag = f"--{'no-' if value is False else ''}{name.replace('_', '-')}"
            words += [flag] if isinstance(value, bool) else [flag, str(value)]
    return shlex.join(words)


def _changes(remedy: Remedy, trainer: Trainer, layers_for: LayersFor) -> Changes | None:
    """What a remedy changes; None where there is something that no option says."""
    if remedy.leave_out is not None:
        return None
    changes: Changes = {name: value for name, value in remedy.fit.items() if name in ("class_weight", "validation")}
    if len(changes) < len(remedy.fit):
        return None
    for name, value in remedy.settings.items():
        found = _setting(name, value, trainer)
        if found is None:
            return None
        changes |= found
    if remedy.layers is None:
        return changes
    found = _network(remedy.layers, trainer.network.layers, layers_for)
    return None if found is None else {**changes, **found}


def _setting(name: str, value: Any, trainer: Trainer) -> Changes | None:
    """A setting of the trainer as an option."""
    if name == "optimizer":
        rate = base_rate(value)
        same = rate is not None and value == with_rate(trainer.optimizer, rate)
        return {"learning_rate": f"{rate:g}"} if same else None
    if name == "batch_size":
        return {"batch_size": value}
    if name == "penalty" and isinstance(value, L2) and value == L2(value.strength):
        return {"l2": f"{value.strength:g}"}
    if name == "callbacks" and len(value) == 1 and isinstance(value[0], EarlyStopping):
        return {"patience": value[0].patience}
    return None


def _network(layers: Sequence[Layer], before: Sequence[Layer], layers_for: LayersFor) -> Changes | None:
    """Sizes, activation and dropout that make these layers, as few of them as do."""
    wanted, present = _described(layers), _described(before)
    fewer = {name: value for name, value in wanted.items() if value != present.get(name)}
    return next((changes for changes in (fewer, wanted) if _active(layers_for(changes)) == _active(layers)), None)


def _active(layers: Sequence[Layer]) -> list[Layer]:
    """The layers without dropout that drops nothing."""
    return [layer for layer in layers if layer != Dropout(0.0)]


def _described(layers: Sequence[Layer]) -> Changes:
    units = [layer.units for layer in layers if isinstance(layer, Dense)]
    described: Changes = {"hidden": ",".join(map(str, units[:-1])) or "none"}
    for layer in layers[:-1]:
        if type(layer) in _NAMES:
            described["activation"] = _NAMES[type(layer)]
        elif isinstance(layer, Dropout):
            described["dropout"] = layer.rate_at(0)
    return described
