"""The cases of the optimizers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pellucid as pl
from parity.kinds import OptimizerCase


def _decayed(weights: list[Any], biases: list[Any], decay: float) -> list[dict[str, Any]]:
    """Parameter groups of torch.optim, where decay is for weights only."""
    return [{"params": weights, "weight_decay": decay}, {"params": biases, "weight_decay": 0.0}]


class _Lion:
    """Chen and others, 2023, algorithm 2: PyTorch has no Lion of its own."""

    def __init__(self, torch: Any, tensors: list[Any], rate: float) -> None:
        self.torch, self.tensors, self.rate = torch, tensors, rate
        self.momenta = [torch.zeros_like(tensor) for tensor in tensors]

    def step(self) -> None:
        with self.torch.no_grad():
            for tensor, momentum in zip(self.tensors, self.momenta, strict=True):
                tensor.sub_(self.rate * momentum.lerp(tensor.grad, 0.1).sign())
                momentum.lerp_(tensor.grad, 0.01)


class _DecayFirst:
    """Decoupled decay of the weights, then another optimizer's step."""

    def __init__(self, torch: Any, optimizer: Any, weights: list[Any], factor: float) -> None:
        self.torch, self.optimizer, self.weights, self.factor = torch, optimizer, weights, factor

    def step(self) -> None:
        with self.torch.no_grad():
            for weight in self.weights:
                weight.mul_(self.factor)
        self.optimizer.step()


class _Fading:
    """An optimizer whose decay stays for some steps, and then falls to 0 with PyTorch's own cosine."""

    def __init__(self, torch: Any, optimizer: Any, flat: int, falling: int) -> None:
        self.optimizer = optimizer
        self.group = next(group for group in optimizer.param_groups if group["weight_decay"] > 0)
        likeness = torch.optim.SGD([torch.zeros(1)], lr=self.group["weight_decay"])  # its rate is our decay
        schedulers = torch.optim.lr_scheduler
        parts = [schedulers.ConstantLR(likeness, factor=1.0), schedulers.CosineAnnealingLR(likeness, falling)]
        self.scheduler = schedulers.SequentialLR(likeness, parts, milestones=[flat])
        self.likeness, self.steps, self.end = likeness, 0, flat + falling

    def step(self) -> None:
        rising = self.steps >= self.end  # PyTorch's cosine would rise again
        self.group["weight_decay"] = 0.0 if rising else self.likeness.param_groups[0]["lr"]
        self.optimizer.step()
        self.likeness.step()
        self.scheduler.step()
        self.steps += 1


def _clip(torch: Any, tensors: list[Any]) -> None:
    """By value 0.2, then by norm 0.3. `clip_grad_norm_` adds 1e-6 to the norm, which would be seen."""
    torch.nn.utils.clip_grad_value_(tensors, 0.2)
    norm = torch.linalg.vector_norm(torch.cat([tensor.grad.reshape(-1) for tensor in tensors]))
    if norm > 0.3:
        for tensor in tensors:
            tensor.grad.mul_(0.3 / norm)


def _decayed_and_clipped_cases() -> list[OptimizerCase]:
    """Every optimizer with decoupled decay and clipping."""
    table: list[tuple[Any, Callable[[Any, list[Any], float], Any]]] = [
        (pl.GradientDescent, lambda torch, p, rate: torch.optim.SGD(p, lr=rate)),
        (pl.Momentum, lambda torch, p, rate: torch.optim.SGD(p, lr=rate, momentum=0.9)),
        (pl.Nesterov, lambda torch, p, rate: torch.optim.SGD(p, lr=rate, momentum=0.9, nesterov=True)),
        (pl.AdaGrad, lambda torch, p, rate: torch.optim.Adagrad(p, lr=rate)),
        (pl.RMSProp, lambda torch, p, rate: torch.optim.RMSprop(p, lr=rate)),
        (pl.AdaDelta, lambda torch, p, rate: torch.optim.Adadelta(p, lr=rate)),
        (pl.Adam, lambda torch, p, rate: torch.optim.Adam(p, lr=rate)),
        (pl.AMSGrad, lambda torch, p, rate: torch.optim.Adam(p, lr=rate, amsgrad=True)),
        (pl.Adamax, lambda torch, p, rate: torch.optim.Adamax(p, lr=rate)),
        (pl.NAdam, lambda torch, p, rate: torch.optim.NAdam(p, lr=rate)),
        (pl.Lion, _Lion),
    ]
    return [
        OptimizerCase(
            f"{cls.__name__} with decay and clipping",
            lambda rate, cls=cls: cls(rate, weight_decay=0.05, clip_norm=0.3, clip_value=0.2),
            lambda torch, w, b, rate, make=make: _DecayFirst(torch, make(torch, [*w, *b], rate), w, 1 - rate * 0.05),
            before_step=_clip,
        )
        for cls, make in table
    ]


OPTIMIZER_CASES = [
    OptimizerCase(
        "GradientDescent",
        pl.GradientDescent,
        lambda torch, w, b, rate: torch.optim.SGD([*w, *b], lr=rate),
    ),
    OptimizerCase(
        "GradientDescent with L2",
        pl.GradientDescent,
        lambda torch, w, b, rate: torch.optim.SGD(_decayed(w, b, 0.1), lr=rate),
        penalty=pl.L2(0.1),
    ),
    OptimizerCase(
        "Momentum",
        lambda rate: pl.Momentum(rate, momentum=0.8),
        lambda torch, w, b, rate: torch.optim.SGD([*w, *b], lr=rate, momentum=0.8),
    ),
    OptimizerCase(
        "Nesterov",
        lambda rate: pl.Nesterov(rate, momentum=0.8),
        lambda torch, w, b, rate: torch.optim.SGD([*w, *b], lr=rate, momentum=0.8, nesterov=True),
    ),
    OptimizerCase(
        "Adam",
        pl.Adam,
        lambda torch, w, b, rate: torch.optim.Adam([*w, *b], lr=rate),
    ),
    OptimizerCase(
        "Adam with its own numbers and L2",
        lambda rate: pl.Adam(rate, beta_1=0.7, beta_2=0.9, epsilon=1e-3),
        lambda torch, w, b, rate: torch.optim.Adam(_decayed(w, b, 0.1), lr=rate, betas=(0.7, 0.9), eps=1e-3),
        penalty=pl.L2(0.1),
    ),
    OptimizerCase("AdaGrad", pl.AdaGrad, lambda torch, w, b, rate: torch.optim.Adagrad([*w, *b], lr=rate)),
    OptimizerCase("RMSProp", pl.RMSProp, lambda torch, w, b, rate: torch.optim.RMSprop([*w, *b], lr=rate)),
    OptimizerCase("AdaDelta", pl.AdaDelta, lambda torch, w, b, rate: torch.optim.Adadelta([*w, *b], lr=rate)),
    OptimizerCase("AMSGrad", pl.AMSGrad, lambda torch, w, b, rate: torch.optim.Adam([*w, *b], lr=rate, amsgrad=True)),
    OptimizerCase("Adamax", pl.Adamax, lambda torch, w, b, rate: torch.optim.Adamax([*w, *b], lr=rate)),
    OptimizerCase("NAdam", pl.NAdam, lambda torch, w, b, rate: torch.optim.NAdam([*w, *b], lr=rate)),
    OptimizerCase(
        "AdamW",
        lambda rate: pl.AdamW(rate, weight_decay=0.05),
        lambda torch, w, b, rate: torch.optim.AdamW(_decayed(w, b, 0.05), lr=rate),
    ),
    OptimizerCase(
        "AdamW whose decay fades",
        lambda rate: pl.AdamW(rate, beta_2=0.95, weight_decay=pl.FlatCosine(0.3, steps=8, flat=0.25)),
        lambda torch, w, b, rate: _Fading(
            torch, torch.optim.AdamW(_decayed(w, b, 0.3), lr=rate, betas=(0.9, 0.95)), 2, 6
        ),
    ),
    OptimizerCase("Lion", pl.Lion, lambda torch, w, b, rate: _Lion(torch, [*w, *b], rate)),
    *_decayed_and_clipped_cases(),
]
