"""The cases of the schedules: the rates of the first steps."""

from __future__ import annotations

from typing import Any

import pellucid as pl
from parity.kinds import ScheduleCase

RATE = 0.3


def _schedulers(torch: Any) -> Any:
    return torch.optim.lr_scheduler


SCHEDULE_CASES = [
    ScheduleCase("StepDecay", pl.StepDecay(RATE, 0.5, 7), lambda torch, o: _schedulers(torch).StepLR(o, 7, 0.5)),
    ScheduleCase(
        "ExponentialDecay",
        pl.ExponentialDecay(RATE, 0.9, 1),
        lambda torch, o: _schedulers(torch).ExponentialLR(o, 0.9),
    ),
    ScheduleCase(
        "InverseScaling",
        pl.InverseScaling(RATE, power=0.5, every=3),
        lambda torch, o: _schedulers(torch).LambdaLR(o, lambda step: (1 + step / 3) ** -0.5),
    ),
    ScheduleCase(
        "Polynomial",
        pl.Polynomial(RATE, steps=20, power=2.0),
        lambda torch, o: _schedulers(torch).PolynomialLR(o, 20, 2.0),
    ),
    ScheduleCase(
        "Cosine",
        pl.Cosine(RATE, steps=29, end=0.03),
        lambda torch, o: _schedulers(torch).CosineAnnealingLR(o, 29, eta_min=0.03),
    ),
    ScheduleCase(
        "CosineRestarts",
        pl.CosineRestarts(RATE, steps=4, end=0.01, growth=2),
        lambda torch, o: _schedulers(torch).CosineAnnealingWarmRestarts(o, 4, 2, eta_min=0.01),
    ),
    ScheduleCase(
        "CosineRestarts of one length",
        pl.CosineRestarts(RATE, steps=7),
        lambda torch, o: _schedulers(torch).CosineAnnealingWarmRestarts(o, 7),
    ),
    ScheduleCase(
        "OneCycle",
        pl.OneCycle(RATE, steps=30, rise=0.4, divisor=10.0, last_divisor=100.0),
        lambda torch, o: _schedulers(torch).OneCycleLR(
            o, RATE, total_steps=30, pct_start=0.4, div_factor=10.0, final_div_factor=100.0, cycle_momentum=False
        ),
    ),
    ScheduleCase(
        "LogCosine",
        pl.LogCosine(RATE, steps=30),
        lambda torch, o: _schedulers(torch).LambdaLR(
            o, lambda step: 0.5 * (1 - float(torch.cos(2 * torch.pi * torch.log2(torch.tensor(1 + 15 * step / 30)))))
        ),
    ),
    ScheduleCase(
        "FlatCosine",
        pl.FlatCosine(RATE, steps=30, flat=0.4),
        lambda torch, o: _schedulers(torch).SequentialLR(
            o,
            [_schedulers(torch).ConstantLR(o, factor=1.0), _schedulers(torch).CosineAnnealingLR(o, 18)],
            milestones=[12],
        ),
    ),
    ScheduleCase(
        "WarmUp",
        pl.WarmUp(RATE, steps=5),
        lambda torch, o: _schedulers(torch).LinearLR(o, start_factor=0.2, end_factor=1.0, total_iters=4),
    ),
    ScheduleCase(
        "WarmUp of a schedule",
        pl.WarmUp(pl.ExponentialDecay(RATE, 0.9, 1), steps=5),
        lambda torch, o: _schedulers(torch).LambdaLR(o, lambda step: min(1.0, (step + 1) / 5) * 0.9**step),
    ),
]
