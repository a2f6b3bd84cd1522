"""The compiled core (native/module.cpp). `pellucid.engines.native` is how it is used."""

from collections.abc import Sequence

from pellucid.typing import Array

isa: str
"""The instruction set in use: v2, v3 or v4 of x86-64, or generic."""
most_numbers: int
"""How many hyper-parameters a loss, penalty or optimizer may have."""
compiler: str
"""The version of the compiler that made the core."""

def has_layer(name: str) -> bool: ...
def has_loss(name: str) -> bool: ...
def has_penalty(name: str) -> bool: ...
def has_optimizer(name: str) -> bool: ...

class Parameter:
    """A matrix (rows, columns) or vector in the flat vector of parameters."""

    def __init__(self, start: int, rows: int, columns: int, penalized: bool) -> None: ...
    @property
    def start(self) -> int: ...
    @property
    def rows(self) -> int: ...
    @property
    def columns(self) -> int: ...
    @property
    def penalized(self) -> bool: ...

class Layer:
    """A layer of a program, which reads the buffers `sources`: 0 is the input, i + 1 the output of layer i."""

    def __init__(
        self,
        kernel: str,
        index: int,
        inputs: int,
        outputs: int,
        positions: int,
        output_positions: int,
        sources: Sequence[int],
        numbers: Sequence[float],
        parameters: Sequence[Parameter],
        statistics: Sequence[int],
        scheduled: bool,
    ) -> None: ...
    @property
    def kernel(self) -> str: ...
    @property
    def index(self) -> int: ...
    @property
    def inputs(self) -> int: ...
    @property
    def outputs(self) -> int: ...
    @property
    def positions(self) -> int: ...
    @property
    def output_positions(self) -> int: ...
    @property
    def sources(self) -> list[int]: ...
    @property
    def numbers(self) -> list[float]: ...
    @property
    def parameters(self) -> list[Parameter]: ...
    @property
    def statistics(self) -> list[int]: ...
    @property
    def scheduled(self) -> bool: ...

class Scaling:
    """z = (x − mean)·scale + offset for each input, then z/√(1 + (z/limit)²); limit 0: not."""

    def __init__(
        self, mean: Sequence[float], scale: Sequence[float], offset: Sequence[float], limit: float
    ) -> None: ...
    @property
    def mean(self) -> list[float]: ...
    @property
    def scale(self) -> list[float]: ...
    @property
    def offset(self) -> list[float]: ...
    @property
    def limit(self) -> float: ...

class Part:
    """A loss, penalty or optimizer."""

    def __init__(self, kernel: str, numbers: Sequence[float]) -> None: ...
    @property
    def kernel(self) -> str: ...
    @property
    def numbers(self) -> list[float]: ...

class UpdateOptions:
    """Everything in a step but the optimizer itself; 0: without it. Average None: none is kept."""

    def __init__(self, clip_value: float, clip_norm: float, max_norm: float, average: float | None) -> None: ...
    @property
    def clip_value(self) -> float: ...
    @property
    def clip_norm(self) -> float: ...
    @property
    def max_norm(self) -> float: ...
    @property
    def average(self) -> float | None: ...

class TrainingPosition:
    """Where training is: see `State`."""

    def __init__(
        self, epoch: int, batch: int, step: int, loss_sum: float, weight_sum: float, correct_sum: float
    ) -> None: ...
    @property
    def epoch(self) -> int: ...
    @property
    def batch(self) -> int: ...
    @property
    def step(self) -> int: ...
    @property
    def loss_sum(self) -> float: ...
    @property
    def weight_sum(self) -> float: ...
    @property
    def correct_sum(self) -> float: ...

class Examples:
    """The caller's own arrays, for a program whose input has `columns` numbers, and whose scores `outputs` at each of
    `positions`.
    """

    def __init__(
        self,
        x: Array,
        classes: Array | None,
        targets: Array | None,
        sample_weight: Array | None,
        columns: int,
        positions: int,
        outputs: int,
    ) -> None: ...
    @property
    def columns(self) -> int: ...
    @property
    def positions(self) -> int: ...
    @property
    def outputs(self) -> int: ...

class Vectors:
    """The numbers of a state; average None: there is none."""

    def __init__(
        self, parameters: Array, slots: Sequence[Array], average: Array | None, statistics: Array, writable: bool
    ) -> None: ...
    @property
    def writable(self) -> bool: ...

class Schedules:
    """The rate and the decay of each step of a call, or a single one; and the numbers of scheduled layers, flat."""

    def __init__(self, rates: Array, decays: Array, layers: Array | None) -> None: ...

class TrainTask:
    """What stays the same from epoch to epoch: see `Task`. The link is "identity", "sigmoid" or "largest"."""

    def __init__(
        self,
        examples: Examples,
        loss: Part,
        penalty: Part | None,
        optimizer: Part,
        options: UpdateOptions,
        link: str,
        rate_factors: Array | None,
        batch_size: int,
        shuffle: bool,
        seed: int,
        penalty_per_example: bool,
        penalty_in_loss: bool,
    ) -> None: ...
    @property
    def batch_size(self) -> int: ...

class TrainResult:
    """How a call ended, and after how many epochs; `safe` None: no epoch began with a finite loss."""

    @property
    def stopped(self) -> str: ...
    @property
    def finished(self) -> int: ...
    @property
    def position(self) -> TrainingPosition: ...
    @property
    def safe(self) -> TrainingPosition | None: ...

class _NativeProgram:
    def __init__(
        self,
        inputs: int,
        positions: int,
        outputs: int,
        parameter_count: int,
        layers: Sequence[Layer],
        statistics: Sequence[float],
        scaling: Scaling | None,
    ) -> None: ...
    def scores(self, parameters: Array, statistics: Array, x: Array, out: Array, threads: int) -> None: ...
    def gradient(
        self,
        parameters: Array,
        statistics: Array,
        loss: Part,
        penalty: Part | None,
        examples: Examples,
        out: Array,
        threads: int,
    ) -> float: ...
    def train(
        self,
        task: TrainTask,
        state: Vectors,
        position: TrainingPosition,
        schedules: Schedules,
        epochs: int,
        out: Vectors,
        safe: Vectors,
        records: Array,
        check_signals: bool,
        threads: int,
    ) -> TrainResult: ...

class NativeProgram32(_NativeProgram): ...
class NativeProgram64(_NativeProgram): ...
