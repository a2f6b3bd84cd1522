"""The program: shapes, views, and what it says of layers that do not fit."""

from __future__ import annotations

import re

import numpy as np
import pytest

import pellucid as pl
from pellucid.program.compilation import compile_program


def test_a_table_by_hand() -> None:
    program = compile_program([pl.Standardize(), pl.Dense(3), pl.ReLU(), pl.Dense(2, bias=False)], (4,))
    assert program.parameter_count == 4 * 3 + 3 + 3 * 2
    assert program.statistic_count == 8
    assert (program.input_shape, program.output_shape, program.outputs) == ((4,), (2,), 2)
    assert {name: view.of(np.arange(21)).tolist() for name, view in program.views().items()} == {
        "1.weight": [[0, 1, 2], [3, 4, 5], [6, 7, 8], [9, 10, 11]],
        "1.bias": [12, 13, 14],
        "3.weight": [[15, 16], [17, 18], [19, 20]],
    }
    assert {name: view.of(np.arange(8)).tolist() for name, view in program.statistic_views().items()} == {
        "0.mean": [0, 1, 2, 3],
        "0.scale": [4, 5, 6, 7],
    }
    assert program.penalized == (slice(0, 12), slice(15, 21))
    assert [(i.sources, i.target) for i in program.instructions] == [((0,), 1), ((1,), 2), ((2,), 3), ((3,), 4)]
    assert program.instructions[1].name == "layer 1, Dense(3)"


def test_views_share_the_vectors_memory() -> None:
    program = compile_program([pl.Dense(3)], (2,))
    flat = np.arange(9.0)
    view = program.views()["0.weight"].of(flat)
    assert np.shares_memory(view, flat)
    assert view.tolist() == [[0, 1, 2], [3, 4, 5]]


def test_only_scalings_at_the_front_lead() -> None:
    layers = [pl.Rescale(0.5), pl.Standardize(), pl.Dense(2), pl.Standardize()]
    assert compile_program(layers, (2,)).leading_scalings == 2
    assert compile_program([pl.Dense(2), pl.Standardize()], (2,)).leading_scalings == 0
    assert compile_program([pl.Standardize()], (2,)).leading_scalings == 1


def test_a_shape_that_does_not_fit_names_the_layer() -> None:
    message = (
        "Layer 1, Reshape((4, 4)): an example of the shape (28, 28) has 784 numbers, which do not fill the shape "
        "(4, 4)."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        compile_program([pl.Rescale(0.5), pl.Reshape((4, 4))], (28, 28))
