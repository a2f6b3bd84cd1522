"""Data to learn from: toy models in the plane, small images, and the division of rows into parts."""

from __future__ import annotations

from typing import Any

from pellucid.datasets.dataset import Dataset, DatasetPart
from pellucid.datasets.images import load_digits, load_fashion_mnist, load_mnist
from pellucid.datasets.pickled import load_mnist_pickle
from pellucid.datasets.splits import k_fold, k_fold_indices, split, split_indices
from pellucid.datasets.toy import (
    TOY_MODELS,
    ball_and_cup,
    bulls_eye,
    bulls_eye_three,
    crescent_moons,
    load_toy,
    shifted_cubics,
    shifted_sinusoids,
    shifted_sinusoids_three,
    two_gaussians,
)
from pellucid.validation import check_choice, check_seed

__all__ = [
    "DATASETS",
    "TOY_MODELS",
    "Dataset",
    "DatasetPart",
    "ball_and_cup",
    "bulls_eye",
    "bulls_eye_three",
    "crescent_moons",
    "k_fold",
    "k_fold_indices",
    "load",
    "load_digits",
    "load_fashion_mnist",
    "load_mnist",
    "load_mnist_pickle",
    "load_toy",
    "shifted_cubics",
    "shifted_sinusoids",
    "shifted_sinusoids_three",
    "split",
    "split_indices",
    "two_gaussians",
]

DATASETS: tuple[str, ...] = ("digits", "mnist", "fashion-mnist", *TOY_MODELS)
"""The names that `load` knows."""


def load(name: str, seed: int = 0, **options: Any) -> Dataset:
    """Load a data set by its name.

    Parameters
    ----------
    name : str
        One of `DATASETS`: "digits", "mnist", "fashion-mnist", or the name of a toy model.
    seed : int
        Decides the points of a toy model and the division of digits and toy models. MNIST and Fashion-MNIST come
        divided, and do not depend on it.
    **options
        Passed to `load_digits`, `load_mnist`, `load_fashion_mnist` or `load_toy`.

    Examples
    --------
    >>> load("crescent-moons", n_per_class=500, test=0)
    Dataset('crescent-moons': 2 features, 2 classes; train 800, validation 200 rows)
    """
    check_choice("data set", name, DATASETS)
    check_seed(seed)
    if name == "digits":
        return load_digits(seed=seed, **options)
    if name == "mnist":
        return load_mnist(**options)
    if name == "fashion-mnist":
        return load_fashion_mnist(**options)
    return load_toy(name, seed=seed, **options)
