"""The trace: one training step with every number kept.

Contract: `trace` runs one step through the reference engine's mathematics, with each layer's own `forward` and
`backward`, and returns a `Trace`: a value, whose arrays are copies that nobody else holds. The network is not changed.
`text.py`, `page.py` and `data.py` make text, HTML and plain data of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np

from pellucid.engines.engine import Model, TrainingState, TrainingTask
from pellucid.engines.reference import (
    Randomness,
    at_positions,
    forward,
    mean_loss,
    mean_loss_and_gradient,
    penalty_value,
    update_parameters,
)
from pellucid.formulas import Formulas, formulas_of
from pellucid.inspection.instrumented import (
    LayerBackward,
    LayerForward,
    check_examples,
    flat_gradient,
    walk_backward,
    walk_forward,
)
from pellucid.inspection.names import input_names
from pellucid.inspection.trace.result import Trace
from pellucid.inspection.trace.symbols import Symbols, symbols_of
from pellucid.inspection.trace.values import LayerTrace
from pellucid.layers.dropout import Scheduled
from pellucid.layers.layer import as_rows
from pellucid.losses import Loss
from pellucid.network import Network
from pellucid.optimizers import Optimizer, find_optimizer
from pellucid.penalties import Penalty
from pellucid.typing import Array, Floats
from pellucid.validation import check_seed, counted

_MOST_ROWS = 4096


def trace(
    network: Network,
    loss: Loss | str | None,
    x: Any,
    y: Any,
    *,
    optimizer: Optimizer | str | None = None,
    penalty: Penalty | None = None,
    sample_weight: Any = None,
    state: TrainingState | None = None,
    training: bool = False,
    seed: int = 0,
) -> Trace:
    """Run one step on one example or a small batch, and keep every number of it.

    Inputs, each layer's z and a, the loss, ∂C/∂a, ∂C/∂z, ∂C/∂W and ∂C/∂b, what the optimizer remembers, the update, the
    new weights and the new loss. Nothing in the network is changed.

    Parameters
    ----------
    network : Network
        Built or trained.
    loss : Loss, str or None
        None: the one it was trained with.
    x, y : array
        A row or a few, with their targets.
    optimizer : Optimizer, str or None
        What makes the step; None: the trace ends with the gradients.
    penalty : Penalty or None
        Added to the mean loss.
    sample_weight : array (n,) or None
        How much each row counts.
    state : TrainingState or None
        `trainer.state`, to trace the step that comes next in a training: the optimizer's slots, its step and its rate
        are taken from there. None: a first step, every slot at 0.
    training : bool
        Whether dropout and noise are drawn and batch normalization takes the batch's own mean, as in training. False:
        as in prediction, and in `Network.loss_and_gradient`.
    seed : int
        Where dropout and noise begin, as for the trainer.

    Returns
    -------
    Trace

    Examples
    --------
    >>> import pellucid as pl
    >>> network = pl.Network([pl.Dense(1), pl.Sigmoid()], dtype="float64").build(1)
    >>> network.parameters = [2.45, -0.11]
    >>> traced = pl.trace(network, pl.SquaredError(), [[0.75]], [1.0], optimizer=pl.GradientDescent(0.1))
    >>> print(traced.text().split("Backward")[0])
    One step on one example, SquaredError, GradientDescent
    <BLANKLINE>
      x = 0.75
      y = 1
    <BLANKLINE>
    Forward, from the inputs to the cost
    <BLANKLINE>
      layer 0, Dense(1)
        z₁ = x·W₁ + b₁ = 0.75·2.45 − 0.11 = 1.7275
    <BLANKLINE>
      layer 1, Sigmoid()
        a₁ = σ(z₁) = σ(1.7275) = 0.8491    where σ(z₁) = 1/(1 + exp(−z₁))
    <BLANKLINE>
      SquaredError
        C = ½ Σ (a₁ − y)² = ½(0.8491 − 1)² = 0.011387
    <BLANKLINE>
    <BLANKLINE>
    >>> traced.layers[0].gradient.weight.round(6)
    array([[-0.014502]])
    """
    examples = check_examples(network, loss, x, y, sample_weight)
    model = network.model
    if len(examples.x) > _MOST_ROWS:
        raise ValueError(
            f"x has {counted(len(examples.x), 'row')}, and a trace keeps every number of every layer for each of them: "
            f"pass a few rows, at most {_MOST_ROWS}, such as x[:8], y[:8]."
        )
    chosen = None if optimizer is None else find_optimizer(optimizer)
    if state is None:
        state = TrainingState.start(model.parameters, model.statistics, chosen or Optimizer())
    elif chosen is not None and len(state.slots) != len(chosen.slot_names):
        raise ValueError(
            f"state holds {len(state.slots)} slots, but {type(chosen).__name__} has {len(chosen.slot_names)}: pass the "
            f"optimizer that the state is of."
        )
    else:
        model = model._replace(parameters=state.parameters, statistics=state.statistics)
    randomness = Randomness(check_seed(seed), state.step) if training else None

    with np.errstate(all="ignore"):  # where a number becomes infinite is what a trace may be wanted for
        visits = walk_forward(model, examples.x, randomness)
        scores = visits[-1].output.astype(model.parameters.dtype, copy=False)  # (n, …, outputs)
        value, gradient = mean_loss_and_gradient(examples.loss, scores, examples.targets, examples.sample_weight)
        returns = walk_backward(visits, gradient)
        flat = flat_gradient(model, returns, penalty)
        task = TrainingTask(
            program=model.program,
            loss=examples.loss,
            penalty=penalty,
            optimizer=chosen or Optimizer(),
            x=examples.x,
            targets=examples.targets,
            link=examples.loss.link(examples.targets),
            sample_weight=examples.sample_weight,
            batch_size=len(examples.x),
            shuffle=False,
            seed=seed,
        )
        after, slots = None, None
        if chosen is not None:
            after, slots = update_parameters(task, state, flat)
        cost_after = None if after is None else _cost(task, model._replace(parameters=after), randomness)
        values = examples.loss.values(as_rows(scores), at_positions(examples.targets, scores))  # (n·,)
    cost_of_weights = penalty_value(model, penalty)
    recorded = _Step(state.step, model, flat, state.slots, after, slots, chosen.slot_names if chosen else ())
    names = symbols_of(model.program.instructions)
    return Trace(
        x=_own(examples.x),
        targets=_own(examples.targets),
        layers=tuple(
            _layer(visit, back, symbols, recorded) for visit, back, symbols in zip(visits, returns, names, strict=True)
        ),
        loss=examples.loss,
        values=_own(values),
        cost=value + cost_of_weights,
        penalty=penalty,
        penalty_cost=cost_of_weights,
        sample_weight=None if examples.sample_weight is None else _own(examples.sample_weight),
        training=training,
        optimizer=chosen,
        rate=task.rate_at(state) if chosen else 0.0,
        step=state.step,
        cost_after=cost_after,
        features=input_names(network) or (),
        classes=network.classes or (),
        unit="" if network.target is None else network.target.describe(task.link),
    )


@dataclass(frozen=True, eq=False)
class _Step:
    """The number of the step, and its flat vectors, from which each layer's part is taken."""

    number: int
    model: Model
    gradient: Floats
    slots_before: tuple[Floats, ...]
    after: Floats | None
    slots_after: tuple[Floats, ...] | None
    slot_names: tuple[str, ...]

    def part(self, visit: LayerForward, flat: Floats | None) -> SimpleNamespace:
        """A layer's part of a flat vector, by the parameters' names."""
        views = visit.made.instruction.parameters
        return SimpleNamespace(**({} if flat is None else {view.name: _own(view.of(flat)) for view in views}))

    def slots(self, visit: LayerForward, flats: tuple[Floats, ...] | None) -> dict[str, SimpleNamespace]:
        """A layer's part of every slot."""
        return {name: self.part(visit, flat) for name, flat in zip(self.slot_names, flats or (), strict=False)}


def _cost(task: TrainingTask, model: Model, randomness: Randomness | None) -> float:
    scores = forward(model, task.x, randomness)[0]
    return mean_loss(task.loss, scores, task.targets, task.sample_weight) + penalty_value(model, task.penalty)


def _layer(visit: LayerForward, back: LayerBackward, symbols: Symbols, step: _Step) -> LayerTrace:
    made, update = visit.made, None
    instruction, parameters, context, saved = made
    layer = instruction.layer
    layer = layer.at_step(step.number) if isinstance(layer, Scheduled) else layer
    formulas = formulas_of(layer)
    derivative = None
    if isinstance(formulas, Formulas) and formulas.derivative:
        ones = np.ones_like(visit.output)
        derivative = layer.backward(ones, saved, parameters, context._replace(input_gradient=True))[0]
    if step.after is not None:
        update = step.after - step.model.parameters
    return LayerTrace(
        index=instruction.index,
        layer=layer,
        symbols=symbols,
        input=_own(visit.input),
        output=_own(visit.output),
        input_gradient=_own(back.input_gradient),
        output_gradient=_own(back.output_gradient),
        derivative=None if derivative is None else _own(derivative),
        parameters=step.part(visit, step.model.parameters),
        gradient=step.part(visit, step.gradient),
        update=step.part(visit, update),
        after=step.part(visit, step.after),
        statistics=SimpleNamespace(**{name: _own(values) for name, values in vars(context.statistics).items()}),
        slots_before=step.slots(visit, step.slots_before if step.after is not None else None),
        slots_after=step.slots(visit, step.slots_after),
    )


def _own(array: Array) -> Array:
    """A copy that nobody else holds, read-only."""
    copy = np.array(array)
    copy.flags.writeable = False
    return copy
