"""The compiled core (native/module.cpp). `pellucid.engines.native` is how it is used."""

from collections.abc import Sequence
from typing import Any, TypeAlias

from pellucid.typing import Array

_Part: TypeAlias = tuple[str, list[float]] | None
_Around: TypeAlias = tuple[float, float, float, float]
_Moment: TypeAlias = tuple[int, int, int, float, float, float]

isa: str
"""The instruction set in use: v2, v3 or v4 of x86-64, or generic."""
most_numbers: int
"""How many hyper-parameters a part may have."""
compiler: str
"""The version of the compiler that made the core."""

def has_layer(name: str) -> bool: ...
def has_loss(name: str) -> bool: ...
def has_penalty(name: str) -> bool: ...
def has_optimizer(name: str) -> bool: ...

class _Machine:
    def __init__(
        self,
        inputs: int,
        positions: int,
        outputs: int,
        parameter_count: int,
        layers: Sequence[tuple[Any, ...]],
        statistics: list[float],
        mean: list[float],
        scale: list[float],
        offset: list[float],
        limit: float,
        scheduled: Sequence[int] = (),
    ) -> None: ...
    def scores(self, parameters: Array, statistics: Array, x: Array, out: Array, threads: int) -> None: ...
    def gradient(
        self,
        parameters: Array,
        statistics: Array,
        loss: _Part,
        penalty: _Part,
        x: Array,
        classes: Array | None,
        targets: Array | None,
        sample_weight: Array | None,
        out: Array,
        threads: int,
    ) -> float: ...
    def train(
        self,
        state: list[Array],
        starts_average: bool,
        loss: _Part,
        penalty: _Part,
        optimizer: _Part,
        around: _Around,
        rate_factors: Array | None,
        link: int,
        x: Array,
        classes: Array | None,
        targets: Array | None,
        sample_weight: Array | None,
        batch_size: int,
        shuffle: bool,
        seed: int,
        rates: Array,
        decays: Array,
        scheduled: Array | None,
        epochs: int,
        moment: _Moment,
        out: list[Array],
        safe: list[Array],
        records: Array,
        check_signals: bool,
        threads: int,
    ) -> tuple[int, int, _Moment, _Moment]: ...

class Machine32(_Machine): ...
class Machine64(_Machine): ...
