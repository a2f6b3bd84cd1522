"""Thirty good trainings, of all the data at hand: the doctor must have nothing to say of them above a hint."""

from __future__ import annotations

import pellucid as pl
from support.runs import Recipe

_PLANE = Recipe((32, 32), pl.Tanh, (), pl.Adam(0.01), 16, 150, 40)
_IMAGES = Recipe((64,), pl.ReLU, (pl.Rescale(1 / 255),), pl.Adam(2e-3), 32, 20, 4)
_TABLE = Recipe((32,), pl.ReLU, (pl.Standardize(),), pl.Adam(3e-3), 32, 40, 8)
_DIGITS = Recipe((64,), pl.ReLU, (pl.Standardize(),), pl.Adam(2e-3), 32, 40, 8)


def _with(recipe: Recipe, **changes: object) -> Recipe:
    from dataclasses import replace

    return replace(recipe, **changes)  # type: ignore[arg-type]


HEALTHY: dict[str, tuple[str, Recipe, int]] = {
    "two-gaussians": ("two-gaussians", _with(_PLANE, hidden=(4,)), 0),
    "ball-and-cup": ("ball-and-cup", _PLANE, 1),
    "shifted-cubics": ("shifted-cubics", _PLANE, 2),
    "bulls-eye": ("bulls-eye", _PLANE, 3),
    "bulls-eye, ReLU": ("bulls-eye", _with(_PLANE, activation=pl.ReLU), 4),
    "bulls-eye, momentum": ("bulls-eye", _with(_PLANE, optimizer=pl.Momentum(0.05)), 4),
    "crescent-moons": ("crescent-moons", _PLANE, 5),
    "shifted-sinusoids": ("shifted-sinusoids", _with(_PLANE, optimizer=pl.Adam(0.03), epochs=300, patience=100), 6),
    "bulls-eye-three": ("bulls-eye-three", _PLANE, 7),
    "shifted-sinusoids-three": (
        "shifted-sinusoids-three",
        _with(_PLANE, optimizer=pl.Adam(0.03), epochs=300, patience=100),
        8,
    ),
    "digits": ("digits", _DIGITS, 0),
    "digits, dropout": ("digits", _with(_DIGITS, hidden=(128,), behind=(pl.Dropout(0.3),)), 1),
    "digits, batch normalization": ("digits", _with(_DIGITS, behind=(pl.BatchNormalization(),)), 2),
    "digits, gradient descent": ("digits", _with(_DIGITS, optimizer=pl.GradientDescent(0.1)), 3),
    "digits, L2": ("digits", _with(_DIGITS, more={"penalty": pl.L2(1e-3)}), 4),
    "digits, sigmoid and squared error": (
        "digits",
        _with(_DIGITS, activation=pl.Sigmoid, last=(pl.Sigmoid(),), loss=pl.SquaredError(), optimizer=pl.Adam(0.01)),
        5,
    ),
    "digits, cosine": (
        "digits",
        _with(_DIGITS, optimizer=pl.Adam(pl.Cosine(0.005, 1000)), patience=None, epochs=30),
        6,
    ),
    "digits, no hidden layer": ("digits", _with(_DIGITS, hidden=()), 7),
    "digits, deep": ("digits", _with(_DIGITS, hidden=(48, 48, 48, 48)), 8),
    "digits, full batch": (
        "digits",
        _with(_DIGITS, batch_size="full", optimizer=pl.Adam(0.01), epochs=200, patience=30),
        9,
    ),
    "mnist": ("mnist", _IMAGES, 0),
    "mnist, dropout": ("mnist", _with(_IMAGES, behind=(pl.Dropout(0.2),)), 1),
    "fashion-mnist": ("fashion-mnist", _IMAGES, 2),
    "iris": ("iris", _with(_TABLE, hidden=(8,), batch_size=16, epochs=80, patience=20), 0),
    "wine": ("wine", _with(_TABLE, hidden=(16,), batch_size=16), 1),
    "breast_cancer": ("breast_cancer", _with(_TABLE, more={"penalty": pl.L2(1e-3)}), 2),
    "diabetes": ("diabetes", _with(_TABLE, hidden=(8,), more={"penalty": pl.L2(1e-2)}), 3),
    "default, balanced": ("default", _with(_TABLE, hidden=(8,), fit={"class_weight": "balanced"}), 4),
    "diamonds": ("diamonds", _TABLE, 5),
    "bikeshare": ("bikeshare", _with(_TABLE, hidden=(64,)), 6),
}
"""By name: the data, the training, and the seed."""
