"""What a trainer is made with, checked, and carried over to another.

Contract: a part is a loss, an optimizer or another object of a family of its own; a setting is a plain value. Both are
arguments of `Trainer` and attributes of it by the same name, kept in one frozen record. Checks return what they are
given, or say what is allowed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Generic, NamedTuple, TypeVar, overload

from pellucid.augmentation import Augmentation
from pellucid.layers.activations import Sigmoid, Softmax
from pellucid.layers.layer import Layer
from pellucid.losses import LOSSES, Loss, find_loss
from pellucid.network import Network
from pellucid.optimizers import OPTIMIZERS, Optimizer, find_optimizer
from pellucid.penalties import CONSTRAINTS, PENALTIES, Constraint, Penalty
from pellucid.validation import check_integer, check_number, check_seed, warn

PartT = TypeVar("PartT")


class Family(NamedTuple):
    """A part of a trainer: the classes it may be of, and the base of one's own."""

    classes: Sequence[type[Any]]
    base: type


class OutputLossWarning(UserWarning):
    """A network ends in an output function that its loss contains: it is applied twice."""


FAMILIES = {
    "loss": Family(tuple(LOSSES.values()), Loss),
    "optimizer": Family(tuple(OPTIMIZERS.values()), Optimizer),
    "penalty": Family(tuple(PENALTIES.values()), Penalty),
    "constraint": Family(tuple(CONSTRAINTS.values()), Constraint),
    "augmentation": Family((Augmentation,), Augmentation),
}
"""The parts of a trainer, by the names of its attributes."""


@dataclass(frozen=True)
class TrainerSettings:
    """Everything a trainer is made with but its network and callbacks, checked. See `Trainer` for the fields."""

    loss: Loss
    optimizer: Optimizer
    batch_size: int | str = "auto"
    penalty: Penalty | None = None
    seed: int = 0
    shuffle: bool = True
    learning_rate_factors: Mapping[str, float] = field(default_factory=dict)
    constraint: Constraint | None = None
    average: float | None = None
    augmentation: Augmentation | None = None
    penalty_in_loss: bool = False
    standardize_target: bool = False
    clamp: bool = False

    def __post_init__(self) -> None:
        average = None if self.average is None else check_number("average", self.average, minimum=0.0, below=1.0)
        images = "Augmentation((28, 28), [Rotate(10)])"
        checked = {
            "loss": find_loss(self.loss),
            "optimizer": find_optimizer(self.optimizer),
            "batch_size": check_batch_size(self.batch_size),
            "penalty": check_part("penalty", self.penalty, Penalty, "L2(1e-4)"),
            "seed": check_seed(self.seed),
            "learning_rate_factors": check_factors(self.learning_rate_factors),
            "constraint": check_part("constraint", self.constraint, Constraint, "MaxNorm(3)"),
            "average": average,
            "augmentation": check_part("augmentation", self.augmentation, Augmentation, images),
            **{name: bool(getattr(self, name)) for name in _FLAGS},
        }
        for name, value in checked.items():
            object.__setattr__(self, name, value)


_FLAGS = ("shuffle", "penalty_in_loss", "standardize_target", "clamp")
SETTINGS = tuple(each.name for each in fields(TrainerSettings) if each.name not in FAMILIES)
"""The settings that are plain values."""

ValueT = TypeVar("ValueT")


class Setting(Generic[ValueT]):
    """A trainer's attribute that stands in its settings; assigned, it is checked as the trainer's argument is."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, trainer: None, owner: type) -> Setting[ValueT]: ...

    @overload
    def __get__(self, trainer: Any, owner: type) -> ValueT: ...

    def __get__(self, trainer: Any, owner: type) -> Setting[ValueT] | ValueT:
        return self if trainer is None else getattr(trainer.settings, self._name)

    def __set__(self, trainer: Any, value: ValueT) -> None:
        trainer.settings = replace(trainer.settings, **{self._name: value})


def check_part(name: str, value: PartT | None, kind: type[PartT], example: str) -> PartT | None:
    """A part of a kind, or None."""
    if value is not None and not isinstance(value, kind):
        article = "an" if kind.__name__[0] in "AEIOU" else "a"
        raise TypeError(f"{name} must be {article} {kind.__name__} such as {example}, or None, not {value!r}.")
    return value


def check_batch_size(value: int | str) -> int | str:
    """A whole number of rows, "full" or "auto"."""
    if value in ("full", "auto"):
        return value
    if isinstance(value, str):
        raise ValueError(f"batch_size must be a whole number, 'full' or 'auto', not {value!r}.")
    return check_integer("batch_size", value, minimum=1)


def check_factors(factors: Mapping[str, float] | None) -> dict[str, float]:
    """What rates are multiplied with, by name."""
    return {
        name: check_number(f"learning_rate_factors[{name!r}]", factor, minimum=0.0)
        for name, factor in (factors or {}).items()
    }


def clone_network(network: Network, *, fresh: bool, layers: Sequence[Layer] | None) -> Network:
    """A network of its own with the same layers or others; with the same numbers unless it is to be fresh."""
    same = network.layers if layers is None else layers
    again = Network(same, network.dtype.name, network.engines.name, network.threads)
    if network.built and not fresh and layers is None:
        again.adopt_shape(network.input_shape)
        again.adopt(network.parameters, network.statistics, network.statistics_fitted)
    again.classes, again.preprocessing, again.target = network.classes, network.preprocessing, network.target
    return again


def warn_of_doubled_output(network: Network, loss: Loss) -> None:
    """Warn if the last layer is an output function in front of a loss that contains one."""
    last = network.layers[-1]
    if loss.contains and isinstance(last, Softmax | Sigmoid):
        warn(
            f"The network ends in {last}, and {type(loss).__name__} contains its own {loss.contains}: gradients become "
            f"small, and no probability comes near 0 or 1. Omit the last layer: predict_proba applies the "
            f"{loss.contains}.",
            OutputLossWarning,
        )
