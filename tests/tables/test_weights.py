"""Balanced rows count as scikit-learn has them count."""

from __future__ import annotations

import numpy as np
import pytest

from pellucid.tables.weights import balanced


@pytest.mark.parametrize("y", [[0, 1, 1, 1], [2, 0, 0, 2, 2, 0, 0], [1, 1, 1], [0, 1, 2, 3]], ids=str)
def test_balanced_is_scikit_learns(y: list[int]) -> None:
    utils = pytest.importorskip("sklearn.utils")
    weight = balanced(np.bincount(y).tolist())[y]
    np.testing.assert_allclose(weight, utils.compute_sample_weight("balanced", y))
    assert weight.sum() == pytest.approx(len(y))
