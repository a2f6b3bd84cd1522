"""What units respond to: against central differences, and against networks whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

import pellucid as pl
from support.numerics import central_differences
from support.samples import random_numbers


@pytest.fixture
def network() -> pl.Network:
    network = pl.Network([pl.Standardize(), pl.Dense(5), pl.Tanh(), pl.Dense(3)], dtype="float64").build(4, seed=3)
    network.fit_statistics(random_numbers((30, 4), seed=8, scale=3.0))
    return network


def test_codes_stay_at_the_most_frequent_one() -> None:
    x = np.hstack([random_numbers((40, 2)), np.repeat([[0.0], [2.0], [1.0]], [8, 22, 10], axis=0)])
    network = pl.Network([pl.CategoryEmbedding((3,), size=2), pl.Dense(3)]).build(3, seed=0)
    found = pl.inspection.exciting_input(network, x, layer=1, unit=0, steps=20)
    assert found.input[2] == 2.0
    assert found.activations[-1] > found.activations[0]


def test_saliency_is_the_derivative_of_the_score(network: pl.Network) -> None:
    x = random_numbers((3, 4))
    before = network.parameters.tobytes()
    found = pl.inspection.saliency(network, x, unit=1)
    for row in range(3):
        expected = central_differences(lambda at: float(network.scores(at[None])[0, 1]), x[row])
        np.testing.assert_allclose(found[row], expected.gradient, rtol=1e-6, atol=1e-8)
    highest = network.scores(x).argmax(axis=1)
    own = pl.inspection.saliency(network, x)
    for row in range(3):
        np.testing.assert_array_equal(own[row], pl.inspection.saliency(network, x, unit=int(highest[row]))[row])
    scaled = pl.inspection.saliency(network, x, unit=1, scaled=True)
    np.testing.assert_allclose(scaled * network.get("0.scale"), found)
    assert network.parameters.tobytes() == before


def test_saliency_of_a_hidden_unit(network: pl.Network) -> None:
    x = random_numbers((1, 4))
    found = pl.inspection.saliency(network, x, unit=2, layer=2)
    expected = central_differences(
        lambda at: float(pl.inspection.unit_values(network, at[None], layer=2, unit=2)[0]), x[0]
    )
    np.testing.assert_allclose(found[0], expected.gradient, rtol=1e-6, atol=1e-8)


def test_top_inputs_are_those_of_the_largest_value(network: pl.Network) -> None:
    x = random_numbers((20, 4))
    hidden = np.tanh((x - network.get("0.mean")) * network.get("0.scale") @ network.get("1.weight"))
    best = pl.inspection.top_inputs(network, x, layer=2, unit=4, count=5)
    np.testing.assert_array_equal(best, np.argsort(-hidden[:, 4])[:5])
    assert len(pl.inspection.top_inputs(network, x, layer=2, unit=4, count=50)) == 20


def test_ascent_finds_the_corner_that_a_linear_unit_likes_best() -> None:
    network = pl.Network([pl.Dense(2)], dtype="float64").build(3)
    network.set("0.weight", [[1.0, 0.0], [-2.0, 0.0], [1.5, 0.0]])
    x = np.array([[0.0, -1.0, 2.0], [1.0, 1.0, 4.0], [0.5, 0.0, 3.0]])
    found = pl.inspection.exciting_input(network, x, layer=0, unit=0, decay=0.0)
    np.testing.assert_allclose(found.input, [1.0, -1.0, 4.0])
    assert found.activations[0] == pytest.approx(0.5 + 4.5)
    assert max(found.activations) == pytest.approx(1.0 + 2.0 + 6.0)
    dead = pl.inspection.exciting_input(network, x, layer=0, unit=1)
    np.testing.assert_allclose(dead.input, x.mean(axis=0))
    assert len(dead.activations) == 1


def test_ascent_beats_every_row_of_the_digits() -> None:
    x, y = pl.datasets.load_digits().train
    network = pl.Network([pl.Rescale(1 / 16), pl.Dense(16), pl.ReLU(), pl.Dense(10)])
    pl.Trainer(network, "softmax_cross_entropy", pl.Adam(0.01)).fit(x, y, epochs=3)
    found = pl.inspection.exciting_input(network, x, layer=3, unit=7)
    assert max(found.activations) > pl.inspection.unit_values(network, x, layer=3, unit=7).max()
    assert network.predict(found.input[None])[0] == 7
    assert found.input.min() >= 0
    assert found.input.max() <= 16


def test_bad_input_is_answered(network: pl.Network) -> None:
    x = random_numbers((2, 4))
    with pytest.raises(ValueError, match=r"^layer must be a whole number of at least 0 and at most 3, not 4\.$"):
        pl.inspection.top_inputs(network, x, layer=4, unit=0)
    with pytest.raises(ValueError, match=r"^unit must be a whole number of at least 0 and at most 2, not 3\.$"):
        pl.inspection.saliency(network, x, unit=3)
    with pytest.raises(ValueError, match=r"^decay must be a number of at least 0 and at most 1, not 2"):
        pl.inspection.exciting_input(network, x, layer=1, unit=0, decay=2.0)
