"""Parts as plain data."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import pytest

import pellucid as pl
from pellucid.configuration import from_configuration, to_configuration
from pellucid.layers import LAYERS


def test_defaults_are_left_out() -> None:
    assert to_configuration(pl.Dense(3)) == {"type": "Dense", "units": 3}
    assert to_configuration(pl.Dense(3, bias=False)) == {"type": "Dense", "units": 3, "bias": False}


def test_numbers_of_numpy_are_plain_numbers() -> None:
    data = to_configuration(pl.Translate(np.int64(2)))
    assert data == {"type": "Translate", "horizontal": 2}
    assert type(data["horizontal"]) is int


def test_parts_within_parts() -> None:
    data = to_configuration(pl.Dense(3, weight_initializer=pl.Normal(0.5)))
    assert data["weight_initializer"] == {"type": "Normal", "scale": 0.5}
    assert from_configuration(json.loads(json.dumps(data)), LAYERS, "layer") == pl.Dense(
        3, weight_initializer=pl.Normal(0.5)
    )


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([], "A layer must be described by a table with a 'type', not []."),
        ({"units": 3}, "A layer must be described by a table with a 'type', not {'units': 3}."),
        ({"type": 3}, "A layer must be described by a table with a 'type', not {'type': 3}."),
        ({"type": "dense"}, "layer 'dense' is unknown. Did you mean 'Dense'?"),
        ({"type": "Dense", "unit": 3}, "Field of Dense 'unit' is unknown. Did you mean 'units'?"),
    ],
)
def test_what_is_no_configuration(data: object, message: str) -> None:
    with pytest.raises(ValueError, match="^" + __import__("re").escape(message)):
        from_configuration(data, LAYERS, "layer")


@dataclass(frozen=True)
class Odd(pl.Layer):
    thing: object


def test_what_cannot_be_written() -> None:
    with pytest.raises(TypeError, match=r"^Odd.thing is \{1\} \(set\), which cannot be written as plain data\.$"):
        to_configuration(Odd({1}))
    assert to_configuration(Odd((1, (2, "a")))) == {"type": "Odd", "thing": [1, [2, "a"]]}
    assert from_configuration({"type": "Odd", "thing": [1, [2, "a"]]}, {"Odd": Odd}, "layer") == Odd((1, (2, "a")))
