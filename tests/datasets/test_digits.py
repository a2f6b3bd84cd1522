"""The digits inside the package against scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest

from pellucid.datasets import load_digits


def test_the_same_rows_as_scikit_learn() -> None:
    theirs = pytest.importorskip("sklearn.datasets").load_digits()
    ours = load_digits()
    expected = sorted((*map(int, row), int(label)) for row, label in zip(theirs.data, theirs.target, strict=True))
    assert sorted((*row, label) for row, label in zip(ours.x.tolist(), ours.y.tolist(), strict=True)) == expected
    assert list(ours.feature_names) == theirs.feature_names
    row = ours.test.x[0]  # type: ignore[union-attr]
    assert (theirs.images == row.reshape(ours.image_shape)).all(axis=(1, 2)).any()


def test_types_and_parts() -> None:
    digits = load_digits(validation=200, test=0.1, seed=4)
    assert digits.rows == {"train": 1417, "validation": 200, "test": 180}
    for part in digits.parts.values():
        assert part.x.dtype == np.uint8
        assert part.x.shape == (part.rows, 64)
        assert part.y.dtype == np.int64
        assert set(part.y) == set(range(10))
        part.x[0] = 0  # writable, and no harm to the next load
    assert digits.image_shape == (8, 8)
    assert digits.value_range == (0.0, 16.0)
    counts = [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]  # the UCI description of the test set
    assert list(load_digits().class_counts.values()) == counts


def test_stratified_and_seeded() -> None:
    first, again, other = load_digits(seed=1), load_digits(seed=1), load_digits(seed=2)
    assert np.array_equal(first.train.x, again.train.x)
    assert not np.array_equal(first.train.x, other.train.x)
    shares = [np.bincount(part.y) / part.rows for part in first.parts.values()]
    assert np.ptp(shares, axis=0).max() < 0.004  # a row of 359 is 0.0028


def test_without_parts() -> None:
    digits = load_digits(validation=0, test=0)
    assert digits.validation.rows == 0
    assert digits.test.rows == 0
    assert digits.train.rows == 1797


def test_source_and_licence_are_told() -> None:
    for word in ("Alpaydin", "Kaynak", "1998", "UCI", "CC BY 4.0"):
        assert word in load_digits().description
