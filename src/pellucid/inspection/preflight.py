"""Checks before training: what can go wrong is seen in a second, before hours are spent.

Contract: each check is a function of a trainer and its rows that returns a `Check`; `preflight` makes all of them. They
work on replicas, whose states are never changed in place: the trainer, its network and its counters stay as they were.
"""

from __future__ import annotations

import numbers
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, overload

import numpy as np

from pellucid.inspection.data_checks import class_shares, constant_columns, duplicate_columns, scales_of
from pellucid.inspection.doctor import data, outputs
from pellucid.inspection.doctor.doctor import gather
from pellucid.inspection.doctor.evidence import Evidence, Run
from pellucid.inspection.doctor.finding import Finding
from pellucid.inspection.dry_run import DryRun
from pellucid.inspection.gradient_check import gradient_check
from pellucid.inspection.learning_rate_finder import RangeTest, range_test
from pellucid.inspection.overfitting import Overfit, overfit_small
from pellucid.training import History, Trainer
from pellucid.training.examples import examples_of, split_off, validation_examples

VERDICTS = ("error", "warning", "hint", "good", "skipped")

_ROWS_CHECKED = 8
_LIMIT, _PROJECTIONS = 20, 4
_TOO_LOW = 100.0  # times below the suggestion


@dataclass(frozen=True)
class Check:
    """What one check says.

    Parameters
    ----------
    name : str
        Which: "initial loss", "inputs", "targets", "columns", "rows in both parts", "classes", "signal", "output and
        loss", "gradient", "overfit a few rows", "learning rate".
    verdict : str
        "error", "warning", "hint", "good" or "skipped".
    message : str
        What was seen, in a sentence with its numbers.
    advice : str
        What to do; "" where all is well.
    result : object
        What the check is based on, for who wants to look closer: a finding, a `RangeTest`, a `GradientCheck`.
    """

    name: str
    verdict: str
    message: str
    advice: str = ""
    result: Any = None


@dataclass(frozen=True)
class Preflight(Sequence[Check]):
    """The report of all checks; print it.

    Parameters
    ----------
    checks : tuple of Check
        In the order they were made.
    """

    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        """Whether there is neither an error nor a warning."""
        return not any(check.verdict in ("error", "warning") for check in self.checks)

    @property
    def learning_rate(self) -> float | None:
        """The rate that the range test suggests; None where there is none."""
        results = (check.result for check in self.checks)
        return next((result.suggestion for result in results if isinstance(result, RangeTest)), None)

    @overload
    def __getitem__(self, index: int) -> Check: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Check, ...]: ...
    def __getitem__(self, index: int | slice) -> Check | tuple[Check, ...]:
        """A check by its place."""
        return self.checks[index]

    def __len__(self) -> int:
        """How many checks there are."""
        return len(self.checks)

    def __iter__(self) -> Iterator[Check]:
        """In order."""
        return iter(self.checks)

    def __str__(self) -> str:
        """A line for each check, and what to do below it."""
        width = max((len(check.name) for check in self.checks), default=0)
        lines = []
        for check in self.checks:
            lines.append(f"{check.verdict:<7}  {check.name:<{width}}  {check.message}")
            if check.advice:
                lines.append(f"{'':<7}  {'':<{width}}  Do: {check.advice}")
        return "\n".join(lines)


def preflight(
    trainer: Trainer,
    x: Any,
    y: Any,
    *,
    validation: Any = None,
    sample_weight: Any = None,
    class_weight: Any = None,
) -> Preflight:
    """Check data, network, loss and rate before training. Nothing in the trainer changes.

    Parameters
    ----------
    trainer : Trainer
        What is about to be trained.
    x, y : array
        The training rows and their targets.
    validation : (x, y), (x, y, weight), float or None
        The validation rows, or the fraction of the training rows that `fit` would split off.
    sample_weight, class_weight
        As for `fit`.

    Returns
    -------
    Preflight

    Examples
    --------
    >>> import pellucid as pl
    >>> digits = pl.datasets.load_digits()
    >>> network = pl.Network([pl.Standardize(), pl.Dense(32), pl.ReLU(), pl.Dense(10)])
    >>> trainer = pl.Trainer(network, loss=pl.SoftmaxCrossEntropy(), optimizer=pl.Adam(0.003))
    >>> report = pl.preflight(trainer, *digits.train, validation=digits.validation)
    >>> report.passed, 1e-4 < report.learning_rate < 0.1
    (True, True)
    """
    examples = examples_of(trainer.network, trainer.loss, x, y, sample_weight)
    if isinstance(validation, numbers.Real):
        examples, validation = split_off(examples, float(validation), trainer.seed)
        x, y = examples.x, examples.targets
    rehearsal, state = DryRun.of(trainer, examples.with_class_weight(class_weight, trainer.network))
    checked = None
    if validation is not None:
        begun = trainer.replica().begin(examples).network
        checked = validation_examples(validation, begun, trainer.loss)
    evidence = Evidence(History(), gather(rehearsal, trainer.network, state, state, checked))
    checks = [check(evidence) for check in _OF_EVIDENCE]
    checks += [
        _gradient(trainer, rehearsal),
        _overfit(overfit_small(trainer, x, y)),
        _learning_rate(range_test(trainer, x, y, sample_weight=sample_weight, class_weight=class_weight)),
    ]
    return Preflight(tuple(checks))


def _of(findings: list[Finding], name: str, message: str) -> Check:
    """The worst finding as a check; where there is none, that all is well."""
    if not findings:
        return Check(name, "good", message)
    worst = findings[0]
    return Check(name, worst.severity, worst.message, worst.advice, worst)


def _run(evidence: Evidence) -> Run:
    assert evidence.run is not None  # `preflight` has a trainer
    return evidence.run


def initial_loss(evidence: Evidence) -> Check:
    """The first loss beside the one of a network that knows nothing."""
    run = _run(evidence)
    message = f"{run.first_loss:.4g}; a network that knows nothing has {run.baseline_loss:.4g}."
    if not np.isfinite(run.first_loss):
        advice = "Look at the scale of the inputs, at the first weights and at the loss."
        return Check("initial loss", "error", "The loss of the first weights is not finite.", advice)
    return _of(outputs.initial_loss(evidence), "initial loss", message)


def inputs(evidence: Evidence) -> Check:
    """The scale of what meets the first weights."""
    found = data.constant_inputs(evidence) or data.unscaled_inputs(evidence)
    low, high = float(_run(evidence).rehearsal.task.x.min()), float(_run(evidence).rehearsal.task.x.max())
    return _of(found, "inputs", f"Values from {low:.4g} to {high:.4g}, of about the right size at the first weights.")


def targets(evidence: Evidence) -> Check:
    """The scale of the targets, and codes among them."""
    run = _run(evidence)
    found = data.broken_target(evidence) or data.unscaled_targets(evidence)
    if run.of_classes:
        return _of(found, "targets", "Classes.")
    scales = scales_of(run.rehearsal.task.targets)
    message = f"Mean {float(scales.mean.mean()):.3g}, standard deviation {float(scales.deviation.mean()):.3g}."
    return _of(found, "targets", message)


def columns(evidence: Evidence) -> Check:
    """Columns that are constant, equal to another, or give the target away."""
    run = _run(evidence)
    leaks = data.leaking_column(evidence)
    if leaks:
        return _of(leaks, "columns", "")
    x = run.rehearsal.task.x
    constant, twins = constant_columns(x), duplicate_columns(x)
    message = f"{x.reshape(len(x), -1).shape[1]:,}"
    if len(constant):
        names = [run.column_name(each) for each in constant.tolist()]
        message += f"; {len(constant):,} constant ({_some(names)}), which say nothing"
    if twins:
        pairs = [f"{run.column_name(b)} = {run.column_name(a)}" for a, b in twins]
        message += f"; {len(twins):,} equal to another ({_some(pairs)})"
    return Check("columns", "hint" if len(constant) or twins else "good", f"{message}.", "", (constant, twins))


def _some(items: list[Any]) -> str:
    return ", ".join(map(str, items[:5])) + (", …" if len(items) > 5 else "")


def rows_in_both_parts(evidence: Evidence) -> Check:
    """Validation rows that are training rows."""
    run = _run(evidence)
    if run.validation is None:
        return Check("rows in both parts", "skipped", "There is no validation set.")
    message = f"{run.shared_share:.1%} of the validation rows stand in the training rows."
    return _of(data.validation_leak(evidence), "rows in both parts", message)


def classes(evidence: Evidence) -> Check:
    """The share of each class."""
    run = _run(evidence)
    labels = data.class_numbers(run.rehearsal.task.targets) if run.of_classes else None
    if labels is None:
        return Check("classes", "skipped", "The targets are no classes.")
    shares = class_shares(labels)
    outputs_count = max(2, run.rehearsal.task.program.outputs)
    missing = sorted(set(range(outputs_count)) - set(shares))
    rarest = min(shares, key=lambda each: shares[each])
    message = f"{len(shares)}; the rarest, {run.class_name(rarest)}, has {shares[rarest]:.1%} of the rows."
    if missing:
        advice = "Give the network as many outputs as there are classes, or find rows of these."
        return Check(
            "classes",
            "warning",
            f"{message} No row has class {_some([run.class_name(each) for each in missing])}.",
            advice,
            shares,
        )
    if shares[rarest] < data.RARE / len(shares) and run.rehearsal.task.sample_weight is None:
        advice = 'Think of class_weight="balanced", and look at more than the accuracy.'
        return Check("classes", "hint", message, advice, shares)
    return Check("classes", "good", message, "", shares)


def signal(evidence: Evidence) -> Check:
    """Whether an independent model can tell the targets from the inputs."""
    run = _run(evidence)
    if len(run.rehearsal.task.x) < data.FEWEST_ROWS or not run.judged:
        return Check("signal", "skipped", "Too few rows, or a loss whose predictions cannot be judged.")
    found = data.shuffled_labels(evidence) or data.label_noise(evidence)
    yard = run.yardstick
    reached = run.quality(yard.unexplained)
    message = f"A ridge regression on random features has {reached} on held-out rows: a network should, too."
    return _of(found, "signal", message)


def output_and_loss(evidence: Evidence) -> Check:
    """Whether the last layer suits the loss."""
    task = _run(evidence).rehearsal.task
    last, loss = task.program.instructions[-1].layer, type(task.loss).__name__
    return _of(outputs.output_loss_mismatch(evidence), "output and loss", f"{last} and {loss} go together.")


_OF_EVIDENCE: tuple[Callable[[Evidence], Check], ...] = (
    initial_loss,
    inputs,
    targets,
    columns,
    rows_in_both_parts,
    classes,
    signal,
    output_and_loss,
)


def _gradient(trainer: Trainer, rehearsal: DryRun) -> Check:
    """The gradient of the whole network beside central differences, on a few rows."""
    task = rehearsal.task
    replica = trainer.replica().initialize(task.x, task.targets)
    rows = slice(0, _ROWS_CHECKED)
    try:
        made = gradient_check(
            replica.network, task.loss, task.x[rows], task.targets[rows], penalty=task.penalty, rows=_ROWS_CHECKED,
            limit=_LIMIT, projections=_PROJECTIONS,
        )  # fmt: skip
    except ValueError as error:
        return Check("gradient", "error", str(error), "Correct the layer or loss that the message names.")
    if made.worst is None:
        return Check("gradient", "skipped", made.verdict, "", made)
    advice = "" if made.passed else "Correct the derivative of the layer or loss of your own."
    return Check("gradient", "good" if made.passed else "error", made.verdict, advice, made)


def _overfit(made: Overfit) -> Check:
    return Check("overfit a few rows", made.verdict, made.message, made.advice, made)


def _learning_rate(test: RangeTest) -> Check:
    """The trainer's own rate beside what the range test found."""
    if test.suggestion is None:
        return Check("learning rate", "warning", test.reason, "See the checks above before looking for a rate.", test)
    message = f"{test.present:g}; {test.suggestion:g} is suggested. {test.reason}"
    if test.highest is not None and test.present > test.highest:
        return Check("learning rate", "error", message, f"Lower the rate to {test.suggestion:g}.", test)
    if test.present < test.suggestion / _TOO_LOW:
        return Check("learning rate", "warning", message, f"Raise the rate to {test.suggestion:g}.", test)
    return Check("learning rate", "good", message, "", test)
