"""Weights of classes as weights of rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from pellucid.typing import Array, Floats
from pellucid.validation import check_number, unknown_name_message


def class_weights(value: Any, targets: Array, classes: int) -> Floats:
    """A weight for each row (n,), by its class; the arguments are those of `class_table`."""
    table = class_table(value, targets, classes)
    weights: Floats = table[targets.ravel().astype(np.int64)]
    if not weights.any():
        raise ValueError("class_weight is 0 for every class that occurs: no row would count.")
    return weights


def class_table(value: Any, targets: Array, classes: int) -> Floats:
    """A weight for each class (K,).

    Parameters
    ----------
    value : mapping or "balanced"
        Class -> weight of at least 0; classes not named weigh 1. "balanced": n/(K·rows of the class).
    targets : array (n,) or (n, 1)
        Classes.
    classes : int
        How many outputs the network has.
    """
    if targets.ndim == 2 and targets.shape[1] == 1 and np.isin(targets, (0, 1)).all():
        targets, classes = targets[:, 0].astype(np.int64), 2
    if targets.ndim != 1:
        raise ValueError("class_weight needs targets that are classes, one a row. Use sample_weight for other targets.")
    counts = np.bincount(targets, minlength=classes)  # (K,)
    if isinstance(value, str):
        if value != "balanced":
            raise ValueError(unknown_name_message("class_weight", value, ["balanced"]))
        present = np.count_nonzero(counts)
        table = len(targets) / (present * np.maximum(counts, 1))  # (K,)
    elif isinstance(value, Mapping):
        table = np.ones(classes)
        for label, weight in value.items():
            if label not in range(classes):
                raise ValueError(f"class_weight names the class {label!r}, but the classes are 0 to {classes - 1}.")
            table[int(label)] = check_number(f"class_weight[{label!r}]", weight, minimum=0.0)
    else:
        raise TypeError(f"class_weight must be a mapping from classes to weights, 'balanced' or None, not {value!r}.")
    return table
