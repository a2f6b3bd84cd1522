"""A fit that ends in an error or an interrupt, at any line before training: the estimator is what it was."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from pellucid.estimators import MLPClassifier, TableClassifier
from support.interruptions import cut_short
from support.samples import classification

X, Y = classification(rows=40, features=3, classes=3)
OTHER = np.column_stack([X, X[:, :1]])
FILES = ("base", "classifier", "dividing", "weights", "mlp")
TABLE_FILES = ("tables", "columns")
KINDS = pytest.mark.parametrize(
    ("estimator", "files"),
    [
        (MLPClassifier((4,), max_iter=2, tol=0.0, n_iter_no_change=9, random_state=0), FILES),
        (TableClassifier(recipe="plain", epochs=1, random_state=0), TABLE_FILES),
    ],
    ids=["MLPClassifier", "TableClassifier"],
)


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
@KINDS
@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
def test_the_first_fit(estimator: Any, files: tuple[str, ...], error: type[BaseException]) -> None:
    make = lambda: type(estimator)(**estimator.get_params())  # noqa: E731
    whole = make().fit(X, Y).predict_proba(X)
    for cut in cut_short(tuple(f"estimators/{file}.py" for file in files), make, lambda each: each.fit(X, Y), error):
        if "networks_" in vars(cut):
            np.testing.assert_array_equal(cut.predict_proba(X), whole)
        else:
            with pytest.raises(NotFittedError):
                cut.predict(X)


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
@KINDS
def test_a_second_fit_on_other_columns(estimator: Any, files: tuple[str, ...]) -> None:
    make = lambda: type(estimator)(**estimator.get_params()).fit(X, Y)  # noqa: E731
    before, after = make().predict_proba(X), make().fit(OTHER, Y).predict_proba(OTHER)
    paths = tuple(f"estimators/{file}.py" for file in files)
    for cut in cut_short(paths, make, lambda each: each.fit(OTHER, Y), MemoryError):
        columns, expected = (X, before) if cut.n_features_in_ == 3 else (OTHER, after)
        np.testing.assert_array_equal(cut.predict_proba(columns), expected)
