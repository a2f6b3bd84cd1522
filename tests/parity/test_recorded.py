"""Pellucid against PyTorch's numbers, as `record.py` wrote them down: never needs torch itself."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import pellucid as pl
from parity import cases
from parity.cases import (
    INPUTS,
    LAYER_CASES,
    LOSS_CASES,
    NETWORK_CASES,
    OPTIMIZER_CASES,
    PENALTY_CASES,
    PROBLEM,
    RATES,
    ROWS,
    SCHEDULE_CASES,
    SCHEDULE_STEPS,
    STEPS,
    LayerCase,
    LossCase,
    NetworkCase,
    OptimizerCase,
    PenaltyCase,
    ScheduleCase,
    numbers,
)
from pellucid.engines.reference import mean_loss
from pellucid.layers import LAYERS
from pellucid.layers.layer import Context
from pellucid.losses import LOSSES
from pellucid.optimizers import OPTIMIZERS
from pellucid.penalties import PENALTIES
from pellucid.schedules import SCHEDULES
from pellucid.typing import Floats

RECORDED: dict[str, Any] = json.loads(Path(__file__).with_name("recorded.json").read_text(encoding="utf-8"))


def named(case: Any) -> str:
    return case.name


def same(ours: Any, torchs: list[float]) -> None:
    np.testing.assert_allclose(np.ravel(ours), torchs, rtol=1e-10, atol=1e-10)


def network_of(case: NetworkCase, engine: str) -> pl.Network:
    network = pl.Network([layer.layer for layer in case.layers], dtype="float64", engine=engine).build(2)
    network.parameters = case.parameters
    for index, layer in enumerate(case.layers):
        for name, values in layer.statistics.items():
            network.set(f"{index}.{name}", values)
    network.statistics_fitted = True
    return network


@pytest.mark.parametrize("case", LAYER_CASES, ids=named)
def test_layer(case: LayerCase) -> None:
    x = case.inputs
    parameters = SimpleNamespace(
        **{name: numbers(shape, 0.5 + place) for place, (name, shape) in enumerate(case.parameters.items())}
    )
    context = Context(case.training, statistics=SimpleNamespace(**case.statistics))
    y, saved = case.layer.forward(x, parameters, context)
    gradient, gradients = case.layer.backward(numbers(y.shape, 0.8), saved, parameters, context)
    recorded = RECORDED["layers"][case.name]
    same(y, recorded["output"])
    same(gradient, recorded["gradient of x"])
    assert set(gradients) == set(case.parameters) == set(case.layer.parameter_specs(case.input_shape))
    for name, values in gradients.items():
        same(values, recorded[f"gradient of {name}"])


@pytest.mark.parametrize("case", LOSS_CASES, ids=named)
def test_loss(case: LossCase) -> None:
    scores = numbers((ROWS, case.outputs), 0.3, 3.0)
    targets = case.loss.encode(case.y, case.outputs)
    recorded = RECORDED["losses"][case.name]
    same(mean_loss(case.loss, scores, targets, None), recorded["loss"])
    same(case.loss.gradient(scores, targets) / ROWS, recorded["gradient"])


@pytest.mark.parametrize("case", PENALTY_CASES, ids=named)
def test_penalty(case: PenaltyCase) -> None:
    weight = numbers((3, 2), 0.3)
    recorded = RECORDED["penalties"][case.name]
    same(case.penalty.value(weight), recorded["value"])
    same(case.penalty.gradient(weight), recorded["gradient"])


@pytest.mark.parametrize("case", NETWORK_CASES, ids=named)
def test_network(case: NetworkCase, engine: str) -> None:
    network = network_of(case, engine)
    value, gradient = network.loss_and_gradient(INPUTS, case.loss.y, loss=case.loss.loss)
    recorded = RECORDED["networks"][case.name]
    same(network.scores(INPUTS), recorded["scores"])
    same(value, recorded["loss"])
    same(gradient, recorded["gradient"])


@pytest.mark.parametrize("case", NETWORK_CASES, ids=named)
def test_trace(case: NetworkCase) -> None:
    traced = pl.trace(network_of(case, "reference"), case.loss.loss, INPUTS, case.loss.y)
    recorded, network = RECORDED["traces"][case.name], RECORDED["networks"][case.name]
    same(traced.cost, network["loss"])
    same(np.concatenate([g.ravel() for one in traced.layers for g in vars(one.gradient).values()]), network["gradient"])
    for place, layer in enumerate(traced.layers):
        same(layer.output, recorded[f"output {place}"])
        same(layer.output_gradient, recorded[f"gradient of output {place}"])
    same(traced.layers[0].input_gradient, recorded["gradient of x"])


def trained(case: OptimizerCase, engine: str, rate: float, steps: int) -> Floats:
    network = network_of(PROBLEM, engine)
    trainer = pl.Trainer(network, PROBLEM.loss.loss, case.make(rate), batch_size="full", penalty=case.penalty)
    trainer.fit(INPUTS, PROBLEM.loss.y, epochs=steps)
    return network.parameters


@pytest.mark.parametrize("steps", STEPS)
@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("case", OPTIMIZER_CASES, ids=named)
def test_optimizer(case: OptimizerCase, rate: float, steps: int, engine: str) -> None:
    same(trained(case, engine, rate, steps), RECORDED["optimizers"][case.name][f"rate {rate:g}, step {steps}"])


@pytest.mark.parametrize("case", SCHEDULE_CASES, ids=named)
def test_schedule(case: ScheduleCase) -> None:
    same([case.schedule(step) for step in range(SCHEDULE_STEPS)], RECORDED["schedules"][case.name]["rates"])


def test_every_part_has_a_case() -> None:
    """A new layer, loss, optimizer or penalty needs a case in `cases.py` (PyTorch has nearly all of them)."""
    containers = {pl.Sequential, pl.Residual, pl.Parallel}  # only pass on what the layers in them do
    assert {type(case.layer) for case in LAYER_CASES} == set(LAYERS.values()) - containers
    assert {type(case.loss) for case in LOSS_CASES} == set(LOSSES.values())
    assert {type(case.make(1.0)) for case in OPTIMIZER_CASES} == set(OPTIMIZERS.values())
    assert {type(case.penalty) for case in PENALTY_CASES} == set(PENALTIES.values())
    assert {type(case.schedule) for case in SCHEDULE_CASES} == set(SCHEDULES.values())


def test_every_case_is_recorded_and_nothing_else() -> None:
    for family, table in (
        ("layers", LAYER_CASES),
        ("losses", LOSS_CASES),
        ("penalties", PENALTY_CASES),
        ("networks", NETWORK_CASES),
        ("optimizers", OPTIMIZER_CASES),
        ("schedules", SCHEDULE_CASES),
    ):
        names = [case.name for case in table]
        assert len(set(names)) == len(names), f"two cases of the {family} have one name"
        assert set(RECORDED[family]) == set(names), "run tests/parity/record.py"


def test_the_inputs_avoid_kinks_and_zeros() -> None:
    assert np.abs(numbers((ROWS, 3), 0.3)).min() > 0.01
    assert np.abs(cases.INPUTS).min() > 0.01
