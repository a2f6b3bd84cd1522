"""What a training is, all of it: to compare one that was resumed with one that never stopped."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

import pellucid as pl
from pellucid.engines.engine import TrainingState


def bits(value: Any) -> Any:
    """Anything that a training holds as something that compares to the bit."""
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, value.tobytes()
    if isinstance(value, TrainingState):
        return {field.name: bits(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {name: bits(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [bits(item) for item in value]
    return float(value).hex() if isinstance(value, float) else value


def everything(trainer: pl.Trainer) -> dict[str, Any]:
    """State, network, history without its times, and what the callbacks remember, to the bit."""
    history = trainer.history.to_dict()
    history["columns"].pop("seconds", None)
    network = trainer.network
    return {
        "state": bits(trainer.state),
        "parameters": bits(network.parameters),
        "statistics": bits(network.statistics),
        "training": network.training,
        "history": bits(history),
        "callbacks": [bits(state) for callback in trainer.callbacks if (state := callback.state())],
    }
