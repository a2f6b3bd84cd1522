"""scikit-learn's decorators of methods, which keep the types of what they decorate."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from sklearn.base import _fit_context
from sklearn.utils import metaestimators

Method = TypeVar("Method", bound=Callable[..., Any])


def fit_context(method: Method) -> Method:
    """A method that fits: parameters are checked first."""
    decorated: Method = _fit_context(prefer_skip_nested_validation=True)(method)
    return decorated


def available_if(check: Callable[[Any], bool]) -> Callable[[Method], Method]:
    """A method that is there only where `check(estimator)` is true."""
    decorate: Callable[[Method], Method] = metaestimators.available_if(check)
    return decorate
