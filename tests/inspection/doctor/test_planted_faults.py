"""Planted faults are found and repaired, healthy trainings left in peace: the quick part of docs/planted_faults.py."""

from __future__ import annotations

import pytest

import pellucid as pl
from pellucid.datasets import TOY_MODELS
from pellucid.inspection.doctor import CATALOGUE
from support.faults import FAULTS, Fault
from support.healthy import HEALTHY
from support.runs import NotAtHand
from support.trials import try_fault, try_healthy

AT_HAND = ("digits", *TOY_MODELS, "iris", "wine", "breast_cancer", "diabetes")
"""Data that need no files: MNIST and the tables are for the script."""


def one_of_each() -> list[Fault]:
    """For each finding a fault on data that are at hand."""
    chosen: dict[str, Fault] = {}
    for fault in sorted(FAULTS, key=lambda each: each.data not in AT_HAND):
        chosen.setdefault(fault.finding, fault)
    return list(chosen.values())


@pytest.mark.parametrize("fault", one_of_each(), ids=str)
def test_a_planted_fault_is_found_and_its_remedy_helps(fault: Fault) -> None:
    try:
        trial = try_fault(fault)
    except NotAtHand as reason:
        pytest.skip(str(reason))
    assert trial.found, trial.diagnosis
    assert trial.better, (trial.before, trial.after)
    for finding in trial.diagnosis:
        if finding.remedy is not None:
            assert does_something(finding.remedy, trial.trainer), finding


def does_something(remedy: pl.Remedy, trainer: pl.Trainer) -> bool:
    """Whether a remedy changes anything: what is done already is no advice."""
    if remedy.fit or remedy.leave_out is not None:
        return True
    if remedy.layers is not None and remedy.layers != trainer.network.layers:
        return True
    return any(value != getattr(trainer, name) for name, value in remedy.settings.items())


@pytest.mark.parametrize("name", ["bulls-eye", "two-gaussians", "digits", "digits, dropout", "wine", "diabetes"])
def test_the_doctor_is_quiet_about_a_healthy_training(name: str) -> None:
    diagnosis, _ = try_healthy(*HEALTHY[name])
    assert diagnosis.severity in ("", "hint"), diagnosis


def test_every_finding_of_the_catalogue_is_planted_at_least_three_times() -> None:
    planted = [fault.finding for fault in FAULTS]
    assert {name: planted.count(name) for name in CATALOGUE if planted.count(name) < 3} == {}
    assert set(planted) == set(CATALOGUE)


def test_there_are_thirty_healthy_trainings() -> None:
    assert len(HEALTHY) == 30
