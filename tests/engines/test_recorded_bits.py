"""Trainings of today have the bits that were recorded before the engines learnt of shapes."""

from __future__ import annotations

import json

import pytest

from support.engines import needs_native
from support.recorded_bits import NETWORKS, PLACE, digest, processor

RECORDED = json.loads(PLACE.read_text(encoding="utf-8"))


@needs_native
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", NETWORKS)
def test_a_training_has_the_recorded_bits(name: str, dtype: str, threads: int) -> None:
    here = processor()
    if here != {key: RECORDED[key] for key in here}:
        pytest.skip(f"recorded for { {key: RECORDED[key] for key in here} }; this is {here}")
    assert digest(name, dtype, threads) == RECORDED["digests"][f"{name}, {dtype}"]
