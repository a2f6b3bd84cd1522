"""Estimators for tables as files: the networks with their encoder, and an estimator made of them again.

Contract: `save` writes model files, which cannot run code and which every command and `pellucid.load_ensemble` read;
`_loaded` makes an estimator of them that predicts the same, to the bit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from pellucid.formats.ensemble_file import load_ensemble, save_model
from pellucid.tables.fitting import TableModel
from pellucid.tables.targets import target_of_model
from pellucid.tables.value_counts import class_name
from pellucid.typing import Array


class TableFiles:
    """The part of an estimator for tables that writes and reads files."""

    def save(self: Any, path: Any) -> None:
        """Write the network with its encoder into a file, or several networks into a folder.

        `load` makes an estimator of them again; `pellucid.load_ensemble` reads the networks, and `pellucid predict`,
        `evaluate` and `export` take what is written.
        """
        check_is_fitted(self, "networks_")
        save_model(self.networks_, path)

    @classmethod
    def _loaded(cls: Any, path: Any, task: str, options: Mapping[str, Any]) -> Any:
        """An estimator of the networks of a file or folder, which predict classes or numbers."""
        together = load_ensemble(path, **options)
        encoder = together.preprocessing
        if encoder is None:
            raise ValueError(f"{path} knows no columns of a table: read it with pellucid.load_ensemble.")
        target = target_of_model(together, "target")
        if (target.task == "classes") != (task == "classes"):
            found, other = target.label, "Regressor" if task == "classes" else "Classifier"
            raise ValueError(f"{path} predicts {found}: read it with Table{other}.load.")
        model = cls(n_models=len(together.networks), **options)
        model.encoder_, model.target_, model.networks_ = encoder, target, list(together.networks)
        model._model = TableModel(target, model.networks_, [], encoder)
        model._histories, model._seen, model._job = [], None, None
        names = [*encoder.column_names, *(name for name, _ in encoder.left_out)]
        model.n_features_in_ = len(names)
        by_number = [f"x{number}" for number in range(len(names))]
        if set(names) == set(by_number):  # the estimator's own names for the columns of an array
            model._by_name, model._column_names = False, by_number
        else:
            model._by_name, model._column_names = True, None  # their order is not in the file
            model.feature_names_in_ = np.array(names, dtype=object)
        return model


def labels_of(names: Sequence[str], given: Any = None) -> Array:
    """The labels (K,) that stand behind the names of classes.

    Raises
    ------
    ValueError
        If labels are given, and their names are others.

    Examples
    --------
    >>> labels_of(["-2", "7"])
    array([-2,  7])
    >>> labels_of(["false", "true"]).dtype
    dtype('bool')
    >>> labels_of(["1", "many"]).tolist()
    ['1', 'many']
    """
    if given is not None:
        labels = np.asarray(given)
        if [class_name(label) for label in labels.tolist()] != list(names):
            raise ValueError(f"classes must be the labels named {', '.join(names)}, in this order, not {given!r:.80}.")
        return labels
    if sorted(names) == ["false", "true"]:
        return np.array([name == "true" for name in names])
    try:
        numbers = [int(name) for name in names]
    except ValueError:
        return np.array(names)
    whole = [str(number) for number in numbers] == list(names) and all(-(2**63) <= n < 2**63 for n in numbers)
    return np.array(numbers, dtype=np.int64) if whole else np.array(names)
