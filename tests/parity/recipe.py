"""The strong recipe for tables, RealMLP, once in Pellucid's parts and once restated in plain PyTorch.

Holzmüller, Grinsztajn and Steinwart, "Better by default", NeurIPS 2024, without dropout, whose masks are drawn
otherwise: periodic embeddings of the numbers, a front scale, dense layers that divide by √d, parametric activations,
learning rates of their own, Adam with β₂ = 0.95 and decoupled decay of the weights that fades, the rate in four
logarithmic cosines, label smoothing or a standardized target.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

import pellucid as pl
from parity.kinds import numbers
from pellucid.typing import Array, Floats

ROWS, COLUMNS, NUMBERS, BATCH, STEPS = 50, 5, 3, 10, 10
FREQUENCIES, EMBEDDED, UNITS = 4, 4, (7, 6)
DECAY, SMOOTHING = 0.3, 0.1
X = numbers((ROWS, COLUMNS), 0.2, 1.5)
RATE_OF = {"frequency": 0.1, "phase": 0.1, "mixture": 0.1, "offset": 0.1, "scale": 6.0, "bias": 0.1, "share": 0.1}


@dataclass(frozen=True)
class Recipe:
    """Classification by SELU, or regression by Mish."""

    name: str
    activation: str
    rate: float
    y: Array
    outputs: int

    @property
    def shapes(self) -> list[tuple[str, tuple[int, ...]]]:
        """What is trained, in the order of the flat vector."""
        width = COLUMNS + NUMBERS * (EMBEDDED - 1)
        found: list[tuple[str, tuple[int, ...]]] = [
            ("frequency", (NUMBERS, FREQUENCIES)),
            ("phase", (NUMBERS, FREQUENCIES)),
            ("mixture", (NUMBERS, FREQUENCIES, EMBEDDED - 1)),
            ("offset", (NUMBERS, EMBEDDED - 1)),
            ("scale", (width,)),
        ]
        for units in UNITS:
            found += [("weight", (width, units)), ("bias", (units,)), ("share", (units,))]
            width = units
        return [*found, ("weight", (width, self.outputs)), ("bias", (self.outputs,))]

    @property
    def parameters(self) -> Floats:
        """Where both begin."""
        return numbers(sum(math.prod(shape) for _, shape in self.shapes), 0.4, 0.9)


RECIPES = [
    Recipe("classes", "selu", 0.04, np.arange(ROWS) % 3, 3),
    Recipe("numbers", "mish", 0.2, 300 + 50 * numbers(ROWS, 0.9), 1),
]


def trainer(recipe: Recipe, engine: str = "auto") -> pl.Trainer:
    """The recipe in parts of the catalogue, its weights at their beginning."""
    layers: list[pl.Layer] = [pl.PeriodicEmbedding(NUMBERS, FREQUENCIES, EMBEDDED), pl.Scale()]
    for units in UNITS:
        layers += [pl.Dense(units, parametrization="ntk"), pl.ParametricActivation(recipe.activation)]
    network = pl.Network([*layers, pl.Dense(recipe.outputs, parametrization="ntk")], "float64", engine).build(COLUMNS)
    network.parameters = recipe.parameters
    factors = {"0": 0.1, "1": 6.0}
    for place, layer in enumerate(network.layers):
        factors |= {pl.Dense: {f"{place}.bias": 0.1}, pl.ParametricActivation: {str(place): 0.1}}.get(type(layer), {})
    return pl.Trainer(
        network,
        pl.SoftmaxCrossEntropy(SMOOTHING) if recipe.outputs > 1 else "squared_error",
        pl.AdamW(pl.LogCosine(recipe.rate, steps=STEPS), beta_2=0.95, weight_decay=pl.FlatCosine(DECAY, steps=STEPS)),
        batch_size=BATCH,
        shuffle=False,
        learning_rate_factors=factors,
        standardize_target=recipe.outputs == 1,
        clamp=recipe.outputs == 1,
    )


def answer(torch: Any, recipe: Recipe) -> dict[str, list[float]]:
    """The same in PyTorch: weights after some steps, and what the network then says."""
    tensors, start = [], 0
    for _, shape in recipe.shapes:
        part = recipe.parameters[start : start + math.prod(shape)]
        tensors.append(torch.tensor(part.reshape(shape), requires_grad=True))
        start += part.size
    bend = {"selu": torch.nn.functional.selu, "mish": torch.nn.functional.mish}[recipe.activation]

    def scores(x: Any) -> Any:
        frequency, phase, mixture, offset, scale, *blocks = tensors
        waves = torch.cos(2 * torch.pi * torch.einsum("nm,mk->nmk", x[:, :NUMBERS], frequency) + phase)
        mixed = torch.einsum("nmk,mko->nmo", waves, mixture) + offset
        embedded = torch.cat([x[:, :NUMBERS, None], mixed], dim=2).flatten(1)
        h = torch.cat([embedded, x[:, NUMBERS:]], dim=1) * scale
        for weight, bias, share in zip(*[iter(blocks[:-2])] * 3, strict=True):
            z = h @ weight / weight.shape[0] ** 0.5 + bias
            h = z + share * (bend(z) - z)
        return h @ blocks[-2] / blocks[-2].shape[0] ** 0.5 + blocks[-1]

    x, y = torch.tensor(X), torch.tensor(recipe.y)
    mean, deviation = (y.mean(), y.std(correction=0)) if recipe.outputs == 1 else (0.0, 1.0)
    groups = [
        {"params": [tensor], "weight_decay": DECAY * (name in ("weight", "mixture")), "factor": RATE_OF.get(name, 1.0)}
        for (name, _), tensor in zip(recipe.shapes, tensors, strict=True)
    ]
    optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.95), eps=1e-8)
    decays = [group["weight_decay"] for group in optimizer.param_groups]
    for step in range(STEPS):
        t = torch.tensor(step / STEPS)
        rate = recipe.rate * 0.5 * (1 - torch.cos(2 * torch.pi * torch.log2(1 + 15 * t)))
        fades = 1.0 if t < 0.5 else 0.5 * (1 + torch.cos(torch.pi * (t - 0.5) / 0.5))
        for group, decay in zip(optimizer.param_groups, decays, strict=True):
            group["lr"], group["weight_decay"] = float(rate * group["factor"]), float(decay * fades)
        first = step * BATCH % ROWS
        said, target = scores(x[first : first + BATCH]), y[first : first + BATCH]
        if recipe.outputs > 1:
            loss = torch.nn.functional.cross_entropy(said, target, label_smoothing=SMOOTHING)
        else:
            loss = 0.5 * torch.nn.functional.mse_loss(said[:, 0], (target - mean) / deviation)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        said = scores(x)
        if recipe.outputs == 1:
            said = (said * deviation + mean).clamp(y.min(), y.max())
    found = {"parameters": torch.cat([tensor.detach().reshape(-1) for tensor in tensors]), "answers": said.reshape(-1)}
    return {name: values.tolist() for name, values in found.items()}
