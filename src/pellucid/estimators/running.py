"""How an estimator's networks are trained, and what it says afterwards.

Contract: mixed into `NetworkEstimator`. `_train` runs every member and returns their endings; `_conclude` turns them
into fitted attributes and at most one warning or error for all models.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from functools import partial
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from pellucid.engines.cores import one_thread
from pellucid.estimators import lbfgs
from pellucid.estimators.convergence import Convergence, Watch
from pellucid.estimators.hooks import Hooks
from pellucid.estimators.members import FitResult, Member, MemberRows, Plan, run_all
from pellucid.estimators.targets import Form
from pellucid.training import History

_NOT_FINITE = (
    "Solver produced non-finite parameter weights. The input data may contain large values and need to be preprocessed."
)


class Running:
    """Training, and how it ended."""

    def _train(
        self: Any, rows: MemberRows, watch: Watch | None, form: Form, sample_weight: Any, incremental: bool
    ) -> list[FitResult]:
        epochs = 1 if incremental else self.max_iter
        plan = self._plan(rows, form, epochs)
        hooks = None
        if Hooks.wanted(self):
            told = epochs if self.n_models == 1 else 0  # the epochs of models side by side have no order
            hooks = Hooks(self, rows.x, rows.targets, sample_weight, told)
        for member in self._members:
            self._measure(member.network, rows)
        if self._is_stochastic():
            jobs = [self._job(n, rows, plan, watch, hooks, incremental) for n in range(len(self._members))]
        else:
            if self.callbacks:
                self._refuse_with_lbfgs("callbacks")
            jobs = [self._lbfgs_job(member, rows, plan, hooks) for member in self._members]
        with nullcontext() if self._is_stochastic() else one_thread("blas"):
            endings = run_all(jobs, self._members, self.threads)
        if hooks is not None:
            hooks.close()
        return endings

    def _plan(self: Any, rows: MemberRows, form: Form, epochs: int) -> Plan:
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
        self: Any,
        number: int,
        rows: MemberRows,
        plan: Plan,
        watch: Watch | None,
        hooks: Hooks | None,
        incremental: bool,
    ) -> Callable[[], FitResult]:
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
        return partial(member.run, plan, convergence, callbacks)

    def _lbfgs_job(
        self: Any, member: Member, rows: MemberRows, plan: Plan, hooks: Hooks | None
    ) -> Callable[[], FitResult]:
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

    def _loss_offset(self: Any, rows: MemberRows) -> float:
        """What scikit-learn's loss has more than ours, the same at all weights."""
        return 0.0

    # -- how it ended --------------------------------------------------------------------------------------------

    def _conclude(self: Any, endings: Sequence[FitResult], watch: Watch | None, incremental: bool) -> None:
        """The fitted attributes, and one warning or error for all models."""
        for member, ending in zip(self._members, endings, strict=True):
            self._check_diverged(member, ending)
        curves, self.n_iter_ = self._members[0].curves, endings[0].epochs
        if self._is_stochastic():
            by_score = self.early_stopping and watch is not None
            self.loss_curve_, self._no_improvement_count = curves.loss, curves.misses
            self.best_loss_ = None if by_score else curves.best_loss
            self.validation_scores_ = curves.validation_scores if watch is not None else None
            self.validation_loss_curve_ = curves.validation_loss if watch is not None else None
            finite = [score for score in curves.validation_scores if np.isfinite(score)]
            self.best_validation_score_ = max(finite, default=None) if watch is not None else None
        self.t_ = curves.samples
        if curves.loss:
            self.loss_ = curves.loss[-1]
        if any(ending.interrupted for ending in endings):
            warnings.warn("Training interrupted by user.", stacklevel=5)
            return
        if not incremental:
            self._warn(endings)

    def _check_diverged(self: Any, member: Member, ending: FitResult) -> None:
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

    def _warn(self: Any, endings: Sequence[FitResult]) -> None:
        if any(ending.diverged for ending in endings):
            words = (
                "Training diverged, and was stopped; the weights with the best validation score stay. Lower "
                "the learning rate, or scale the inputs (standardize=True)."
            )
            warnings.warn(words, ConvergenceWarning, stacklevel=6)
            return
        late = [ending for ending in endings if not ending.converged and ending.epochs == self.max_iter]
        words = next((ending.label for ending in endings if ending.label), "")
        if late and self._is_stochastic():
            words = (
                f"Stochastic Optimizer: Maximum iterations ({self.max_iter}) reached and the optimization hasn't "
                f"converged yet. The model can be used as it is; a larger max_iter or learning_rate_init lets it go on."
            )
        if words:
            warnings.warn(words, ConvergenceWarning, stacklevel=6)
