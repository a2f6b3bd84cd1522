"""The cases of the layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import pellucid as pl
from parity.kinds import LayerCase, numbers
from pellucid.layers.layer import Layer

_MEAN, _SCALE = numbers(3, 0.2), np.abs(numbers(3, 0.4)) + 0.5


def _activation_cases() -> list[LayerCase]:
    """Activations that are one function of torch.nn.functional."""
    table: list[tuple[Layer, Callable[[Any, Any], Any]]] = [
        (pl.LeakyReLU(0.2), lambda f, x: f.leaky_relu(x, 0.2)),
        (pl.ELU(0.7), lambda f, x: f.elu(x, 0.7)),
        (pl.SELU(), lambda f, x: f.selu(x)),
        (pl.GELU(), lambda f, x: f.gelu(x)),
        (pl.GELU("tanh"), lambda f, x: f.gelu(x, approximate="tanh")),
        (pl.SiLU(), lambda f, x: f.silu(x)),
        (pl.Mish(), lambda f, x: f.mish(x)),
        (pl.Softplus(2.0), lambda f, x: f.softplus(x, beta=2.0)),
        (pl.Softsign(), lambda f, x: f.softsign(x)),
        (pl.HardTanh(-0.5, 0.7), lambda f, x: f.hardtanh(x, -0.5, 0.7)),
    ]
    return [
        LayerCase(str(layer), layer, (3,), lambda torch, x, p, function=function: function(torch.nn.functional, x))
        for layer, function in table
    ]


def _waves(torch: Any, x: Any, p: dict[str, Any]) -> Any:
    """Number by number."""
    columns = []
    for i in range(2):
        number = x[:, i : i + 1]  # (n, 1)
        wave = torch.cos(torch.nn.functional.linear(number, 2 * torch.pi * p["frequency"][i][:, None], p["phase"][i]))
        columns += [number, torch.addmm(p["bias"][i], wave, p["weight"][i].reshape(4, 2))]
    return torch.cat([*columns, x[:, 2:]], dim=1)


def _smoothly_clipped(torch: Any, z: Any) -> Any:
    return z / torch.sqrt(1 + (z / 3) ** 2)


def _first(x: Any) -> Any:
    """(n, *positions, c) as PyTorch has it, (n, c, *positions)."""
    return x.movedim(-1, 1)


def _last(y: Any) -> Any:
    return y.movedim(1, -1)


def _kernel(weight: Any) -> Any:
    """(*size, c_in, filters) as PyTorch has it, (filters, c_in, *size)."""
    return weight.movedim(-1, 0).movedim(-1, 1)


def _pool(name: str, **options: Any) -> Callable[[Any, Any, Any], Any]:
    return lambda torch, x, p: _last(getattr(torch.nn.functional, name)(_first(x), **options))


SLIDING_CASES = [
    LayerCase(
        "Conv1D",
        pl.Conv1D(3, 2, stride=2, padding=1, dilation=2),
        (6, 2),
        lambda torch, x, p: _last(
            torch.nn.functional.conv1d(_first(x), _kernel(p["weight"]), p["bias"], stride=2, padding=1, dilation=2)
        ),
        parameters={"weight": (2, 2, 3), "bias": (3,)},
    ),
    LayerCase(
        "Conv1D, causal",
        pl.Conv1D(2, 3, padding="causal", bias=False),
        (5, 2),
        lambda torch, x, p: _last(
            torch.nn.functional.conv1d(torch.nn.functional.pad(_first(x), (2, 0)), _kernel(p["weight"]))
        ),
        parameters={"weight": (3, 2, 2)},
    ),
    LayerCase(
        "Conv2D",
        pl.Conv2D(4, (3, 2), stride=(2, 1), padding=(1, 0), dilation=(1, 2), groups=2),
        (5, 4, 2),
        lambda torch, x, p: _last(
            torch.nn.functional.conv2d(
                _first(x), _kernel(p["weight"]), p["bias"], stride=(2, 1), padding=(1, 0), dilation=(1, 2), groups=2
            )
        ),
        parameters={"weight": (3, 2, 1, 4), "bias": (4,)},
    ),
    LayerCase(
        "DepthwiseConv2D",
        pl.DepthwiseConv2D(2, multiplier=2),
        (3, 4, 2),
        lambda torch, x, p: _last(torch.nn.functional.conv2d(_first(x), _kernel(p["weight"]), p["bias"], groups=2)),
        parameters={"weight": (2, 2, 1, 4), "bias": (4,)},
    ),
    LayerCase(
        "Conv2DTranspose",
        pl.Conv2DTranspose(2, 3, stride=2, padding=1),
        (3, 2, 3),
        lambda torch, x, p: _last(
            torch.nn.functional.conv_transpose2d(
                _first(x), p["weight"].movedim(-1, 0).movedim(-1, 0), p["bias"], stride=2, padding=1
            )
        ),
        parameters={"weight": (3, 3, 3, 2), "bias": (2,)},
    ),
    LayerCase("MaxPooling1D", pl.MaxPooling1D(2, stride=1), (5, 2), _pool("max_pool1d", kernel_size=2, stride=1)),
    LayerCase("MaxPooling2D", pl.MaxPooling2D(2), (5, 4, 2), _pool("max_pool2d", kernel_size=2)),
    LayerCase("AveragePooling1D", pl.AveragePooling1D(2), (5, 2), _pool("avg_pool1d", kernel_size=2)),
    LayerCase(
        "AveragePooling2D",
        pl.AveragePooling2D(3, stride=2, padding=1),
        (5, 4, 2),
        _pool("avg_pool2d", kernel_size=3, stride=2, padding=1, count_include_pad=False),
    ),
    LayerCase("GlobalMaxPooling", pl.GlobalMaxPooling(), (3, 2, 2), lambda torch, x, p: x.amax(dim=(1, 2))),
    LayerCase("GlobalAveragePooling", pl.GlobalAveragePooling(), (3, 2), lambda torch, x, p: x.mean(dim=1)),
    LayerCase("UpSampling2D", pl.UpSampling2D(2), (2, 3, 2), _pool("interpolate", scale_factor=2, mode="nearest")),
    LayerCase(
        "SpatialDropout in prediction", pl.SpatialDropout(0.5), (2, 3), lambda torch, x, p: torch.nn.Identity()(x)
    ),
    LayerCase(
        "GroupNormalization",
        pl.GroupNormalization(2),
        (3, 2, 4),
        lambda torch, x, p: _last(torch.nn.functional.group_norm(_first(x), 2, p["scale"], p["shift"])),
        parameters={"scale": (4,), "shift": (4,)},
    ),
]

LAYER_CASES = [
    LayerCase(
        "Dense",
        pl.Dense(2),
        (3,),
        lambda torch, x, p: torch.nn.functional.linear(x, p["weight"].T, p["bias"]),
        parameters={"weight": (3, 2), "bias": (2,)},
    ),
    LayerCase(
        "Dense without bias",
        pl.Dense(2, bias=False),
        (3,),
        lambda torch, x, p: torch.nn.functional.linear(x, p["weight"].T),
        parameters={"weight": (3, 2)},
    ),
    LayerCase(
        "Dense, ntk",
        pl.Dense(2, parametrization="ntk"),
        (3,),
        lambda torch, x, p: torch.addmm(p["bias"], x, p["weight"], alpha=3**-0.5),
        parameters={"weight": (3, 2), "bias": (2,)},
    ),
    LayerCase("Identity", pl.Identity(), (3,), lambda torch, x, p: torch.nn.Identity()(x)),
    LayerCase("ReLU", pl.ReLU(), (3,), lambda torch, x, p: torch.relu(x)),
    LayerCase("Sigmoid", pl.Sigmoid(), (3,), lambda torch, x, p: torch.sigmoid(x)),
    LayerCase("Tanh", pl.Tanh(), (3,), lambda torch, x, p: torch.tanh(x)),
    LayerCase("Softmax", pl.Softmax(), (3,), lambda torch, x, p: torch.softmax(x, dim=1)),
    LayerCase("Dropout in prediction", pl.Dropout(0.5), (3,), lambda torch, x, p: torch.nn.Dropout(0.5).eval()(x)),
    LayerCase(
        "Standardize",
        pl.Standardize(),
        (3,),
        lambda torch, x, p: torch.nn.functional.batch_norm(
            x, torch.tensor(_MEAN), torch.tensor(_SCALE**-2.0), training=False, eps=0.0
        ),
        statistics={"mean": _MEAN, "scale": _SCALE},
    ),
    LayerCase("Rescale", pl.Rescale(0.3, offset=-0.7), (3,), lambda torch, x, p: torch.add(-0.7, x, alpha=0.3)),
    *_activation_cases(),
    LayerCase(
        "PReLU",
        pl.PReLU(),
        (3,),
        lambda torch, x, p: torch.nn.functional.prelu(x, p["slope"]),
        parameters={"slope": (1,)},
    ),
    LayerCase(
        "PReLU of each unit",
        pl.PReLU(per_unit=True),
        (3,),
        lambda torch, x, p: torch.nn.functional.prelu(x, p["slope"]),
        parameters={"slope": (3,)},
    ),
    LayerCase(
        "ParametricActivation of Mish",
        pl.ParametricActivation("mish"),
        (3,),
        lambda torch, x, p: torch.lerp(x, torch.nn.functional.mish(x), p["share"]),
        parameters={"share": (3,)},
    ),
    LayerCase(
        "ParametricActivation of SELU",
        pl.ParametricActivation("selu"),
        (3,),
        lambda torch, x, p: torch.lerp(x, torch.nn.functional.selu(x), p["share"]),
        parameters={"share": (3,)},
    ),
    LayerCase("Scale", pl.Scale(), (3,), lambda torch, x, p: torch.mul(x, p["scale"]), parameters={"scale": (3,)}),
    LayerCase(
        "PeriodicEmbedding",
        pl.PeriodicEmbedding(2, frequencies=4, outputs=3),
        (3,),
        _waves,
        parameters={"frequency": (2, 4), "phase": (2, 4), "weight": (2, 8), "bias": (2, 2)},
    ),
    LayerCase(
        "CategoryEmbedding",
        pl.CategoryEmbedding((3, 2), size=2),
        (4,),
        lambda torch, x, p: torch.cat(
            [
                x[:, :2],
                torch.nn.functional.embedding(x[:, 2].long(), p["weight"][:3]),
                torch.nn.functional.embedding(x[:, 3].long(), p["weight"][3:]),
            ],
            dim=1,
        ),
        parameters={"weight": (5, 2)},
        codes=(3, 2),
    ),
    LayerCase(
        "Maxout",
        pl.Maxout(3, pieces=2),
        (3,),
        lambda torch, x, p: torch.nn.functional.linear(x, p["weight"].T, p["bias"]).reshape(-1, 3, 2).amax(dim=2),
        parameters={"weight": (3, 6), "bias": (6,)},
    ),
    LayerCase(
        "BatchNormalization in training",
        pl.BatchNormalization(),
        (3,),
        lambda torch, x, p: torch.nn.functional.batch_norm(x, None, None, p["scale"], p["shift"], training=True),
        parameters={"scale": (3,), "shift": (3,)},
        statistics={"mean": _MEAN, "variance": _SCALE},
        training=True,
    ),
    LayerCase(
        "BatchNormalization in prediction",
        pl.BatchNormalization(),
        (3,),
        lambda torch, x, p: torch.nn.functional.batch_norm(
            x, torch.tensor(_MEAN), torch.tensor(_SCALE), p["scale"], p["shift"]
        ),
        parameters={"scale": (3,), "shift": (3,)},
        statistics={"mean": _MEAN, "variance": _SCALE},
    ),
    LayerCase(
        "LayerNormalization",
        pl.LayerNormalization(),
        (3,),
        lambda torch, x, p: torch.nn.functional.layer_norm(x, (3,), p["scale"], p["shift"]),
        parameters={"scale": (3,), "shift": (3,)},
    ),
    LayerCase("GaussianNoise in prediction", pl.GaussianNoise(0.5), (3,), lambda torch, x, p: torch.nn.Identity()(x)),
    *(
        LayerCase(
            type(layer).__name__,
            layer,
            (3,),
            lambda torch, x, p: (x - torch.tensor(_MEAN)) * torch.tensor(_SCALE),
            statistics={"mean": _MEAN, "scale": _SCALE},
        )
        for layer in (pl.MinMax(-1, 1), pl.Center())
    ),
    LayerCase(
        "RobustScale",
        pl.RobustScale(),
        (3,),
        lambda torch, x, p: _smoothly_clipped(torch, (x - torch.tensor(_MEAN)) * torch.tensor(_SCALE)),
        statistics={"mean": _MEAN, "scale": _SCALE},
    ),
    LayerCase("Flatten", pl.Flatten(), (2, 3), lambda torch, x, p: torch.flatten(x, 1)),
    LayerCase("Reshape", pl.Reshape((3, -1)), (2, 6), lambda torch, x, p: x.reshape(len(x), 3, 4)),
    *SLIDING_CASES,
]
