"""What is predicted: classes, numbers, quantiles or counts, and the values of a column as what a loss takes.

Contract: `find_target(values, …)` looks at a column and answers a `Target`: the task, the loss, the outputs, the
classes. `target.encode(values)` brings values into the loss' form. What cannot be predicted is said in one sentence.
Rows whose target is missing are no rows to learn from: `present` says which have one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

import pellucid as pl
from pellucid.losses import Loss
from pellucid.tables.cells import NO, YES, TableError
from pellucid.typing import Array
from pellucid.validation import check_choice, check_number, unknown_name

ASKED = ("auto", "classes", "numbers", "quantiles", "counts")
"""What a target may be asked to be."""

NUMBER_LOSSES = ("squared_error", "absolute_error", "huber", "quantile", "poisson")
QUANTILES = (0.05, 0.5, 0.95)
_FEW_NUMBERS = 10  # so many different whole numbers are taken for classes, if each has _ROWS_A_CLASS rows on average
_ROWS_A_CLASS = 5
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
    """

    name: str
    task: str
    loss: Loss
    outputs: int
    classes: tuple[Any, ...] = ()
    why: str = ""

    @property
    def levels(self) -> tuple[float, ...]:
        """The quantiles wanted; () where a single number or a class is."""
        return self.loss.levels if isinstance(self.loss, pl.Quantile) else ()

    @property
    def words(self) -> str:
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
    def watch(self) -> str:
        """The column of a history by which the best epoch is found: wrong classes, or the loss of numbers."""
        return "validation_accuracy" if self.task == "classes" else "validation_loss"

    def smoothed(self, epsilon: float) -> Target:
        """The same with smoothed classes in the loss; numbers have none."""
        if self.task != "classes" or not isinstance(self.loss, pl.SoftmaxCrossEntropy):
            return self
        return replace(self, loss=pl.SoftmaxCrossEntropy(epsilon))

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
        names, inverse = np.unique(np.array([class_name(value) for value in as_list(values)]), return_inverse=True)
        unknown = [name for name in names.tolist() if name not in number_of]
        if unknown:
            raise TargetError(f"{self.name}: {unknown_name('class', unknown[0], number_of)}")
        return np.array([number_of[name] for name in names.tolist()], dtype=np.int64)[inverse]  # (n,)


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
    >>> find_target(np.array(["no", "yes", "no"])).words
    '2 classes'
    >>> find_target(np.array([1.5, 2.25, 3.0, 8.5])).words
    'numbers'
    """
    check_choice("task", asked, ASKED)
    if asked != "classes" and np.asarray(values).dtype.kind == "M":
        raise TargetError(
            f"The target {name!r} holds dates, which are neither classes nor numbers: make a number of them, such as "
            f"the days since another date, and predict that."
        )
    items = as_list(values)
    _check_varies(items, name, asked)
    kind, why = (asked, "asked for") if asked != "auto" else _guess(items, name)
    if kind == "classes":
        if loss is not None:
            raise TargetError(f"loss={loss!r} is for numbers, but {name!r} is to be predicted as classes.")
        return _classes(items, name, why)
    loss_name = {"quantiles": "quantile", "counts": "poisson"}.get(kind, "squared_error") if loss is None else loss
    chosen = _loss_of(loss_name, quantiles)
    if not isinstance(chosen, pl.Quantile) and kind == "quantiles":
        raise TargetError(f"loss={loss!r} does not go together with quantiles: leave it out.")
    numbers = as_numbers(items, name)
    task = "counts" if isinstance(chosen, pl.Poisson) else "numbers"
    if task == "counts" and (numbers < 0).any():
        raise TargetError(f"{name!r} holds {numbers.min():g}, but counts are at least 0: predict it as numbers.")
    outputs = len(chosen.levels) if isinstance(chosen, pl.Quantile) else 1
    return Target(name, task, chosen, outputs, why=why)


def _loss_of(loss: Loss | str, quantiles: Sequence[float]) -> Loss:
    if isinstance(loss, Loss):
        return loss
    if loss not in NUMBER_LOSSES:
        raise TargetError(unknown_name("loss", loss, NUMBER_LOSSES))
    if loss == "quantile":
        for level in quantiles:
            check_number("quantiles", level, above=0.0, below=1.0)
        return pl.Quantile(tuple(sorted(quantiles)))
    named = {"absolute_error": pl.AbsoluteError, "huber": pl.Huber, "poisson": pl.Poisson}
    return named.get(loss, pl.SquaredError)()


def _check_varies(items: list[Any], name: str, asked: str) -> None:
    if not items:
        raise TargetError(f"No row has a value in the target {name!r}: there is nothing to learn.")
    first = class_name(items[0])
    if all(class_name(value) == first for value in items):
        of_what = "with a single class there" if asked == "classes" else "there"
        raise TargetError(
            f"The target {name!r} is {first} in every one of the {len(items):,} rows: {of_what} is nothing to learn. "
            f"Is it another column?"
        )


def _guess(items: list[Any], name: str) -> tuple[str, str]:
    """What a column is most likely to be, and why."""
    if any(isinstance(value, str) for value in items):
        words = {str(value).lower() for value in items}
        return "classes", "it holds yes and no" if words <= YES | NO else "it holds text"
    if any(isinstance(value, bool | np.bool_) for value in items):
        return "classes", "it holds yes and no"
    numbers = as_numbers(items, name)
    different = np.unique(numbers)
    if len(different) == 2:
        return "classes", "it has two values"
    whole = bool((numbers == np.floor(numbers)).all())
    if whole and len(different) <= _FEW_NUMBERS and len(numbers) >= _ROWS_A_CLASS * len(different):
        return "classes", f"it holds {len(different)} different whole numbers"
    return "numbers", f"it holds {len(different):,} different numbers"


def _classes(items: list[Any], name: str, why: str) -> Target:
    """Classes in their order; those that no row could teach are told of."""
    names = [class_name(value) for value in items]
    different, first, counts = np.unique(np.array(names), return_index=True, return_counts=True)
    if len(different) > 2 and len(different) > 0.5 * len(items):
        example = ", ".join(different[:_EXAMPLES].tolist())
        once = int(np.count_nonzero(counts == 1))
        numeric = all(_is_number(value) for value in items[:1000])
        way = "predict it as numbers" if numeric else "choose another target, or gather its values into fewer"
        raise TargetError(
            f"The target {name!r} has {len(different):,} classes in {len(items):,} rows ({example}, …), {once:,} of "
            f"them with a single row: there is nothing to learn a class from. {way[0].upper()}{way[1:]}."
        )
    values = [items[index] for index in first]
    try:
        order = sorted(range(len(values)), key=lambda index: values[index])
    except TypeError:  # text and numbers: by their text
        order = list(range(len(values)))
    classes = tuple(values[index] for index in order)
    return Target(name, "classes", pl.SoftmaxCrossEntropy(), len(classes), classes, why)


def class_name(value: Any) -> str:
    """A value as the name of a class: whole numbers without a point, truth as true and false."""
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value)


def _is_number(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True


def as_list(values: Any) -> list[Any]:
    """A column as Python's values."""
    return values if isinstance(values, list) else np.asarray(values).tolist()


def as_numbers(values: Any, name: str) -> npt.NDArray[np.float64]:
    """A column as numbers (n,) float64.

    Raises
    ------
    TargetError
        If one of them is text that is no number, infinite, or too large for a float32.
    """
    try:
        numbers = np.asarray(values, dtype=np.float64)  # (n,)
    except (TypeError, ValueError):
        odd = [value for value in as_list(values) if not _is_number(value)]
        shown = ", ".join(dict.fromkeys(repr(str(value)[:40]) for value in odd[:100]))[:120]
        raise TargetError(
            f"The target {name!r} holds text ({shown}), but numbers were asked for: predict it as classes, or correct "
            f"these {len(odd):,} rows."
        ) from None
    infinite = np.isinf(numbers)
    if infinite.any():
        row = int(np.argmax(infinite))
        raise TargetError(f"The target {name!r} is infinite in row {row + 1}: correct it, or leave the row out.")
    largest = np.abs(numbers).max(initial=0.0, where=~np.isnan(numbers))
    if largest > _LARGEST:
        raise TargetError(
            f"The target {name!r} reaches {largest:.3g}, and a network's numbers end at {_LARGEST:g}: predict it in a "
            f"larger unit, or its logarithm."
        )
    return numbers


def present(values: Any) -> npt.NDArray[np.bool_]:
    """Which rows have a target, (n,): not None, and not NaN."""
    array = np.asarray(values)
    if array.dtype.kind == "f":
        return ~np.isnan(array)
    if array.dtype.kind == "O":
        return np.array([value is not None and value == value for value in array.tolist()], dtype=bool)
    return np.ones(len(array), dtype=bool)
