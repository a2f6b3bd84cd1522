"""From scikit-learn's fitted networks to ours, and back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from sklearn import neural_network
from sklearn.utils.validation import check_is_fitted

from pellucid.estimators.classifier import MLPClassifier
from pellucid.estimators.convergence import Curves
from pellucid.estimators.members import Member, MemberRows, Plan
from pellucid.estimators.regressor import MLPRegressor
from pellucid.layers import Dense, Dropout, Identity, Layer, ReLU, Sigmoid, Standardize, Tanh
from pellucid.network import Network
from pellucid.typing import Floats

_ACTIVATIONS: dict[type[Layer], str] = {Identity: "identity", Sigmoid: "logistic", Tanh: "tanh", ReLU: "relu"}
_COPIED = (
    "n_iter_", "t_", "loss_", "loss_curve_", "best_loss_", "validation_scores_", "best_validation_score_",
    "n_features_in_", "feature_names_in_", "classes_", "_label_binarizer", "_no_improvement_count",
)  # fmt: skip


def from_sklearn(model: Any) -> MLPClassifier | MLPRegressor:
    """A fitted `MLPClassifier` or `MLPRegressor` of scikit-learn's as one of ours: it predicts the same.

    Parameters, weights, curves and the optimizer's moments come along, so that `partial_fit` goes on where scikit-learn
    stopped (with another order of the rows, where it shuffles).

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.neural_network import MLPRegressor
    >>> from pellucid.estimators import from_sklearn
    >>> x = np.linspace(0, 1, 20)[:, None]
    >>> theirs = MLPRegressor(hidden_layer_sizes=5, solver="lbfgs", random_state=0).fit(x, x[:, 0])
    >>> ours = from_sklearn(theirs)
    >>> bool(np.allclose(ours.predict(x), theirs.predict(x)))
    True
    """
    if isinstance(model, neural_network.MLPClassifier):
        estimator: Any = MLPClassifier(**model.get_params())
    elif isinstance(model, neural_network.MLPRegressor):
        estimator = MLPRegressor(**model.get_params())
    else:
        raise TypeError(
            f"from_sklearn takes scikit-learn's fitted MLPClassifier or MLPRegressor, not {type(model).__name__}."
        )
    check_is_fitted(model)
    for name in _COPIED:
        if name in vars(model):
            value = getattr(model, name)
            setattr(estimator, name, list(value) if isinstance(value, list) else value)
    outputs = model.n_outputs_
    y = np.zeros((1, outputs)) if isinstance(estimator, MLPRegressor) else None
    form = estimator._form_of(y)
    network = Network(estimator._layers(outputs), model.coefs_[0].dtype.name).build(model.n_features_in_)
    network.loss, network.link, network.classes = form.loss, form.link, estimator._class_names()
    member = Member(network, seed=0, curves=_curves_of(model))
    estimator.networks_, estimator._members, estimator._form = [network], [member], form
    estimator.coefs_, estimator.intercepts_ = model.coefs_, model.intercepts_
    estimator.n_layers_, estimator.n_outputs_ = model.n_layers_, outputs
    estimator.out_activation_ = model.out_activation_
    if hasattr(model, "_optimizer"):
        _take_moments(estimator, member, model)
    return estimator


def _curves_of(model: Any) -> Curves:
    curves = Curves(loss=list(getattr(model, "loss_curve_", [])), samples=model.t_)
    curves.misses = getattr(model, "_no_improvement_count", 0)
    if getattr(model, "best_loss_", None) is not None:
        curves.best_loss = model.best_loss_
    if getattr(model, "best_validation_score_", None) is not None:
        curves.best_score, curves.validation_scores = model.best_validation_score_, list(model.validation_scores_)
    return curves


def _take_moments(estimator: Any, member: Member, model: Any) -> None:
    """The optimizer's memory, in our layout: weight and bias, layer by layer."""
    theirs, network = model._optimizer, member.network
    plan = Plan(network.loss, estimator._optimizer_asked(1), None, 1, estimator.shuffle, 1)  # type: ignore[arg-type]
    targets = np.zeros((1, network.outputs)) if not estimator._form.indices else np.zeros(1, dtype=np.int64)
    trainer = member.prepare(MemberRows(np.zeros((1, model.n_features_in_)), targets, None), plan, goes_on=True)

    def flat(parts: list[Floats]) -> Floats:
        half = len(parts) // 2  # all weights, then all biases
        pairs = zip(parts[:half], parts[half:], strict=True)
        numbers = [part.ravel() for pair in pairs for part in pair]
        return np.concatenate(numbers).astype(network.dtype)

    if model.solver == "adam":
        state = replace(trainer.state, slots=(flat(theirs.ms), flat(theirs.vs)), step=theirs.t)
    else:
        scale = theirs.learning_rate / model.learning_rate_init
        velocity = flat(theirs.velocities) / network.dtype.type(-theirs.learning_rate)  # theirs holds the rate
        state = replace(trainer.state, slots=(velocity,) if trainer.state.slots else (), rate_scale=scale)
    trainer.resume_from(state)


def to_sklearn(estimator: MLPClassifier | MLPRegressor) -> Any:
    """A fitted estimator of ours as scikit-learn's `MLPClassifier` or `MLPRegressor`: it predicts the same.

    Standardization becomes part of the first layer's weights; dropout, which prediction does not know, is left out.
    What training needs beyond the weights stays behind.

    Raises
    ------
    ValueError
        If the network has what scikit-learn's do not: other layers, activations that differ, other losses, several
        models.
    """
    if not isinstance(estimator, MLPClassifier | MLPRegressor):
        raise TypeError(f"to_sklearn takes a fitted MLPClassifier or MLPRegressor, not {type(estimator).__name__}.")
    network = estimator._single("to_sklearn")
    activation = _common_activation(network)
    _check_link(estimator, network)
    cls = getattr(neural_network, type(estimator).__name__)
    known = cls().get_params()
    asked = {name: value for name, value in estimator.get_params().items() if name in known}
    asked |= {"activation": activation, "hidden_layer_sizes": tuple(estimator._hidden_sizes())}
    for name in ("solver", "learning_rate"):
        if asked[name] not in ("sgd", "adam", "lbfgs", "constant", "invscaling", "adaptive"):
            asked[name] = known[name]
    if isinstance(estimator, MLPRegressor):
        asked["loss"] = "poisson" if network.link == "exponential" else "squared_error"
    model = cls(**asked)
    for name in (*_COPIED, "n_layers_", "n_outputs_", "out_activation_"):
        if name in vars(estimator):
            setattr(model, name, getattr(estimator, name))
    model.coefs_ = [weight.copy() for weight in estimator.coefs_]
    model.intercepts_ = [bias.copy() for bias in estimator.intercepts_]
    if isinstance(network.layers[0], Standardize):
        mean, scale = network.get("0.mean"), network.get("0.scale")
        weight = model.coefs_[0] * scale[:, None]  # ((x − mean)·scale) W + b = x (scale·W) + (b − mean·scale W)
        model.intercepts_[0] = (model.intercepts_[0] - mean @ weight).astype(network.dtype)
        model.coefs_[0] = weight.astype(network.dtype)
    return model


def _common_activation(network: Network) -> str:
    """The one activation of all hidden layers, by scikit-learn's name."""
    names = set()
    for place, layer in enumerate(network.layers):
        if isinstance(layer, Dense | Dropout) or (isinstance(layer, Standardize) and place == 0):
            continue
        if type(layer) not in _ACTIVATIONS:
            raise ValueError(f"scikit-learn's networks have no {layer}: to_sklearn cannot take it along.")
        names.add(_ACTIVATIONS[type(layer)])
    if len(names) > 1:
        raise ValueError(f"scikit-learn's networks have one activation for all layers, but this has {sorted(names)}.")
    return next(iter(names), "relu")


def _check_link(estimator: Any, network: Network) -> None:
    if network.target is not None:
        raise ValueError(f"scikit-learn's networks have no unit for their target, but this one has {network.target}.")
    possible = {"softmax", "sigmoid"} if isinstance(estimator, MLPClassifier) else {"identity", "exponential"}
    two_outputs = network.link == "softmax" and estimator._label_binarizer.y_type_ != "multiclass"
    if network.link not in possible or two_outputs:
        raise ValueError(
            f"scikit-learn's networks know no such prediction as that of loss={estimator.loss!r}: to_sklearn takes "
            f"networks trained with the log-loss, the squared error or Poisson's loss."
        )
