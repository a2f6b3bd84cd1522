"""scikit-learn's API: its perceptrons with one import changed, estimators around any layers, and for tables."""

from __future__ import annotations

try:
    import sklearn  # noqa: F401
except ImportError as error:
    from pellucid.extras import pip_install

    raise ImportError(
        f"pellucid.estimators needs scikit-learn, which is not installed: {pip_install('sklearn')}."
    ) from error

from pellucid.estimators.classifier import MLPClassifier
from pellucid.estimators.conversion import from_sklearn, to_sklearn
from pellucid.estimators.regressor import MLPRegressor
from pellucid.estimators.sequential import NetworkClassifier, NetworkRegressor
from pellucid.estimators.tables import TableClassifier, TableRegressor

__all__ = [
    "MLPClassifier",
    "MLPRegressor",
    "NetworkClassifier",
    "NetworkRegressor",
    "TableClassifier",
    "TableRegressor",
    "from_sklearn",
    "to_sklearn",
]
