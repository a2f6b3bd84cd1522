"""`NetworkClassifier` and `NetworkRegressor`: the same contract around any list of layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from sklearn.utils._param_validation import StrOptions

from pellucid.estimators.classifier import CLASS_LOSS, CLASS_WEIGHT, ClassifierPart
from pellucid.estimators.estimator import NetworkEstimator
from pellucid.estimators.members import MemberRows
from pellucid.estimators.parameters import BELOW_1, TrainingParameters
from pellucid.estimators.regressor import NUMBER_LOSS, RegressorPart
from pellucid.layers import Dense, Layer, Maxout, ReLU
from pellucid.network import Network
from pellucid.optimizers import OPTIMIZERS, Optimizer, find_optimizer
from pellucid.penalties import Constraint, Penalty


@dataclass(repr=False, eq=False)
class SequentialParameters(TrainingParameters):
    """Layers, and what a trainer takes."""

    layers: Sequence[Layer] | None = None
    optimizer: str | Optimizer = field(default="adam", kw_only=True)
    penalty: Penalty | None = field(default=None, kw_only=True)
    constraint: Constraint | None = field(default=None, kw_only=True)
    average: float | None = field(default=None, kw_only=True)

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **TrainingParameters._parameter_constraints,
        "layers": [list, tuple, None],
        "optimizer": [StrOptions(set(OPTIMIZERS)), Optimizer],
        "penalty": [Penalty, None],
        "constraint": [Constraint, None],
        "average": [BELOW_1, None],
    }


class SequentialPart:
    """How those parameters become a network. Mixed into the estimators that have them."""

    def _layers(self: Any, outputs: int) -> list[Layer]:
        """The layers as they are where they end in one of the right size, else with an output layer behind them."""
        layers = list(self.layers) if self.layers is not None else [Dense(100), ReLU()]
        last = layers[-1] if layers else None
        if not isinstance(last, Dense | Maxout):
            return [*layers, Dense(outputs)]
        if last.units != outputs:
            raise ValueError(
                f"layers end in {last}, but the targets need {outputs} output{'s' if outputs > 1 else ''}: end them "
                f"in Dense({outputs}), or in an activation, and the output layer is added."
            )
        return layers

    def _draw(self: Any, network: Network, features: int, random_state: np.random.RandomState) -> None:
        """First weights by each layer's initializer."""
        network.build(features, seed=int(random_state.randint(2**31 - 1)))

    def _measure(self: Any, network: Network, rows: MemberRows) -> None:
        """Layers that scale measure the rows as they are, whatever these weigh."""

    def _is_stochastic(self: Any) -> bool:
        return True

    def _penalty_asked(self: Any) -> Penalty | None:
        return self.penalty

    def _optimizer_asked(self: Any, steps: int) -> Optimizer:
        return find_optimizer(self.optimizer)

    def _rate_rule(self: Any) -> dict[str, Any]:
        return {}


@dataclass(repr=False, eq=False)
class NetworkClassifier(ClassifierPart, SequentialPart, SequentialParameters, NetworkEstimator):
    """A classifier of scikit-learn's kind around any list of layers.

    Parameters
    ----------
    layers : list of Layer or None
        The network. A list that ends in a `Dense` (or `Maxout`) layer is complete, and that layer must have as many
        units as there are classes, for two classes one; behind any other list a `Dense` output layer is added. None:
        [Dense(100), ReLU()].
    optimizer : str or Optimizer
        How the loss is minimized, schedule and all.
    penalty : Penalty or None
        Added to the mean loss.
    constraint : Constraint or None
        A limit on the weights, such as `MaxNorm(3)`.
    average : float or None
        How much of the moving average of the weights stays in each step; None: no average is kept.
    loss, class_weight
        As for `MLPClassifier`.
    **others
        batch_size, max_iter, shuffle, random_state, tol, verbose, warm_start, early_stopping, validation_fraction,
        n_iter_no_change, validation_set, validation_scoring, callbacks, n_models, engine and threads are
        those of `MLPClassifier`.

    Attributes
    ----------
    network_, history_, classes_, loss_curve_ and others
        Those of `MLPClassifier`, but for `coefs_` and `intercepts_`: see `network_.named_parameters()`.

    Examples
    --------
    >>> import pellucid as pl
    >>> from pellucid.estimators import NetworkClassifier
    >>> x, y = pl.datasets.bulls_eye(200, seed=0)
    >>> layers = [pl.Standardize(), pl.Dense(16), pl.LayerNormalization(), pl.GELU()]
    >>> model = NetworkClassifier(layers, optimizer=pl.AdamW(0.01), batch_size=20, random_state=0).fit(x, y)
    >>> bool(model.score(x, y) > 0.95)
    True
    """

    loss: Any = field(default="log_loss", kw_only=True)
    class_weight: Mapping[Any, float] | str | None = field(default=None, kw_only=True)

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **SequentialParameters._parameter_constraints,
        "loss": CLASS_LOSS,
        "class_weight": CLASS_WEIGHT,
    }


@dataclass(repr=False, eq=False)
class NetworkRegressor(RegressorPart, SequentialPart, SequentialParameters, NetworkEstimator):
    """A regressor of scikit-learn's kind around any list of layers.

    Parameters
    ----------
    layers : list of Layer or None
        As for `NetworkClassifier`, with an output for each target.
    loss : str, Loss or (value, derivative)
        As for `MLPRegressor`.
    **others
        All other parameters are those of `NetworkClassifier`, but for `class_weight`.

    Attributes
    ----------
    network_, history_, loss_curve_ and others
        Those of `NetworkClassifier`, but for `classes_`.

    Examples
    --------
    >>> import numpy as np, pellucid as pl
    >>> from pellucid.estimators import NetworkRegressor
    >>> x = np.linspace(-1, 1, 200)[:, None]
    >>> layers = [pl.Dense(20), pl.Tanh()]
    >>> model = NetworkRegressor(layers, optimizer=pl.Adam(0.02), batch_size=20, random_state=0)
    >>> bool(model.fit(x, x[:, 0] ** 2).score(x, x[:, 0] ** 2) > 0.9)
    True
    """

    loss: Any = field(default="squared_error", kw_only=True)

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **SequentialParameters._parameter_constraints,
        "loss": NUMBER_LOSS,
    }
