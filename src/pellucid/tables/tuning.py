"""A search over recipes: Optuna proposes, networks are trained, the best one is kept at any time.

Contract: `Search` divides the rows once (training, validation, test), `run` tries recipes until time or trials are up,
or Ctrl-C comes; what was tried lies in a journal file, and a search with the same file continues where it stopped. The
recipe as it was is tried first. Trials are compared on the validation rows, by the measure that the report compares
models by; what is better there, but worse on the test rows than the recipe as it was, is not kept.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from pellucid.datasets.splits import split_indices
from pellucid.encoding.cells import TableError
from pellucid.extras import pip_install
from pellucid.tables.fitting import Settings, TableModel
from pellucid.tables.recipes import Recipe
from pellucid.tables.report.baselines import Fold
from pellucid.tables.report.folds import FoldTrainings, Measurement, encoder_for
from pellucid.tables.report.metrics import measures_of
from pellucid.tables.report.report import TableReport
from pellucid.tables.report.scores import AS_IT_WAS
from pellucid.tables.running import EncodedRows, Job
from pellucid.tables.search_space import parameters_of, sample
from pellucid.tables.table import Table
from pellucid.tables.targets import Target
from pellucid.tables.training import ProgressListener, completed, diagnosis_of, first_report
from pellucid.training import Callback, Trainer
from pellucid.training.interrupts import interrupts_deferred
from pellucid.typing import Array
from pellucid.validation import counted

_PART = 0.2  # of the rows to validate, and as many to test
_LEAST_ROWS = 30
_LOOKS = 32  # at a training that may be given up
_STARTUP_TRIALS = 4  # which are never given up
_TESTED = "as it was, on the test rows"  # of the first trial: its measure there
_REFUSED = "worse on the test rows than the recipe as it was"


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
    """The measure on the validation rows; None where it was given up or exploded."""
    recipe: Recipe
    best: bool
    seconds: float
    state: str


class _Pruning(Callback):
    """Tells Optuna the best value so far, and ends a training that others are far ahead of."""

    def __init__(self, trial: Any, column: str, every: int, higher: bool) -> None:
        self.trial, self.column, self.every, self.higher = trial, column, every, higher
        self.pruned = False

    def interval(self, trainer: Trainer) -> int:
        """This many looks in all."""
        return self.every

    def on_epoch_end(self, trainer: Trainer) -> None:
        """Report; stop if it is hopeless."""
        values = [value for value in trainer.history[self.column] if value is not None]
        if not values:
            return
        best = -min(values) if self.column.endswith("loss") else max(values)
        self.trial.report(best if self.higher else -best, trainer.epoch)
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
    measure : Measure
        What trials are compared by.
    best, best_recipe : TableModel or None, Recipe
        The best model of this run of the search, and its recipe.
    """

    def __init__(
        self, table: Table, y: Array, target: Target, settings: Settings, journal: Path, weight: Array | None = None
    ) -> None:
        if table.rows < _LEAST_ROWS:
            raise TableError(
                f"{table.source} has {counted(table.rows, 'row')} with a target: a search needs at least "
                f"{_LEAST_ROWS}, to train, to choose and to test by. Use pellucid train."
            )
        self.table, self.y, self.target, self.settings = table, y, target, settings
        self.measure, self.weight = measures_of(target)[0], weight
        how: dict[str, Any] = {"stratify": target.task == "classes", "seed": settings.seed}
        try:
            training, holding, testing = split_indices(y, _PART, _PART, **how)
        except ValueError:  # a class is too rare to be in all parts
            training, holding, testing = split_indices(y, _PART, _PART, stratify=False, seed=settings.seed)
        self.encoder = encoder_for(table.take(training), settings)
        self._known, self._tested = np.concatenate([training, holding]), testing
        x = self.encoder.transform(table)
        self.rows, self.held_out, self.test = (
            EncodedRows(x[part], y[part], None if weight is None else weight[part])
            for part in (training, holding, testing)
        )
        self.epochs = settings.epochs or settings.recipe.epochs_for(len(training), settings.visits)
        # Other rows, epochs or measures give values that cannot be compared.
        name = f"{target.name}-{len(y)}-{self.epochs}-{self.measure.name}"
        name += "" if weight is None else "-weighted"
        with interrupts_deferred():
            self._open(name, journal)
        self.best: TableModel | None = None
        self.best_recipe = settings.recipe
        self._best_job: Job | None = None
        self._base: TableModel | None = None

    def _open(self, name: str, journal: Path) -> None:
        """Begin the study of this name, or go on with it."""
        optuna, settings = _optuna(), self.settings
        storage = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(str(journal)))
        done = [study.study_name for study in optuna.get_all_study_summaries(storage)]
        self.goes_on = name in done
        direction = "maximize" if self.measure.higher else "minimize"
        self.study = optuna.create_study(study_name=name, storage=storage, load_if_exists=True, direction=direction)
        trials = self.study.get_trials(deepcopy=False)
        # A sampler begins anew with every run: with the seed alone it would propose again what was tried.
        self.study.sampler = optuna.samplers.TPESampler(seed=(settings.seed + len(trials)) % 2**32)
        self.study.pruner = optuna.pruners.MedianPruner(
            n_startup_trials=_STARTUP_TRIALS, n_warmup_steps=self.epochs // 4
        )
        self._base_is_due = not any(_TESTED in trial.user_attrs for trial in trials)  # again, where it was interrupted
        first, waiting = parameters_of(settings.recipe, self.target.task), optuna.trial.TrialState.WAITING
        self._base_in_space = bool(first)
        if first and self._base_is_due and not any(trial.state == waiting for trial in trials):
            self.study.enqueue_trial(first)

    @property
    def tried(self) -> int:
        """How many trials have ended, earlier runs included."""
        return sum(trial.state.is_finished() for trial in self.study.get_trials(deepcopy=False))

    @property
    def best_value(self) -> float | None:
        """The validation measure of the network that is kept, earlier runs included."""
        states = [_optuna().trial.TrialState.COMPLETE]
        done = self.study.get_trials(deepcopy=False, states=states)
        kept = [trial.value for trial in done if not trial.user_attrs.get(_REFUSED)]
        return (max if self.measure.higher else min)(kept, default=None)

    @property
    def base_tested(self) -> float | None:
        """The measure of the recipe as it was on the test rows; None before its training has ended."""
        found = [trial.user_attrs for trial in self.study.get_trials(deepcopy=False) if _TESTED in trial.user_attrs]
        return float(found[0][_TESTED]) if found else None

    def _better(self, value: float, other: float | None) -> bool:
        return other is None or (value > other if self.measure.higher else value < other)

    def run(
        self,
        *,
        seconds: float | None = None,
        trials: int | None = None,
        on_progress: Callable[[Tried], None] = lambda tried: None,
        kept: Callable[[TableModel, Recipe], None] = lambda model, recipe: None,
    ) -> bool:
        """Try recipes until the time or the trials are up; return whether Ctrl-C came.

        Parameters
        ----------
        seconds : float or None
            No trial begins after this many.
        trials : int or None
            How many are tried in this run.
        on_progress : function
            Told of each trial.
        kept : function
            Given each model that is better than all before it, with its recipe.
        """
        began, number = time.monotonic(), 0
        try:
            while (trials is None or number < trials) and (seconds is None or time.monotonic() - began < seconds):
                number += 1
                self._try(on_progress, kept)
        except KeyboardInterrupt:
            return True
        return False

    def _try(self, on_progress: Callable[[Tried], None], kept: Callable[[TableModel, Recipe], None]) -> None:
        """One trial: asked for, trained, kept if it is the best, told of.

        Ctrl-C ends the training; what the journal and the folder say of it is written whole or not at all.
        """
        states, trial = _optuna().trial.TrialState, None
        try:
            with interrupts_deferred():
                trial, is_base = self.study.ask(), self._base_is_due
                recipe = self.settings.recipe
                if not is_base or self._base_in_space:
                    recipe = sample(trial, recipe, self.target.task)
            pruning = _Pruning(trial, self.target.watch, self._every, self.measure.higher)
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
        with interrupts_deferred():
            self._base_is_due = False
            value, state = None, "exploded" if job.diverged is not None else "given up"
            best = False
            if job.diverged is not None or pruning.pruned:
                self.study.tell(trial, state=states.FAIL if job.diverged is not None else states.PRUNED)
            else:
                model = TableModel.of([job], self.encoder)
                value, best, state = self._judge(trial, model, is_base)
                if best:  # kept before it is told: what is kept is never worse than what the journal knows
                    self.best, self.best_recipe, self._best_job = model, recipe, job
                    kept(model, recipe)
                self.study.tell(trial, value)
            assert job.trainer is not None
            on_progress(Tried(trial.number + 1, value, recipe, best, job.trainer.history.seconds, state))

    def _judge(self, trial: Any, model: TableModel, is_base: bool) -> tuple[float, bool, str]:
        """The validation measure of a model, whether it is the best one, and how its trial ended."""
        value = self._measured(model, self.held_out)
        best, tested = self._better(value, self.best_value), self._measured(model, self.test)
        if is_base:
            self._base = model
            trial.set_user_attr(_TESTED, tested)
        elif best and self.base_tested is not None and self._better(self.base_tested, tested):
            trial.set_user_attr(_REFUSED, True)
            return value, False, "not kept: worse on the test rows than the recipe as it was"
        return value, best, "done"

    def _measured(self, model: TableModel, rows: EncodedRows) -> float:
        return self.measure(rows.y, model.answers(rows.x), rows.weight)

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
            held_out=self.held_out,
            epochs=self.epochs,
            seed=self.settings.seed,
            engine=self.settings.engine,
            threads=self.settings.threads,
            callbacks=[pruning],
        )

    def report(self, recipe: str, telling: ProgressListener | None = None) -> TableReport | None:
        """The report of `train_table`, of the best model on the test rows; None where this run has found none.

        Its rivals learn from all other rows, and the recipe as it was is among them.

        Parameters
        ----------
        recipe : str
            What the recipe is called that was varied.
        telling : ProgressListener or None
            Who is told of what.
        """
        if self.best is None or self._best_job is None:
            return None
        weights = [None if self.weight is None else self.weight[rows] for rows in (self._known, self._tested)]
        known, tested = self.table.take(self._known), self.table.take(self._tested)
        fold = Fold(known, self.y[self._known], tested, weights[0], self.target, self.settings)
        part = FoldTrainings(fold, self.test.y, self.encoder, [self._best_job], weights[1])
        how = f"on {tested.rows:,} rows that no network learnt from or was preferred by"
        others = {} if self._base in (None, self.best) else {AS_IT_WAS: [self._base.answers(self.test.x)]}
        words = self.words_of(self.best_recipe)
        name = recipe if self.best_recipe == self.settings.recipe else f"{recipe} with {words}"
        report = first_report(self.table, self.target, self.best, 0, name)
        telling, measured = telling or ProgressListener(), Measurement([part], how, others)
        report = completed(report, measured, self.best, self.table, self.y, telling, self.weight)
        return replace(report, findings=diagnosis_of(self._best_job).to_dict())

    def words_of(self, recipe: Recipe) -> str:
        """What a recipe has other than the one that the search began with."""
        base = self.settings.recipe
        names = [item.name for item in fields(Recipe)]
        changed = [name for name in names if getattr(recipe, name) != getattr(base, name)]
        return ", ".join(f"{name.replace('_', ' ')} {_value(getattr(recipe, name))}" for name in changed) or "as it was"


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, tuple):
        return "-".join(map(str, value))
    return f"{value:.3g}" if isinstance(value, float) else str(value)
