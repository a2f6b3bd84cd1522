"""The loss in a plane, and the path in its own: against the loss itself, and paths whose plane is known."""

from __future__ import annotations

import numpy as np
import pytest

import pellucid as pl
from support.samples import classification, random_numbers


@pytest.fixture
def trained() -> tuple[pl.Network, np.ndarray, np.ndarray]:
    x, y = classification(30)
    network = pl.Network([pl.Dense(5), pl.Tanh(), pl.Dense(3)], dtype="float64")
    pl.Trainer(network, "softmax_cross_entropy", pl.Adam(0.05)).fit(x, y, epochs=20)
    return network, x, y


def test_every_point_is_the_loss_at_moved_parameters(trained) -> None:
    network, x, y = trained
    before = network.parameters
    surface = pl.inspection.loss_surface(network, x, y, penalty=pl.L2(0.1), across=(-1, 2), up=(0, 1), points=4, seed=7)
    assert network.parameters is before
    other = pl.Network(network.layers, dtype="float64", engine="reference").build(3)
    for row, up in enumerate(surface.up):
        for column, across in enumerate(surface.across):
            other.parameters = before + across * surface.directions[0] + up * surface.directions[1]
            expected = other.loss_and_gradient(x, y, loss="softmax_cross_entropy", penalty=pl.L2(0.1))[0]
            assert surface.losses[row, column] == pytest.approx(expected, rel=1e-10)
    np.testing.assert_array_equal(surface.across, [-1, 0, 1, 2])


def test_random_directions_move_each_unit_by_its_own_length(trained) -> None:
    network = trained[0]
    directions = pl.inspection.random_directions(network, seed=4)
    for view in network.program.views().values():
        for direction in directions:
            moved = view.of(direction)
            if len(view.shape) == 2:
                own = np.linalg.norm(view.of(network.parameters), axis=0)
                np.testing.assert_allclose(np.linalg.norm(moved, axis=0), own)
            else:
                assert not moved.any()
    assert not np.allclose(directions[0], directions[1])
    np.testing.assert_array_equal(directions, pl.inspection.random_directions(network, seed=4))
    assert not np.allclose(directions, pl.inspection.random_directions(network, seed=5))


def test_the_plane_of_a_path_is_found() -> None:
    """A path laid into a known plane of 50 dimensions comes back, but for turns and mirrors."""
    plane = np.linalg.qr(random_numbers((50, 2)))[0].T  # (2, 50)
    points = np.array([[5.0, 0.5], [3.0, 1.0], [1.0, -0.6], [0.0, 0.0]])
    path = pl.inspection.training_path(list(points @ plane + random_numbers(50, seed=3)))
    np.testing.assert_allclose(path.points @ path.directions, points @ plane, atol=1e-9)
    np.testing.assert_allclose(path.directions @ path.directions.T, np.eye(2), atol=1e-9)
    assert path.explained.sum() == pytest.approx(1.0)
    assert path.explained[0] > path.explained[1]
    np.testing.assert_allclose(path.points[-1], 0, atol=1e-12)


def test_bad_input_is_answered(trained) -> None:
    network, x, y = trained
    with pytest.raises(ValueError, match=r"^A path needs at least 3 points, not 2: record more often"):
        pl.inspection.training_path([np.ones(4), np.ones(4)])
    with pytest.raises(ValueError, match=r"^directions must have the shape \(2, 38\), not \(2, 3\)\.$"):
        pl.inspection.loss_surface(network, x, y, directions=np.ones((2, 3)))
    with pytest.raises(ValueError, match=r"^up must be a number above 1, not 0\.$"):
        pl.inspection.loss_surface(network, x, y, up=(1, 0))
    with pytest.raises(ValueError, match=r"^The network was not trained yet, so it has no loss"):
        pl.inspection.loss_surface(pl.Network([pl.Dense(3)]).build(3), x, y)
