"""How much rows count, where it follows from their targets."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pellucid.typing import Floats


def balanced(counts: Sequence[int]) -> Floats:
    """The weight n/(K·nₖ) of a row of each class k, (classes,): every class counts alike, and all rows together n.

    Parameters
    ----------
    counts : sequence of int
        How many rows nₖ each class has; of the K classes those count that have rows.

    Examples
    --------
    >>> balanced([3, 1]).round(3).tolist()
    [0.667, 2.0]
    """
    rows = np.asarray(counts)  # (classes,)
    weights: Floats = rows.sum() / (np.count_nonzero(rows) * np.maximum(rows, 1))
    return weights
