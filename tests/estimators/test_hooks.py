"""scikit-learn's callbacks: each epoch is a task of the fit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV

from pellucid.estimators import MLPClassifier, MLPRegressor

from .conftest import Data, short

callback = pytest.importorskip("sklearn.callback", reason="this scikit-learn has no callbacks")


class Recorder:
    """Writes down what it is told."""

    def __init__(self, stop_after: int = 10**9) -> None:
        self.events: list[tuple[str, str, int]] = []
        self.scores: list[float] = []
        self.stop_after = stop_after

    def setup(self, estimator: Any, context: Any) -> None:
        self.events.append(("setup", context.task_name, context.max_subtasks))

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        self.events.append(("begin", context.task_name, context.task_id))

    def on_fit_task_end(self, estimator: Any, context: Any, *, X: Any, y: Any, fitted_estimator: Any) -> bool:
        self.events.append(("end", context.task_name, context.task_id))
        if fitted_estimator is not None and context.task_name == "epoch":
            self.scores.append(fitted_estimator.score(X, estimator.classes_[y]))
        return context.task_name == "epoch" and context.task_id + 1 >= self.stop_after

    def teardown(self, estimator: Any, context: Any) -> None:
        self.events.append(("teardown", context.task_name, 0))


@short
def test_every_epoch_is_told_and_the_estimator_of_that_moment_is_there(digits: Data) -> None:
    recorder = Recorder()
    model = MLPClassifier(max_iter=3, random_state=0).set_callbacks(recorder).fit(*digits)
    epochs = [event for number in range(3) for event in (("begin", "epoch", number), ("end", "epoch", number))]
    fit = [("setup", "fit", 3), ("begin", "fit", 0), *epochs, ("end", "fit", 0), ("teardown", "fit", 0)]
    assert recorder.events == fit
    assert recorder.scores[-1] == model.score(*digits)
    assert len(set(recorder.scores)) > 1
    plain = MLPClassifier(max_iter=3, random_state=0).fit(*digits)
    np.testing.assert_array_equal(model.predict_proba(digits[0]), plain.predict_proba(digits[0]))


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_a_callback_may_stop_training(digits: Data, solver: str) -> None:
    recorder = Recorder(stop_after=4)
    model = MLPClassifier(random_state=0, solver=solver).set_callbacks(recorder).fit(*digits)
    assert model.n_iter_ == 4
    assert recorder.events[-1][0] == "teardown"
    begun = [event for event in recorder.events if event[0] == "begin"]
    assert len(begun) == len([event for event in recorder.events if event[0] == "end"])


@short
def test_a_progress_bar_and_a_search(numbers: Data) -> None:
    pytest.importorskip("rich")
    search = GridSearchCV(MLPRegressor(max_iter=2, random_state=0), {"width": [2, 3]}, cv=2)
    search.set_callbacks(callback.ProgressBar(max_propagation_depth=None)).fit(*numbers)
    assert search.best_estimator_.n_iter_ == 2


@short
def test_models_side_by_side_are_one_task(digits: Data) -> None:
    recorder = Recorder()
    MLPClassifier(max_iter=3, random_state=0, n_models=2).set_callbacks(recorder).fit(*digits)
    assert [event[:2] for event in recorder.events] == [
        ("setup", "fit"), ("begin", "fit"), ("end", "fit"), ("teardown", "fit"),
    ]  # fmt: skip
