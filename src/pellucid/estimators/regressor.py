"""Regressors: what is theirs alone, and `MLPRegressor`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.metrics import d2_pinball_score
from sklearn.utils import column_or_1d
from sklearn.utils._param_validation import StrOptions

from pellucid.ensemble import Ensemble
from pellucid.estimators.estimator import NetworkEstimator
from pellucid.estimators.members import MemberRows
from pellucid.estimators.mlp import MLPParameters, MLPPart
from pellucid.estimators.targets import Form, form_of_numbers
from pellucid.losses import LOSSES, Loss, Poisson, Quantile
from pellucid.typing import Array, Floats

NUMBER_LOSS: list[Any] = [StrOptions(set(LOSSES)), Loss, tuple]


class RegressorPart(RegressorMixin):
    """Numbers in, numbers out. Mixed into the estimators that learn numbers."""

    _check_options: ClassVar[dict[str, Any]] = {"y_numeric": True}

    # -- targets -------------------------------------------------------------------------------------------------

    def _check_targets(self: Any, X: Any, y: Any, incremental: bool) -> tuple[Any, Array]:
        return X, column_or_1d(y, warn=True) if y.ndim == 2 and y.shape[1] == 1 else y

    def _check_validation_targets(self: Any, y: Any) -> Array:
        return np.asarray(column_or_1d(y) if y.ndim == 2 and y.shape[1] == 1 else y)

    def _class_names(self: Any) -> None:
        return None

    def _form_of(self: Any, y: Any) -> Form:
        return form_of_numbers(self.loss, 1 if y.ndim == 1 else y.shape[1])

    def _encode(self: Any, y: Any, form: Form) -> Array:
        """Targets as a matrix; one for all levels of a quantile loss as its only column."""
        targets = y.astype(np.float64, copy=False)
        return targets[:, None] if targets.ndim == 1 else targets

    def _weights_of(self: Any, y: Any, sample_weight: Floats | None, incremental: bool) -> Floats | None:
        return sample_weight

    def _loss_offset(self: Any, rows: MemberRows) -> float:
        """scikit-learn's Poisson loss is half the deviance, which is 0 where the prediction is exact."""
        if not isinstance(self._form.loss, Poisson):
            return 0.0
        y = rows.targets
        rest = (y * np.log(np.where(y > 0, y, 1.0)) - y).sum(axis=1)  # (n,)
        return float(np.average(rest, weights=rows.weight))

    # -- what a user calls ---------------------------------------------------------------------------------------

    def predict(self: Any, X: Any) -> Floats:
        """The numbers for rows X: (n,), or (n, outputs) for several; of several quantiles a column each."""
        answer: Floats = self._answers(X, Ensemble.predict)
        return answer

    def score(self: Any, X: Any, y: Any, sample_weight: Any = None) -> float:
        """R²; for a loss of several quantiles the mean of D², 1 − pinball loss/that of the best constant."""
        if len(levels := self._levels()) < 2:
            return float(super().score(X, y, sample_weight))
        predicted = self.predict(X)  # (n, levels)
        scores = [
            d2_pinball_score(y, predicted[:, column], sample_weight=sample_weight, alpha=level)
            for column, level in enumerate(levels)
        ]
        return float(np.mean(scores))

    def _levels(self: Any) -> Sequence[float]:
        return self.loss.levels if isinstance(self.loss, Quantile) else ()

    def _own_scoring(self: Any) -> Any:
        return (lambda model, X, y: model.score(X, y)) if len(self._levels()) > 1 else None

    def __sklearn_tags__(self: Any) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


@dataclass(repr=False, eq=False)
class MLPRegressor(RegressorPart, MLPPart, MLPParameters, NetworkEstimator):
    """scikit-learn's `MLPRegressor`, on Pellucid's engines and with more: a drop-in with one import changed.

    It minimizes the mean loss of the rows, ½Σ(a − y)² over the outputs unless another is asked for, plus
    ½·alpha·Σw²/n.

    Parameters
    ----------
    loss : str, Loss or (value, derivative)
        "squared_error"; "poisson" (predictions are exp of the scores, targets at least 0), "absolute_error", "huber",
        "quantile" (the median); an object such as `Huber(0.5)` or `Quantile((0.1, 0.5, 0.9))`, which predicts a column
        for each level; or two functions, as `CustomLoss` takes them.
    hidden_layer_sizes : int or sequence of int
        The units of each hidden layer.
    activation : str, Layer or list
        As for `MLPClassifier`.
    **others
        All other parameters are those of `MLPClassifier`, but for `class_weight`. `validation_scoring=None` is R².

    Attributes
    ----------
    network_, history_, coefs_, intercepts_, loss_curve_ and others
        Those of `MLPClassifier`, but for `classes_`. `out_activation_` is "identity" or "exp".

    Examples
    --------
    >>> import numpy as np, pellucid as pl
    >>> from pellucid.estimators import MLPRegressor
    >>> x = np.linspace(-3, 3, 400)[:, None]
    >>> y = np.sin(x[:, 0]) + np.random.default_rng(0).normal(0, 0.2, 400)
    >>> model = MLPRegressor(loss=pl.Quantile((0.1, 0.9)), learning_rate_init=0.01, random_state=0).fit(x, y)
    >>> low, high = model.predict(x).T
    >>> bool(0.7 < np.mean((low < y) & (y < high)) < 0.9)
    True
    """

    loss: Any = "squared_error"
    hidden_layer_sizes: int | Sequence[int] = (100,)
    activation: Any = "relu"

    _parameter_constraints: ClassVar[dict[str, Any]] = {**MLPParameters._parameter_constraints, "loss": NUMBER_LOSS}
