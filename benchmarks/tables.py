"""Networks for tables beside scikit-learn's models and RealMLP's own code: scores and seconds on five folds each.

python -m benchmarks tables        the tables at hand, everybody on the same folds
python -m benchmarks ablation      the strong recipe without one of its tricks at a time
"""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from pellucid.datasets.splits import k_fold_indices
from pellucid.tables.encoder import TableEncoder
from pellucid.tables.fitting import Settings, TableModel, plan
from pellucid.tables.reading import read_table
from pellucid.tables.recipes import TRICKS, Recipe, recipe_for
from pellucid.tables.report.folds import encoder_for
from pellucid.tables.report.metrics import measures_of
from pellucid.tables.report.rivals import matrices
from pellucid.tables.running import run_all
from pellucid.tables.table import Table
from pellucid.tables.targets import Target, find_target

_FOLDS = 5
_FILES = {"diamonds": "price", "Default": "default", "Bikeshare": "bikers"}
_IGNORED = {"Bikeshare": {"casual": "ignore", "registered": "ignore"}}  # they add up to the target
_BUNDLED = {
    "breast cancer": "load_breast_cancer",
    "wine": "load_wine",
    "iris": "load_iris",
    "digits": "load_digits",
    "diabetes": "load_diabetes",
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
    """The tables that are at hand: of PELLUCID_DATA/tables, and those that scikit-learn carries."""
    from sklearn import datasets

    folder = Path(os.environ.get("PELLUCID_DATA", ".")) / "tables"
    for name, target in _FILES.items():
        path = folder / f"{name}.csv"
        if path.exists() and not quick:
            rest, values, _ = read_table(path, kinds=_IGNORED.get(name)).split_target(target)
            what = find_target(values, target)
            yield name, Case(rest, what.encode(values), what)
    for name, loader in _BUNDLED.items():
        if quick and name not in _QUICK:
            continue
        bunch = getattr(datasets, loader)()
        names = [str(column) for column in bunch.feature_names]
        columns = dict(zip(names, bunch.data.T, strict=True))
        table = Table.of(columns, dict.fromkeys(names, "number"), name=name)
        target = find_target(bunch.target, name, asked="numbers" if name == "diabetes" else "classes")
        yield name, Case(table, target.encode(bunch.target), target)


def folds_of(case: Case) -> list[tuple[Fold, Any, Any]]:
    """The folds, each with the true values of its test rows and their numbers."""
    divisions = k_fold_indices(case.y, _FOLDS, stratify=case.target.task == "classes")
    return [
        (Fold(case.table.take(a), case.y[a], case.table.take(b), case.target, seed), case.y[b], b)
        for seed, (a, b) in enumerate(divisions)
    ]


def by_recipe(recipe: Recipe) -> Callable[[Fold], Any]:
    """Our network: encoder, training, prediction."""

    def answer(fold: Fold) -> Any:
        settings = Settings(recipe, seed=fold.seed)
        encoder = encoder_for(fold.train, settings)
        jobs = plan(encoder.transform(fold.train), fold.y, encoder.layout, fold.target, settings)
        run_all(jobs)
        return TableModel.of(jobs, encoder).answers(encoder.transform(fold.test))

    return answer


def of_recipe(name: str) -> Callable[[Fold], Any]:
    """Our network by the recipe of a name."""
    return lambda fold: by_recipe(recipe_for(name, fold.target.task))(fold)


def _scaled(fold: Fold) -> tuple[Any, Any]:
    """Columns one-hot and standardized, as scikit-learn's networks and linear models want them."""
    from sklearn.preprocessing import StandardScaler

    encoder = TableEncoder.fit(fold.train, one_hot_up_to=1000, clip=1e6)
    train, test = encoder.transform(fold.train), encoder.transform(fold.test)
    scaler = StandardScaler().fit(train)
    return scaler.transform(train), scaler.transform(test)


def _fitted(model: Any, fold: Fold, train: Any, test: Any) -> Any:
    y = fold.y
    if fold.target.task == "classes":
        return model.fit(train, y).predict_proba(test)
    mean, deviation = y.mean(), y.std()  # scikit-learn's network does not scale its target
    return model.fit(train, (y - mean) / deviation).predict(test) * deviation + mean


def scikit_learns_network(fold: Fold) -> Any:
    """MLPClassifier or MLPRegressor with its defaults."""
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    model = MLPClassifier if fold.target.task == "classes" else MLPRegressor
    return _fitted(model(random_state=fold.seed), fold, *_scaled(fold))


def linear(fold: Fold) -> Any:
    """Logistic or linear regression."""
    from sklearn.linear_model import LinearRegression, LogisticRegression

    model = LogisticRegression(max_iter=1000) if fold.target.task == "classes" else LinearRegression()
    return _fitted(model, fold, *_scaled(fold))


def boosting(fold: Fold) -> Any:
    """HistGradientBoosting with its defaults, on the columns as they are."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    train, test, categories = matrices(fold.train, fold.test)
    model = HistGradientBoostingClassifier if fold.target.task == "classes" else HistGradientBoostingRegressor
    return _fitted(model(categorical_features=categories, random_state=fold.seed), fold, train, test)


def realmlp(fold: Fold) -> Any:
    """RealMLP-TD-S of its authors, on the CPU."""
    from pytabkit import RealMLP_TD_S_Classifier, RealMLP_TD_S_Regressor

    train, test, categories = matrices(fold.train, fold.test)
    model = RealMLP_TD_S_Classifier if fold.target.task == "classes" else RealMLP_TD_S_Regressor
    columns = [place for place, category in enumerate(categories) if category]
    fitted = model(random_state=fold.seed, device="cpu").fit(np.nan_to_num(train), fold.y, cat_col_names=columns)
    return fitted.predict_proba(np.nan_to_num(test)) if fold.target.task == "classes" else fitted.predict(test)


CONTENDERS: dict[str, Callable[[Fold], Any]] = {
    "strong": of_recipe("strong"),
    "fast": of_recipe("fast"),
    "scikit-learn's MLP": scikit_learns_network,
    "linear": linear,
    "HistGradientBoosting": boosting,
    "pytabkit's RealMLP-TD-S": realmlp,
}


def measured(case: Case, answer: Callable[[Fold], Any]) -> tuple[Any, float] | None:
    """The score of each fold, and the seconds of one in the mean; None where a package is missing."""
    measure = measures_of(case.target)[0]
    scores, began = [], time.perf_counter()
    for fold, truth, _ in folds_of(case):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                scores.append(measure(truth, answer(fold)))
        except ImportError:  # noqa: PERF203
            return None
    return np.array(scores), (time.perf_counter() - began) / _FOLDS


def rows(quick: bool) -> Iterator[tuple[str, ...]]:
    """A line for each table: score ± standard error and seconds a fold of everybody; the mean ranks in the last."""
    ranks: dict[str, list[float]] = {name: [] for name in CONTENDERS}
    for name, case in cases(quick):
        found = {who: measured(case, answer) for who, answer in CONTENDERS.items()}
        means = {who: result[0].mean() for who, result in found.items() if result is not None}
        for who in means:
            better = sum(other > means[who] for other in means.values())
            same = sum(other == means[who] for other in means.values())
            ranks[who].append(better + (same + 1) / 2)
        title = f"{name}, {case.table.rows:,} rows, {measures_of(case.target)[0].title}"
        yield (title, *(_cell(found[who]) for who in CONTENDERS))
    yield ("mean rank", *(f"{np.mean(values):.2f}" if values else "–" for values in ranks.values()))


def _cell(result: tuple[Any, float] | None) -> str:
    if result is None:
        return "–"
    scores, seconds = result
    return f"{scores.mean():.4f} ± {scores.std(ddof=1) / np.sqrt(len(scores)):.4f}, {seconds:.2g} s"


def ablation(quick: bool) -> Iterator[tuple[str, ...]]:
    """The strong recipe without one trick at a time: what the score loses on each table, and in the mean."""
    everything = dict(cases(quick))
    names = [name for name in everything if name != "diamonds"]  # it alone would take an hour
    whole = {name: _scores(everything[name], None) for name in names}
    yield ("all of it", *(f"{whole[name].mean():.4f}" for name in names), "")
    for trick in list(TRICKS)[:2] if quick else TRICKS:
        losses = {name: (whole[name] - _scores(everything[name], trick)) for name in names}
        mean = float(np.mean([loss.mean() for loss in losses.values()]))
        yield (f"without {trick}", *(f"{-losses[name].mean():+.4f}" for name in names), f"{-mean:+.4f}")


def ablation_columns() -> tuple[str, ...]:
    """The heading of the ablation's table."""
    return ("", *(name for name in [*_FILES, *_BUNDLED] if name != "diamonds"), "mean")


def _scores(case: Case, trick: str | None) -> Any:
    recipe = recipe_for("strong", case.target.task)
    result = measured(case, by_recipe(recipe if trick is None else recipe.without(trick)))
    assert result is not None
    return result[0]


def speed(quick: bool) -> Iterator[tuple[str, ...]]:
    """Rows a second that a strong network predicts, from encoded rows and from columns, and what memory that takes."""
    import resource

    name, case = next(cases(quick))
    recipe = replace(recipe_for("strong", case.target.task), epochs=1)
    settings = Settings(recipe)
    encoder = encoder_for(case.table, settings)
    x = encoder.transform(case.table)
    jobs = plan(x, case.y, encoder.layout, case.target, settings)
    run_all(jobs)
    model = TableModel.of(jobs, encoder)
    for what, answer in {
        "encoded rows": lambda: model.answers(x),
        "columns": lambda: model.answers(encoder.transform(case.table)),
    }.items():
        answer()
        began = time.perf_counter()
        answer()
        taken = time.perf_counter() - began
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        yield (f"{name}, {what}: rows a second", f"{case.table.rows / taken:,.0f}", f"{peak:,.0f} MiB at most", "")
