"""Modules of PyTorch for the layers it has none for. Imported when they are first needed: torch is no dependency."""

from __future__ import annotations

import math
from typing import Any

import torch


class Scaling(torch.nn.Module):
    """y = (x − mean)·scale, computed in float64: `Standardize`, `MinMax` and `Center`.

    Parameters
    ----------
    mean, scale : tensor (d,)
        Kept as buffers: no optimizer changes them.
    dtype : torch.dtype
        What whole numbers become; floating-point inputs stay what they are.
    """

    def __init__(self, mean: Any, scale: Any, dtype: Any) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("scale", scale)
        self.dtype = dtype

    def scaled(self, x: Any) -> Any:
        """(x − mean)·scale in float64."""
        return (x.double() - self.mean.double()) * self.scale.double()

    def forward(self, x: Any) -> Any:
        """X (n, d) -> y (n, d)."""
        return self.scaled(x).to(x.dtype if x.is_floating_point() else self.dtype)


class RobustScaling(Scaling):
    """y = z/√(1 + (z/limit)²) with z = (x − mean)·scale; z itself without a limit: `RobustScale`."""

    def __init__(self, mean: Any, scale: Any, dtype: Any, limit: float | None) -> None:
        super().__init__(mean, scale, dtype)
        self.limit = limit

    def scaled(self, x: Any) -> Any:
        """The scaled and clipped numbers in float64."""
        z = super().scaled(x)
        return z if self.limit is None else z / torch.sqrt(1 + torch.square(z / self.limit))


class Rescaling(torch.nn.Module):
    """y = x·scale + offset, computed in float64: `Rescale`."""

    def __init__(self, scale: float, offset: float, dtype: Any) -> None:
        super().__init__()
        self.scale, self.offset, self.dtype = scale, offset, dtype

    def forward(self, x: Any) -> Any:
        """X (n, d) -> y (n, d)."""
        return (x.double() * self.scale + self.offset).to(x.dtype if x.is_floating_point() else self.dtype)


class TangentLinear(torch.nn.Linear):
    """y = x Wᵀ/√d_in + b: `Dense` with `parametrization="ntk"`."""

    def forward(self, x: Any) -> Any:
        """X (n, d_in) -> y (n, units)."""
        return torch.nn.functional.linear(x / math.sqrt(self.in_features), self.weight, self.bias)


class Scale(torch.nn.Module):
    """y = x ⊙ s with a factor of each feature, which is learnt: `Scale`."""

    def __init__(self, scale: Any) -> None:
        super().__init__()
        self.scale = torch.nn.Parameter(scale)

    def forward(self, x: Any) -> Any:
        """X (n, d) -> y (n, d)."""
        return x * self.scale


class ParametricActivation(torch.nn.Module):
    """y = x + a·(f(x) − x) with a share of each unit, which is learnt: `ParametricActivation`."""

    def __init__(self, activation: Any, share: Any) -> None:
        super().__init__()
        self.activation = activation
        self.share = torch.nn.Parameter(share)

    def forward(self, x: Any) -> Any:
        """X (n, d) -> y (n, d)."""
        return x + self.share * (self.activation(x) - x)


class PeriodicEmbedding(torch.nn.Module):
    """Each of the first m numbers x as (x, cos(2π x w + b) V + c), then the other columns: `PeriodicEmbedding`."""

    def __init__(self, frequency: Any, phase: Any, weight: Any, bias: Any) -> None:
        super().__init__()
        for name, numbers in (("frequency", frequency), ("phase", phase), ("weight", weight), ("bias", bias)):
            setattr(self, name, torch.nn.Parameter(numbers))

    def forward(self, x: Any) -> Any:
        """X (n, d) -> y (n, d + m·(outputs − 1))."""
        m, waves = self.frequency.shape
        wave = torch.cos(2 * math.pi * x[:, :m, None] * self.frequency + self.phase)  # (n, m, waves)
        mixed = torch.einsum("nmk,mkj->nmj", wave, self.weight.view(m, waves, -1)) + self.bias
        return torch.cat([torch.cat([x[:, :m, None], mixed], dim=2).flatten(1), x[:, m:]], dim=1)


class Embedding(torch.nn.Module):
    """The last columns hold codes, and are replaced by learnt vectors of a common table: `Embedding`."""

    def __init__(self, weight: Any, offsets: Any) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(weight)
        self.register_buffer("offsets", offsets, persistent=False)

    def forward(self, x: Any) -> Any:
        """X (n, d) -> y (n, d − codes + codes·size)."""
        first = x.shape[1] - len(self.offsets)
        vectors = torch.nn.functional.embedding(x[:, first:].long() + self.offsets, self.weight)  # (n, codes, size)
        return torch.cat([x[:, :first], vectors.flatten(1)], dim=1)


class Unit(torch.nn.Module):
    """y = clip(f(x)·scale + mean, low, high), computed in float64: a network's `target`, no part of `state_dict`.

    Parameters
    ----------
    mean, scale : array (d,)
    low, high : array (d,) or None
        None: no limit.
    exponential : bool
        Whether f(x) is exp(x), where scores are logarithms; else it is x.
    """

    def __init__(self, mean: Any, scale: Any, low: Any, high: Any, exponential: bool) -> None:
        super().__init__()
        self.exponential = exponential
        for name, values in {"mean": mean, "scale": scale, "low": low, "high": high}.items():
            self.register_buffer(name, None if values is None else torch.tensor(values), persistent=False)

    def forward(self, x: Any) -> Any:
        """X (n, d) -> y (n, d)."""
        y = torch.exp(x.double()) if self.exponential else x.double()
        y = y * self.scale.double() + self.mean.double()
        if self.low is not None or self.high is not None:
            y = torch.clamp(y, self.low, self.high)
        return y.to(x.dtype)


class GaussianNoise(torch.nn.Module):
    """y = x + N(0, scale²) in training, x in evaluation: `GaussianNoise`."""

    def __init__(self, scale: float) -> None:
        super().__init__()
        self.scale = scale

    def forward(self, x: Any) -> Any:
        """X (n, d) -> y (n, d)."""
        return x + self.scale * torch.randn_like(x) if self.training else x


class Maxout(torch.nn.Linear):
    """yⱼ = the highest of `pieces` linear functions, whose weights lie side by side: `Maxout`."""

    def __init__(self, inputs: int, units: int, pieces: int, device: Any = None, dtype: Any = None) -> None:
        super().__init__(inputs, units * pieces, device=device, dtype=dtype)
        self.pieces = pieces

    def forward(self, x: Any) -> Any:
        """X (n, d) -> y (n, units)."""
        return super().forward(x).unflatten(-1, (-1, self.pieces)).amax(dim=-1)
