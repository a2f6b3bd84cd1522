"""The few type names the whole library shares."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]
"""A NumPy array of any dtype; its shape stands in the comment or docstring beside it."""

Floats: TypeAlias = npt.NDArray[Any]
"""A NumPy array of float32 or float64."""

Shape: TypeAlias = tuple[int, ...]
"""The shape of one example, without the batch's dimension: (64,) for a row of 64 features."""
