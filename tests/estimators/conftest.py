"""What the tests of the estimators share: small data, and calm about training that is cut short on purpose."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_digits, make_regression
from threadpoolctl import threadpool_limits

Data = tuple[np.ndarray, np.ndarray]


@pytest.fixture(scope="session")
def digits() -> Data:
    """Digits of ten classes in [0, 1], a prime number of them, so that the last batch is smaller."""
    x, y = load_digits(return_X_y=True)
    return x[:251] / 16, y[:251]


@pytest.fixture(scope="session")
def numbers() -> Data:
    """A target of ten features, of variance 1."""
    x, y = make_regression(n_samples=203, n_features=10, noise=10.0, random_state=0)
    return x, y / y.std()


short = pytest.mark.filterwarnings("ignore:.*Maximum iterations:sklearn.exceptions.ConvergenceWarning")


@pytest.fixture(autouse=True, scope="session")
def _one_thread_of_blas() -> object:
    """The oracles' products are small: threads that wait for each other would cost more than they give."""
    with threadpool_limits(1):
        yield
