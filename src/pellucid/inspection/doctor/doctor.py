"""The doctor: a callback that gathers evidence, and the diagnosis that is made of it."""

from __future__ import annotations

import numbers
from dataclasses import replace
from typing import Any

import numpy as np

from pellucid.engines.cores import one_thread
from pellucid.engines.engine import TrainingState, TrainingTask
from pellucid.inspection.data_checks import rows_in_both
from pellucid.inspection.doctor import curves, data, gradients, outputs, rates, units
from pellucid.inspection.doctor.evidence import PROBE_ROWS, SAMPLE_ROWS, Evidence, Run
from pellucid.inspection.doctor.finding import Diagnosis, Finding, in_order
from pellucid.inspection.doctor.probe import Probe, take_probe
from pellucid.inspection.dry_run import DryRun
from pellucid.network import Network
from pellucid.streams import Purpose, Stream
from pellucid.training import Callback, EarlyStopping, History, ReduceOnPlateau, Trainer
from pellucid.training.examples import Examples, examples_of, split_off, validation_examples
from pellucid.typing import Array
from pellucid.validation import check_integer

SYMPTOMS = (
    *gradients.SYMPTOMS,
    *data.SYMPTOMS,
    *outputs.SYMPTOMS,
    *units.SYMPTOMS,
    *rates.SYMPTOMS,
    *curves.SYMPTOMS,
)
"""Functions of the evidence that return findings."""

_EARLY = 3  # epochs, after each of which a probe is taken
_SPREAD = 1.5  # later ones lie apart by this factor


class Doctor(Callback):
    """Watches a training, and says what is wrong with it.

    It looks at a few rows at few moments (before the first epoch, after each of the first three, then ever more
    rarely), which costs next to nothing; what takes longer is worked out when `diagnosis` is asked for.

    Parameters
    ----------
    rows : int
        How many rows it looks at layers with.

    Attributes
    ----------
    probes : list of Probe
        What was measured, in order of time.

    Examples
    --------
    >>> import pellucid as pl
    >>> x, y = pl.datasets.bulls_eye(100, seed=0)
    >>> doctor = pl.Doctor()
    >>> network = pl.Network([pl.Dense(16), pl.Tanh(), pl.Dense(2)])
    >>> trainer = pl.Trainer(network, loss=pl.SoftmaxCrossEntropy(), optimizer=pl.Adam(30.0), callbacks=[doctor])
    >>> history = trainer.fit(x, y, epochs=40)
    >>> finding = doctor.diagnosis[0]
    >>> finding.name, finding.severity
    ('learning_rate_too_high', 'error')
    >>> better = finding.remedy.apply(trainer)
    >>> history = better.fit(x, y, epochs=40)
    >>> better.network.evaluate(x, y)["accuracy"] > 0.95
    True
    """

    def __init__(self, rows: int = PROBE_ROWS) -> None:
        self.rows = check_integer("rows", rows, minimum=1)
        self.probes: list[Probe] = []
        self._run: Run | None = None
        self._history = History()
        self._diagnosis: Diagnosis | None = None

    def on_fit_begin(self, trainer: Trainer, epochs: int) -> None:
        """Draw the rows, and look at the first weights; a training that goes on keeps what was seen of it."""
        self._diagnosis = None
        if self._run is not None and trainer.epoch > 0 and self._run.first is trainer.initial:
            self._run.epochs = trainer.epoch + epochs
            return
        rehearsal = DryRun(trainer.task, trainer.network.engines)
        self.probes = []
        self._run = gather(rehearsal, trainer.network, trainer.initial, trainer.state, trainer.held_out)
        self._run.probes, self._run.epochs = self.probes, trainer.epoch + epochs
        self._look(trainer)

    def interval(self, trainer: Trainer) -> int:
        """1 in the first epochs, then ever more."""
        return 1 if trainer.epoch < _EARLY else max(1, int(trainer.epoch * (_SPREAD - 1)))

    def on_epoch_end(self, trainer: Trainer) -> None:
        """Look at the layers."""
        self._look(trainer)

    def on_fit_end(self, trainer: Trainer) -> None:
        """Keep what the training ended with."""
        run = self._run
        if run is None:
            return
        run.last, run.divergence = trainer.state, trainer.divergence
        note_callbacks(run, trainer)
        run.shown = shown_state(trainer, run.last)
        self._history = trainer.history

    def _look(self, trainer: Trainer) -> None:
        assert self._run is not None
        rows = np.arange(min(self.rows, len(self._run.rehearsal.task.x)))
        with one_thread("blas"):
            self.probes.append(take_probe(self._run.rehearsal.task, trainer.state, rows))

    @property
    def evidence(self) -> Evidence:
        """All that is known so far."""
        return Evidence(self._history, self._run)

    @property
    def diagnosis(self) -> Diagnosis:
        """The findings of the training so far, the worst first."""
        if self._diagnosis is None:
            self._diagnosis = judge(self.evidence)
        return self._diagnosis

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The same as a plain tuple."""
        return self.diagnosis.findings


def diagnose(
    subject: Trainer | History | Doctor,
    x: Any = None,
    y: Any = None,
    *,
    validation: Any = None,
    sample_weight: Any = None,
    class_weight: Any = None,
) -> Diagnosis:
    """Say what is wrong with a training, and what to do about it.

    Parameters
    ----------
    subject : Trainer, History or Doctor
        A trainer is looked into with the rows it was trained on; where a `Doctor` watched it, with what that saw. Of a
        history alone only the curves can be judged.
    x, y : array
        The training rows, as they were given to `fit`.
    validation : (x, y), (x, y, weight), float or None
        The validation rows, or the fraction of the training rows, as it was given to `fit`.
    sample_weight, class_weight
        As they were given to `fit`.

    Returns
    -------
    Diagnosis
        The findings, the worst first; print it. Nothing in the trainer changes.

    Examples
    --------
    >>> import pellucid as pl
    >>> x, y = pl.datasets.bulls_eye(100, seed=0)
    >>> network = pl.Network([pl.Dense(8), pl.Tanh(), pl.Dense(2), pl.Tanh()])
    >>> trainer = pl.Trainer(network, loss=pl.SoftmaxCrossEntropy(), optimizer=pl.Adam(0.05))
    >>> history = trainer.fit(x, y, epochs=30)
    >>> pl.diagnose(trainer, x, y)[0].name
    'output_loss_mismatch'
    """
    if isinstance(subject, Doctor):
        return subject.diagnosis
    if isinstance(subject, History):
        return judge(Evidence(subject))
    if not isinstance(subject, Trainer):
        raise TypeError(f"diagnose takes a Trainer, a History or a Doctor, not {subject!r:.80}.")
    doctor = next((each for each in subject.callbacks if isinstance(each, Doctor)), None)
    if x is None or y is None:
        if doctor is not None and len(subject.history):
            return doctor.diagnosis
        return judge(Evidence(subject.history))
    examples = examples_of(subject.network, subject.loss, x, y, sample_weight)
    if isinstance(validation, numbers.Real):
        examples, validation = split_off(examples, float(validation), subject.seed)
    examples = examples.with_class_weight(class_weight, subject.network)
    begun = subject.epoch > 0 or subject.step > 0 or subject.divergence is not None
    if not begun:
        rehearsal, state = DryRun.of(subject, examples)
        first = last = shown = state
    else:
        rehearsal = DryRun(subject.task_for(examples), subject.network.engines)
        first, last = subject.initial, subject.state
        shown = shown_state(subject, last)
    checked = None
    if validation is not None:
        network = subject.network if begun else subject.replica().begin(examples).network
        checked = validation_examples(validation, network, subject.loss)
    run = gather(rehearsal, subject.network, first, last, checked)
    run.shown, run.divergence, run.epochs = shown, subject.divergence, subject.epoch
    note_callbacks(run, subject)
    run.probes = doctor.probes if doctor is not None else []
    return judge(Evidence(subject.history, run))


def diagnose_saved(
    trainer: Trainer, network: Network, history: History, x: Any, y: Any, *, validation: Any = None
) -> Diagnosis:
    """Say what is wrong with a training of which the network and the history were kept.

    Parameters
    ----------
    trainer : Trainer
        As it was before its first step: from its seed come the weights that training began with. It is initialized.
    network : Network
        What came of it.
    history : History
        Of the training.
    x, y, validation
        The rows.

    Returns
    -------
    Diagnosis
        What happened in between is told from the history alone.
    """
    examples = trainer.examples(x, y)
    task, first = trainer.begin(examples).task_for(examples), trainer.state
    if network.program.parameter_count != trainer.network.program.parameter_count:
        raise ValueError("The network is another one than the trainer's: their numbers of parameters differ.")
    epochs = len(history)
    last = replace(
        first,
        parameters=network.parameters,
        statistics=network.statistics,
        epoch=epochs,
        step=epochs * task.batches,
    )
    checked = validation_examples(validation, trainer.network, trainer.loss)
    run = gather(DryRun(task, trainer.network.engines), network, first, last, checked)
    run.shown, run.epochs = replace(last, epoch=history.best_epoch or epochs), epochs
    note_callbacks(run, trainer)
    found = judge(Evidence(history, run))
    words = "activations and gradients while training went on: train with a Doctor (pellucid train … --doctor)."
    return replace(found, unseen=(*found.unseen, words))


def judge(evidence: Evidence) -> Diagnosis:
    """Every symptom's findings, in order; and what could not be seen."""
    run = evidence.run
    unseen = []
    if run is None:
        if not len(evidence.history) and evidence.history.diverged is None:
            return Diagnosis((), ("there is no epoch yet: train first.",))
        unseen.append(
            "activations, gradients, weights and data, for there is a history alone. Give diagnose the trainer with x "
            "and y, or train with callbacks=[Doctor()]."
        )
    else:
        if run.steps == 0 and run.divergence is None:
            unseen.append("how training goes: no step was made yet.")
        if run.validation is None:
            unseen.append("how the network does on rows it was not trained on: give a validation set.")
        if run.initial.trouble:
            return Diagnosis((), (*unseen, f"anything else, for a layer breaks its contract. {run.initial.trouble}"))
    with np.errstate(all="ignore"):
        findings = [finding for symptom in SYMPTOMS for finding in symptom(evidence)]
    return Diagnosis(in_order(findings), tuple(unseen))


def gather(
    rehearsal: DryRun, network: Network, first: TrainingState, last: TrainingState, held_out: Examples | None
) -> Run:
    """Samples of the rows, in an order that has nothing to do with theirs; and what needs all of them."""
    task = rehearsal.task
    run = Run(
        rehearsal=rehearsal.on(_some(task, SAMPLE_ROWS)),
        network=network,
        rows=len(task.x),
        batch_size=task.batch_size,
        first=first,
        last=last,
        shown=last,
    )
    if held_out is not None:
        some = _draw(len(held_out.x), SAMPLE_ROWS)
        run.validation = (held_out.x[some], held_out.targets[some])
        run.validation_weight = None if held_out.weight is None else held_out.weight[some]
        shared = rows_in_both(task.x, run.validation[0])
        run.shared_rows, run.shared_share, run.twins_share = shared
    return run


def _some(task: TrainingTask, count: int) -> Array:
    return _draw(len(task.x), count)


def _draw(rows: int, count: int) -> Array:
    """This many different row numbers, in random order."""
    return Stream(0, Purpose.SPLIT, index=1).permutation(rows)[:count]


def note_callbacks(run: Run, trainer: Trainer) -> None:
    """Which callbacks a training has that advice would name."""
    run.early_stopping = next((each for each in trainer.callbacks if isinstance(each, EarlyStopping)), None)
    run.reduces_rate = any(isinstance(each, ReduceOnPlateau) for each in trainer.callbacks)


def shown_state(trainer: Trainer, last: TrainingState) -> TrainingState:
    """The state whose numbers the network holds, with its epoch: the best epoch's where it was restored."""
    network = trainer.network
    epoch = trainer.history.best_epoch or last.epoch
    return replace(last, parameters=network.parameters, statistics=network.statistics, epoch=epoch)
