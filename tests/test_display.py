"""Parts as one would type them."""

from __future__ import annotations

import math

import pytest

import pellucid as pl
from pellucid.display import typed

PARTS = {
    "Dense(30, weight_initializer=Uniform(limit=0.5))": pl.Dense(30, weight_initializer=pl.Uniform(0.5)),
    "ReLU()": pl.ReLU(),
    "HardTanh(minimum=0.0)": pl.HardTanh(minimum=0.0),
    "Adam(learning_rate=0.001)": pl.Adam(),
    "Momentum(learning_rate=WarmUp(Cosine(0.05, steps=40), steps=4), momentum=0.8)": pl.Momentum(
        pl.WarmUp(pl.Cosine(0.05, steps=40), steps=4), momentum=0.8
    ),
    "Dropout(Cosine(0.2, steps=9))": pl.Dropout(pl.Cosine(0.2, steps=9)),
    "Residual([Dense(3), Tanh()], projection=Dense(3))": pl.Residual([pl.Dense(3), pl.Tanh()], projection=pl.Dense(3)),
    "Parallel([Dense(3), Sequential([Tanh()])], combine='add')": pl.Parallel(
        [pl.Dense(3), pl.Sequential([pl.Tanh()])], combine="add"
    ),
    "Reshape((2, 3))": pl.Reshape((2, 3)),
    "Zoom(0.9, 1.1)": pl.Zoom(0.9, 1.1),
}


@pytest.mark.parametrize("text", PARTS)
def test_a_part_is_shown_as_one_would_type_it(text: str) -> None:
    assert typed(PARTS[text]) == text


@pytest.mark.parametrize("text", PARTS)
def test_what_is_shown_makes_the_equal_part(text: str) -> None:
    assert eval(typed(PARTS[text], prefix="pl."), {"pl": pl}) == PARTS[text]


def test_what_is_no_part() -> None:
    assert typed([None, 1.5, "a", (1, 2)]) == "[None, 1.5, 'a', (1, 2)]"
    assert typed(math.cos) == "cos"
    assert typed(pl.Adam(lambda step: 0.1)) == "Adam(learning_rate=<lambda>)"
    assert typed(object()) == "object"
    assert typed(pl.EarlyStopping(3)) == "EarlyStopping(patience=3)"
