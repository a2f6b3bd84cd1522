"""Estimators for tables: frames and files as they are, categories and missing values included.

Contract: `fit` turns what it is given into a `Table` and a target (`_take`), the classifier or regressor says what the
target is (`_target_of`), and `pellucid.tables` does the rest: encoding, recipe, trainings, report. Arrays without names
are checked in scikit-learn's words; frames by the names of their columns.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, _fit_context
from sklearn.metrics import d2_pinball_score
from sklearn.utils import check_random_state, column_or_1d, compute_sample_weight
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import (
    _check_feature_names,
    _check_n_features,
    _check_sample_weight,
    _check_y,
    check_consistent_length,
    check_is_fitted,
    validate_data,
)

from pellucid.engines import ENGINES
from pellucid.estimators.classifier import CLASS_WEIGHT
from pellucid.estimators.parameters import AT_LEAST_1, BELOW_1
from pellucid.losses import Loss
from pellucid.network import Network
from pellucid.tables.cells import as_columns
from pellucid.tables.fitting import Settings, TableModel, plan
from pellucid.tables.recipes import RECIPES, Recipe, recipe_for
from pellucid.tables.report import TableReport
from pellucid.tables.report.folds import encoder_for
from pellucid.tables.running import run_all
from pellucid.tables.table import Table
from pellucid.tables.targets import NUMBER_LOSSES, QUANTILES, Target, find_target, present
from pellucid.tables.training import Telling, completed, first_report, measurement
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


class TableEstimator(BaseEstimator):
    """The family's base. See the head of this file."""

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self: Any, X: Any, y: Any = None, sample_weight: Any = None, *, target: str | None = None) -> Any:
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
        self._seen = (table, codes, weight)
        if interrupted:
            warnings.warn("Training was interrupted: what was learnt until then is used.", stacklevel=2)
        return self

    # -- what is given -------------------------------------------------------------------------------------------

    def _take(self: Any, X: Any, y: Any, sample_weight: Any, target: str | None) -> tuple[Table, Array, Any]:
        """The table without the target, the target (n,), the weights (n,) or None: only rows that have a target."""
        self._by_name = target is not None
        if isinstance(X, str | os.PathLike):
            from pellucid.tables.reading import read_table

            if target is None:
                raise ValueError(f"{os.fspath(X)!r} is a file: name its target, fit({os.fspath(X)!r}, target=…).")
            X = read_table(X, kinds=self.kinds)
        if target is not None:
            if y is not None:
                raise ValueError("The target was given twice: leave out either y or target.")
            table = X if isinstance(X, Table) else Table.of(_named(X), self.kinds)
            return self._split(table, target, sample_weight)
        if y is None:
            raise ValueError(
                f"This {type(self).__name__} estimator requires y to be passed, but the target y is None. Give y, or "
                f"the name of a column: fit(frame, target=…)."
            )
        if not _has_names(X):
            return self._take_array(X, y, sample_weight)
        _check_feature_names(self, X, reset=True)
        columns = _named(X)
        values = np.asarray(column_or_1d(y, warn=True))
        weight = None if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
        table = Table.of(columns, self.kinds)
        check_consistent_length(next(iter(table.values())), values)
        if isinstance(X, Mapping):
            self.n_features_in_ = len(table)
        else:
            _check_n_features(self, X, reset=True)
        there = present(values)
        if not there.all():
            self._say_dropped(len(there) - int(there.sum()))
            table, values = table.take(there), values[there]
            weight = None if weight is None else weight[there]
        return table, values, self._checked(weight, table)

    def _split(self: Any, table: Table, target: str, sample_weight: Any) -> tuple[Table, Array, Any]:
        rest, values, dropped = table.split_target(target)
        weight = None if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
        if dropped:
            self._say_dropped(dropped)
            weight = None if weight is None else weight[present(table[target])]
        self.n_features_in_ = len(rest)
        self.feature_names_in_ = np.array(list(rest), dtype=object)
        return rest, values, self._checked(weight, rest)

    def _take_array(self: Any, X: Any, y: Any, sample_weight: Any) -> tuple[Table, Array, Any]:
        """Arrays without names, checked in scikit-learn's words; columns of numbers are numbers."""
        X, y = validate_data(
            self,
            X,
            y,
            dtype=None,
            ensure_all_finite="allow-nan",
            ensure_min_samples=2,
            multi_output=True,  # for check_X_y to leave y alone: it is checked next
            y_numeric=False,
        )
        y = column_or_1d(y, warn=True) if y.ndim == 1 or y.shape[1] == 1 else _check_y(y, estimator=self)
        table = Table.of(_columns_of(X), self._kinds_of_arrays(X))
        return table, y, self._checked(sample_weight, table)

    def _kinds_of_arrays(self: Any, X: Array) -> dict[str, str]:
        if X.dtype.kind == "O":
            return dict(self.kinds or {})
        return {**dict.fromkeys(_names_of(X), "number"), **(self.kinds or {})}

    def _checked(self: Any, weight: Any, table: Table) -> Any:
        if weight is None:
            return None
        return _check_sample_weight(weight, np.empty((table.rows, 1)), ensure_non_negative=True)

    def _say_dropped(self: Any, count: int) -> None:
        rows = "row was" if count == 1 else "rows were"
        warnings.warn(f"{count:,} {rows} left out, since the target is missing.", stacklevel=5)

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

    def _columns_to_predict(self: Any, X: Any) -> Mapping[str, Any]:
        """The columns by the names that they had in `fit`.

        Where fit was told a target by its name, names alone count. Otherwise scikit-learn's rules hold: the same
        columns in the same order.
        """
        if isinstance(X, str | os.PathLike):
            from pellucid.tables.reading import read_columns

            return read_columns(X, texts=self.encoder_.text_columns)
        if not _has_names(X):
            X = validate_data(self, X, dtype=None, ensure_all_finite="allow-nan", reset=False)
            return _columns_of(X, self._column_names)
        columns = _named(X)
        if self._by_name:
            return columns
        _check_feature_names(self, X, reset=False)
        if len(columns) != self.n_features_in_:
            _check_n_features(self, X, reset=False)
        if isinstance(X, Mapping) and set(columns) == set(self._column_names):
            return columns
        return dict(zip(self._column_names, (columns[name] for name in columns), strict=True))

    @property
    def network_(self: Any) -> Network:
        """The network; of several the first one, `networks_` has all."""
        check_is_fitted(self, "networks_")
        return self.networks_[0]

    @property
    def history_(self: Any) -> History:
        """What happened in its training, epoch by epoch."""
        check_is_fitted(self, "networks_")
        return self._histories[0]

    def report(self: Any, folds: int | None = None) -> TableReport:
        """Measure the estimator on folds of the rows it was fitted on, beside simpler and other models.

        Every fold trains networks anew, as `fit` did. Print the report, or `report.to_html("report.html")`.

        Parameters
        ----------
        folds : int or None
            How many; 1 is a single split; None: 5, fewer for large tables.
        """
        check_is_fitted(self, "networks_")
        if getattr(self, "_seen", None) is None:
            raise ValueError("report needs the rows that fit was given, and they are not kept in a file: fit it again.")
        table, y, weight = self._seen
        name = self.recipe if isinstance(self.recipe, str) else "your own"
        report = first_report(table, self.target_, self._model, 0, name)
        measured = measurement(table, y, self.target_, self._settings_used, folds, weight)
        if measured is not None and run_all(measured.jobs, self.threads):
            raise KeyboardInterrupt
        return completed(report, measured, self._model, table, Telling())

    def save(self: Any, path: Any) -> None:
        """Write the network with its encoder into a file that `pellucid.load` and `pellucid predict` read."""
        from pellucid.formats.model_file import save

        check_is_fitted(self, "networks_")
        if len(self.networks_) > 1:
            raise ValueError(f"save writes one network, but this estimator has {len(self.networks_)}: see networks_.")
        save(self.network_, path)

    def __getstate__(self: Any) -> Any:
        state = super().__getstate__()
        return {**state, "_seen": None} if "_seen" in state else state

    def __sklearn_tags__(self: Any) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        tags.target_tags.required = True
        tags.non_deterministic = False
        return tags


def _has_names(X: Any) -> bool:
    """Whether X has columns with names: a frame, a mapping, a structured array, rows that are mappings."""
    if hasattr(X, "toarray"):  # sparse: some of these are mappings
        return False
    if isinstance(X, np.ndarray):
        return X.dtype.names is not None
    if isinstance(X, list | tuple):
        return bool(X) and isinstance(X[0], Mapping)
    if isinstance(X, Table | Mapping) or hasattr(X, "column_names"):
        return True
    return hasattr(X, "columns") and hasattr(X, "__getitem__") and hasattr(X, "shape")


def _named(X: Any) -> Mapping[str, Any]:
    """The columns of X by name; names that are no texts (0, 1, …) become texts."""
    columns = None if hasattr(X, "column_names") else getattr(X, "columns", None)  # Arrow's are no names
    if columns is not None and not isinstance(X, Table) and not all(isinstance(name, str) for name in columns):
        return {str(name): X[name] for name in columns}
    return as_columns(X)


def _names_of(X: Array) -> list[str]:
    return [f"x{number}" for number in range(X.shape[1])]


def _columns_of(X: Array, names: Sequence[str] | None = None) -> dict[str, Array]:
    return {name: X[:, place] for place, name in enumerate(_names_of(X) if names is None else names)}


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
        How many networks answer together, from different first weights and other validation rows.
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

    def _target_of(self, values: Array, name: str) -> Target:
        check_classification_targets(values)
        self.classes_ = np.unique(values)
        return find_target(self.classes_[np.searchsorted(self.classes_, values)], name, asked="classes")

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

    def _target_of(self, values: Array, name: str) -> Target:
        return find_target(values, name, asked="numbers", loss=self.loss, quantiles=tuple(self.quantiles))

    def _encode_target(self, values: Array) -> Array:
        return self.target_.encode(values)

    def _weigh(self, codes: Array, weight: Floats | None) -> Floats | None:
        return weight

    def predict(self, X: Any) -> Floats:
        """The numbers for rows X: (n,); of several quantiles a column each, in their order."""
        return self._answers(X)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """R²; of quantiles the mean of D², 1 − pinball loss/that of the best constant."""
        levels = self.target_.levels
        if len(levels) < 2:
            return float(super().score(X, y, sample_weight))
        predicted = self.predict(X)  # (n, levels)
        scores = [
            d2_pinball_score(y, predicted[:, place], sample_weight=sample_weight, alpha=level)
            for place, level in enumerate(levels)
        ]
        return float(np.mean(scores))
