"""What every estimator does: check, build, train, say how it ended, predict.

Contract: an estimator answers `_layers(outputs)`, `_optimizer_asked(steps)`, `_penalty_asked()`, `_rate_rule()`,
`_draw(network, random_state)` (its network and its training, see `mlp.py` and `sequential.py`), and `_check_targets`,
`_encode`, `_form_of`, `_weights_of` (labels or numbers, see `classifier.py` and `regressor.py`). `fit` goes down the
ladder below; each rung is a method.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, _fit_context
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import check_scoring
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from pellucid.estimators import lbfgs
from pellucid.estimators.convergence import Convergence, Watch
from pellucid.estimators.hooks import CallbackSupportMixin, Hooks
from pellucid.estimators.members import Ending, Member, Plan, Rows, run_all
from pellucid.estimators.targets import Form
from pellucid.network import Network
from pellucid.training import History
from pellucid.typing import Array, Floats

_OUT_ACTIVATIONS = {"sigmoid": "logistic", "exponential": "exp", "softmax": "softmax"}
_ROWS_AT_A_TIME = 4096  # sparse rows become dense in slices of so many
_NOT_FINITE = (
    "Solver produced non-finite parameter weights. The input data may contain large values and need to be preprocessed."
)


def _check_solver(estimator: Any) -> bool:
    if not estimator._is_stochastic():
        raise AttributeError(
            f"partial_fit is only available for stochastic optimizers. {estimator.solver} is not stochastic."
        )
    return True


class NetworkEstimator(CallbackSupportMixin, BaseEstimator):  # type: ignore[misc]
    """The family's base. See the head of this file."""

    # -- what a user calls ---------------------------------------------------------------------------------------

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self: Any, X: Any, y: Any, sample_weight: Any = None, validation_set: Any = None) -> Any:
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
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self: Any, X: Any, y: Any, sample_weight: Any = None) -> Any:
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
        """Write the network into a file that `pellucid.load` reads; it cannot run code."""
        from pellucid.formats.model_file import save

        save(self._single("save"), path)

    def to_onnx(self: Any, path: Any, **options: Any) -> Any:
        """Write the network as an ONNX file; options are those of `pellucid.formats.onnx.to_onnx`."""
        from pellucid.formats.onnx import to_onnx

        return to_onnx(self._single("to_onnx"), path, **options)

    # -- the ladder of a fit -------------------------------------------------------------------------------------

    def _fit(self: Any, X: Any, y: Any, sample_weight: Any, validation_set: Any, incremental: bool = False) -> Any:
        if incremental and self.early_stopping:
            raise ValueError("partial_fit does not support early_stopping=True")
        goes_on = (incremental or self.warm_start) and "networks_" in vars(self)
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
        try:
            endings = self._train(rows, watch, form, sample_weight, incremental)
            self._conclude(endings, watch)
        except ValueError:
            if not goes_on:
                del self.networks_, self._members
            raise
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
        return _dense(X), y

    def _begin(self: Any, X: Array, form: Form, random_state: Any, takes_given: bool) -> None:
        """Networks with their first weights."""
        members = []
        for _ in range(self.n_models):
            threads = self.threads if self.n_models == 1 else 1
            network = Network(self._layers(form.outputs), X.dtype.name, self.engine, threads)
            network.build(X.shape[1], seed=0)
            self._draw(network, random_state)
            network.loss, network.link = form.loss, form.link
            members.append(Member(network))
        if takes_given and hasattr(self, "_take_given"):
            self._take_given(members[0].network)
        self._members = members
        self.networks_ = [member.network for member in members]
        self._form = form
        program = members[0].network.program
        self.n_outputs_ = form.outputs
        self.n_layers_ = 1 + sum(1 for instruction in program.instructions if program.penalized and instruction.specs)
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

    # -- validation ----------------------------------------------------------------------------------------------

    def _divide(
        self: Any,
        X: Array,
        y: Array,
        weight: Floats | None,
        sample_weight: Floats | None,
        form: Form,
        random_state: Any,
        validation_set: Any,
    ) -> tuple[Rows, Watch | None]:
        """Rows to train on, and rows to watch."""
        targets = self._encode(y, form)
        given = self.validation_set if validation_set is None else validation_set
        if given is not None:
            self._refuse_with_lbfgs("a validation_set")
            return Rows(X, targets, weight), self._watch_given(given, form)
        if not self.early_stopping or not self._is_stochastic():
            return Rows(X, targets, weight), None
        columns = {"x": X, "targets": targets, "y": y, "weight": weight, "sample_weight": sample_weight}
        kept = {name: column for name, column in columns.items() if column is not None}
        parts = train_test_split(
            *kept.values(),
            random_state=random_state,
            test_size=self.validation_fraction,
            stratify=self._strata(targets),
        )
        train, held = dict(zip(kept, parts[::2], strict=True)), dict(zip(kept, parts[1::2], strict=True))
        if len(held["x"]) < 2:
            raise ValueError(
                "The validation set is too small. Increase 'validation_fraction' or the size of your dataset."
            )
        watched = Watch(
            held["x"],
            held["targets"],
            held.get("sample_weight"),
            self._scorer(held["x"], held["y"], held.get("sample_weight")),
        )
        return Rows(train["x"], train["targets"], train.get("weight")), watched

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
        X, y = _dense(X), self._check_validation_targets(y)
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

    # -- training ------------------------------------------------------------------------------------------------

    def _train(
        self: Any, rows: Rows, watch: Watch | None, form: Form, sample_weight: Any, incremental: bool
    ) -> list[Ending]:
        epochs = 1 if incremental else self.max_iter
        plan = self._plan(rows, form, epochs)
        hooks = None
        if Hooks.wanted(self):
            told = epochs if self.n_models == 1 else 0  # the epochs of models side by side have no order
            hooks = Hooks(self, rows.x, rows.targets, sample_weight, told)
        if self._is_stochastic():
            jobs = [self._job(n, rows, plan, watch, hooks, incremental) for n in range(len(self._members))]
        else:
            if self.callbacks:
                self._refuse_with_lbfgs("callbacks")
            jobs = [self._lbfgs_job(member, rows, plan, hooks) for member in self._members]
        endings = run_all(jobs, self._members, self.threads)
        if hooks is not None:
            hooks.close()
        return endings

    def _plan(self: Any, rows: Rows, form: Form, epochs: int) -> Plan:
        n = len(rows.x)
        batch_size = min(200, n) if self.batch_size == "auto" else self.batch_size
        if batch_size > n:
            warnings.warn(
                "Got `batch_size` less than 1 or larger than sample size. It is going to be clipped", stacklevel=5
            )
            batch_size = n
        return Plan(
            loss=form.loss,
            optimizer=self._optimizer_asked(self.max_iter * -(-n // batch_size)),
            penalty=self._penalty_asked(),
            batch_size=int(batch_size),
            shuffle=self.shuffle,
            epochs=epochs,
            constraint=getattr(self, "constraint", None),
            average=getattr(self, "average", None),
        )

    def _job(
        self: Any, number: int, rows: Rows, plan: Plan, watch: Watch | None, hooks: Hooks | None, incremental: bool
    ) -> Callable[[], Ending]:
        member: Member = self._members[number]
        member.prepare(rows, plan, goes_on=incremental)
        convergence = Convergence(
            member.curves,
            tol=self.tol,
            patience=self.n_iter_no_change,
            samples=len(rows.x),
            offset=self._loss_offset(rows),
            watch=watch,
            stops_by_score=self.early_stopping and watch is not None,
            verbose=bool(self.verbose),
            label="" if self.n_models == 1 else f"Model {number + 1}: ",
            **self._rate_rule(),
        )
        callbacks: Sequence[Any] = self.callbacks or ()
        if self.n_models > 1:
            callbacks = copy.deepcopy(callbacks)
        if hooks is not None and self.n_models == 1:
            callbacks = [*callbacks, hooks]
        return partial(member.run, rows, plan, convergence, callbacks)

    def _lbfgs_job(self: Any, member: Member, rows: Rows, plan: Plan, hooks: Hooks | None) -> Callable[[], Ending]:
        lbfgs.check_layers(member)
        if not member.network.statistics_fitted:
            member.network.fit_statistics(rows.x)
        member.history = History()
        tells = hooks is not None and self.n_models == 1
        return partial(
            lbfgs.minimize,
            member,
            rows,
            plan,
            tol=self.tol,
            max_fun=self.max_fun,
            offset=self._loss_offset(rows),
            after=hooks.after if tells and hooks is not None else lambda iteration: False,
            verbose=bool(self.verbose),
        )

    def _loss_offset(self: Any, rows: Rows) -> float:
        """What scikit-learn's loss has more than ours, the same at all weights."""
        return 0.0

    # -- how it ended --------------------------------------------------------------------------------------------

    def _conclude(self: Any, endings: Sequence[Ending], watch: Watch | None) -> None:
        """The fitted attributes, and one warning or error for all models."""
        for member, ending in zip(self._members, endings, strict=True):
            self._check_diverged(member, ending)
        curves, self.n_iter_ = self._members[0].curves, endings[0].epochs
        if any(ending.diverged for ending in endings[:1]):
            self.n_iter_ += 1
        if self._is_stochastic():
            by_score = self.early_stopping and watch is not None
            self.loss_curve_, self._no_improvement_count = curves.loss, curves.misses
            self.best_loss_ = None if by_score else curves.best_loss
            self.validation_scores_ = curves.validation_scores if watch is not None else None
            self.validation_loss_curve_ = curves.validation_loss if watch is not None else None
            self.best_validation_score_ = max(curves.validation_scores, default=None) if watch is not None else None
        self.t_ = curves.samples
        if curves.loss:
            self.loss_ = curves.loss[-1]
        self._warn(endings)

    def _check_diverged(self: Any, member: Member, ending: Ending) -> None:
        """A run that exploded leaves its best weights where there are some; otherwise it is an error."""
        curves = member.curves
        if ending.diverged is not None:
            if not np.isfinite(curves.best_score):
                raise ValueError(f"{_NOT_FINITE} {ending.diverged}") from ending.diverged
            curves.loss.append(np.nan)
            curves.validation_loss.append(np.nan)
            curves.validation_scores.append(np.nan)
        elif not np.isfinite(member.network.parameters).all():
            raise ValueError(_NOT_FINITE)

    def _warn(self: Any, endings: Sequence[Ending]) -> None:
        if any(ending.interrupted for ending in endings):
            warnings.warn("Training interrupted by user.", stacklevel=6)
            return
        diverged = next((ending.diverged for ending in endings if ending.diverged), None)
        if diverged is not None:
            words = f"{str(diverged).split(' The weights are back')[0]} The weights with the best validation score stay."
            warnings.warn(words, ConvergenceWarning, stacklevel=6)
            return
        late = [ending for ending in endings if not ending.converged and ending.epochs == self.max_iter]
        words = next((ending.words for ending in endings if ending.words), "")
        if late and self._is_stochastic():
            words = (
                f"Stochastic Optimizer: Maximum iterations ({self.max_iter}) reached and the optimization hasn't "
                f"converged yet. The model can be used as it is; a larger max_iter or learning_rate_init lets it go on."
            )
        if words:
            warnings.warn(words, ConvergenceWarning, stacklevel=6)

    # -- prediction ----------------------------------------------------------------------------------------------

    def _fitted_networks(self: Any) -> list[Network]:
        networks: list[Network] | None = self.__dict__.get("networks_")
        if networks is None:
            check_is_fitted(self, "networks_")
            raise AssertionError("check_is_fitted raises")
        return networks

    def _answers(self: Any, X: Any, answer: Callable[[list[Network], Any], Array]) -> Array:
        """What the networks answer to rows X. Plain rows go to the network, which looks for what is not finite; all
        else, and what the network refused, is checked and answered in scikit-learn's words.
        """
        networks = self._fitted_networks()
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


def _dense(X: Any) -> Array:
    return X.toarray() if hasattr(X, "toarray") else X
