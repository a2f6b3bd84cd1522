"""Random nested networks on inputs of any rank."""

from __future__ import annotations

from hypothesis import strategies as st

import pellucid as pl

PLAIN = [
    pl.Dense(3), pl.Dense(3, bias=False), pl.Maxout(3, 2), pl.Tanh(), pl.ELU(), pl.BatchNormalization(),
    pl.LayerNormalization(), pl.PReLU(), pl.Scale(), pl.Softmax(), pl.Dropout(0.3), pl.GaussianNoise(0.1),
    pl.ParametricActivation("mish"), pl.Dense(3, parametrization="ntk"),
]  # fmt: skip
"""Layers that take 3 channels and make 3."""


@st.composite
def nested_layers(draw: st.DrawFn, depth: int = 2) -> list[pl.Layer]:
    """Layers that keep the shape (…, 3), containers within containers among them."""
    chosen: list[pl.Layer] = draw(st.lists(st.sampled_from(PLAIN), min_size=1, max_size=3))
    if depth:
        inside = draw(nested_layers(depth - 1))
        containers: list[pl.Layer] = [
            pl.Residual(inside),
            pl.Residual(inside, projection=pl.Dense(3)),
            pl.Parallel([pl.Sequential(inside), pl.Tanh(), pl.Dense(3)], combine="add"),
            pl.Sequential([pl.Parallel([pl.Sequential(inside), pl.Identity()]), pl.Dense(3)]),
            pl.Sequential(inside),
        ]
        chosen.insert(draw(st.integers(0, len(chosen))), draw(st.sampled_from(containers)))
    return chosen
