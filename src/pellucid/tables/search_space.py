"""The space that a search for a recipe looks through.

It is the one of RealMLP's authors (Holzmüller, Grinsztajn and Steinwart, NeurIPS 2024, "default" space).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pellucid.tables.recipes import Recipe

_HIDDEN = {"256-256-256": (256, 256, 256), "64-64-64-64-64": (64,) * 5, "512": (512,)}


def sample(trial: Any, base: Recipe, task: str) -> Recipe:
    """The recipe that a trial asks for: `base` with what the space says.

    Parameters
    ----------
    trial : optuna.trial.Trial
        Who chooses.
    base : Recipe
        What is not in the space.
    task : str
        "classes" have label smoothing, numbers have none.
    """
    periodic = trial.suggest_categorical("periodic_embedding", [True, False])
    changes: dict[str, Any] = {
        "learning_rate": trial.suggest_float("learning_rate", 0.02, 0.3, log=True),
        "hidden": _HIDDEN[trial.suggest_categorical("hidden", list(_HIDDEN))],
        "activation": trial.suggest_categorical("activation", ["relu", "selu", "mish"]),
        "dropout": trial.suggest_categorical("dropout", [0.0, 0.15, 0.3]),
        "weight_decay": trial.suggest_categorical("weight_decay", [0.0, 0.02]),
        "front_scale": trial.suggest_categorical("front_scale", [True, False]),
        "periodic_embedding": periodic,
    }
    if periodic:
        changes["sigma"] = trial.suggest_float("sigma", 0.05, 0.5, log=True)
    if task == "classes":
        changes["label_smoothing"] = trial.suggest_categorical("label_smoothing", [0.0, 0.1])
    return replace(base, **changes)


def parameters_of(recipe: Recipe, task: str) -> dict[str, Any]:
    """The point of the space that a recipe stands at, for the first trial; {} if it is outside."""
    names = {units: name for name, units in _HIDDEN.items()}
    if recipe.hidden not in names or not 0.02 <= recipe.learning_rate <= 0.3:
        return {}
    found: dict[str, Any] = {"hidden": names[recipe.hidden]}
    for name in ("learning_rate", "activation", "dropout", "weight_decay", "front_scale", "periodic_embedding"):
        found[name] = getattr(recipe, name)
    if recipe.periodic_embedding:
        found["sigma"] = recipe.sigma
    if task == "classes":
        found["label_smoothing"] = recipe.label_smoothing
    return found
