"""Losses, optimizers, penalties, schedules and initializers in the training program.

Each table maps a class to a function of a part that returns lines of Python: the body of the function it becomes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from pellucid import initializers, losses, optimizers, penalties, schedules
from pellucid.initializers import Initializer
from pellucid.losses import Loss
from pellucid.optimizers import Optimizer
from pellucid.penalties import Penalty
from pellucid.schedules import Schedule
from pellucid.typing import Shape

_ONE_HOT = ["t = np.zeros_like(z)", "t[np.arange(len(z)), y] = 1  # 1 for the right class"]


def _softmax_cross_entropy(loss: losses.SoftmaxCrossEntropy, classes: bool) -> list[str]:
    smoothing = loss.label_smoothing
    lines = [
        "z = z - z.max(axis=1, keepdims=True)  # changes nothing, and keeps exp from overflowing",
        "log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))  # log softmax(z)",
    ]
    if classes and not smoothing:
        return [
            *lines,
            "rows = np.arange(len(z))",
            "values = -log_p[rows, y]  # (n,)",
            "d = np.exp(log_p)  # softmax(z) …",
            "d[rows, y] -= 1  # … minus 1 at the right class",
        ]
    target = _ONE_HOT if classes else ["t = y"]
    if smoothing:
        target = [*target, f"t = {1 - smoothing!r} * t + {smoothing!r} / z.shape[1]  # a little for every class"]
    return [*lines, *target, "values = -(t * log_p).sum(axis=1)  # (n,)", "d = np.exp(log_p) - t  # softmax(z) − t"]


def _squared_error(loss: losses.SquaredError, classes: bool) -> list[str]:
    target = _ONE_HOT if classes else []
    return [*target, f"d = z - {'t' if classes else 'y'}", "values = 0.5 * np.square(d).sum(axis=1)  # (n,)"]


def _huber(loss: losses.Huber, classes: bool) -> list[str]:
    return [
        "r = z - y",
        f"near = np.minimum(np.abs(r), {loss.delta!r})",
        f"values = (0.5 * near * near + {loss.delta!r} * (np.abs(r) - near)).sum(axis=1)  # (n,)",
        f"d = np.clip(r, {-loss.delta!r}, {loss.delta!r})",
    ]


def _quantile(loss: losses.Quantile, classes: bool) -> list[str]:
    return [
        f"q = np.array({list(loss.levels)!r}, dtype=z.dtype)",
        "r = y - z  # one y for all levels",
        "values = np.maximum(q * r, (q - 1) * r).sum(axis=1)  # (n,)",
        "d = np.where(r > 0, -q, (r < 0) * (1 - q))",
    ]


def _hinge(loss: losses.Hinge, classes: bool) -> list[str]:
    if not classes:
        return [
            "sign = 2 * y - 1",
            f"violation = np.maximum({loss.margin!r} - sign * z, 0)",
            "values = violation.sum(axis=1)  # (n,)",
            "d = -sign * (violation > 0)",
        ]
    return [
        "rows = np.arange(len(z))",
        f"violation = np.maximum({loss.margin!r} - z[rows, y][:, None] + z, 0)  # (n, classes)",
        "violation[rows, y] = 0",
        "values = violation.sum(axis=1)  # (n,)",
        "d = (violation > 0).astype(z.dtype)",
        "d[rows, y] = -d.sum(axis=1)",
    ]


LOSSES: dict[type[Loss], Callable[[Any, bool], list[str]]] = {
    losses.SquaredError: _squared_error,
    losses.AbsoluteError: lambda *_: ["values = np.abs(z - y).sum(axis=1)  # (n,)", "d = np.sign(z - y)"],
    losses.Huber: _huber,
    losses.Quantile: _quantile,
    losses.Poisson: lambda *_: ["values = (np.exp(z) - y * z).sum(axis=1)  # (n,)", "d = np.exp(z) - y"],
    losses.SoftmaxCrossEntropy: _softmax_cross_entropy,
    losses.SigmoidCrossEntropy: lambda loss, _: [
        *(
            [f"y = {1 - loss.label_smoothing!r} * y + {loss.label_smoothing / 2!r}  # a little for yes and for no"]
            if loss.label_smoothing
            else []
        ),
        "values = (np.maximum(z, 0) - z * y + np.log1p(np.exp(-np.abs(z)))).sum(axis=1)  # (n,)",
        "d = sigmoid(z) - y",
    ],
    losses.Hinge: _hinge,
}
"""(loss, whether y holds classes) -> lines that make `values` (n,) and `d` (n, outputs) of scores z and targets y."""


def _adam(o: optimizers.Adam, *, largest: bool = False) -> list[str]:
    of_root = "largest" if largest else "v"
    if o.epsilon_hat:
        return [
            *_moments(o, "m, v"),
            f"corrected = rate * math.sqrt(1 - {o.beta_2!r}**t) / (1 - {o.beta_1!r}**t)  # both began at 0",
            f"p[name] = p[name] - corrected * m / (np.sqrt(v) + {o.epsilon!r})",
            "memory[name] = m, v",
        ]
    return [
        *_moments(o, "m, v, largest" if largest else "m, v"),
        *(["largest = np.maximum(largest, v)  # never falls"] if largest else []),
        f"m_hat = m / (1 - {o.beta_1!r}**t)  # both began at 0, and are corrected for it",
        f"v_hat = {of_root} / (1 - {o.beta_2!r}**t)",
        f"p[name] = p[name] - rate * m_hat / (np.sqrt(v_hat) + {o.epsilon!r})",
        f"memory[name] = m, {'v, largest' if largest else 'v'}",
    ]


def _moments(o: optimizers.Adam, names: str) -> list[str]:
    return [
        f"{names} = memory[name]",
        f"m = {o.beta_1!r} * m + {_rest(o.beta_1)} * g[name]",
        f"v = {o.beta_2!r} * v + {_rest(o.beta_2)} * np.square(g[name])",
    ]


def _rest(part: float) -> str:
    """1 − part, as one would write it where that is the same number to rounding."""
    return repr(round(1 - part, 12))


def _adamax(o: optimizers.Adamax) -> list[str]:
    return [
        "m, u = memory[name]",
        f"m = {o.beta_1!r} * m + {_rest(o.beta_1)} * g[name]",
        f"u = np.maximum({o.beta_2!r} * u, np.abs(g[name]) + {o.epsilon!r})",
        f"p[name] = p[name] - rate / (1 - {o.beta_1!r}**t) * m / u",
        "memory[name] = m, u",
    ]


def _nadam(o: optimizers.NAdam) -> list[str]:
    momentum = f"[{o.beta_1!r} * (1 - 0.5 * 0.96 ** (k * {o.momentum_decay!r})) for k in range(1, t + 2)]"
    return [
        *_moments(o, "m, v"),
        f"mu = {momentum}  # until now, and the next",
        "now, product = mu[-2], math.prod(mu[:-1])",
        "ahead = mu[-1] / (1 - product * mu[-1]) * m + (1 - now) / (1 - product) * g[name]",
        f"v_hat = v / (1 - {o.beta_2!r}**t)",
        f"p[name] = p[name] - rate * ahead / (np.sqrt(v_hat) + {o.epsilon!r})",
        "memory[name] = m, v",
    ]


def _adadelta(o: optimizers.AdaDelta) -> list[str]:
    return [
        "v, u = memory[name]",
        f"v = {o.decay!r} * v + {_rest(o.decay)} * np.square(g[name])",
        f"change = g[name] * np.sqrt(u + {o.epsilon!r}) / np.sqrt(v + {o.epsilon!r})",
        f"u = {o.decay!r} * u + {_rest(o.decay)} * np.square(change)",
        "p[name] = p[name] - rate * change",
        "memory[name] = v, u",
    ]


def _lion(o: optimizers.Lion) -> list[str]:
    return [
        "(m,) = memory[name]",
        f"p[name] = p[name] - rate * np.sign({o.beta_1!r} * m + {_rest(o.beta_1)} * g[name])",
        f"memory[name] = ({o.beta_2!r} * m + {_rest(o.beta_2)} * g[name],)",
    ]


def _velocity(o: optimizers.Momentum, step: str) -> list[str]:
    return [
        "(v,) = memory[name]",
        f"v = {o.momentum!r} * v + g[name]",
        f"p[name] = p[name] - rate * {step}",
        "memory[name] = (v,)",
    ]


OPTIMIZERS: dict[type[Optimizer], Callable[[Any], list[str]]] = {
    optimizers.GradientDescent: lambda _: ["p[name] = p[name] - rate * g[name]"],
    optimizers.Momentum: lambda o: _velocity(o, "v"),
    optimizers.Nesterov: lambda o: _velocity(o, f"(g[name] + {o.momentum!r} * v)"),
    optimizers.AdaGrad: lambda o: [
        "(total,) = memory[name]",
        "total = total + np.square(g[name])",
        f"p[name] = p[name] - rate * g[name] / (np.sqrt(total) + {o.epsilon!r})",
        "memory[name] = (total,)",
    ],
    optimizers.RMSProp: lambda o: [
        "(v,) = memory[name]",
        f"v = {o.decay!r} * v + {_rest(o.decay)} * np.square(g[name])",
        f"p[name] = p[name] - rate * g[name] / (np.sqrt(v) + {o.epsilon!r})",
        "memory[name] = (v,)",
    ],
    optimizers.AdaDelta: _adadelta,
    optimizers.Adam: _adam,
    optimizers.AdamW: _adam,
    optimizers.AMSGrad: lambda o: _adam(o, largest=True),
    optimizers.Adamax: _adamax,
    optimizers.NAdam: _nadam,
    optimizers.Lion: _lion,
}
"""What each optimizer does to one parameter: `p[name]`, with `g[name]`, `memory[name]`, `rate` and, from 1 on, `t`."""

_ABSOLUTE, _SQUARE = "np.abs(p[name]).sum(dtype=np.float64)", "np.square(p[name], dtype=np.float64).sum()"

PENALTIES: dict[type[Penalty], Callable[[Any], tuple[str, str]]] = {
    penalties.L1: lambda q: (f"{q.strength!r} * {_ABSOLUTE}", f"{q.strength!r} * np.sign(p[name])"),
    penalties.L2: lambda q: (f"{0.5 * q.strength!r} * {_SQUARE}", f"{q.strength!r} * p[name]"),
    penalties.ElasticNet: lambda q: (
        f"{q.strength * q.ratio!r} * {_ABSOLUTE} + {0.5 * q.strength * (1 - q.ratio)!r} * {_SQUARE}",
        f"{q.strength * q.ratio!r} * np.sign(p[name]) + {q.strength * (1 - q.ratio)!r} * p[name]",
    ),
}
"""The price of each penalty for a weight, and its derivative."""


def _one_cycle(s: schedules.OneCycle) -> list[str]:
    first, last = s.learning_rate / s.divisor, s.learning_rate / (s.divisor * s.last_divisor)
    top = s.rise * s.steps - 1
    rise = f"step / {top!r}" if top > 0 else "1.0"
    return [
        f"if step <= {top!r}:",
        f"    begin, end, part = {first!r}, {s.learning_rate!r}, {rise}",
        "else:",
        f"    begin, end, part = {s.learning_rate!r}, {last!r}, min(1.0, (step - {top!r}) / {s.steps - 1 - top!r})",
        "return end + (begin - end) * 0.5 * (1 + math.cos(math.pi * part))",
    ]


def _cosine(s: schedules.Cosine, part: str = "") -> list[str]:
    part = part or f"min(step, {s.steps}) / {s.steps}"
    return [f"return {s.end!r} + {s.learning_rate - s.end!r} * 0.5 * (1 + math.cos(math.pi * {part}))"]


def _restarts(s: schedules.CosineRestarts) -> list[str]:
    return [
        f"length = {s.steps}",
        "while step >= length:  # the cycle that the step is in",
        "    step -= length",
        f"    length *= {s.growth}",
        *_cosine(s, "step / length"),
    ]


def _polynomial(s: schedules.Polynomial) -> list[str]:
    part = f"max(0.0, 1 - step / {s.steps}) ** {s.power!r}"
    return [f"return {s.end!r} + {s.learning_rate - s.end!r} * {part}"]


def _flat_cosine(s: schedules.FlatCosine) -> list[str]:
    return [
        f"t = min(step, {s.steps}) / {s.steps}",
        f"return {s.learning_rate!r} * 0.5 * (1 + math.cos(math.pi * max(0.0, t - {s.flat!r}) / {1 - s.flat!r}))",
    ]


def _log_cosine(s: schedules.LogCosine) -> list[str]:
    part = f"math.log2(1 + {2**s.cycles - 1} * min(step, {s.steps}) / {s.steps})"
    return [f"return {s.learning_rate!r} * 0.5 * (1 - math.cos(2 * math.pi * {part}))"]


SCHEDULES: dict[type[Schedule], Callable[[Any], list[str]]] = {
    schedules.StepDecay: lambda s: [f"return {s.learning_rate!r} * {s.decay!r} ** (step // {s.every})"],
    schedules.ExponentialDecay: lambda s: [f"return {s.learning_rate!r} * {s.decay!r} ** (step / {s.every})"],
    schedules.InverseScaling: lambda s: [f"return {s.learning_rate!r} / (1 + step / {s.every}) ** {s.power!r}"],
    schedules.Polynomial: _polynomial,
    schedules.Cosine: _cosine,
    schedules.CosineRestarts: _restarts,
    schedules.FlatCosine: _flat_cosine,
    schedules.OneCycle: _one_cycle,
    schedules.LogCosine: _log_cosine,
}
"""The lines of a function of the step."""


def rate_lines(rate: Any) -> list[str]:
    """The lines of a function of the step, for a number or a schedule."""
    if isinstance(rate, schedules.WarmUp):
        within = rate_lines(rate.learning_rate)
        warm = f"min(1.0, (step + 1) / {rate.steps})"
        return [
            f"warm = {warm}",
            *(line.replace("return ", "return warm * (") + ")" * ("return " in line) for line in within),
        ]
    if isinstance(rate, float):
        return [f"return {rate!r}"]
    if type(rate) not in SCHEDULES:
        raise ValueError(f"{rate!r} is a schedule of your own: give one of Pellucid's, or a number.")
    return SCHEDULES[type(rate)](rate)


def _shape(shape: Shape) -> str:
    """A shape as one would type it."""
    return str(shape[0]) if len(shape) == 1 else str(shape)


def _variance(of: Callable[[Shape], float]) -> Callable[[Any, Shape, str], str]:
    """Normal numbers of a variance that depends on the shape."""
    return lambda _, shape, place: f"normal({shape}, {math.sqrt(of(shape))!r}, {place})"


def _limits(of: Callable[[Shape], float]) -> Callable[[Any, Shape, str], str]:
    """Uniform numbers within limits whose square depends on the shape."""
    return lambda _, shape, place: f"uniform({shape}, {math.sqrt(of(shape))!r}, {place})"


INITIALIZERS: dict[type[Initializer], Callable[[Any, Shape, str], str]] = {
    initializers.Zeros: lambda _, shape, place: f"np.zeros({_shape(shape)})",
    initializers.Constant: lambda i, shape, place: (
        f"np.ones({_shape(shape)})" if i.value == 1 else f"np.full({_shape(shape)}, {i.value!r})"
    ),
    initializers.Normal: lambda i, shape, place: f"normal({shape}, {i.scale!r}, {place})",
    initializers.Uniform: lambda i, shape, place: f"uniform({shape}, {i.limit!r}, {place})",
    initializers.HeNormal: _variance(lambda shape: 2 / shape[0]),
    initializers.HeUniform: _limits(lambda shape: 6 / shape[0]),
    initializers.GlorotNormal: _variance(lambda shape: 2 / (shape[0] + shape[-1])),
    initializers.GlorotUniform: _limits(lambda shape: 6 / (shape[0] + shape[-1])),
    initializers.LeCunNormal: _variance(lambda shape: 1 / shape[0]),
    initializers.LeCunUniform: _limits(lambda shape: 3 / shape[0]),
    initializers.Orthogonal: lambda i, shape, place: f"orthogonal({shape}, {i.gain!r}, {place})",
}
"""(initializer, shape, layer and number of the parameter) -> an expression for its first values."""
