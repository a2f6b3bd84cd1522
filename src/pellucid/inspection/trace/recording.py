"""The trace: one training step with every number kept.

Contract: `trace` runs one step through the reference engine's mathematics, with each layer's own `forward` and
`backward`, and answers a `Trace`: a value, whose arrays are copies that nobody else holds. The network is not changed.
`words.py`, `page.py` and `data.py` make text, HTML and plain data of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from pellucid.engines.base import Model, State, Task
from pellucid.engines.reference import (
    Randomness,
    add_penalty_gradient,
    forward,
    mean_loss,
    mean_loss_and_gradient,
    penalty_value,
    update_parameters,
)
from pellucid.formulas import Formulas, formulas_of
from pellucid.inspection.trace.symbols import Symbols, symbols_of
from pellucid.inspection.walk import Return, Visit, check_examples, walk_backward, walk_forward
from pellucid.layers.base import Layer
from pellucid.losses import Loss
from pellucid.network import Network
from pellucid.optimizers import Optimizer, find_optimizer
from pellucid.penalties import Penalty
from pellucid.typing import Array, Floats
from pellucid.validation import check_integer, check_seed

_MOST_ROWS = 4096


@dataclass(frozen=True, eq=False)
class LayerTrace:
    """What went through one layer, with n rows and the layer's shapes d_in and d_out.

    Parameters
    ----------
    index : int
        Its place in the network.
    layer : Layer
        The layer itself.
    symbols : Symbols
        What its numbers are called: `symbols.input`, `symbols.output`, `symbols.parameters["weight"]`.
    input, output : array (n, *d_in), (n, *d_out)
        What it was given and what it answered: x and z, or z and a.
    input_gradient, output_gradient : array (n, *d_in), (n, *d_out)
        ∂C/∂input and ∂C/∂output, of the mean cost C.
    derivative : array (n, *d_in) or None
        Where it works on each unit for itself: the derivative of that function, such as σ′(z).
    parameters, gradient, update, after : namespace
        By the parameter's name (`gradient.weight`): its value, ∂C/∂value with the penalty's part, what the optimizer
        added, and the new value. Without an optimizer the last two are empty.
    statistics : namespace
        What it measured on data.
    slots_before, slots_after : dict of namespaces
        What the optimizer remembers, by the slot's and the parameter's name: `slots_after["velocity"].weight`.
    """

    index: int
    layer: Layer
    symbols: Symbols
    input: Floats
    output: Floats
    input_gradient: Floats
    output_gradient: Floats
    derivative: Floats | None
    parameters: SimpleNamespace
    gradient: SimpleNamespace
    update: SimpleNamespace
    after: SimpleNamespace
    statistics: SimpleNamespace
    slots_before: dict[str, SimpleNamespace]
    slots_after: dict[str, SimpleNamespace]


@dataclass(frozen=True, eq=False)
class Trace:
    """One training step with every number in it. Print it, show it in a notebook, or save it as a page.

    Parameters
    ----------
    x : array (n, *input_shape)
        The inputs.
    targets : array (n,) or (n, outputs)
        Classes or numbers.
    layers : tuple of LayerTrace
        Each layer's numbers, in the order of the network.
    loss : Loss
        What was minimized.
    values : array (n,)
        The loss of each row.
    cost : float
        C: their (weighted) mean, plus the penalty.
    penalty : Penalty or None
        What the weights cost.
    penalty_cost : float
        The penalty's part of C.
    sample_weight : array (n,) or None
        How much each row counts.
    training : bool
        Whether dropout and batch normalization ran as in training.
    optimizer : Optimizer or None
        What made the step; None: there was none.
    rate : float
        The learning rate of the step.
    step : int
        The number of the step, from 0 on.
    cost_after : float or None
        C of the same rows with the new weights.
    """

    x: Array
    targets: Array
    layers: tuple[LayerTrace, ...]
    loss: Loss
    values: Floats
    cost: float
    penalty: Penalty | None
    penalty_cost: float
    sample_weight: Floats | None
    training: bool
    optimizer: Optimizer | None
    rate: float
    step: int
    cost_after: float | None

    @property
    def scores(self) -> Floats:
        """The last layer's outputs, (n, outputs)."""
        return self.layers[-1].output.reshape(len(self.x), -1)

    @property
    def score_gradient(self) -> Floats:
        """∂C/∂scores, (n, outputs)."""
        return self.layers[-1].output_gradient.reshape(len(self.x), -1)

    def text(self, *, unit: int | str | None = None, row: int = 0, digits: int = 4) -> str:
        """The step as a walk through the chain rule: each line's formula, and the numbers put in.

        Parameters
        ----------
        unit : int, "all" or None
            Which unit of each layer is worked out number by number. None: every one of a layer of at most four, of a
            larger one that whose gradient is the largest.
        row : int
            Which row is followed through the layers, from 0 on.
        digits : int
            How many decimals are shown; small numbers show three digits anyway. `layers` has them all.
        """
        from pellucid.inspection.trace.words import text

        self._check_row(row)
        if unit is not None and unit != "all":
            if isinstance(unit, str):
                raise ValueError(f"unit must be a whole number, 'all' or None, not {unit!r}.")
            widest = max(layer.output[0].size for layer in self.layers)
            check_integer("unit", unit, minimum=0, maximum=widest - 1)
        return text(self, unit, row, check_integer("digits", digits, minimum=1, maximum=16))

    def __str__(self) -> str:
        """The walk through the chain rule."""
        return self.text()

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain data: dictionaries, lists, numbers and strings."""
        from pellucid.inspection.trace.data import to_dict

        return to_dict(self)

    def to_json(self, *, indent: int | None = None) -> str:
        """Everything as JSON; numbers that are not finite are the strings "NaN", "Infinity" and "-Infinity"."""
        import json

        return json.dumps(self.to_dict(), ensure_ascii=False, allow_nan=False, indent=indent)

    def to_html(self, *, row: int = 0) -> str:
        """A page of its own: fold out a layer, hover over a unit to see its sum written out. It loads nothing."""
        from pellucid.inspection.trace.page import page

        self._check_row(row)
        return page(self, row)

    def save_html(self, path: str | Path, *, row: int = 0) -> None:
        """Write `to_html` to a file."""
        from pellucid.formats.atomic import write_atomically

        write_atomically(Path(path).expanduser(), [self.to_html(row=row).encode()])

    def _repr_html_(self) -> str:
        """What notebooks show."""
        from pellucid.inspection.trace.page import fragment

        return fragment(self, 0)

    def _check_row(self, row: int) -> None:
        check_integer("row", row, minimum=0, maximum=len(self.x) - 1)


def trace(
    network: Network,
    loss: Loss | str | None,
    x: Any,
    y: Any,
    *,
    optimizer: Optimizer | str | None = None,
    penalty: Penalty | None = None,
    sample_weight: Any = None,
    state: State | None = None,
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
    state : State or None
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
            f"x has {len(examples.x)} rows, and a trace keeps every number of every layer for each of them: "
            f"pass a few rows, at most {_MOST_ROWS}, such as x[:8], y[:8]."
        )
    chosen = None if optimizer is None else find_optimizer(optimizer)
    if state is None:
        state = State.start(model.parameters, model.statistics, chosen or Optimizer())
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
        scores = visits[-1].output.reshape(len(examples.x), -1).astype(model.parameters.dtype, copy=False)
        value, gradient = mean_loss_and_gradient(examples.loss, scores, examples.targets, examples.sample_weight)
        returns = walk_backward(visits, gradient)
        flat = _flat_gradient(model, returns, penalty)
        task = Task(
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
        values = examples.loss.values(scores, examples.targets)
    cost_of_weights = penalty_value(model, penalty)
    recorded = _Step(model, flat, state.slots, after, slots, chosen.slot_names if chosen else ())
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
    )


@dataclass(frozen=True)
class _Step:
    """The flat vectors of the step, from which each layer's part is taken."""

    model: Model
    gradient: Floats
    slots_before: tuple[Floats, ...]
    after: Floats | None
    slots_after: tuple[Floats, ...] | None
    slot_names: tuple[str, ...]

    def part(self, visit: Visit, flat: Floats | None) -> SimpleNamespace:
        """A layer's part of a flat vector, by the parameters' names."""
        views = visit.made.instruction.parameters
        return SimpleNamespace(**({} if flat is None else {view.name: _own(view.of(flat)) for view in views}))

    def slots(self, visit: Visit, flats: tuple[Floats, ...] | None) -> dict[str, SimpleNamespace]:
        """A layer's part of every slot."""
        return {name: self.part(visit, flat) for name, flat in zip(self.slot_names, flats or (), strict=False)}


def _flat_gradient(model: Model, returns: list[Return], penalty: Penalty | None) -> Floats:
    """All parameters' gradients in one vector (p,), with the penalty's part."""
    flat = np.zeros_like(model.parameters)  # (p,)
    for instruction, back in zip(model.program.instructions, returns, strict=True):
        for view in instruction.parameters:
            view.of(flat)[...] = back.parameter_gradients[view.name]
    if penalty is not None:
        add_penalty_gradient(model, penalty, flat)
    return flat


def _cost(task: Task, model: Model, randomness: Randomness | None) -> float:
    scores = forward(model, task.x, randomness)[0].reshape(len(task.x), -1)
    return mean_loss(task.loss, scores, task.targets, task.sample_weight) + penalty_value(model, task.penalty)


def _layer(visit: Visit, back: Return, symbols: Symbols, step: _Step) -> LayerTrace:
    made, update = visit.made, None
    instruction, parameters, context, saved = made
    layer, formulas = instruction.layer, formulas_of(instruction.layer)
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
