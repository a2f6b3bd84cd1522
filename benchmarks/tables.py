"""Networks for tables beside scikit-learn's models and RealMLP's own code: scores and seconds on five folds each.

python -m benchmarks tables        the tables at hand, everybody on the same folds
python -m benchmarks ablation      the strong recipe without one of its tricks at a time
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from benchmarks.table_cases import FOLDS, Case, Fold, cases, folds_of
from pellucid.encoding.encoder import TableEncoder
from pellucid.engines.cores import usable_cores
from pellucid.tables.fitting import Settings, TableModel, plan
from pellucid.tables.recipes import TRICKS, Recipe, recipe_for
from pellucid.tables.report.baselines import matrices
from pellucid.tables.report.folds import encoder_for
from pellucid.tables.report.metrics import ACCURACY, LOG_LOSS, R2, Measure, measures_of
from pellucid.tables.running import run_all

_MOST_ROWS = 1_500  # of a table that the ablation is made on: the larger ones would take hours


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
    """Logistic or ridge regression; without a penalty, rare categories would get enormous weights."""
    from sklearn.linear_model import LogisticRegression, Ridge

    model = LogisticRegression(max_iter=1000) if fold.target.task == "classes" else Ridge()
    return _fitted(model, fold, *_scaled(fold))


def boosting(fold: Fold) -> Any:
    """HistGradientBoosting with its defaults, on the columns as they are."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    train, test, categories = matrices(fold.train, fold.test)
    model = HistGradientBoostingClassifier if fold.target.task == "classes" else HistGradientBoostingRegressor
    return _fitted(model(categorical_features=categories, random_state=fold.seed), fold, train, test)


def realmlp(fold: Fold) -> Any:
    """RealMLP-TD-S of its authors, on the CPU; missing numbers, which it does not take, are the median."""
    import logging

    from pytabkit import RealMLP_TD_S_Classifier, RealMLP_TD_S_Regressor

    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    train, test, categories = _frames(fold)
    model = RealMLP_TD_S_Classifier if fold.target.task == "classes" else RealMLP_TD_S_Regressor
    network = model(random_state=fold.seed, device="cpu", n_threads=usable_cores())
    fitted = network.fit(train, fold.y, cat_col_names=categories)
    return fitted.predict_proba(test) if fold.target.task == "classes" else fitted.predict(test)


def _frames(fold: Fold) -> tuple[Any, Any, list[str]]:
    """The columns as pandas has them, and which are categories; a missing one is a category of its own."""
    import pandas as pd

    train, test, categories = matrices(fold.train, fold.test)
    frames = [pd.DataFrame(rows, columns=[str(k) for k in range(rows.shape[1])]) for rows in (train, test)]
    for name, category in zip(frames[0].columns, categories, strict=True):
        for frame in frames:
            if category:
                frame[name] = frame[name].fillna(-1).astype(int).astype(str).astype("category")
            else:
                frame[name] = frame[name].fillna(np.nan_to_num(np.nanmedian(train[:, int(name)]))).astype(np.float32)
    return frames[0], frames[1], [name for name, is_one in zip(frames[0].columns, categories, strict=True) if is_one]


BOOSTING, AUTHORS = "HistGradientBoosting", "pytabkit's RealMLP-TD-S"
CONTENDERS: dict[str, Callable[[Fold], Any]] = {
    "strong": of_recipe("strong"),
    "fast": of_recipe("fast"),
    "scikit-learn's MLP": scikit_learns_network,
    "linear": linear,
    BOOSTING: boosting,
    AUTHORS: realmlp,
}


class Result(NamedTuple):
    """The score of each fold, and the seconds of one in the mean."""

    scores: Any
    seconds: float


def _measure(case: Case) -> Measure:
    """The measure of the tables that others publish."""
    return ACCURACY if case.target.task == "classes" else measures_of(case.target)[0]


def measured(case: Case, answer: Callable[[Fold], Any]) -> Result | None:
    """The folds of a table; None where a package is missing."""
    measure = _measure(case)
    scores, began = [], time.perf_counter()
    for fold, truth, _ in folds_of(case):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                scores.append(measure(truth, answer(fold)))
        except ImportError:  # noqa: PERF203
            return None
    return Result(np.array(scores), (time.perf_counter() - began) / FOLDS)


def rows(quick: bool) -> Iterator[tuple[str, ...]]:
    """A line for each table: score ± standard error and seconds a fold of everybody; below, what they come to."""
    everything: list[dict[str, Result]] = []
    for name, case in cases(quick):
        results = {who: measured(case, answer) for who, answer in CONTENDERS.items()}
        found = {who: result for who, result in results.items() if result is not None}
        everything.append(found)
        title = f"{name}, {case.table.rows:,} rows, {_measure(case).title}"
        yield (title, *(_cell(found.get(who)) for who in CONTENDERS))
    yield ("mean rank", *_over(everything, lambda who, found: f"{np.mean([_rank(who, one) for one in found]):.2f}"))
    for rival in (BOOSTING, AUTHORS):
        if not all(rival in found for found in everything):
            continue
        title = f"tables better, alike, worse than {rival} by more than a standard error"
        yield (title, *_over(everything, lambda who, found, rival=rival: _balance(who, rival, found)))
        title = f"{rival} takes so many times as long (geometric mean)"
        yield (title, *_over(everything, lambda who, found, rival=rival: _times(who, rival, found)))


def _over(everything: list[dict[str, Result]], words: Callable[[str, list[dict[str, Result]]], str]) -> list[str]:
    """Words on everybody who was measured on all tables."""
    return [words(who, everything) if all(who in found for found in everything) else "–" for who in CONTENDERS]


def _rank(who: str, found: dict[str, Result]) -> float:
    """1 for the best score; those who are equal share their places."""
    mine = found[who].scores.mean()
    others = [result.scores.mean() for result in found.values()]
    return sum(other > mine for other in others) + (sum(other == mine for other in others) + 1) / 2


def _balance(who: str, rival: str, everything: list[dict[str, Result]]) -> str:
    """On how many tables somebody is better, alike and worse, the same folds compared with each other."""
    if who == rival:
        return "–"
    lead = [_lead(found[who].scores - found[rival].scores) for found in everything]
    return ", ".join(str(lead.count(sign)) for sign in (1, 0, -1))


def _lead(differences: Any) -> int:
    """1 or -1 where the mean of some differences is further from 0 than its standard error, else 0."""
    error = differences.std(ddof=1) / np.sqrt(len(differences))
    return int(np.sign(differences.mean())) if abs(differences.mean()) > error else 0


def _times(who: str, rival: str, everything: list[dict[str, Result]]) -> str:
    ratios = [found[rival].seconds / found[who].seconds for found in everything]
    return "–" if who == rival else f"{np.exp(np.mean(np.log(ratios))):.2g} ×"


def _cell(result: Result | None) -> str:
    if result is None:
        return "–"
    scores = result.scores
    return f"{scores.mean():.4f} ± {scores.std(ddof=1) / np.sqrt(len(scores)):.4f}, {result.seconds:.2g} s"


ABLATION_COLUMNS = ("", "accuracy, points", "log loss", "100 R²", "tables worse", "alike", "better")


def ablation(quick: bool) -> Iterator[tuple[str, ...]]:
    """The strong recipe without one trick at a time: how scores change, and on how many tables the first of them."""
    small = [case for _, case in cases(quick) if case.table.rows <= _MOST_ROWS]
    recipes = [recipe_for("strong", case.target.task) for case in small]
    whole = [_scores(case, recipe) for case, recipe in zip(small, recipes, strict=True)]
    for trick in list(TRICKS)[:2] if quick else TRICKS:
        changes = []
        for case, recipe, scores in zip(small, recipes, whole, strict=True):
            other = recipe.without(trick)  # the same recipe, where the trick is none for the task
            changes.append((case.target.task, scores - scores if other == recipe else _scores(case, other) - scores))
        leads = [_lead(change[0]) for _, change in changes]
        yield (
            f"without {trick}",
            f"{100 * _mean(changes, 'classes', 0):+.2f}",
            f"{_mean(changes, 'classes', 1):+.3f}",
            f"{100 * _mean(changes, 'numbers', 0):+.2f}",
            *(str(leads.count(sign)) for sign in (-1, 0, 1)),
        )


def _mean(changes: list[tuple[str, Any]], task: str, measure: int) -> float:
    """The mean change of a measure over the tables of a task."""
    return float(np.mean([change[measure].mean() for found, change in changes if found == task]))


def _scores(case: Case, recipe: Recipe) -> Any:
    """Accuracy and log loss, or R², of each fold: (measures, folds)."""
    answer = by_recipe(recipe)
    measures = (ACCURACY, LOG_LOSS) if case.target.task == "classes" else (R2,)
    answers = [(truth, answer(fold)) for fold, truth, _ in folds_of(case)]
    return np.array([[measure(truth, found) for truth, found in answers] for measure in measures])


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
