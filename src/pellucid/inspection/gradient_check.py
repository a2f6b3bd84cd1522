"""The gradient check: whether the derivative that a part answers is the derivative of its value.

Contract: each check puts the gradients of a network, a layer or a loss beside central differences,
(f(p + h) − f(p − h))/2h, in float64, and returns a `GradientCheck`. What is checked is left as it was.
`differences.py` has the comparison itself.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pellucid.engines.engine import Model
from pellucid.engines.reference import (
    Randomness,
    forward,
    mean_loss,
    mean_loss_and_gradient,
    penalty_value,
)
from pellucid.inspection.differences import Arrays, Effort, Value, compare
from pellucid.inspection.instrumented import (
    Examples,
    check_examples,
    flat_gradient,
    gradient_of_input,
    walk_backward,
    walk_forward,
)
from pellucid.inspection.verdict import ArrayCheck, Derivative, GradientCheck
from pellucid.layers.layer import Layer
from pellucid.losses import Loss, find_loss
from pellucid.network import Network
from pellucid.penalties import Penalty
from pellucid.program.compilation import compile_program
from pellucid.streams import Purpose, Stream
from pellucid.typing import Floats, Shape
from pellucid.validation import check_array, check_finite, check_inputs, check_integer, check_number, check_seed

__all__ = ["ArrayCheck", "Derivative", "GradientCheck", "gradient_check", "layer_gradient_check", "loss_gradient_check"]

_TOLERANCE = 1e-6
_LIMIT = 200  # arrays of at most this many numbers are checked number by number
_PROJECTIONS = 10  # random directions along which larger arrays are checked
_ROWS = 5


def gradient_check(
    network: Network,
    loss: Loss | str | None,
    x: Any,
    y: Any,
    *,
    penalty: Penalty | None = None,
    sample_weight: Any = None,
    training: bool = False,
    rows: int | None = 16,
    limit: int = _LIMIT,
    projections: int = _PROJECTIONS,
    tolerance: float = _TOLERANCE,
    seed: int = 0,
) -> GradientCheck:
    """Compare a network's gradient with central differences of its loss, for every parameter and every input.

    For a parameter p of the mean loss C, ∂C/∂p is compared with (C(p + h) − C(p − h))/2h, in float64 whatever the
    network's own precision is, with the layers' own `forward` and `backward` (the reference engine's mathematics).
    Where C has a kink (a ReLU at 0, two equal pieces of a maxout) there is nothing to compare with: such numbers are
    skipped and counted.

    Parameters
    ----------
    network : Network
        Any; it may be unbuilt. It is not changed.
    loss : Loss, str or None
        None: the one it was trained with.
    x, y : array
        Inputs and targets, as for training.
    penalty : Penalty or None
        Checked along with the loss.
    sample_weight : array (n,) or None
        How much each row counts.
    training : bool
        Whether the network runs as in a training step: dropout with the masks of the first step, batch normalization by
        the batch's own mean. Otherwise as in prediction.
    rows : int or None
        At most this many rows are used, spread evenly over those given; None: all. The work grows with them.
    limit : int
        Arrays of at most this many numbers are checked number by number, at two passes forward each.
    projections : int
        Larger arrays are checked along this many random directions, at two passes each: a gradient wrong in any place
        is wrong along nearly every direction. Along one that fails, the worst number is then looked for by halving.
    tolerance : float
        The largest relative difference that passes.
    seed : int
        Where the directions, the masks and the weights of an unbuilt network start.

    Returns
    -------
    GradientCheck
        The verdict, array by array; print it.

    Examples
    --------
    >>> import pellucid as pl
    >>> x, y = pl.datasets.bulls_eye(8, seed=0)
    >>> network = pl.Network([pl.Dense(4), pl.Tanh(), pl.Dense(2)]).build(2, seed=0)
    >>> check = pl.gradient_check(network, pl.SoftmaxCrossEntropy(), x, y)
    >>> check.passed, check.checked, check.kinks
    (True, 54, 0)
    """
    examples = _some_rows(check_examples(network, loss, x, y, sample_weight), rows)
    model = _in_float64(network, examples, check_seed(seed))
    given = examples.x.astype(np.float64)  # (n, *input_shape)
    randomness = Randomness(seed, 0) if training else None
    views = model.program.views()

    visits = walk_forward(model, given, randomness)
    scores = visits[-1].output  # (n, …, outputs)
    with np.errstate(all="ignore"):  # a loss that is not finite is told by `compare`
        _, gradient = mean_loss_and_gradient(examples.loss, scores, examples.targets, examples.sample_weight)
    returns = walk_backward(visits, _of_scores(examples.loss, gradient, scores))
    flat = flat_gradient(model, returns, penalty)  # (p,)
    at = {name: view.of(model.parameters) for name, view in views.items()} | {"x": given}
    gradients = {name: view.of(flat) for name, view in views.items()} | {"x": gradient_of_input(visits, returns)}

    def value(name: str, moved: Floats) -> float:
        of_model, of_x = model, given
        if name == "x":
            of_x = _with_codes_of(given, moved, max(each.layer.code_columns for each in model.program.instructions))
        else:
            parameters = model.parameters.copy()
            views[name].of(parameters)[...] = moved
            of_model = model._replace(parameters=parameters)
        scores = forward(of_model, of_x, randomness)[0]
        mean = mean_loss(examples.loss, scores, examples.targets, examples.sample_weight)
        return mean + penalty_value(of_model, penalty)

    subject = f"{type(examples.loss).__name__} of a network of {len(network.layers)} layers"
    return _verdict(subject, value, gradients, at, _effort(limit, projections, tolerance, seed))


def layer_gradient_check(
    layer: Layer,
    input_shape: int | Shape,
    *,
    x: Any = None,
    training: bool = False,
    limit: int = _LIMIT,
    projections: int = _PROJECTIONS,
    tolerance: float = _TOLERANCE,
    seed: int = 0,
) -> GradientCheck:
    """Compare the `backward` of a layer, also one of your own, with central differences of its `forward`.

    What is differentiated is Σ r·y, with y the layer's output and r random numbers: a plain sum would hide what
    cancels, as in softmax. Parameters are random numbers; statistics are measured on random inputs.

    Parameters
    ----------
    layer : Layer
        What is checked.
    input_shape : int or tuple of int
        The shape of one example in front of it.
    x : array (n, *input_shape) or None
        Inputs to check it at; None: five rows of normal numbers, and of the code 0 where codes must be.
    training : bool
        Whether it runs as in a training step.
    limit, projections, tolerance, seed
        As in `gradient_check`.

    Returns
    -------
    GradientCheck

    Examples
    --------
    >>> import pellucid as pl
    >>> print(pl.layer_gradient_check(pl.Sigmoid(), 3))
    Right: the gradient of Sigmoid() is that of its value, at 15 places.
    array  numbers  checked  kinks  worst             error
    x           15       15      0  x[0, 0]  below rounding
    """
    if not isinstance(layer, Layer):
        raise TypeError(f"layer must be a layer, not {layer!r}.")
    shape = tuple(input_shape) if isinstance(input_shape, tuple | list) else (input_shape,)
    shape = tuple(check_integer("input_shape", size, minimum=1) for size in shape)
    stream = Stream(check_seed(seed), Purpose.DATA)
    given = stream.normal((_ROWS, *shape)) if x is None else check_inputs(x, "x", shape).astype(np.float64)
    if x is None and layer.code_columns:
        given[..., -layer.code_columns :] = 0.0
    network = Network([layer], dtype="float64").build(shape, seed)
    network.fit_statistics(stream.at(1).normal((4 * _ROWS, *shape), scale=2.0) + 1.0)
    model = network.model._replace(parameters=stream.at(2).normal((network.program.parameter_count,)))
    randomness = Randomness(seed, 0) if training else None
    views = model.program.views()

    visits = walk_forward(model, given, randomness)
    direction = stream.at(3).normal(visits[-1].output.shape)  # (n, *d_out)
    returns = walk_backward(visits, direction)
    flat = flat_gradient(model, returns, None)  # (p,)
    own = {name.partition(".")[2]: view for name, view in views.items()}  # by the names within the layer
    at = {name: view.of(model.parameters) for name, view in own.items()} | {"x": given}

    def value(name: str, moved: Floats) -> float:
        of_model, of_x = model, given
        if name == "x":
            of_x = _with_codes_of(given, moved, layer.code_columns)
        else:
            parameters = model.parameters.copy()
            own[name].of(parameters)[...] = moved
            of_model = model._replace(parameters=parameters)
        return float((forward(of_model, of_x, randomness)[0] * direction).sum())

    gradients = {name: view.of(flat) for name, view in own.items()} | {"x": gradient_of_input(visits, returns)}
    return _verdict(str(layer), value, gradients, at, _effort(limit, projections, tolerance, seed))


def _with_codes_of(given: Floats, moved: Floats, codes: int) -> Floats:
    """The moved inputs, but for their last columns: codes are no numbers, and have a gradient of 0."""
    return np.concatenate([moved[..., :-codes], given[..., -codes:]], axis=-1) if codes else moved


def loss_gradient_check(
    loss: Loss | str,
    scores: Any,
    y: Any,
    *,
    limit: int = _LIMIT,
    projections: int = _PROJECTIONS,
    tolerance: float = _TOLERANCE,
    seed: int = 0,
) -> GradientCheck:
    """Compare the `gradient` of a loss, also one of your own, with central differences of its `values`.

    Parameters
    ----------
    loss : Loss or str
        What is checked.
    scores : array (n, outputs)
        Where it is checked: normal numbers will do.
    y : array
        Targets, in the form the loss takes.
    limit, projections, tolerance, seed
        As in `gradient_check`.

    Returns
    -------
    GradientCheck

    Examples
    --------
    >>> import numpy as np, pellucid as pl
    >>> pl.loss_gradient_check(pl.Huber(), [[0.3, -2.0]], np.array([[0.0, 1.5]])).passed
    True
    """
    chosen = find_loss(loss)
    at = check_array(scores, "scores").astype(np.float64)  # (n, outputs)
    if at.ndim != 2:
        raise ValueError(f"scores must have the shape (n, outputs), not {at.shape}.")
    check_finite(at, "scores")
    targets = chosen.encode(y, at.shape[1])
    gradient = _of_scores(chosen, np.asarray(chosen.gradient(at, targets)), at)

    def value(name: str, moved: Floats) -> float:
        return float(chosen.values(moved, targets).sum())

    effort = _effort(limit, projections, tolerance, seed)
    return _verdict(type(chosen).__name__, value, {"scores": gradient}, {"scores": at}, effort)


def _some_rows(examples: Examples, rows: int | None) -> Examples:
    """At most this many of the rows, spread evenly."""
    if rows is None or len(examples.x) <= check_integer("rows", rows, minimum=1):
        return examples
    chosen = np.linspace(0, len(examples.x) - 1, rows).round().astype(int)  # (rows,)
    weight = None if examples.sample_weight is None else examples.sample_weight[chosen]
    return examples._replace(x=examples.x[chosen], targets=examples.targets[chosen], sample_weight=weight)


def _in_float64(network: Network, examples: Examples, seed: int) -> Model:
    """The network's numbers in double precision; of an unbuilt one, those it would begin with."""
    if not network.built:
        network = Network(network.layers, dtype="float64").build(examples.x.shape[1:], seed)
        network.fit_statistics(examples.x)
    program = compile_program(network.layers, network.input_shape)
    return Model(program, network.parameters.astype(np.float64), network.statistics)


def _of_scores(loss: Loss, gradient: Floats, scores: Floats) -> Floats:
    """The gradient of the scores; an error where its shape is another."""
    if np.shape(gradient) != scores.shape:
        raise ValueError(
            f"{type(loss).__name__}: gradient answered the shape {np.shape(gradient)}, but the scores have the shape "
            f"{scores.shape}."
        )
    return gradient


def _effort(limit: int, projections: int, tolerance: float, seed: int) -> Effort:
    return Effort(
        limit=check_integer("limit", limit, minimum=0),
        projections=check_integer("projections", projections, minimum=1),
        tolerance=check_number("tolerance", tolerance, above=0.0),
        seed=check_seed(seed),
    )


def _verdict(subject: str, value: Value, gradients: Arrays, at: Arrays, effort: Effort) -> GradientCheck:
    arrays, evaluations = compare(value, gradients, at, effort)
    return GradientCheck(subject, arrays, effort.tolerance, evaluations)
