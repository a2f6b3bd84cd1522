"""What the estimators for tables are given: frames, files, mappings and arrays, made columns with names.

Contract: `_take` returns the table without the target, the target and the weights, of the rows that have a target;
`_columns_to_predict` the columns of new rows by the names that they had then. Arrays without names are checked in
scikit-learn's words; frames by the names of their columns.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.utils import column_or_1d
from sklearn.utils.validation import (
    _check_feature_names,
    _check_n_features,
    _check_sample_weight,
    _check_y,
    check_consistent_length,
    validate_data,
)

from pellucid.encoding.cells import TableError, as_cells, as_columns, refuse_lazy
from pellucid.tables.table import Table
from pellucid.tables.targets import present
from pellucid.typing import Array


class ColumnsTaken:
    """The part of an estimator for tables that looks at what it is given."""

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
        columns = _named(X)
        _check_feature_names(self, X, reset=True)
        values = np.asarray(column_or_1d(y, warn=True))
        weight = None if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
        table = Table.of(columns, self.kinds)
        check_consistent_length(next(iter(table.values())), values)
        if _is_plain(X):  # scikit-learn sees no names in it
            self.n_features_in_, self.feature_names_in_ = len(table), np.array(list(table), dtype=object)
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

    def _to_score(self: Any, X: Any, y: Any) -> tuple[Any, Any]:
        """What is predicted for, and what is true: where fit was told a target by its name, it may stand in X."""
        if y is not None or not self._by_name:
            return X, y
        columns, values = _known_target(self._columns_to_predict(X), self.target_.name)
        codes = self.target_.encode(values)
        return columns, self.classes_[codes] if self.target_.task == "classes" else codes

    def _columns_to_predict(self: Any, X: Any) -> Mapping[str, Any]:
        """The columns by the names that they had in `fit`.

        Where fit was told a target by its name, names alone count, and in mappings, rows that are mappings and
        structured arrays. Otherwise scikit-learn's rules hold: the same columns in the same order.
        """
        if isinstance(X, str | os.PathLike):
            from pellucid.tables.reading import read_columns

            return read_columns(X, texts=self.encoder_.text_columns)
        if not _has_names(X):
            if self._column_names is None:
                raise ValueError(
                    "This estimator was read from a file, which tells columns by their names and not by their order: "
                    f"give a frame or a mapping with the columns {', '.join(self.encoder_.column_names[:10])}."
                )
            X = validate_data(self, X, dtype=None, ensure_all_finite="allow-nan", reset=False)
            return _columns_of(X, self._column_names)
        columns = _named(X)
        if self._by_name or _is_plain(X):
            return columns
        _check_feature_names(self, X, reset=False)
        if len(columns) != self.n_features_in_:
            _check_n_features(self, X, reset=False)
        return dict(zip(self._column_names, (columns[name] for name in columns), strict=True))


def _known_target(columns: Mapping[str, Any], name: str) -> tuple[Mapping[str, Any], Array]:
    """The columns of the rows whose target is known, and the target (n,)."""
    if name not in columns:
        raise TableError(f"score needs y, or the target {name!r:.60} among the columns.")
    values = as_cells(columns[name], name)
    there = present(values)
    return {each: as_cells(columns[each], each)[there] for each in columns}, values[there]


def _is_plain(X: Any) -> bool:
    """Whether X has names, and is no frame."""
    return isinstance(X, Mapping | list | tuple | np.ndarray) and not isinstance(X, Table)


def _has_names(X: Any) -> bool:
    """Whether X has columns with names: a frame, a mapping, a structured array, rows that are mappings."""
    refuse_lazy(X)
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
