"""Dense: by hand, and what it refuses."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

import pellucid as pl
from pellucid.layers.layer import Context
from support.samples import random_numbers


def test_ntk_is_the_standard_layer_on_inputs_divided_by_the_root_of_their_number(engine: str) -> None:
    x = random_numbers((6, 5))
    network = pl.Network([pl.Dense(3, parametrization="ntk")], dtype="float64", engine=engine).build(5, seed=2)
    network.set("0.bias", [1.0, -2.0, 0.5])
    expected = x @ network.get("0.weight") / np.sqrt(5) + [1.0, -2.0, 0.5]
    np.testing.assert_allclose(network.scores(x), expected, rtol=1e-14)


def test_ntk_weights_begin_with_the_size_one_in_layers_of_every_width() -> None:
    for units, follower in ((300, pl.ReLU()), (40, pl.Tanh())):
        network = pl.Network([pl.Dense(units, parametrization="ntk"), follower]).build(200, seed=0)
        assert network.get("0.weight").std() == pytest.approx(1.0, rel=0.03)
        assert not network.get("0.bias").any()


@pytest.mark.parametrize("parametrization", ["standard", "ntk"])
def test_unit_variance_looks_at_the_sums_themselves(parametrization: str) -> None:
    layers = [pl.Dense(7, "unit_variance", parametrization=parametrization) for _ in range(2)]
    network = pl.Network([layers[0], pl.Tanh(), layers[1]], dtype="float64")
    x, y = random_numbers((300, 4), scale=5.0), np.zeros((300, 7))
    pl.Trainer(network, "squared_error", seed=0).initialize(x, y)
    first = pl.Network([layers[0]], dtype="float64").build(4)
    first.parameters = network.parameters[: first.program.parameter_count]
    for scores in (first.scores(x), network.scores(x)):
        np.testing.assert_allclose(scores.std(axis=0), 1.0, rtol=1e-10)


def test_another_parametrization_is_named() -> None:
    with pytest.raises(ValueError, match=r"parametrization 'NTK' is unknown\. Did you mean 'ntk'"):
        pl.Dense(3, parametrization="NTK")


def test_by_hand() -> None:
    x = np.array([[1.0, 2.0], [3.0, 4.0]])
    parameters = SimpleNamespace(weight=np.array([[1.0, 0.0, -1.0], [2.0, 1.0, 0.0]]), bias=np.array([0.5, 0.0, 1.0]))
    y, saved = pl.Dense(3).forward(x, parameters, Context())
    assert y.tolist() == [[5.5, 2.0, 0.0], [11.5, 4.0, -2.0]]
    gradient, gradients = pl.Dense(3).backward(np.array([[1.0, 0, 0], [0, 1.0, 2.0]]), saved, parameters, Context())
    assert gradient is not None
    assert gradient.tolist() == [[1.0, 2.0], [-2.0, 1.0]]
    assert gradients["weight"].tolist() == [[1.0, 3.0, 6.0], [2.0, 4.0, 8.0]]
    assert gradients["bias"].tolist() == [1.0, 1.0, 2.0]


def test_gradient_of_the_input_is_left_out_where_nobody_asks() -> None:
    parameters = SimpleNamespace(weight=np.ones((2, 1)), bias=np.zeros(1))
    x = np.ones((3, 2))
    assert pl.Dense(1).backward(np.ones((3, 1)), x, parameters, Context(input_gradient=False))[0] is None


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ([pl.ReLU()], pl.HeNormal()),
        ([pl.Dropout(0.1), pl.ReLU()], pl.HeNormal()),
        ([pl.Tanh()], pl.GlorotUniform()),
        ([pl.Sigmoid()], pl.GlorotUniform()),
        ([], pl.GlorotUniform()),
    ],
    ids=str,
)
def test_the_weight_starts_by_what_follows(after: list[pl.Layer], expected: pl.Initializer) -> None:
    chosen = pl.Network([pl.Dense(6), *after], dtype="float64").build(4, seed=3)
    named = pl.Network([pl.Dense(6, weight_initializer=expected), *after], dtype="float64").build(4, seed=3)
    np.testing.assert_array_equal(chosen.parameters, named.parameters)
    assert (chosen.get("0.bias") == 0).all()


def test_the_next_layers_activation_does_not_reach_past_a_dense() -> None:
    """The weight in front of a linear layer is not one in front of the ReLU behind that layer."""
    chosen = pl.Network([pl.Dense(6), pl.Dense(5), pl.ReLU()], dtype="float64").build(4, seed=3)
    named = pl.Network([pl.Dense(6, weight_initializer="glorot_uniform"), pl.Dense(5), pl.ReLU()], dtype="float64")
    np.testing.assert_array_equal(chosen.get("0.weight"), named.build(4, seed=3).get("0.weight"))


def test_layers_draw_numbers_of_their_own() -> None:
    network = pl.Network([pl.Dense(4), pl.Dense(4)]).build(4)
    assert not np.array_equal(network.get("0.weight"), network.get("1.weight"))
    other = pl.Network([pl.Dense(4), pl.Dense(4)]).build(4, seed=1)
    assert not np.array_equal(network.get("0.weight"), other.get("0.weight"))


def test_numbers_of_numpy_become_plain() -> None:
    assert str(pl.Dense(np.int64(3))) == "Dense(3)"
    assert type(pl.Dense(np.int64(3)).units) is int
    assert str(pl.Dropout(np.float32(0.5))) == "Dropout(0.5)"
    assert str(pl.Rescale(np.float64(2))) == "Rescale(2.0)"
