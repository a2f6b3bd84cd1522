"""A search over recipes: Optuna asks, networks answer, the best one is kept at any time.

Contract: `Search` divides the rows once (training, validation, test), `run` tries recipes until time or trials are up,
or Ctrl-C comes; what was tried lies in a journal file, and a search with the same file goes on where it stopped. Trials
are compared on the validation rows; the test rows are for the end alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from pellucid.datasets.splits import split_indices
from pellucid.extras import pip_install
from pellucid.tables.cells import TableError
from pellucid.tables.fitting import Settings, TableModel
from pellucid.tables.recipes import Recipe
from pellucid.tables.report.folds import encoder_for
from pellucid.tables.report.metrics import measures_of
from pellucid.tables.running import Job, Rows
from pellucid.tables.space import parameters_of, suggested
from pellucid.tables.table import Table
from pellucid.tables.targets import Target
from pellucid.training import Callback, Trainer
from pellucid.training.interrupts import interrupts_deferred
from pellucid.typing import Array

_PART = 0.2  # of the rows to validate, and as many to test
_LEAST_ROWS = 30
_LOOKS = 32  # at a training that may be given up
_STARTUP_TRIALS = 4  # which are never given up


def _optuna() -> Any:
    try:
        import optuna
    except ImportError as error:
        raise ImportError(f"The search needs Optuna: {pip_install('tune')}.") from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


class Tried(NamedTuple):
    """What became of a trial."""

    number: int
    value: float | None
    """The validation measure: wrong classes, or the loss of numbers; None where it was given up or exploded."""
    recipe: Recipe
    best: bool
    seconds: float
    state: str


class _Pruning(Callback):
    """Tells Optuna the best value so far, and ends a training that others are far ahead of."""

    def __init__(self, trial: Any, column: str, every: int, wrong: bool) -> None:
        self.trial, self.column, self.every, self.wrong = trial, column, every, wrong
        self.pruned = False

    def interval(self, trainer: Trainer) -> int:
        """So many looks in all."""
        return self.every

    def epoch(self, trainer: Trainer) -> None:
        """Report; stop if it is hopeless."""
        values = [value for value in trainer.history[self.column] if value is not None]
        if not values:
            return
        self.trial.report(1.0 - max(values) if self.wrong else min(values), trainer.epoch)
        if self.trial.should_prune():
            self.pruned = True
            trainer.stop("Given up: other trials were far ahead.")


class Search:
    """A search for the best recipe of a table.

    Parameters
    ----------
    table, y : Table, array (n,)
        The columns and the encoded target.
    target : Target
        What is predicted.
    settings : Settings
        The recipe that is varied, the seed, the budget of a training.
    journal : path
        The file of what was tried, made if it is not there; a search with the same file goes on.
    weight : array (n,) or None
        How much each row counts, in training and in what trials are compared by.

    Attributes
    ----------
    best : TableModel or None
        The best model of this run of the search.
    """

    def __init__(
        self, table: Table, y: Array, target: Target, settings: Settings, journal: Path, weight: Array | None = None
    ) -> None:
        if table.rows < _LEAST_ROWS:
            raise TableError(
                f"{table.source} has {table.rows} rows with a target: a search needs at least {_LEAST_ROWS}, to train, "
                f"to choose and to test by. Use pellucid train."
            )
        self.target, self.settings = target, settings
        how: dict[str, Any] = {"stratify": target.task == "classes", "seed": settings.seed}
        try:
            training, holding, testing = split_indices(y, _PART, _PART, **how)
        except ValueError:  # a class is too rare to be in all parts
            training, holding, testing = split_indices(y, _PART, _PART, stratify=False, seed=settings.seed)
        self.encoder = encoder_for(table.take(training), settings)
        x = self.encoder.transform(table)
        self.rows, self.held, self.test = (
            Rows(x[part], y[part], None if weight is None else weight[part]) for part in (training, holding, testing)
        )
        self.epochs = settings.epochs or settings.recipe.epochs_for(len(training), settings.visits)
        name = f"{target.name}-{len(y)}-{self.epochs}"  # other rows or epochs: values that cannot be compared
        name += "" if weight is None else "-weighted"
        with interrupts_deferred():
            self._open(name, journal)
        self.best: TableModel | None = None
        self.best_recipe = settings.recipe

    def _open(self, name: str, journal: Path) -> None:
        """Begin the study of this name, or go on with it."""
        optuna, settings = _optuna(), self.settings
        storage = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(str(journal)))
        done = [study.study_name for study in optuna.get_all_study_summaries(storage)]
        self.goes_on = name in done
        self.study = optuna.create_study(study_name=name, storage=storage, load_if_exists=True, direction="minimize")
        trials = self.study.get_trials(deepcopy=False)
        # A sampler begins anew with every run: with the seed alone it would propose again what was tried.
        self.study.sampler = optuna.samplers.TPESampler(seed=(settings.seed + len(trials)) % 2**32)
        self.study.pruner = optuna.pruners.MedianPruner(
            n_startup_trials=_STARTUP_TRIALS, n_warmup_steps=self.epochs // 4
        )
        first, states = parameters_of(settings.recipe, self.target.task), optuna.trial.TrialState
        if first and not any(trial.state in (states.COMPLETE, states.PRUNED, states.WAITING) for trial in trials):
            self.study.enqueue_trial(first)  # again, where its first training was interrupted

    @property
    def tried(self) -> int:
        """How many trials have ended, earlier runs included."""
        return sum(trial.state.is_finished() for trial in self.study.get_trials(deepcopy=False))

    @property
    def best_value(self) -> float | None:
        """The best validation measure so far, earlier runs included."""
        states = [_optuna().trial.TrialState.COMPLETE]
        done = self.study.get_trials(deepcopy=False, states=states)
        return min((trial.value for trial in done), default=None)

    def run(
        self,
        *,
        seconds: float | None = None,
        trials: int | None = None,
        told: Callable[[Tried], None] = lambda tried: None,
        kept: Callable[[TableModel, Recipe], None] = lambda model, recipe: None,
    ) -> bool:
        """Try recipes until the time or the trials are up; answer whether Ctrl-C came.

        Parameters
        ----------
        seconds : float or None
            No trial begins after so many.
        trials : int or None
            How many are tried in this run.
        told : function
            Told of each trial.
        kept : function
            Given each model that is better than all before it, with its recipe.
        """
        began, number = time.monotonic(), 0
        try:
            while (trials is None or number < trials) and (seconds is None or time.monotonic() - began < seconds):
                number += 1
                self._try(told, kept)
        except KeyboardInterrupt:
            return True
        return False

    def _try(self, told: Callable[[Tried], None], kept: Callable[[TableModel, Recipe], None]) -> None:
        """One trial: asked for, trained, kept if it is the best, told of.

        Ctrl-C ends the training; what the journal and the folder say of it is written whole or not at all.
        """
        states, trial = _optuna().trial.TrialState, None
        try:
            with interrupts_deferred():
                trial, before = self.study.ask(), self.best_value
                recipe = suggested(trial, self.settings.recipe, self.target.task)
            pruning = _Pruning(trial, self.target.watch, self._every, wrong=self.target.task == "classes")
            job = self._job(f"trial {trial.number + 1}", recipe, pruning)
            job.prepare()
            job.run()
            if job.interrupted:
                raise KeyboardInterrupt
        except BaseException:
            with interrupts_deferred():
                if trial is not None:
                    self.study.tell(trial, state=states.FAIL)
            raise
        assert job.trainer is not None
        seconds = job.trainer.history.seconds
        with interrupts_deferred():
            if job.diverged is not None:
                self.study.tell(trial, state=states.FAIL)
                told(Tried(trial.number + 1, None, recipe, False, seconds, "exploded"))
            elif pruning.pruned:
                self.study.tell(trial, state=states.PRUNED)
                told(Tried(trial.number + 1, None, recipe, False, seconds, "given up"))
            else:
                value = self._value(job)
                best = before is None or value < before
                if best:  # kept before it is told: what is kept is never worse than what the journal knows
                    self.best, self.best_recipe = TableModel.of([job], self.encoder), recipe
                    kept(self.best, recipe)
                self.study.tell(trial, value)
                told(Tried(trial.number + 1, value, recipe, best, seconds, "done"))

    @property
    def _every(self) -> int:
        """How many epochs lie between two looks at a training."""
        return max(1, self.epochs // _LOOKS)

    def _job(self, name: str, recipe: Recipe, pruning: Callback) -> Job:
        return Job(
            name=name,
            recipe=recipe,
            layout=self.encoder.layout,
            target=self.target,
            rows=self.rows,
            held=self.held,
            epochs=self.epochs,
            seed=self.settings.seed,
            engine=self.settings.engine,
            threads=self.settings.threads,
            callbacks=[pruning],
        )

    def _value(self, job: Job) -> float:
        """The validation measure of a training: of the best epoch, whose weights are restored."""
        assert job.trainer is not None
        if self.held.weight is not None and self.target.task == "classes":
            wrong = job.network.predict(self.held.x) != self.held.y
            return float(np.average(wrong, weights=self.held.weight))
        values = [value for value in job.trainer.history[self.target.watch] if value is not None]
        return float(1.0 - max(values) if self.target.task == "classes" else min(values))

    def tested(self, model: TableModel) -> dict[str, float]:
        """The measures of a model on the test rows, which no trial was chosen by."""
        answers = model.answers(self.test.x)
        return {measure.title: measure(self.test.y, answers, self.test.weight) for measure in measures_of(self.target)}

    def words_of(self, recipe: Recipe) -> str:
        """What a recipe has other than the one that the search began with."""
        base = self.settings.recipe
        names = [*parameters_of(base, self.target.task), "sigma"]
        changed = [name for name in dict.fromkeys(names) if getattr(recipe, name) != getattr(base, name)]
        return ", ".join(f"{name.replace('_', ' ')} {_value(getattr(recipe, name))}" for name in changed) or "as it was"


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, tuple):
        return "-".join(map(str, value))
    return f"{value:.3g}" if isinstance(value, float) else str(value)
