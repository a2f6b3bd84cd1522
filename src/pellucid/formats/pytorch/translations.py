"""How every layer of the catalogue is said in PyTorch.

Contract: a translation takes the module `torch`, the layer, its numbers by name as tensors (`numbers.weight`, …; what
is measured, such as `numbers.mean`, in float64; `numbers.dtype` is the network's), and the number of its inputs, and
answers a `torch.nn.Module` with these numbers. Nothing draws from PyTorch's random numbers. Whoever writes a layer
writes such a function for it and gives it to `to_torch(translations={MyLayer: function})`.
"""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, TypeAlias

from pellucid import layers as our
from pellucid.layers.base import Layer

Translation: TypeAlias = Callable[[Any, Any, SimpleNamespace, int], Any]

_LINEAR_FROM = 40.0  # where log(1 + eᶻ) is z in float64, too; PyTorch's own 20 is meant for float32


def _modules() -> Any:
    from pellucid.formats.pytorch import modules

    return modules


def _module(name: str, **arguments: Any) -> Translation:
    """A layer without numbers that PyTorch has."""
    return lambda torch, layer, numbers, inputs: getattr(torch.nn, name)(**arguments)


def _filled(torch: Any, module: Any, **tensors: Any) -> Any:
    """The module with these numbers in place of its own."""
    with torch.no_grad():
        for name, tensor in tensors.items():
            getattr(module, name).copy_(tensor)
    return module


def _dense(torch: Any, layer: our.Dense, numbers: SimpleNamespace, inputs: int) -> Any:
    weight = numbers.weight
    linear = torch.nn.Linear if layer.parametrization == "standard" else _modules().TangentLinear
    module = torch.nn.utils.skip_init(linear, inputs, layer.units, bias=layer.bias, dtype=weight.dtype)
    return _filled(torch, module, weight=weight.T, **({"bias": numbers.bias} if layer.bias else {}))


def _maxout(torch: Any, layer: our.Maxout, numbers: SimpleNamespace, inputs: int) -> Any:
    weight = numbers.weight
    module = torch.nn.utils.skip_init(_modules().Maxout, inputs, layer.units, layer.pieces, dtype=weight.dtype)
    return _filled(torch, module, weight=weight.T, bias=numbers.bias)


def _prelu(torch: Any, layer: our.PReLU, numbers: SimpleNamespace, inputs: int) -> Any:
    module = torch.nn.PReLU(numbers.slope.numel(), dtype=numbers.slope.dtype)
    return _filled(torch, module, weight=numbers.slope)


def _parametric(torch: Any, layer: our.ParametricActivation, numbers: SimpleNamespace, inputs: int) -> Any:
    f = layer.activation
    return _modules().ParametricActivation(TRANSLATIONS[type(f)](torch, f, numbers, inputs), numbers.share)


def _periodic(torch: Any, layer: our.PeriodicEmbedding, numbers: SimpleNamespace, inputs: int) -> Any:
    return _modules().PeriodicEmbedding(numbers.frequency, numbers.phase, numbers.weight, numbers.bias)


def _embedding(torch: Any, layer: our.Embedding, numbers: SimpleNamespace, inputs: int) -> Any:
    return _modules().Embedding(numbers.weight, torch.tensor(layer.offsets))


def _batch_normalization(torch: Any, layer: our.BatchNormalization, numbers: SimpleNamespace, inputs: int) -> Any:
    module = torch.nn.BatchNorm1d(inputs, layer.epsilon, layer.momentum, dtype=numbers.scale.dtype)
    names = {"weight": numbers.scale, "bias": numbers.shift}
    return _filled(torch, module, **names, running_mean=numbers.mean, running_var=numbers.variance)


def _layer_normalization(torch: Any, layer: our.LayerNormalization, numbers: SimpleNamespace, inputs: int) -> Any:
    module = torch.nn.LayerNorm(inputs, layer.epsilon, dtype=numbers.scale.dtype)
    return _filled(torch, module, weight=numbers.scale, bias=numbers.shift)


def _scaling(torch: Any, layer: Layer, numbers: SimpleNamespace, inputs: int) -> Any:
    return _modules().Scaling(numbers.mean, numbers.scale, numbers.dtype)


def _robust_scale(torch: Any, layer: our.RobustScale, numbers: SimpleNamespace, inputs: int) -> Any:
    return _modules().RobustScaling(numbers.mean, numbers.scale, numbers.dtype, layer.limit)


def _rescale(torch: Any, layer: our.Rescale, numbers: SimpleNamespace, inputs: int) -> Any:
    return _modules().Rescaling(layer.scale, layer.offset, numbers.dtype)


TRANSLATIONS: dict[type[Layer], Translation] = {
    our.Dense: _dense,
    our.Maxout: _maxout,
    our.Identity: _module("Identity"),
    our.Sigmoid: _module("Sigmoid"),
    our.Tanh: _module("Tanh"),
    our.HardTanh: lambda torch, layer, numbers, inputs: torch.nn.Hardtanh(layer.minimum, layer.maximum),
    our.ReLU: _module("ReLU"),
    our.LeakyReLU: lambda torch, layer, numbers, inputs: torch.nn.LeakyReLU(layer.slope),
    our.PReLU: _prelu,
    our.ELU: lambda torch, layer, numbers, inputs: torch.nn.ELU(layer.alpha),
    our.SELU: _module("SELU"),
    our.GELU: lambda torch, layer, numbers, inputs: torch.nn.GELU(layer.approximate),
    our.SiLU: _module("SiLU"),
    our.Mish: _module("Mish"),
    our.Softplus: lambda torch, layer, numbers, inputs: torch.nn.Softplus(layer.beta, _LINEAR_FROM),
    our.Softsign: _module("Softsign"),
    our.Softmax: _module("Softmax", dim=-1),
    our.ParametricActivation: _parametric,
    our.Dropout: lambda torch, layer, numbers, inputs: torch.nn.Dropout(layer.rate_at(0)),
    our.GaussianNoise: lambda torch, layer, numbers, inputs: _modules().GaussianNoise(layer.scale),
    our.BatchNormalization: _batch_normalization,
    our.LayerNormalization: _layer_normalization,
    our.Scale: lambda torch, layer, numbers, inputs: _modules().Scale(numbers.scale),
    our.Standardize: _scaling,
    our.MinMax: _scaling,
    our.Center: _scaling,
    our.RobustScale: _robust_scale,
    our.Rescale: _rescale,
    our.PeriodicEmbedding: _periodic,
    our.Embedding: _embedding,
}
"""By class, not by kin: a subclass may compute something else."""
