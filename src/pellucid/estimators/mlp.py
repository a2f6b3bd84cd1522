"""scikit-learn's parameters of a multi-layer perceptron, and Pellucid's beside them, as layers and an optimizer."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from sklearn.preprocessing import StandardScaler
from sklearn.utils._param_validation import Interval, Real, StrOptions

from pellucid.estimators.members import MemberRows
from pellucid.estimators.parameters import ABOVE_0, AT_LEAST_0, AT_LEAST_1, BELOW_1, TrainingParameters
from pellucid.estimators.weights import Weights, draw_as_scikit_learn, set_weights
from pellucid.layers import ACTIVATIONS, BatchNormalization, Dense, Dropout, Layer, Sigmoid, Standardize
from pellucid.network import Network
from pellucid.optimizers import OPTIMIZERS, Adam, GradientDescent, Momentum, Nesterov, Optimizer
from pellucid.penalties import L2, Penalty
from pellucid.schedules import Cosine, CosineRestarts, LogCosine, OneCycle, Polynomial
from pellucid.typing import Array
from pellucid.validation import check_number, unknown_name_message

_ACTIVATIONS = {**ACTIVATIONS, "logistic": Sigmoid}
_SCHEDULES: dict[str, type[Any]] = {
    "cosine": Cosine,
    "cosine_restarts": CosineRestarts,
    "log_cosine": LogCosine,
    "one_cycle": OneCycle,
    "polynomial": Polynomial,
}
"""Schedules that know how many steps there are: an estimator can tell them."""


@dataclass(repr=False, eq=False, kw_only=True)
class MLPParameters(TrainingParameters):
    """What scikit-learn's classes take, and what there is beyond."""

    solver: str | Optimizer = "adam"
    alpha: float = 0.0001
    learning_rate: str | Callable[[int], float] = "constant"
    learning_rate_init: float = 0.001
    power_t: float = 0.5
    momentum: float = 0.9
    nesterovs_momentum: bool = True
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8
    max_fun: int = 15000
    n_layers: int | None = None
    width: int | None = None
    dropout: float | Sequence[float] = 0.0
    batch_normalization: bool = False
    standardize: bool = False

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **TrainingParameters._parameter_constraints,
        "hidden_layer_sizes": ["array-like", AT_LEAST_1],
        "activation": [StrOptions(set(_ACTIVATIONS)), Layer, list, tuple],
        "solver": [StrOptions({"sgd", "lbfgs", *OPTIMIZERS}), Optimizer],
        "alpha": [AT_LEAST_0],
        "learning_rate": [StrOptions({"constant", "invscaling", "adaptive", *_SCHEDULES}), callable],
        "learning_rate_init": [ABOVE_0],
        "power_t": [AT_LEAST_0],
        "momentum": [Interval(Real, 0, 1, closed="both")],
        "nesterovs_momentum": ["boolean"],
        "beta_1": [BELOW_1],
        "beta_2": [BELOW_1],
        "epsilon": [ABOVE_0],
        "max_fun": [AT_LEAST_1],
        "n_layers": [AT_LEAST_1, None],
        "width": [AT_LEAST_1, None],
        "dropout": [BELOW_1, list, tuple],
        "batch_normalization": ["boolean"],
        "standardize": ["boolean"],
    }


class MLPPart:
    """How those parameters become a network. Mixed into the estimators that have them."""

    # -- layers --------------------------------------------------------------------------------------------------

    def _hidden_sizes(self: Any) -> list[int]:
        """The units of each hidden layer."""
        sizes = self.hidden_layer_sizes
        sizes = list(sizes) if hasattr(sizes, "__iter__") else [sizes]
        if any(size <= 0 for size in sizes):
            raise ValueError(f"hidden_layer_sizes must be > 0, got {sizes}.")
        if self.n_layers is None and self.width is None:
            return sizes
        width = self.width if self.width is not None else sizes[0] if sizes else 100
        return [width] * (len(sizes) if self.n_layers is None else self.n_layers)

    def _layers(self: Any, outputs: int) -> list[Layer]:
        """Scaling, hidden layers with what belongs to each, and the output layer."""
        sizes = self._hidden_sizes()
        activations = _for_each(self.activation, sizes, "activation")
        rates = _for_each(self.dropout, sizes, "dropout")
        layers: list[Layer] = [Standardize()] if self.standardize else []
        for size, activation, rate in zip(sizes, activations, rates, strict=True):
            layers.append(Dense(int(size)))
            if self.batch_normalization:
                layers.append(BatchNormalization())
            layers.append(_activation(activation))
            if check_number("dropout", rate, minimum=0.0, below=1.0) > 0:
                layers.append(Dropout(rate))
        return [*layers, Dense(outputs)]

    def _draw(self: Any, network: Network, features: int, random_state: np.random.RandomState) -> None:
        """First weights, the same numbers as scikit-learn's."""
        draw_as_scikit_learn(network, features, random_state)

    def _measure(self: Any, network: Network, rows: MemberRows) -> None:
        """Means and deviations in which a row counts as much as it weighs."""
        if not self.standardize or rows.sample_weight is None or network.statistics_fitted:
            return
        counted = rows.x[rows.sample_weight > 0]
        constant = counted.max(axis=0) == counted.min(axis=0)  # (d,)
        scaler = StandardScaler().fit(rows.x, sample_weight=rows.sample_weight)
        mean = np.where(constant, counted[0], scaler.mean_)
        network.assign({"0.mean": mean, "0.scale": np.where(constant, 0.0, 1 / np.where(constant, 1.0, scaler.scale_))})

    @property
    def coefs_(self: Any) -> Any:
        """The weight (d_in, d_out) of each dense layer, read-only: assign a whole one, `coefs_[0] = weight`."""
        return self._listed("weight", "coefs_")

    @coefs_.setter
    def coefs_(self: Any, values: Sequence[Array]) -> None:
        self._take_list(values, "weight", "coefs_")

    @property
    def intercepts_(self: Any) -> Any:
        """The bias (d_out,) of each dense layer, as `coefs_`."""
        return self._listed("bias", "intercepts_")

    @intercepts_.setter
    def intercepts_(self: Any, values: Sequence[Array]) -> None:
        self._take_list(values, "bias", "intercepts_")

    def _listed(self: Any, part: str, name: str) -> Any:
        if "networks_" in vars(self):
            return Weights(self.network_, part)
        if name in (given := vars(self).get("_given", {})):
            return given[name]
        raise AttributeError(f"This {type(self).__name__} has no {name} before it is fitted.")

    def _take_list(self: Any, values: Sequence[Array], part: str, name: str) -> None:
        if "networks_" in vars(self):
            set_weights(self.network_, values, part)
        else:  # weights to start from: `partial_fit` and a warm start will take them
            self.__dict__.setdefault("_given", {})[name] = values

    def _take_given(self: Any, network: Network) -> None:
        given = vars(self).pop("_given", {})
        for name, part in (("coefs_", "weight"), ("intercepts_", "bias")):
            if name in given:
                set_weights(network, given[name], part)

    # -- training ------------------------------------------------------------------------------------------------

    def _is_stochastic(self: Any) -> bool:
        return not isinstance(self.solver, str) or self.solver != "lbfgs"

    def _penalty_asked(self: Any) -> Penalty | None:
        return L2(float(self.alpha), per_example=True) if self.alpha else None

    def _optimizer_asked(self: Any, steps: int) -> Optimizer:
        """The optimizer for training of this many steps."""
        if isinstance(self.solver, Optimizer):
            return self.solver
        rate = self._rate(steps)
        if self.solver == "sgd":
            if self.momentum == 0:
                return GradientDescent(rate)
            return (Nesterov if self.nesterovs_momentum else Momentum)(rate, momentum=self.momentum)
        if self.solver in ("adam", "lbfgs"):
            return Adam(rate, self.beta_1, self.beta_2, self.epsilon, epsilon_hat=True)
        cls = OPTIMIZERS[self.solver]
        fields = {field.name for field in dataclasses.fields(cls)} & {"momentum", "beta_1", "beta_2", "epsilon"}
        return cls(rate, **{name: getattr(self, name) for name in fields})

    def _rate(self: Any, steps: int) -> Any:
        if callable(self.learning_rate):
            return self.learning_rate
        if self.learning_rate in _SCHEDULES:
            return _SCHEDULES[self.learning_rate](self.learning_rate_init, steps=max(2, steps))
        return self.learning_rate_init

    def _rate_rule(self: Any) -> dict[str, Any]:
        """What changes the rate between epochs: nothing for Adam, as in scikit-learn."""
        if isinstance(self.solver, Optimizer) or self.solver == "adam":
            return {}
        if self.learning_rate == "adaptive":
            return {"adapts": True}
        return {"power": float(self.power_t)} if self.learning_rate == "invscaling" else {}


def _for_each(value: Any, sizes: Sequence[int], name: str) -> Sequence[Any]:
    """One value for every hidden layer, or the list of them."""
    if not isinstance(value, list | tuple):
        return [value] * len(sizes)
    if len(value) != len(sizes):
        raise ValueError(f"{name} has {len(value)} entries, but there are {len(sizes)} hidden layers: one for each.")
    return value


def _activation(value: Any) -> Layer:
    if isinstance(value, Layer):
        return value
    if not isinstance(value, str) or value not in _ACTIVATIONS:
        raise ValueError(unknown_name_message("activation", value, _ACTIVATIONS))
    return _ACTIVATIONS[value]()
