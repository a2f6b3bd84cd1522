"""The options of `pellucid train`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True)
class TrainOptions:
    """What the command line says; None where it leaves the choice to the data set's recipe."""

    dataset: str
    hidden: str | None
    activation: str | None
    dropout: float | None
    loss: str | None
    optimizer: str | None
    learning_rate: float | None
    batch_size: str | None
    epochs: int | None
    l2: float
    validation: str | None
    patience: int | None
    seed: int
    save: str | None
    checkpoint: str | None
    resume: str | None
    data: str | None
    engine: str
    threads: int | None
    doctor: bool = False
    overwrite: bool = False


def options_of(settings: Mapping[str, Any]) -> TrainOptions:
    """The options that a run was started with; those that another version wrote are left out."""
    known = {item.name for item in fields(TrainOptions)}
    nothing = dict.fromkeys(known)
    given = {name: value for name, value in settings.items() if name in known}
    return TrainOptions(**{**nothing, "l2": 0.0, **given, "checkpoint": None, "resume": None})
