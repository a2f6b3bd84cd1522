"""The engines that this installation has."""

from __future__ import annotations

import importlib.util

import numpy as np
import numpy.typing as npt
import pytest

ENGINES = ["reference"]
if importlib.util.find_spec("pellucid._native") is not None:
    ENGINES.append("native")

needs_native = pytest.mark.skipif("native" not in ENGINES, reason="the native core is not in this installation")


def assert_same(actual: npt.ArrayLike, expected: npt.ArrayLike) -> None:
    """The same bits, as the native engine promises; where it is absent, equal to rounding: NumPy's products promise no
    more for other shapes and strides.
    """
    if "native" in ENGINES:
        np.testing.assert_array_equal(actual, expected)
    else:
        np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-6)
