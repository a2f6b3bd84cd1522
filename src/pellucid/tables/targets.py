"""What is predicted: classes, numbers, quantiles or counts, and the values of a column as what a loss takes.

Contract: `find_target(values, …)` looks at a column and returns a `Target`: the task, the loss, the outputs, the
classes. `target.encode(values)` brings values into the loss' form. What cannot be predicted is said in one sentence.
Rows whose target is missing are no rows to learn from: `present` says which have one.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from operator import itemgetter
from typing import Any

import numpy as np
import numpy.typing as npt

from pellucid.encoding.cells import NO, YES, TableError
from pellucid.ensemble import Ensemble
from pellucid.losses import AbsoluteError, Huber, Loss, Poisson, Quantile, SoftmaxCrossEntropy, SquaredError
from pellucid.tables.value_counts import Tally, as_list, class_name
from pellucid.typing import Array
from pellucid.validation import check_choice, check_number, unknown_name_message

ASKED = ("auto", "classes", "numbers", "quantiles", "counts")
"""What a target may be asked to be."""

NUMBER_LOSSES = ("squared_error", "absolute_error", "huber", "quantile", "poisson")
QUANTILES = (0.05, 0.5, 0.95)
_FEW_NUMBERS = 10  # this many different whole numbers are taken for classes, if each has _ROWS_A_CLASS rows on average
_ROWS_A_CLASS = 5
_RARE = 0.1  # of the rows
_LARGEST = 1e37  # a float32 holds a little more
_EXAMPLES = 3


class TargetError(TableError):
    """The target is nothing that can be predicted."""


@dataclass(frozen=True)
class Target:
    """What is predicted, and how.

    Parameters
    ----------
    name : str
        The column's name.
    task : {"classes", "numbers", "counts"}
        What its values are; quantiles are numbers.
    loss : Loss
        What is minimized.
    outputs : int
        The scores of the network.
    classes : tuple
        The classes in their order, as the values they were given as; () for numbers.
    why : str
        What it was seen by, or that it was asked for.
    counts : tuple of int
        How many rows each class has; () for numbers, and where that is not known.
    """

    name: str
    task: str
    loss: Loss
    outputs: int
    classes: tuple[Any, ...] = ()
    why: str = ""
    counts: tuple[int, ...] = field(default=(), compare=False)

    @property
    def levels(self) -> tuple[float, ...]:
        """The quantiles wanted; () where a single number or a class is."""
        return self.loss.levels if isinstance(self.loss, Quantile) else ()

    @property
    def label(self) -> str:
        """The task for people: "3 classes", "numbers (squared error)"."""
        if self.task == "classes":
            return f"{len(self.classes)} classes"
        if self.levels:
            return f"quantiles {', '.join(f'{level:g}' for level in self.levels)}"
        return {"counts": "counts"}.get(self.task, "numbers")

    @property
    def class_names(self) -> tuple[str, ...]:
        """The classes as text."""
        return tuple(class_name(value) for value in self.classes)

    @property
    def rare(self) -> tuple[str, ...]:
        """The names of the classes that are rare, the rarest first; see `rare_classes`."""
        return tuple(self.class_names[place] for place in rare_classes(self.counts))

    @property
    def watch(self) -> str:
        """The column of a history by which the best epoch is found: wrong classes, or the loss of numbers."""
        return "validation_accuracy" if self.task == "classes" else "validation_loss"

    def smoothed(self, epsilon: float) -> Target:
        """The same with smoothed classes in the loss; numbers have none."""
        if self.task != "classes" or not isinstance(self.loss, SoftmaxCrossEntropy):
            return self
        return replace(self, loss=SoftmaxCrossEntropy(epsilon))

    def encode(self, values: Any) -> Array:
        """Values (n,), none missing, as class indices (n,) or numbers (n,).

        Raises
        ------
        TargetError
            If there is a class that training has not seen, or what should be a number is none.
        """
        if self.task != "classes":
            return as_numbers(values, self.name)
        number_of = {name: number for number, name in enumerate(self.class_names)}
        items = as_list(values)
        keys = list(zip(map(type, items), items, strict=True))  # 1 and True are equal, and not the same
        names = {key: class_name(key[1]) for key in dict.fromkeys(keys)}
        unknown = sorted(name for name in names.values() if name not in number_of)
        if unknown:
            raise TargetError(f"{self.name}: {unknown_name_message('class', unknown[0], number_of)}")
        codes = {key: number_of[name] for key, name in names.items()}
        return np.fromiter(map(codes.__getitem__, keys), dtype=np.int64, count=len(keys))  # (n,)


def rare_classes(totals: Sequence[float]) -> list[int]:
    """Which classes have less than a tenth of all rows, and less than half of an equal share; the rarest first.

    Examples
    --------
    >>> rare_classes([94, 6]), rare_classes([90, 10]), rare_classes([9] * 11)
    ([1], [], [])
    """
    least = min(_RARE, 0.5 / max(len(totals), 1)) * sum(totals)
    return sorted((place for place, total in enumerate(totals) if total < least), key=lambda place: totals[place])


def find_target(
    values: Any,
    name: str = "target",
    *,
    asked: str = "auto",
    loss: Loss | str | None = None,
    quantiles: Sequence[float] = QUANTILES,
) -> Target:
    """What a column (n,), none of it missing, can be the target of.

    Parameters
    ----------
    values : array (n,)
        Numbers, texts or booleans.
    name : str
        The column's name, for messages.
    asked : {"auto", "classes", "numbers", "quantiles", "counts"}
        What it is to be. "auto": text, booleans, two different values, and up to ten whole numbers that repeat are
        classes; all other numbers are numbers.
    loss : Loss, str or None
        What is minimized, of numbers: squared_error, absolute_error, huber, quantile, poisson. None: what suits.
    quantiles : sequence of float
        For the loss "quantile": which.

    Raises
    ------
    TargetError
        If it is constant, has a class for (nearly) every row, or is text where numbers were asked for.

    Examples
    --------
    >>> import numpy as np
    >>> find_target(np.array(["no", "yes", "no"])).label
    '2 classes'
    >>> find_target(np.array([1.5, 2.25, 3.0, 8.5])).label
    'numbers'
    """
    if asked != "classes" and np.asarray(values).dtype.kind == "M":
        raise TargetError(
            f"The target {name!r} holds dates, which are neither classes nor numbers: make a number of them, such as "
            f"the days since another date, and predict that."
        )
    tally = Tally()
    tally.add(values)
    return target_of_values(tally, name, asked=asked, loss=loss, quantiles=quantiles)


def target_of_values(
    tally: Tally,
    name: str,
    *,
    asked: str = "auto",
    loss: Loss | str | None = None,
    quantiles: Sequence[float] = QUANTILES,
) -> Target:
    """What values that were counted can be the target of: `find_target` for a column that was seen part by part."""
    check_choice("task", asked, ASKED)
    _check_varies(tally, name, asked)
    kind, why = (asked, "asked for") if asked != "auto" else _guess(tally, name)
    if kind == "classes":
        if loss is not None:
            raise TargetError(f"loss={loss!r} is for numbers, but {name!r} is to be predicted as classes.")
        return _classes(tally, name, why)
    loss_name = {"quantiles": "quantile", "counts": "poisson"}.get(kind, "squared_error") if loss is None else loss
    chosen = _loss_of(loss_name, quantiles)
    if not isinstance(chosen, Quantile) and kind == "quantiles":
        raise TargetError(f"loss={loss!r} does not go together with quantiles: leave it out.")
    _check_numbers(tally, name)
    task = "counts" if isinstance(chosen, Poisson) else "numbers"
    if task == "counts" and tally.low < 0:
        raise TargetError(f"{name!r} holds {tally.low:g}, but counts are at least 0: predict it as numbers.")
    outputs = len(chosen.levels) if isinstance(chosen, Quantile) else 1
    return Target(name, task, chosen, outputs, why=why)


def _loss_of(loss: Loss | str, quantiles: Sequence[float]) -> Loss:
    if isinstance(loss, Loss):
        return loss
    if loss not in NUMBER_LOSSES:
        raise TargetError(unknown_name_message("loss", loss, NUMBER_LOSSES))
    if loss == "quantile":
        for level in quantiles:
            check_number("quantiles", level, above=0.0, below=1.0)
        return Quantile(tuple(sorted(quantiles)))
    named = {"absolute_error": AbsoluteError, "huber": Huber, "poisson": Poisson}
    return named.get(loss, SquaredError)()


def _check_varies(tally: Tally, name: str, asked: str) -> None:
    if not tally.rows:
        raise TargetError(f"No row has a value in the target {name!r}: there is nothing to learn.")
    if not tally.many and len(tally.names) == 1:
        of_what = "with a single class there" if asked == "classes" else "there"
        raise TargetError(
            f"The target {name!r} is {next(iter(tally.names))} in every one of the {tally.rows:,} rows: {of_what} is "
            f"nothing to learn. Is it another column?"
        )


def _guess(tally: Tally, name: str) -> tuple[str, str]:
    """What a column is most likely to be, and why."""
    if tally.text:
        words = {name.lower() for name in tally.names}
        return "classes", "it holds yes and no" if words <= YES | NO else "it holds text"
    if tally.truth:
        return "classes", "it holds yes and no"
    _check_numbers(tally, name)
    if tally.many:
        return "numbers", f"it holds more than {tally.most:,} different numbers"
    different = len(tally.names)
    if different == 2:
        return "classes", "it has two values"
    if tally.whole and different <= _FEW_NUMBERS and tally.rows >= _ROWS_A_CLASS * different:
        return "classes", f"it holds {different} different whole numbers"
    return "numbers", f"it holds {different:,} different numbers"


def _classes(tally: Tally, name: str, why: str) -> Target:
    """Classes in their order; those that no row could teach are told of."""
    names = tally.names
    if tally.many or (len(names) > 2 and len(names) > 0.5 * tally.rows):
        way = "Choose another target, or gather its values into fewer" if tally.odd_rows else "Predict it as numbers"
        raise TargetError(f"The target {name!r} has {_too_many(tally)}. {way}.")
    found = list(names.values())
    with suppress(TypeError):  # text and numbers: by their text
        found = sorted(found, key=itemgetter(0))
    classes, counts = zip(*found, strict=True)
    return Target(name, "classes", SoftmaxCrossEntropy(), len(classes), classes, why, counts)


def _too_many(tally: Tally) -> str:
    """What is wrong with this many classes."""
    if tally.many:
        return f"more than {tally.most:,} classes in {tally.rows:,} rows, which are too many to tell apart"
    names = tally.names
    once, example = sum(rows == 1 for _, rows in names.values()), ", ".join([*names][:_EXAMPLES])
    return (
        f"{len(names):,} classes in {tally.rows:,} rows ({example}, …), {once:,} of them with a single row: there is "
        f"nothing to learn a class from"
    )


def target_of_model(model: Ensemble, name: str) -> Target:
    """What networks that were trained on a table predict, as they tell of it; classes by their names.

    Raises
    ------
    TargetError
        If they were not trained on a table, or before it.
    """
    loss = model.loss
    if loss is None or model.link not in ("softmax", "identity", "exponential"):
        raise TargetError(f"The network predicts through the link {model.link!r} and was not trained on a table.")
    if model.link == "softmax":
        classes = model.classes or tuple(str(number) for number in range(model.outputs))
        return Target(name, "classes", loss, len(classes), classes)
    return Target(name, "counts" if isinstance(loss, Poisson) else "numbers", loss, model.outputs)


def as_numbers(values: Any, name: str) -> npt.NDArray[np.float64]:
    """A column as numbers (n,) float64.

    Raises
    ------
    TargetError
        If one of them is text that is no number, infinite, or too large for a float32.
    """
    with suppress(TypeError, ValueError):
        numbers = np.asarray(values, dtype=np.float64)  # (n,)
        if (np.abs(numbers) <= _LARGEST).all():
            return numbers
    tally = Tally()
    tally.add(values)
    _check_numbers(tally, name)
    return np.asarray(values, dtype=np.float64)


def _check_numbers(tally: Tally, name: str) -> None:
    """Raise unless all values are finite numbers."""
    if tally.odd_rows:
        shown = ", ".join(dict.fromkeys(repr(str(value)[:40]) for value in tally.odd))[:120]
        raise TargetError(
            f"The target {name!r} holds text ({shown}), but numbers were asked for: predict it as classes, or correct "
            f"these {tally.odd_rows:,} rows."
        )
    if tally.infinite is not None:
        row = tally.infinite + 1
        raise TargetError(f"The target {name!r} is infinite in row {row}: correct it, or leave the row out.")
    largest = max(abs(tally.low), abs(tally.high)) if tally.rows else 0.0
    if largest > _LARGEST:
        raise TargetError(
            f"The target {name!r} reaches {largest:.3g}, and a network's numbers end at {_LARGEST:g}: predict it in a "
            f"larger unit, or its logarithm."
        )


def present(values: Any) -> npt.NDArray[np.bool_]:
    """Which rows have a target, (n,): not None, and not NaN."""
    array = np.asarray(values)
    if array.dtype.kind == "f":
        return ~np.isnan(array)
    if array.dtype.kind == "O":
        return np.array([value is not None and value == value for value in array.tolist()], dtype=bool)
    return np.ones(len(array), dtype=bool)
