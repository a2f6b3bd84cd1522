"""Networks that the playground would show as something else are refused, with the reason."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import pellucid as pl
from pellucid.playground.session import Session
from pellucid.playground.state import Refused


def fading() -> pl.Network:
    return pl.Network([pl.Dense(4), pl.Tanh(), pl.Dropout(pl.FlatCosine(0.2, steps=9)), pl.Dense(1)]).build(2)


def in_a_unit() -> pl.Network:
    network = pl.Network([pl.Dense(4), pl.Tanh(), pl.Dense(1)]).build(2)
    network.target = pl.TargetScaling(5.0, 2.0)
    return network


@pytest.mark.parametrize(
    ("network", "words"),
    [
        (fading, r"dropout whose rate stays, and this network has Dropout\(FlatCosine\(0.2, steps=9\)\)"),
        (in_a_unit, "shows scores as they are, and this network has a unit of its own for its target"),
    ],
)
def test_refused(network: Callable[[], pl.Network], words: str) -> None:
    session: Any = Session("test")
    try:
        with pytest.raises(Refused, match=words):
            session.call(lambda: session.load(network(), "own")).result(600)
    finally:
        session.end(wait=True)
