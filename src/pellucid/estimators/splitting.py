"""Which rows an estimator trains on, and which it watches.

Contract: mixed into `NetworkEstimator`. `_divide` returns both, from a set that was given, from a split as
scikit-learn makes it, or without any rows to watch.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.metrics import check_scoring
from sklearn.model_selection import train_test_split
from sklearn.utils.validation import validate_data

from pellucid.estimators.convergence import Watch
from pellucid.estimators.members import MemberRows
from pellucid.estimators.targets import Form
from pellucid.network import Network
from pellucid.typing import Array, Floats


class Splitting:
    """Training rows and validation rows."""

    def _divide(
        self: Any,
        X: Array,
        y: Array,
        weight: Floats | None,
        sample_weight: Floats | None,
        form: Form,
        random_state: Any,
        validation_set: Any,
    ) -> tuple[MemberRows, Watch | None]:
        """Rows to train on, and rows to watch."""
        targets = self._encode(y, form)
        given = self.validation_set if validation_set is None else validation_set
        if given is not None:
            self._refuse_with_lbfgs("a validation_set")
            return MemberRows(X, targets, weight, sample_weight), self._watch_given(given, form)
        if self.validation_scoring is not None and not self.early_stopping:
            raise ValueError("validation_scoring needs rows to score: give a validation_set, or early_stopping=True.")
        if not self.early_stopping or not self._is_stochastic():
            return MemberRows(X, targets, weight, sample_weight), None
        columns = {"x": X, "targets": targets, "y": y, "weight": weight, "sample_weight": sample_weight}
        kept = {name: column for name, column in columns.items() if column is not None}
        parts = train_test_split(
            *kept.values(),
            random_state=random_state,
            test_size=self.validation_fraction,
            stratify=self._strata(targets),
        )
        train, held_out = dict(zip(kept, parts[::2], strict=True)), dict(zip(kept, parts[1::2], strict=True))
        if len(held_out["x"]) < 2:
            raise ValueError(
                "The validation set is too small. Increase 'validation_fraction' or the size of your dataset."
            )
        watched = Watch(
            held_out["x"],
            held_out["targets"],
            held_out.get("sample_weight"),
            self._scorer(held_out["x"], held_out["y"], held_out.get("sample_weight")),
        )
        return MemberRows(train["x"], train["targets"], train.get("weight"), train.get("sample_weight")), watched

    def _watch_given(self: Any, given: Any, form: Form) -> Watch:
        if not isinstance(given, tuple | list) or len(given) != 2:
            raise ValueError("validation_set must be a pair (X, y).")
        X, y = validate_data(
            self,
            *given,
            accept_sparse=["csr", "csc"],
            multi_output=True,
            dtype=(np.float64, np.float32),
            reset=False,
            **self._check_options,
        )
        X, y = dense(X), self._check_validation_targets(y)
        if len(X) < 2:
            raise ValueError("validation_set has a single row, which is too few to score: give it more rows.")
        return Watch(X, self._encode(y, form), None, self._scorer(X, y, None))

    def _scorer(self: Any, X: Array, y: Array, weight: Floats | None) -> Callable[[Network], float] | None:
        """`validation_scoring` of a network in training; None: accuracy or R², which the network measures itself."""
        scoring = self.validation_scoring if self.validation_scoring is not None else self._own_scoring()
        if scoring is None:
            return None
        scorer = check_scoring(self, scoring=scoring)
        more = {} if weight is None or not isinstance(scoring, str) else {"sample_weight": weight}

        def score(network: Network) -> float:
            probe = copy.copy(self)
            probe.networks_ = [network]
            vars(probe).pop("feature_names_in_", None)  # what is scored here is an array
            return float(scorer(probe, X, y, **more))

        return score

    def _own_scoring(self: Any) -> Any:
        """What `validation_scoring=None` means where neither accuracy nor R² will do."""
        return None

    def _strata(self: Any, targets: Array) -> Array | None:
        """What a split keeps the proportions of."""
        return None

    def _refuse_with_lbfgs(self: Any, what: str) -> None:
        if not self._is_stochastic():
            raise ValueError(f"solver='lbfgs' has no epochs to use {what} in: use solver='adam' or 'sgd'.")


def dense(X: Any) -> Array:
    """Sparse rows as an array, an array as it is."""
    return X.toarray() if hasattr(X, "toarray") else X
