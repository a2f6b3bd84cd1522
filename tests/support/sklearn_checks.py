"""scikit-learn's common checks as tests of ours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks


def parametrize_with_all_checks(estimators: list[Any], **options: Any) -> Callable[..., Any]:
    """`parametrize_with_checks` with a list of its checks: some versions give an iterator, which pytest warns of."""
    names, checks = (decorator := parametrize_with_checks(estimators, **options)).args
    return pytest.mark.parametrize(names, list(checks), **decorator.kwargs)
