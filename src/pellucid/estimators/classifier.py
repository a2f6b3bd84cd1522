"""Classifiers: what is theirs alone, and `MLPClassifier`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeVar

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils import column_or_1d, compute_sample_weight
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.multiclass import _check_partial_fit_first_call, type_of_target, unique_labels

from pellucid.ensemble import Ensemble
from pellucid.estimators.decorators import available_if, fit_context
from pellucid.estimators.estimator import NetworkEstimator, _check_solver
from pellucid.estimators.mlp import MLPParameters, MLPPart
from pellucid.estimators.targets import Form, decode_labels, encode_labels, form_of_classes, has_probabilities
from pellucid.losses import LOSSES, Loss
from pellucid.typing import Array, Floats

CLASS_LOSS: list[Any] = [StrOptions({"log_loss", *LOSSES}), Loss, tuple]
CLASS_WEIGHT: list[Any] = [dict, StrOptions({"balanced"}), None]


def _has_probabilities(estimator: Any) -> bool:
    return has_probabilities(estimator.loss)


def _has_scores_alone(estimator: Any) -> bool:
    return not has_probabilities(estimator.loss)


def _learns_several_labels(estimator: Any) -> bool:
    try:
        form_of_classes(estimator.loss, "multilabel-indicator", 2)
    except ValueError:
        return False
    return True


Classifier = TypeVar("Classifier", bound="ClassifierPart")


class ClassifierPart(ClassifierMixin):
    """Labels in, labels and probabilities out. Mixed into the estimators that learn classes."""

    _check_options: ClassVar[dict[str, Any]] = {}

    # -- targets -------------------------------------------------------------------------------------------------

    def _check_targets(self: Any, X: Any, y: Any, incremental: bool) -> tuple[Any, Array]:
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        if not hasattr(self, "classes_") or (not self.warm_start and not incremental):
            self._label_binarizer = LabelBinarizer().fit(y)
            self.classes_ = self._label_binarizer.classes_
            return X, y
        classes = unique_labels(y)
        if self.warm_start and not incremental:
            if set(classes) != set(self.classes_):
                raise ValueError(
                    "warm_start can only be used where `y` has the same classes as in the previous call to fit. "
                    f"Previously got {self.classes_}, `y` has {classes}"
                )
        elif len(np.setdiff1d(classes, self.classes_, assume_unique=True)):
            raise ValueError(
                f"`y` has classes not in `self.classes_`. `self.classes_` has {self.classes_}. 'y' has {classes}."
            )
        return X, y

    def _check_validation_targets(self: Any, y: Any) -> Array:
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y)
        unknown = np.setdiff1d(unique_labels(y), self.classes_)
        if len(unknown):
            raise ValueError(
                f"validation_set holds the class {unknown.tolist()[0]!r}, which is not among those of the training "
                f"rows, {self.classes_}: give it training rows, or leave its rows out of the validation set."
            )
        return y

    def _class_names(self: Any) -> list[Any] | None:
        """What a file says of the classes: nothing of several labels a row, which are numbered columns, or of a single
        class, which a network cannot tell from another.
        """
        if self._label_binarizer.y_type_.startswith("multilabel") or len(self.classes_) < 2:
            return None
        return self.classes_.tolist()

    def _form_of(self: Any, y: Any) -> Form:
        return form_of_classes(self.loss, self._label_binarizer.y_type_, len(self.classes_))

    def _encode(self: Any, y: Any, form: Form) -> Array:
        return encode_labels(y, self._label_binarizer, form)

    def _strata(self: Any, targets: Array) -> Array | None:
        """The classes of a problem of two; of more, scikit-learn's split keeps no proportions either."""
        if self._label_binarizer.y_type_ != "binary":
            return None
        return targets == 1 if targets.ndim == 1 else targets

    def _weights_of(self: Any, y: Any, sample_weight: Floats | None, incremental: bool) -> Floats | None:
        if self.class_weight is None:
            return sample_weight
        if incremental and self.class_weight == "balanced":
            raise ValueError(
                "class_weight 'balanced' is not supported for partial_fit, which does not see all rows. Take "
                "sklearn.utils.class_weight.compute_class_weight of all labels, and give its numbers as a dictionary."
            )
        if sample_weight is None:
            return compute_sample_weight(self.class_weight, y)
        if self.class_weight == "balanced" and y.ndim == 1:  # a row of weight 2 is two rows of its class
            codes = np.searchsorted(self.classes_, y)
            masses = np.bincount(codes, weights=sample_weight)  # (K,)
            present = np.count_nonzero(masses)
            return (sample_weight.sum() / (present * np.where(masses > 0, masses, 1.0)))[codes] * sample_weight
        return compute_sample_weight(self.class_weight, y) * sample_weight

    # -- what a user calls ---------------------------------------------------------------------------------------

    @available_if(_check_solver)
    @fit_context
    def partial_fit(self: Classifier, X: Any, y: Any, sample_weight: Any = None, classes: Any = None) -> Classifier:
        """Train for one more epoch on these rows, exactly where training stopped: n calls are a fit of n epochs.

        Parameters
        ----------
        X, y, sample_weight
            As for `fit`.
        classes : array (K,)
            All classes that will ever come; needed in the first call.
        """
        if _check_partial_fit_first_call(self, classes):
            labels = y if type_of_target(y).startswith("multilabel") else classes
            self._label_binarizer = LabelBinarizer().fit(labels)
        return self._fit(X, y, sample_weight, None, incremental=True)

    def predict(self: Any, X: Any) -> Array:
        """The labels of rows X: (n,), or (n, labels) of zeros and ones for several labels a row."""
        answer: Array = decode_labels(self._answers(X, Ensemble.scores), self._label_binarizer, self._form)
        return answer

    @available_if(_has_probabilities)
    def predict_proba(self: Any, X: Any) -> Floats:
        """The probabilities of `classes_` for rows X, (n, K); for several labels a row that of each, (n, labels)."""
        answer: Floats = self._answers(X, Ensemble.predict_proba)
        return answer

    @available_if(_has_probabilities)
    def predict_log_proba(self: Any, X: Any) -> Floats:
        """The logarithms of `predict_proba`."""
        with np.errstate(divide="ignore"):  # log 0 is −∞
            return np.log(self.predict_proba(X))

    @available_if(_has_scores_alone)
    def decision_function(self: Any, X: Any) -> Floats:
        """The network's scores, where the loss knows no probabilities: (n,) for two classes, else (n, K)."""
        scores: Floats = self._answers(X, Ensemble.scores)
        if len(self.classes_) > 2 or scores.shape[1] > 2:
            return scores
        return scores[:, 0] if scores.shape[1] == 1 else scores[:, 1] - scores[:, 0]

    def __sklearn_tags__(self: Any) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = _learns_several_labels(self)
        return tags


@dataclass(repr=False, eq=False)
class MLPClassifier(ClassifierPart, MLPPart, MLPParameters, NetworkEstimator):
    """scikit-learn's `MLPClassifier`, on Pellucid's engines and with more: a drop-in with one import changed.

    It minimizes the mean log-loss of the rows plus ½·alpha·Σw²/n. The network is a `Dense` layer for each hidden size,
    an activation behind each, and a `Dense` layer of K outputs (softmax); of one (sigmoid) for two classes, and of one
    a label where a row may have several.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int
        The units of each hidden layer.
    activation : str, Layer or list
        "relu", "tanh", "logistic", "identity" or any other activation's name, an activation layer, or a list with one
        of these for each hidden layer.
    solver : str or Optimizer
        "adam", "sgd", "lbfgs", any other optimizer's name, or an optimizer, which then stands for itself: the
        parameters of rates, momentum and betas below are not asked.
    alpha : float
        Strength of the L2 penalty, divided by the rows of each batch (their weights' sum).
    batch_size : int or "auto"
        Rows a step; "auto" is min(200, n).
    learning_rate : str, Schedule or function
        "constant"; "invscaling" (rate/(t + 1)^power_t after t rows) and "adaptive" (divided by 5 where training would
        stop), which Adam does not use; "cosine", "cosine_restarts", "log_cosine", "one_cycle" or "polynomial" over the
        steps of max_iter epochs; or a schedule or function of the step, which then is the rate.
    learning_rate_init : float
        The first rate.
    power_t : float
        The exponent of "invscaling".
    max_iter : int
        The most epochs (with "lbfgs": iterations) of a fit.
    shuffle : bool
        Whether each epoch takes the rows in a new order.
    random_state : int, RandomState or None
        Decides first weights, the split for early stopping, the order of the rows, and dropout.
    tol : float
        By how much loss or score must improve.
    verbose : bool or int
        Whether every epoch is printed.
    warm_start : bool
        Whether `fit` goes on from the weights there are.
    momentum : float
        For "sgd": the part of the velocity that stays.
    nesterovs_momentum : bool
        For "sgd": whether momentum looks one step ahead.
    early_stopping : bool
        Whether the validation score decides when to stop, and which weights are kept: the best.
    validation_fraction : float
        How much of the rows is held out for that.
    beta_1, beta_2, epsilon : float
        Adam's.
    n_iter_no_change : int or inf
        How many epochs in a row may miss `tol`; training stops after one more, as in scikit-learn.
    max_fun : int
        For "lbfgs": the most evaluations of the loss.
    loss : str, Loss or (value, derivative)
        "log_loss"; any other loss that predicts classes, by name or as an object, such as
        `SoftmaxCrossEntropy(label_smoothing=0.1)` or `Hinge()`; or two functions, as `CustomLoss` takes them.
    class_weight : dict, "balanced" or None
        How much the rows of each class count, multiplied with `sample_weight`.
    n_layers, width : int or None
        As many hidden layers of this many units, in the place of `hidden_layer_sizes`: numbers that a search can draw.
    dropout : float or list of float
        The fraction of each hidden layer's outputs set to zero in training, or a list with one for each layer.
    batch_normalization : bool
        Whether each hidden layer is normalized before its activation.
    standardize : bool
        Whether inputs are standardized inside the network.
    validation_set : (X, y) or None
        Rows to measure after every epoch; with `early_stopping` they take the place of the fraction held out.
    validation_scoring : str, callable or None
        The validation score: any scorer of scikit-learn's; None is the accuracy.
    callbacks : list or None
        Pellucid's callbacks, or functions of the trainer. scikit-learn's own are given to `set_callbacks`.
    n_models : int
        How many networks are trained, side by side and from different weights; probabilities are their mean.
    engine : {"auto", "native", "reference"}
        What computes.
    threads : int or None
        How many threads may be used; None: by the size of the work.

    Attributes
    ----------
    classes_ : array (K,)
        The labels.
    network_, networks_ : Network, list of Network
        The network; with n_models > 1 the first one, and all of them. Attributes in the singular are the first one's.
    history_ : History
        Every epoch of training, over all fits that went on from each other.
    coefs_, intercepts_ : list of array
        Weights (d_in, d_out) and biases (d_out,) of the dense layers.
    loss_curve_ : list of float
        The loss of each epoch, with the penalty.
    loss_, best_loss_ : float
        The last and the least of these; `best_loss_` is None where a validation score decided.
    validation_scores_, validation_loss_curve_ : list of float or None
        Score and loss on the validation rows after each epoch.
    best_validation_score_ : float or None
        The best of these scores.
    n_iter_ : int
        The epochs of the last fit.
    t_ : int
        The rows seen in all of training.
    n_layers_, n_outputs_ : int
        How many layers there are, with that of the inputs, and how many outputs.
    out_activation_ : str
        What stands behind the last layer: "softmax", "logistic" or "identity".
    n_features_in_ : int
        How many features a row has.
    feature_names_in_ : array
        Their names, where they have some.

    Notes
    -----
    Where it differs from scikit-learn, and why, is on the page "scikit-learn" of the documentation.

    Examples
    --------
    >>> from pellucid.estimators import MLPClassifier
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.model_selection import train_test_split
    >>> x, x_test, y, y_test = train_test_split(*load_digits(return_X_y=True), random_state=0)
    >>> model = MLPClassifier(standardize=True, dropout=0.2, random_state=0).fit(x, y)
    >>> bool(model.score(x_test, y_test) > 0.96)
    True
    """

    hidden_layer_sizes: int | Sequence[int] = (100,)
    activation: Any = "relu"
    loss: Any = field(default="log_loss", kw_only=True)
    class_weight: Mapping[Any, float] | str | None = field(default=None, kw_only=True)

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **MLPParameters._parameter_constraints,
        "loss": CLASS_LOSS,
        "class_weight": CLASS_WEIGHT,
    }
