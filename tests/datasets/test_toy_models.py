"""The toy models against their geometry: radii, residuals, grids, and what scaling promises."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from pellucid import datasets
from pellucid.datasets import TOY_MODELS, load_toy
from pellucid.datasets.toy import ToyModel

MODELS = list(TOY_MODELS.values())
NAMES = list(TOY_MODELS)
THREE = {"bulls-eye-three", "shifted-sinusoids-three"}
N = 4000
LEAST = 1e-3  # the seeds are fixed: a p-value below this says that the distribution is another one


def classes_of(model: ToyModel, seed: int = 1) -> list[np.ndarray]:
    x, y = model(N, scale=False, seed=seed)
    return [x[y == label] for label in range(y.max() + 1)]


def fits(sample: np.ndarray, distribution: object) -> bool:
    assert sample.std() == pytest.approx(distribution.std(), rel=0.05)  # type: ignore[attr-defined]
    return bool(stats.kstest(sample, distribution.cdf).pvalue > LEAST)  # type: ignore[attr-defined]


def radius_and_angle(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.hypot(*points.T), np.mod(np.arctan2(points[:, 1], points[:, 0]), 2 * np.pi)


def assert_ring(points: np.ndarray, low: float, high: float, start: float = 0.0, stop: float = 2 * np.pi) -> None:
    radius, angle = radius_and_angle(points)
    assert fits(radius, stats.uniform(low, high - low))
    assert fits(angle, stats.uniform(start, stop - start))
    assert radius.min() > low - 1e-12
    assert radius.max() < high + 1e-12
    assert abs(stats.spearmanr(radius, angle).statistic) < 0.06  # drawn independently


def test_two_gaussians() -> None:
    for points, mean in zip(classes_of(datasets.two_gaussians), (1.6, -1.6), strict=True):
        for axis in range(2):
            assert fits(points[:, axis], stats.norm(mean, 1))
        assert abs(np.corrcoef(points.T)[0, 1]) < 0.06


def test_ball_and_cup() -> None:
    ball, cup = classes_of(datasets.ball_and_cup)
    assert_ring(ball, 0, 0.5)
    assert fits(cup[:, 0], stats.uniform(-1.4, 2.8))
    assert fits(cup[:, 1] - cup[:, 0] ** 2 + 0.8, stats.norm(0, 0.1))


def test_shifted_cubics() -> None:
    for points, shift in zip(classes_of(datasets.shifted_cubics), (0, 150), strict=True):
        np.testing.assert_allclose(points[:, 0], [-8 + 16 * i / (N - 1) for i in range(N)], rtol=0, atol=1e-12)
        assert fits(points[:, 1] - points[:, 0] ** 3 - shift, stats.norm(0, 20))


@pytest.mark.parametrize(
    ("model", "rings"),
    [(datasets.bulls_eye, [(0, 1), (1.5, 2.5)]), (datasets.bulls_eye_three, [(0, 1), (1.5, 2.5), (3, 4)])],
)
def test_bulls_eyes(model: ToyModel, rings: list[tuple[float, float]]) -> None:
    for points, (low, high) in zip(classes_of(model), rings, strict=True):
        assert_ring(points, low, high)


def test_crescent_moons() -> None:
    upper, lower = classes_of(datasets.crescent_moons)
    assert_ring(upper, 2, 3, 0, np.pi)
    assert_ring(lower - (2.5, 1.7), 2, 3, np.pi, 2 * np.pi)


@pytest.mark.parametrize(
    ("model", "shifts"), [(datasets.shifted_sinusoids, (0, 1)), (datasets.shifted_sinusoids_three, (0, 1.2, 2.4))]
)
def test_sinusoids(model: ToyModel, shifts: tuple[float, ...]) -> None:
    for points, shift in zip(classes_of(model), shifts, strict=True):
        assert fits(points[:, 0], stats.uniform(0, 4 * np.pi))
        assert fits(points[:, 1] - np.sin(points[:, 0]) - shift, stats.norm(0, 0.1))


def test_classes_are_drawn_apart() -> None:
    first, second = classes_of(datasets.shifted_sinusoids)
    assert abs(np.corrcoef(first[:, 0], second[:, 0])[0, 1]) < 0.06


@pytest.mark.parametrize("name", NAMES)
def test_shapes_and_labels(name: str) -> None:
    x, y = TOY_MODELS[name](30)
    count = 3 if name in THREE else 2
    assert x.shape == (30 * count, 2)
    assert x.dtype == np.float64
    assert y.tolist() == [label for label in range(count) for _ in range(30)]
    assert y.dtype == np.int64
    assert len(TOY_MODELS[name]()[0]) == 100 * count


@pytest.mark.parametrize("name", NAMES)
def test_scaling(name: str) -> None:
    model = TOY_MODELS[name]
    raw, scaled = model(50, scale=False, seed=3)[0], model(50, seed=3)[0]
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-14)
    assert np.abs(scaled).max(axis=0).tolist() == [1, 1]
    for axis in range(2):  # an increasing straight line leads from the raw axis to the scaled one
        line = stats.linregress(raw[:, axis], scaled[:, axis])
        assert line.slope > 0
        assert line.rvalue == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_seeds(name: str) -> None:
    model = TOY_MODELS[name]
    assert np.array_equal(model(20, seed=5)[0], model(20, seed=5)[0])
    assert not np.array_equal(model(20, seed=5)[0], model(20, seed=6)[0])
    np.random.seed(0)
    state = np.random.get_state()[1].copy()  # type: ignore[index]
    model(20)
    assert np.array_equal(np.random.get_state()[1], state)  # type: ignore[index]


def test_one_point_a_class_on_one_spot_stays_finite() -> None:
    x, _ = datasets.shifted_cubics(1)
    assert x[:, 0].tolist() == [0, 0]
    assert np.isfinite(x).all()


def test_wrong_arguments() -> None:
    with pytest.raises(ValueError, match=r"^n_per_class must be a whole number of at least 1, not 0\.$"):
        datasets.bulls_eye(0)
    with pytest.raises(TypeError, match=r"n_per_class must be a whole number of at least 1, not 2\.5"):
        datasets.bulls_eye(2.5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="seed must be a whole number of at least 0"):
        datasets.bulls_eye(seed=-1)
    with pytest.raises(TypeError):
        datasets.bulls_eye(10, False)  # type: ignore[call-arg]


@pytest.mark.parametrize("name", NAMES)
def test_load_toy(name: str) -> None:
    data = load_toy(name, 50, seed=2, validation=0.1, test=0.3)
    count = 3 if name in THREE else 2
    assert data.rows == {"train": 30 * count, "validation": 5 * count, "test": 15 * count}
    assert data.classes == tuple("012"[:count])
    assert data.features == 2
    assert data.class_counts == dict.fromkeys(data.classes, 50)
    x, _ = TOY_MODELS[name](50, seed=2)
    assert sorted(map(tuple, data.x)) == sorted(map(tuple, x))
    assert data.value_range[0] >= -1
    assert data.value_range[1] <= 1


def test_load_toy_without_parts() -> None:
    data = load_toy("bulls-eye", 10, validation=0, test=0)
    assert data.validation.rows == 0
    assert data.test.rows == 0
    assert data.rows == {"train": 20}


def test_unknown_model() -> None:
    with pytest.raises(ValueError, match=r"^toy model 'crescent-moon' is unknown\. Did you mean 'crescent-moons'\?"):
        load_toy("crescent-moon")
