"""Estimators for tables: frames and files as they are, categories and missing values included.

Contract: `fit` turns what it is given into a `Table` and a target (`_take`, in columns.py), the classifier or regressor
says what the target is (`_target_of`), and `pellucid.tables` does the rest: encoding, recipe, trainings, report.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, TypeVar

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.metrics import d2_pinball_score
from sklearn.utils import check_random_state, compute_sample_weight
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import (
    check_is_fitted,
)

from pellucid.engines import ENGINES
from pellucid.estimators.classifier import CLASS_WEIGHT
from pellucid.estimators.columns import ColumnsTaken
from pellucid.estimators.decorators import fit_context
from pellucid.estimators.members import restored_on_error
from pellucid.estimators.parameters import AT_LEAST_1, BELOW_1
from pellucid.estimators.table_files import TableFiles, labels_of
from pellucid.losses import Loss
from pellucid.network import Network
from pellucid.tables.fitting import Settings, TableModel, plan
from pellucid.tables.recipes import RECIPES, Recipe, recipe_for
from pellucid.tables.report import TableReport
from pellucid.tables.report.folds import encoder_for
from pellucid.tables.running import run_all
from pellucid.tables.targets import NUMBER_LOSSES, QUANTILES, Target, find_target
from pellucid.tables.training import ProgressListener, completed, diagnosis_of, first_report, measurement
from pellucid.training import DivergenceError, History
from pellucid.typing import Array, Floats


@dataclass(repr=False, eq=False, kw_only=True)
class TableParameters:
    """What may be asked of the estimators for tables."""

    recipe: str | Recipe = "strong"
    kinds: Mapping[str, str] | None = None
    epochs: int | None = None
    validation_fraction: float = 0.2
    n_models: int = 1
    random_state: Any = None
    engine: str = "auto"
    threads: int | None = None

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "recipe": [StrOptions(set(RECIPES)), Recipe],
        "kinds": [dict, None],
        "epochs": [AT_LEAST_1, None],
        "validation_fraction": [BELOW_1],
        "n_models": [AT_LEAST_1],
        "random_state": ["random_state"],
        "engine": [StrOptions(set(ENGINES))],
        "threads": [AT_LEAST_1, None],
    }


Estimator = TypeVar("Estimator", bound="TableEstimator")


class TableEstimator(ColumnsTaken, TableFiles, BaseEstimator):
    """The family's base. See the head of this file."""

    @fit_context
    def fit(
        self: Estimator, X: Any, y: Any = None, sample_weight: Any = None, *, target: str | None = None
    ) -> Estimator:
        """Learn to predict a column from the others.

        Parameters
        ----------
        X : data frame, path, mapping of columns, or array (n, features)
            A frame of pandas, polars or Arrow; the path of a CSV, Parquet, Feather or Arrow file; numbers.
        y : array (n,) or None
            The target; rows of a frame whose target is missing are left out, with a warning.
        sample_weight : array (n,) or None
            How much each row counts.
        target : str or None
            The name of the column of X that is the target, in the place of y.

        Returns
        -------
        self
        """
        with restored_on_error(self):
            table, values, weight = self._take(X, y, sample_weight, target)
            self._column_names = list(table)
            self.target_ = self._target_of(values, target or getattr(y, "name", None) or "target")
            codes = self._encode_target(values)
            weight = self._weigh(codes, weight)
            settings = self._settings()
            self.encoder_ = encoder_for(table, settings)
            x = self.encoder_.transform(table)
            jobs = plan(x, codes, self.encoder_.layout, self.target_, settings, weight=weight)
            interrupted = run_all(jobs, self.threads)
            try:
                model = TableModel.of(jobs, self.encoder_)
            except DivergenceError as error:
                raise ValueError(f"Training exploded: {error}") from error
            self.networks_, self._model, self._settings_used = model.networks, model, settings
            self._histories = model.histories
            self._seen, self._job = (table, codes, weight), jobs[0]
            if interrupted:
                warnings.warn("Training was interrupted: what was learnt until then is used.", stacklevel=3)
        return self

    def _settings(self: Any) -> Settings:
        random_state = check_random_state(self.random_state)
        return Settings(
            recipe_for(self.recipe, self.target_.task),
            n_models=self.n_models,
            validation=self.validation_fraction,
            epochs=self.epochs,
            seed=int(random_state.randint(2**31 - 1)),
            engine=self.engine,
            threads=self.threads,
        )

    # -- what it answers -----------------------------------------------------------------------------------------

    def _answers(self: Any, X: Any) -> Floats:
        check_is_fitted(self, "networks_")
        return self._model.answers(self.encoder_.transform(self._columns_to_predict(X)))

    @property
    def network_(self: Any) -> Network:
        """The network; of several the first one, `networks_` has all."""
        check_is_fitted(self, "networks_")
        return self.networks_[0]

    @property
    def history_(self: Any) -> History:
        """What happened in its training, epoch by epoch; nothing of an estimator that was read from a file."""
        check_is_fitted(self, "networks_")
        return self._histories[0] if self._histories else History()

    def report(self: Any, folds: int | None = None) -> TableReport:
        """Measure the estimator on folds of the rows it was fitted on, beside simpler and other models.

        Every fold trains networks anew, as `fit` did; what the doctor found is of the training in `fit`, of several the
        first one. Print the report, or `report.to_html("report.html")`.

        Parameters
        ----------
        folds : int or None
            How many; 1 is a single split; None: 5, fewer for large tables.
        """
        check_is_fitted(self, "networks_")
        if getattr(self, "_seen", None) is None:
            raise ValueError(
                "report needs the rows that fit was given, and they are not kept in a file or a copy: fit it again."
            )
        table, y, weight = self._seen
        name = self.recipe if isinstance(self.recipe, str) else "your own"
        report = first_report(table, self.target_, self._model, 0, name)
        measured = measurement(table, y, self.target_, self._settings_used, folds, weight)
        if measured is not None and run_all(measured.jobs, self.threads):
            raise KeyboardInterrupt
        report = completed(report, measured, self._model, table, y, ProgressListener(), weight)
        return replace(report, findings=diagnosis_of(self._job).to_dict())

    def __getstate__(self: Any) -> Any:
        state = super().__getstate__()
        return {**state, "_seen": None, "_job": None} if "_seen" in state else state

    def __sklearn_tags__(self: Any) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        tags.target_tags.required = True
        tags.non_deterministic = False
        return tags


@dataclass(repr=False, eq=False)
class TableClassifier(ClassifierMixin, TableParameters, TableEstimator):
    """A classifier for tables as they are: categories, dates and missing values included.

    Columns are inferred, encoded (`TableEncoder`) and learnt by a network of the best public recipe for tables; there
    is nothing that must be set.

    Parameters
    ----------
    recipe : {"plain", "fast", "strong"} or Recipe
        The network and its training, see `pellucid.tables.recipe_for`.
    kinds : dict or None
        What columns are, where it should not be inferred: {"zip": "category", "id": "ignore"}.
    epochs : int or None
        How often every row is used; None: as the recipe says, less for large tables.
    validation_fraction : float
        How much of the rows each network is not trained on, but its best epoch found by; 0: none.
    n_models : int
        How many networks form an ensemble, from different first weights and other validation rows.
    random_state : int, RandomState or None
        Decides validation rows, first weights, the order of the rows, and dropout.
    engine : {"auto", "native", "reference"}
        What computes.
    threads : int or None
        How many threads may be used; None: by the size of the work.
    class_weight : dict, "balanced" or None
        How much the rows of each class count, multiplied with `sample_weight`.

    Attributes
    ----------
    classes_ : array (K,)
        The labels.
    encoder_ : TableEncoder
        What makes numbers of columns.
    network_, networks_ : Network, list of Network
        The network (of several the first one), and all of them.
    history_ : History
        Every epoch of its training.
    target_ : Target
        What is predicted.
    n_features_in_, feature_names_in_ : int, array
        How many columns there are, and their names, where they have some.

    Examples
    --------
    >>> from pellucid.estimators import TableClassifier
    >>> colours = ["red", "blue", None, "green"] * 30
    >>> rows = {"colour": colours, "size": [float(n % 7) for n in range(120)]}
    >>> liked = ["yes" if colour == "red" else "no" for colour in colours]
    >>> model = TableClassifier(recipe="plain", random_state=0).fit(rows, liked)
    >>> model.predict({"colour": ["red", "violet"], "size": [3.0, None]}).tolist()
    ['yes', 'no']
    """

    class_weight: Mapping[Any, float] | str | None = None

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **TableParameters._parameter_constraints,
        "class_weight": CLASS_WEIGHT,
    }

    @classmethod
    def load(cls, path: Any, *, classes: Any = None, **options: Any) -> TableClassifier:
        """The classifier of a file, or of a folder with several, that `save` or `pellucid train` wrote.

        It predicts what the saved one does, to the bit. Columns are told by their names; parameters of which a file
        tells nothing, such as the recipe, are the usual ones, and `report` needs a new `fit`.

        Parameters
        ----------
        path : path
            The file or folder. Nothing in it is ever run.
        classes : sequence or None
            The labels that `predict` returns, in the order of the names in the file. None: whole numbers or truths
            where all names are such, else the names.
        **options
            `engine` and `threads`, as for the estimator.
        """
        model = cls._loaded(path, "classes", options)
        model.classes_ = labels_of(model.target_.class_names, classes)
        return model

    def _target_of(self, values: Array, name: str) -> Target:
        check_classification_targets(values)
        self.classes_ = np.unique(values)
        return find_target(values, name, asked="classes")

    def _encode_target(self, values: Array) -> Array:
        return np.searchsorted(self.classes_, values).astype(np.int64)

    def _weigh(self, codes: Array, weight: Floats | None) -> Floats | None:
        if self.class_weight is None:
            return weight
        of_classes = compute_sample_weight(self.class_weight, self.classes_[codes])
        return of_classes if weight is None else of_classes * weight

    def predict_proba(self, X: Any) -> Floats:
        """The probabilities of `classes_` for rows X, (n, K)."""
        return self._answers(X)

    def predict(self, X: Any) -> Array:
        """The labels of rows X, (n,)."""
        answers = self._answers(X)
        return self.classes_[answers.argmax(axis=1)]

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """The accuracy; y may be left out where the target, named in `fit`, stands in X."""
        check_is_fitted(self, "networks_")
        return float(super().score(*self._to_score(X, y), sample_weight))


@dataclass(repr=False, eq=False)
class TableRegressor(RegressorMixin, TableParameters, TableEstimator):
    """A regressor for tables as they are: numbers, quantiles or counts from columns of any kind.

    Parameters
    ----------
    loss : {"squared_error", "absolute_error", "huber", "quantile", "poisson"} or Loss
        What is minimized: the mean, the median, something between them, `quantiles`, or the mean of counts.
    quantiles : sequence of float
        For loss="quantile": which; predictions then have a column for each.
    recipe, kinds, epochs, validation_fraction, n_models, random_state, engine, threads
        As for `TableClassifier`.

    Attributes
    ----------
    encoder_, network_, networks_, history_, target_, n_features_in_, feature_names_in_
        As for `TableClassifier`.

    Examples
    --------
    >>> import numpy as np
    >>> from pellucid.estimators import TableRegressor
    >>> x = np.linspace(-1, 1, 200)[:, None]
    >>> model = TableRegressor(recipe="fast", random_state=0).fit(x, x[:, 0] ** 2)
    >>> bool(model.score(x, x[:, 0] ** 2) > 0.95)
    True
    """

    loss: str | Loss = "squared_error"
    quantiles: Sequence[float] = QUANTILES

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **TableParameters._parameter_constraints,
        "loss": [StrOptions(set(NUMBER_LOSSES)), Loss],
        "quantiles": [tuple, list, np.ndarray],
    }

    @classmethod
    def load(cls, path: Any, **options: Any) -> TableRegressor:
        """The regressor of a file or folder, as for `TableClassifier.load`; loss and quantiles are in it."""
        model = cls._loaded(path, "numbers", options)
        return model.set_params(loss=model.target_.loss, quantiles=model.target_.levels or QUANTILES)

    def _target_of(self, values: Array, name: str) -> Target:
        asked, levels = tuple(self.quantiles), getattr(self.loss, "levels", None)
        if self.loss != "quantile" and asked not in (QUANTILES, levels):
            raise ValueError(
                f"quantiles={asked} are for loss='quantile', but loss is {self.loss!r}: leave one of them away."
            )
        return find_target(values, name, asked="numbers", loss=self.loss, quantiles=asked)

    def _encode_target(self, values: Array) -> Array:
        return self.target_.encode(values)

    def _weigh(self, codes: Array, weight: Floats | None) -> Floats | None:
        return weight

    def predict(self, X: Any) -> Floats:
        """The numbers for rows X: (n,); of several quantiles a column each, in their order."""
        return self._answers(X)

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """R²; of quantiles the mean of D², 1 − pinball loss/that of the best constant. y may be left out where the
        target, named in `fit`, stands in X.
        """
        check_is_fitted(self, "networks_")
        X, y = self._to_score(X, y)
        levels = self.target_.levels
        if len(levels) < 2:
            return float(super().score(X, y, sample_weight))
        predicted = self.predict(X)  # (n, levels)
        scores = [
            d2_pinball_score(y, predicted[:, place], sample_weight=sample_weight, alpha=level)
            for place, level in enumerate(levels)
        ]
        return float(np.mean(scores))
