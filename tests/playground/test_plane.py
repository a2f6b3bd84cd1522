"""The data sets against what the TensorFlow Playground's source says of each, written here as loops over points."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pellucid.playground import plane


def points(name: str, noise: float = 0.0, n: int | None = None, seed: int = 3):
    x, y = plane.draw(name, noise=noise, seed=seed, points=n)
    return list(zip(x[:, 0], x[:, 1], y, strict=True))


def test_a_circle_is_a_disc_of_radius_two_and_a_half_in_a_ring_from_three_and_a_half_to_five() -> None:
    for x1, x2, label in points("circle"):
        radius = math.hypot(x1, x2)
        assert (radius <= 2.5) if label == 1 else (3.5 <= radius <= 5)


def test_xor_keeps_clear_of_the_axes_and_its_label_is_the_sign_of_the_product() -> None:
    for x1, x2, label in points("xor"):
        assert min(abs(x1), abs(x2)) >= 0.3
        assert max(abs(x1), abs(x2)) <= 5.3
        assert label == (x1 * x2 >= 0)


@pytest.mark.parametrize(("noise", "variance"), [(0.0, 0.5), (0.25, 2.25), (0.5, 4.0)])
def test_gaussians_have_their_means_and_a_variance_that_noise_raises_from_a_half_to_four(noise, variance) -> None:
    x, y = plane.draw("gauss", noise=noise, points=20_000)
    for label, mean in ((1, 2.0), (0, -2.0)):
        cloud = x[y == label]
        error = 5 * math.sqrt(variance / len(cloud))
        assert np.abs(cloud.mean(axis=0) - mean).max() < error
        assert cloud.var(axis=0) == pytest.approx([variance, variance], rel=0.08)


def test_a_spiral_has_two_arms_of_one_and_three_quarter_turns_half_a_turn_apart() -> None:
    expected = set()
    for start, label in ((0.0, 1), (math.pi, 0)):
        for i in range(250):
            r, t = i / 250 * 5, 1.75 * i / 250 * 2 * math.pi + start
            expected.add((round(r * math.sin(t), 9) + 0.0, round(r * math.cos(t), 9) + 0.0, label))
    found = {(round(x1, 9) + 0.0, round(x2, 9) + 0.0, int(label)) for x1, x2, label in points("spiral")}
    assert found == expected


def test_noise_moves_the_points_of_a_spiral_by_at_most_itself() -> None:
    clean = {(x1, x2) for x1, x2, _ in points("spiral")}
    for x1, x2, _ in points("spiral", noise=0.1):
        assert min(max(abs(x1 - a), abs(x2 - b)) for a, b in clean) <= 0.1


def test_noise_changes_labels_of_a_circle_and_not_its_points() -> None:
    clean, noisy = points("circle"), points("circle", noise=0.5)
    assert [point[:2] for point in clean] == [point[:2] for point in noisy]
    assert 20 < sum(a[2] != b[2] for a, b in zip(clean, noisy, strict=True)) < 250


def test_a_plane_is_a_tenth_of_the_sum() -> None:
    for x1, x2, value in points("reg-plane"):
        assert max(abs(x1), abs(x2)) <= 6
        assert value == pytest.approx((x1 + x2) / 10, abs=1e-12)


def test_of_six_bumps_the_strongest_counts() -> None:
    bumps = [(-4, 2.5, 1), (0, 2.5, -1), (4, 2.5, 1), (-4, -2.5, -1), (0, -2.5, 1), (4, -2.5, -1)]
    for x1, x2, value in points("reg-gauss"):
        strongest = 0.0
        for a, b, sign in bumps:
            height = sign * max(0.0, 1 - math.hypot(x1 - a, x2 - b) / 2)
            if abs(height) > abs(strongest):
                strongest = height
        assert value == pytest.approx(strongest, abs=1e-12)


@pytest.mark.parametrize(("name", "rows"), [("circle", 500), ("xor", 500), ("gauss", 500), ("spiral", 500),
                                            ("reg-plane", 1200), ("reg-gauss", 1200)])  # fmt: skip
def test_there_are_as_many_points_as_in_the_tensorflow_playground(name, rows) -> None:
    assert len(points(name)) == rows


@pytest.mark.parametrize("name", [*plane.SETS, *plane.TOY_MODELS])
def test_the_same_seed_draws_the_same_and_another_others(name) -> None:
    for again, same in ((3, True), (4, False)):
        x, y = plane.draw(name, noise=0.1, seed=3)
        other, labels = plane.draw(name, noise=0.1, seed=again)
        assert np.array_equal(x, other) == same
        if same:
            assert np.array_equal(y, labels)


def test_classes_are_mixed_in_the_order_of_the_rows() -> None:
    x_train, y_train, x_test, _ = plane.divide(*plane.draw("spiral"), 30)
    assert (len(x_train), len(x_test)) == (150, 350)
    assert 50 < y_train.sum() < 100
    assert len(np.unique(np.concatenate([x_train, x_test]), axis=0)) == 499  # both arms begin in the middle


def test_an_unknown_set_is_answered_with_the_nearest() -> None:
    with pytest.raises(ValueError, match="Did you mean 'spiral'"):
        plane.draw("spirale")
