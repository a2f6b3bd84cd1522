"""The playground in a notebook's cell."""

from __future__ import annotations

import re

import httpx
import numpy as np
import pytest

import pellucid as pl
from pellucid.playground.notebook import Playground


def test_a_cell_shows_the_page_in_a_frame_and_stopping_ends_it() -> None:
    shown = pl.playground(pl.Network([pl.Dense(3), pl.Tanh(), pl.Dense(1), pl.Tanh()]).build(2), height=500)
    try:
        assert isinstance(shown, Playground)
        assert repr(shown) == f"Playground at {shown.address}"
        frame = shown._repr_html_()
        assert re.fullmatch(r'<iframe src="http://127\.0\.0\.1:\d+/[\w-]+/" [^<>]*></iframe>', frame)
        assert 'height="500"' in frame
        assert "frame-ancestors http://localhost:*" in httpx.get(shown.address).headers["content-security-policy"]
    finally:
        shown.stop()
    with pytest.raises(httpx.ConnectError):
        httpx.get(shown.address)


def test_without_a_network_it_begins_as_it_always_does() -> None:
    shown = pl.playground()
    shown.stop()
    assert shown.address


def test_every_page_has_a_copy_of_the_network() -> None:
    network = pl.Network([pl.Dense(3), pl.Tanh(), pl.Dense(1), pl.Tanh()]).build(2, seed=8)
    shown = pl.playground(network)
    try:
        session, _ = shown._server.registry.connect(None, "a page")
        assert np.array_equal(session.network.parameters, network.parameters)
        before = network.parameters
        session.call(lambda: session.step(3)).result(600)
        assert network.parameters is before
        assert not np.array_equal(session.network.parameters, before)
    finally:
        shown.stop()


def test_what_cannot_be_shown_is_refused_before_anything_listens() -> None:
    with pytest.raises(ValueError, match="this network has BatchNormalization"):
        pl.playground(pl.Network([pl.Dense(3), pl.BatchNormalization(), pl.Dense(1)]).build(2))
    with pytest.raises(ValueError, match="has no weights yet"):
        pl.playground(pl.Network([pl.Dense(1)]))
    with pytest.raises(TypeError, match="network must be a Network, not 'circle'"):
        pl.playground("circle")
    with pytest.raises(TypeError, match="height must be a whole number"):
        pl.playground(height="tall")
