"""Networks and trainings as recipes say.

Contract: `layers_of` makes the layers of a recipe, `optimizer_of` and `rate_factors_of` what trains them, `network_of`
and `trainer_of` put them together. What a recipe leaves out is simply not there: no layer, no schedule, no factor.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from pellucid.encoding.encoder import Layout
from pellucid.initializers import DataDependentBias, Normal
from pellucid.layers import (
    ACTIVATIONS,
    CategoryEmbedding,
    Dense,
    Dropout,
    Layer,
    ParametricActivation,
    PeriodicEmbedding,
    Scale,
)
from pellucid.losses import Loss
from pellucid.network import Network
from pellucid.optimizers import Adam, AdamW, Optimizer
from pellucid.schedules import FlatCosine, LogCosine
from pellucid.tables.recipes import Recipe
from pellucid.training import Callback, EarlyStopping, Trainer
from pellucid.validation import check_integer


def layers_of(recipe: Recipe, layout: Layout, outputs: int, steps: int) -> list[Layer]:
    """The layers for rows that an encoder has made: embeddings, front scale, hidden layers, the outputs' layer.

    Parameters
    ----------
    recipe : Recipe
        The switches.
    layout : Layout
        How many numbers, flags and categories a row has: `encoder.layout`.
    outputs : int
        The scores that are wanted.
    steps : int
        How many steps training has, all epochs together: dropout fades over them.
    """
    layers: list[Layer] = []
    if layout.cardinalities:
        layers.append(CategoryEmbedding(tuple(layout.cardinalities), recipe.category_size))
    if recipe.periodic_embedding and layout.numbers:
        layers.append(PeriodicEmbedding(layout.numbers, recipe.frequencies, recipe.embedding_outputs, recipe.sigma))
    if recipe.front_scale:
        layers.append(Scale())
    for units in recipe.hidden:
        layers += [_dense(recipe, units, last=False), _activation(recipe)]
        if recipe.dropout:
            layers.append(Dropout(_fading(recipe, recipe.dropout, steps)))
    layers.append(_dense(recipe, outputs, last=True))
    return layers


def _dense(recipe: Recipe, units: int, *, last: bool) -> Layer:
    """A dense layer with the first weights that suit the recipe.

    With 1/√d_in in the formula weights and biases start from N(0, 1), and those of the outputs from 0 (RealMLP-TD-S);
    measured on rows, all layers do alike (RealMLP-TD).
    """
    more: dict[str, Any] = {} if recipe.parametrization == "standard" else {"parametrization": recipe.parametrization}
    if recipe.data_driven_initialization:
        more |= {"weight_initializer": "unit_variance", "bias_initializer": DataDependentBias(5)}
    elif recipe.parametrization == "ntk":
        start = "zeros" if last else Normal(1.0)
        more |= {"weight_initializer": start, "bias_initializer": start}
    return Dense(units, **more)


def _activation(recipe: Recipe) -> Layer:
    return ParametricActivation(recipe.activation) if recipe.parametric else ACTIVATIONS[recipe.activation]()


def _fading(recipe: Recipe, value: float, steps: int) -> Any:
    return FlatCosine(value, steps=steps) if recipe.fading and value else value


def optimizer_of(recipe: Recipe, steps: int) -> Optimizer:
    """Adam with the recipe's rate and decay over this many steps."""
    rate: Any = recipe.learning_rate
    if recipe.rate_schedule == "log_cosine":
        rate = LogCosine(recipe.learning_rate, steps=steps)
    if not recipe.weight_decay:
        return Adam(rate, recipe.beta_1, recipe.beta_2)
    return AdamW(rate, recipe.beta_1, recipe.beta_2, weight_decay=_fading(recipe, recipe.weight_decay, steps))


def rate_factors_of(recipe: Recipe, layers: Sequence[Layer]) -> dict[str, float]:
    """What the rate is multiplied with, by the names of layers and parameters; those with 1 are left out."""
    factors: dict[str, float] = {}
    for number, layer in enumerate(layers):
        if isinstance(layer, Scale):
            factors[str(number)] = recipe.front_rate_factor
        elif isinstance(layer, PeriodicEmbedding):
            factors[str(number)] = recipe.embedding_rate_factor
        elif isinstance(layer, ParametricActivation):
            factors[str(number)] = recipe.slope_rate_factor
        elif isinstance(layer, Dense):
            factors[f"{number}.bias"] = recipe.bias_rate_factor
    return {name: factor for name, factor in factors.items() if factor != 1.0}


def steps_of(recipe: Recipe, rows: int, epochs: int) -> int:
    """How many steps there are in this many epochs."""
    return epochs * math.ceil(rows / min(recipe.batch_size, rows))


def network_of(recipe: Recipe, layout: Layout, outputs: int, steps: int, **options: Any) -> Network:
    """A network with the recipe's layers; `options` are those of `Network`."""
    return Network(layers_of(recipe, layout, outputs, steps), **options)


def trainer_of(
    recipe: Recipe,
    network: Network,
    loss: Loss,
    *,
    rows: int,
    epochs: int,
    seed: int = 0,
    watch: str | None = None,
    scaled: bool = False,
    callbacks: Sequence[Callback] = (),
) -> Trainer:
    """The trainer of a network that `network_of` made, for this many rows and epochs.

    Parameters
    ----------
    recipe, network : Recipe, Network
        The switches, and the network with layers of the same.
    loss : Loss
        What is minimized.
    rows, epochs : int
        Training rows, and how often each of them is used: the schedules reach over all of it.
    seed : int
        Where all random numbers start.
    watch : str or None
        The column of the history by which the best epoch is found; None: there are no validation rows.
    scaled : bool
        Whether the target may be standardized and clamped: numbers may, classes and counts not.
    callbacks : sequence
        Further callbacks.
    """
    check_integer("rows", rows, minimum=1)
    check_integer("epochs", epochs, minimum=1)
    best: list[Callback] = []
    if recipe.best_epoch and watch is not None:
        best = [EarlyStopping(patience=None, monitor=watch, ties="last")]
    return Trainer(
        network,
        loss=loss,
        optimizer=optimizer_of(recipe, steps_of(recipe, rows, epochs)),
        batch_size=min(recipe.batch_size, rows),
        seed=seed,
        learning_rate_factors=rate_factors_of(recipe, network.layers),
        standardize_target=scaled and recipe.standardize_target,
        clamp=scaled and recipe.clamp,
        callbacks=[*callbacks, *best],  # the best epoch may be found by what a callback measures
    )
