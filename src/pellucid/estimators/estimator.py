"""What every estimator does: check, build, train, say how it ended, predict.

Contract: an estimator answers `_layers(outputs)`, `_optimizer_asked(steps)`, `_penalty_asked()`, `_rate_rule()` and
`_draw(network, features, random_state)`: its network and its training, see `mlp.py` and `sequential.py`; and
`_check_targets`, `_encode`, `_form_of`, `_weights_of`: labels or numbers, see `classifier.py` and `regressor.py`. `fit`
goes down the ladder below; each rung is a method.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, TypeVar

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from pellucid.ensemble import Ensemble
from pellucid.estimators.decorators import available_if, fit_context
from pellucid.estimators.hooks import CallbackSupportMixin
from pellucid.estimators.members import Member, restored_on_error
from pellucid.estimators.running import Running
from pellucid.estimators.splitting import Splitting, dense
from pellucid.estimators.targets import Form
from pellucid.layers import Dense, Maxout
from pellucid.network import Network
from pellucid.training import History
from pellucid.typing import Array

_OUT_ACTIVATIONS = {"sigmoid": "logistic", "exponential": "exp", "softmax": "softmax"}
_ROWS_AT_A_TIME = 4096  # sparse rows become dense in slices of this many


def _check_solver(estimator: Any) -> bool:
    if not estimator._is_stochastic():
        raise AttributeError(
            f"partial_fit is only available for stochastic optimizers. {estimator.solver} is not stochastic."
        )
    return True


Estimator = TypeVar("Estimator", bound="NetworkEstimator")


class NetworkEstimator(Splitting, Running, CallbackSupportMixin, BaseEstimator):
    """The family's base. See the head of this file."""

    # -- what a user calls ---------------------------------------------------------------------------------------

    @fit_context
    def fit(self: Estimator, X: Any, y: Any, sample_weight: Any = None, validation_set: Any = None) -> Estimator:
        """Train on rows X with targets y.

        Parameters
        ----------
        X : array or sparse matrix (n, features)
            A data frame will do. Sparse rows are made dense as a whole.
        y : array (n,) or (n, outputs)
            Labels or numbers.
        sample_weight : array (n,) or None
            How much each row counts: 2 counts like the row given twice.
        validation_set : (X, y) or None
            Rows to measure after every epoch, in the place of the parameter `validation_set`.

        Returns
        -------
        self
        """
        return self._fit(X, y, sample_weight, validation_set)

    @available_if(_check_solver)
    @fit_context
    def partial_fit(self: Estimator, X: Any, y: Any, sample_weight: Any = None) -> Estimator:
        """Train for one more epoch on these rows, exactly where training stopped: n calls are a fit of n epochs."""
        return self._fit(X, y, sample_weight, None, incremental=True)

    @property
    def network_(self: Any) -> Network:
        """The network: layers, parameters, gradients. Of several models the first one; `networks_` has all."""
        return self._fitted_networks()[0]

    @property
    def history_(self: Any) -> History:
        """What happened, epoch by epoch. Of several models the first one's."""
        self._fitted_networks()
        return self._members[0].history if self._members else History()

    def save(self: Any, path: Any) -> None:
        """Write the network into a file, which `pellucid.load` reads, or several into a folder, which
        `pellucid.load_ensemble` reads. They cannot run code.
        """
        from pellucid.formats.ensemble_file import save_model

        save_model(self._fitted_networks(), path)

    def to_onnx(self: Any, path: Any, **options: Any) -> Any:
        """Write the network, or several as one, as an ONNX file; options are those of `pellucid.to_onnx`."""
        from pellucid.formats.onnx import to_onnx

        return to_onnx(Ensemble(self._fitted_networks()), path, **options)

    # -- the ladder of a fit -------------------------------------------------------------------------------------

    def _fit(self: Any, X: Any, y: Any, sample_weight: Any, validation_set: Any, incremental: bool = False) -> Any:
        if incremental and self.early_stopping:
            raise ValueError("partial_fit does not support early_stopping=True")
        goes_on = (incremental or self.warm_start) and "networks_" in vars(self)
        with nullcontext() if goes_on else restored_on_error(self):
            X, y = self._check_rows(X, y, incremental, goes_on)
            if sample_weight is not None:
                sample_weight = _check_sample_weight(sample_weight, X)
            weight = self._weights_of(y, sample_weight, incremental)
            form: Form = self._form_of(y)
            random_state = check_random_state(self.random_state)
            if goes_on:
                self._check_same(form)
            else:
                self._begin(X, form, random_state, takes_given=incremental or self.warm_start)
            rows, watch = self._divide(X, y, weight, sample_weight, form, random_state, validation_set)
            if not goes_on:
                for member in self._members:
                    member.seed = int(random_state.randint(2**31 - 1))
            endings = self._train(rows, watch, form, sample_weight, incremental)
            self._conclude(endings, watch, incremental)
        return self

    def _check_rows(self: Any, X: Any, y: Any, incremental: bool, goes_on: bool) -> tuple[Any, Array]:
        """Rows of floats and targets, in scikit-learn's own words where they are wrong."""
        X, y = self._check_targets(
            *validate_data(
                self,
                X,
                y,
                accept_sparse=["csr", "csc"],
                multi_output=True,
                dtype=(np.float64, np.float32),
                reset=not goes_on,
                **self._check_options,
            ),
            incremental,
        )
        return dense(X), y

    def _begin(self: Any, X: Array, form: Form, random_state: Any, takes_given: bool) -> None:
        """Networks with their first weights."""
        members = []
        for _ in range(self.n_models):
            threads = self.threads if self.n_models == 1 else 1
            network = Network(self._layers(form.outputs), X.dtype.name, self.engine, threads)
            self._draw(network, X.shape[1], random_state)
            network.loss, network.link, network.classes = form.loss, form.link, self._class_names()
            members.append(Member(network))
        if takes_given and hasattr(self, "_take_given"):
            self._take_given(members[0].network)
        self._members = members
        self.networks_ = [member.network for member in members]
        self._form = form
        self.n_outputs_ = form.outputs
        self.n_layers_ = 1 + sum(isinstance(layer, Dense | Maxout) for layer in members[0].network.layers)
        self.out_activation_ = _OUT_ACTIVATIONS.get(form.link, "identity")

    def _check_same(self: Any, form: Form) -> None:
        """Training that goes on keeps its layers."""
        old = self.networks_[0]
        if tuple(self._layers(form.outputs)) != old.layers or len(self.networks_) != self.n_models:
            raise ValueError(
                f"Training that goes on keeps its network, but the parameters ask for another one than the "
                f"{len(self.networks_)} of {old!r}. Call fit with warm_start=False."
            )
        self._form = form
        for network in self.networks_:
            network.loss, network.link = form.loss, form.link

    # -- prediction ----------------------------------------------------------------------------------------------

    def _fitted_networks(self: Any) -> list[Network]:
        networks: list[Network] | None = self.__dict__.get("networks_")
        if networks is None:
            check_is_fitted(self, "networks_")
            raise AssertionError("check_is_fitted raises")
        return networks

    def _answers(self: Any, X: Any, answer: Callable[[Ensemble, Any], Array]) -> Array:
        """What the networks answer to rows X. Plain rows go to the network, which looks for what is not finite; all
        else, and what the network refused, is checked and answered in scikit-learn's words.
        """
        networks = Ensemble(self._fitted_networks())
        if (
            type(X) is np.ndarray
            and X.ndim == 2
            and X.dtype.char in "fd"
            and X.shape[1] == self.n_features_in_
            and "feature_names_in_" not in self.__dict__
        ):
            try:
                return answer(networks, X)
            except ValueError:
                pass
        X = validate_data(self, X, accept_sparse=["csr", "csc"], reset=False)
        if not hasattr(X, "toarray"):
            return answer(networks, X)
        X = X.tocsr()
        slices = [X[start : start + _ROWS_AT_A_TIME].toarray() for start in range(0, X.shape[0], _ROWS_AT_A_TIME)]
        return np.concatenate([answer(networks, part) for part in slices])

    def _single(self: Any, what: str) -> Network:
        networks = self._fitted_networks()
        if len(networks) > 1:
            raise ValueError(f"{what} writes one network, but this estimator has {len(networks)}: see networks_.")
        return networks[0]

    # -- words ---------------------------------------------------------------------------------------------------

    def _html_repr(self: Any) -> str:
        """scikit-learn's picture of the parameters, and the layers below it."""
        from html import escape

        from sklearn.utils import estimator_html_repr

        shown: str = estimator_html_repr(self)
        if "networks_" not in vars(self):
            return shown
        count = "" if len(self.networks_) == 1 else f" ({len(self.networks_)} networks like this)"
        summary = escape(self.network_.summary())
        return f"{shown}<details open><summary>Layers{count}</summary><pre>{summary}</pre></details>"

    def __sklearn_tags__(self: Any) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
