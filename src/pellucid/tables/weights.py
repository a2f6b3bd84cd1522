"""How much rows count, where it follows from their targets."""

from __future__ import annotations

import numpy as np

from pellucid.typing import Array, Floats


def balanced(y: Array) -> Floats:
    """The weight n/(K·nₖ) of each row of class k, (n,): every class counts alike, and the weights sum to n.

    Parameters
    ----------
    y : array (n,)
        Class indices; of the K classes those count that have rows.

    Examples
    --------
    >>> import numpy as np
    >>> balanced(np.array([0, 0, 0, 1])).round(3).tolist()
    [0.667, 0.667, 0.667, 2.0]
    """
    counts = np.bincount(y)  # (classes,)
    of_class = len(y) / (np.count_nonzero(counts) * np.maximum(counts, 1))
    weights: Floats = of_class[y]
    return weights
