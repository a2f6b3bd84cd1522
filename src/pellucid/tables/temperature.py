"""How sure a network may be: one factor for all of its scores.

Contract: `factor_of(scores, y)` returns the factor by which scores are to be multiplied so that rows that were held
back are most likely; `calibrate_temperature` multiplies it into the network's last layer. The class of every row stays
the same, only its probability becomes true: a network trained on smoothed labels is not sure
enough, one that memorized its rows is too sure.

Guo, Pleiss, Sun and Weinberger, "On calibration of modern neural networks", ICML 2017, who call 1/factor temperature.
"""

from __future__ import annotations

import numpy as np

from pellucid.network import Network
from pellucid.numerics import softmax
from pellucid.typing import Array, Floats

LEAST, MOST = 0.05, 20.0
"""Between these the factor lies."""

_HALVINGS = 60


def factor_of(scores: Floats, y: Array, weight: Array | None = None) -> float:
    r"""The factor b ∈ [1/20, 20] at which the rows' mean log loss is least.

    .. math:: L(b) = \sum_i w_i \Bigl[\log \sum_k e^{b z_{ik}} - b \sum_k t_{ik} z_{ik}\Bigr] \Big/ \sum_i w_i

    L is convex in b, so b is found by halving where L'(b) = Σᵢ wᵢ Σₖ (pₖ − tₖ) zₖ = 0. Of n rows each target gives a
    part 1/(n + 2) to all classes alike (as in Platt, 1999): a few rows that are all right do not make a network
    certain.

    Parameters
    ----------
    scores : array (n, K)
        Scores of rows that were not learnt from.
    y : array (n,)
        Their classes, 0 to K−1.
    weight : array (n,) or None
        How much each row counts.

    Examples
    --------
    >>> import numpy as np
    >>> scores = np.array([[4.0, 0.0]] * 100)  # as sure as 98 %,
    >>> y = np.array([0] * 80 + [1] * 20)      # but right in 80 % alone
    >>> round(4 * factor_of(scores, y), 1)     # log(0.8/0.2) = 1.39
    1.4
    """
    z = np.asarray(scores, dtype=np.float64)  # (n, K)
    rows, classes = z.shape
    part = 1.0 / (rows + 2)
    targets = np.full((rows, classes), part / classes)  # (n, K)
    targets[np.arange(rows), y] += 1.0 - part
    shares = np.ones(rows) if weight is None else np.asarray(weight, dtype=np.float64)

    def slope(factor: float) -> float:
        return float(shares @ ((softmax(factor * z) - targets) * z).sum(axis=1))

    low, high = np.log(LEAST), np.log(MOST)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if slope(np.exp(middle)) < 0 else (low, middle)
    return float(np.exp((low + high) / 2))


def calibrate_temperature(network: Network, x: Array, y: Array, weight: Array | None = None) -> float:
    """Multiply weights and biases of the last, dense layer by the factor for rows x (n, d) of classes y; return it."""
    factor = factor_of(network.scores(x), y, weight)
    last = len(network.layers) - 1
    network.assign({name: network.get(name) * factor for name in (f"{last}.weight", f"{last}.bias")})
    return factor
