"""Categories as vectors that are learnt."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np

from pellucid.formulas import Formulas
from pellucid.initializers import Normal
from pellucid.kernel import Kernel
from pellucid.layers.layer import Context, Gradients, Layer, ParameterSpec, as_rows
from pellucid.typing import Array, Floats, Shape
from pellucid.validation import check_integer, coerce_integer_field

_LARGEST = 2**24  # what float32 tells apart
_ROWS_AT_A_TIME = 65536  # are checked, so that a file that is mapped stays on the disk


@runtime_checkable
class TakesCodes(Protocol):
    """A layer whose last `code_columns` columns hold codes of categories."""

    code_columns: int

    def check_codes(self, x: Array) -> None:
        """Raise if they hold what is no code, in x (n, …, d)."""


@runtime_checkable
class PassesThrough(Protocol):
    """A layer that leaves some columns as they are, so that codes may stand in them."""

    def passes_through(self, columns: int, input_shape: Shape) -> bool:
        """Whether the last `columns` columns of the input come out unchanged, behind all others."""


@dataclass(frozen=True)
class CategoryEmbedding(Layer):
    """Each of the last columns holds the code of a category, 0 … c − 1, and is replaced by that category's own vector.

    With k categories in the last k columns, y = (the other columns, W[o₁ + code₁], …, W[oₖ + codeₖ]): W holds all
    vectors, those of one column below those of the one before, from row o on. ∂W is the sum of the gradients at the
    places where a vector was taken; a code has no gradient.

    Parameters
    ----------
    cardinalities : tuple of int
        How many codes each of the last columns may hold, from left to right.
    size : int
        How many numbers a vector has.

    Examples
    --------
    >>> import pellucid as pl
    >>> network = pl.Network([pl.CategoryEmbedding((3,), size=2)]).build(2)
    >>> network.set("0.weight", [[1, 2], [3, 4], [5, 6]])
    >>> network.scores([[0.5, 2], [0.5, 0]])
    array([[0.5, 5. , 6. ],
           [0.5, 1. , 2. ]], dtype=float32)

    Notes
    -----
    Vectors start as N(0, 1) and are penalized as other weights are. An optimizer takes W for any parameter: one that
    remembers, such as Adam, moves in each step also the vectors that no row of the batch asked for. The layer may not
    stand behind one that changes its codes. Source: Guo and Berkhahn, "Entity embeddings of categorical variables",
    2016, section 3.
    """

    cardinalities: tuple[int, ...]
    size: int = 8
    formulas: ClassVar[Formulas] = Formulas(
        symbol="e",
        value="the columns of {x}, each code as its row of {weight}",
        gradient="{g}, and 0 for the codes",
        parameters={"weight": ("W", "Σ {g} over the rows that took a vector")},
    )

    def __post_init__(self) -> None:
        given = self.cardinalities
        if isinstance(given, str) or not isinstance(given, tuple | list) or not given:
            raise TypeError(
                f"cardinalities must be a tuple of whole numbers, one for each column of codes, such as (12, 40), not "
                f"{given!r}."
            )
        checked = tuple(check_integer("cardinalities", count, minimum=1, maximum=_LARGEST) for count in given)
        object.__setattr__(self, "cardinalities", checked)
        coerce_integer_field(self, "size", minimum=1)

    def output_shape(self, input_shape: Shape) -> Shape:
        """(*positions, d) -> (*positions, d − k + k·size)."""
        codes = len(self.cardinalities)
        if input_shape[-1] < codes:
            raise ValueError(
                f"CategoryEmbedding takes the last {codes} columns for codes, but its input has the shape "
                f"{input_shape}. "
                f"Give as many cardinalities as there are columns of codes."
            )
        return (*input_shape[:-1], input_shape[-1] + codes * (self.size - 1))

    def parameter_specs(self, input_shape: Shape) -> dict[str, ParameterSpec]:
        """All vectors, (sum of the cardinalities, size), penalized."""
        return {"weight": ParameterSpec((sum(self.cardinalities), self.size), Normal(1.0), penalized=True)}

    def check_codes(self, x: Array) -> None:
        """Raise if a code of x (n, d) is no whole number of its range; the message names its column, counted from the
        end, and its value.
        """
        x = as_rows(x)
        for start in range(0, len(x), _ROWS_AT_A_TIME):
            self._check_rows(x[start : start + _ROWS_AT_A_TIME])

    def _check_rows(self, x: Array) -> None:
        first = x.shape[1] - len(self.cardinalities)
        for column, count in enumerate(self.cardinalities, start=first):
            codes = x[:, column]
            wrong = ~((codes >= 0) & (codes < count))  # in this form NaN is wrong, too
            if codes.dtype.kind == "f":
                wrong |= codes != np.floor(codes)
            if wrong.any():
                raise ValueError(
                    f"Column {column - x.shape[1]} holds {codes[wrong][0]:g}, but the codes of CategoryEmbedding there "
                    f"are the whole numbers 0 to {count - 1}. Give new and missing values a code of their own, and let "
                    f"nothing in front of the layer change the codes."
                )

    @property
    def code_columns(self) -> int:  # type: ignore[override]
        """As many as there are cardinalities."""
        return len(self.cardinalities)

    @property
    def offsets(self) -> Array:
        """Where the vectors of each column begin in W, (k,)."""
        return np.cumsum([0, *self.cardinalities[:-1]])

    def forward(self, x: Floats, parameters: SimpleNamespace, context: Context) -> tuple[Floats, Any]:
        """x (n, …, d) -> y (n, …, d − k + k·size); saved: the row of W that each code stands for, (n, …, k)."""
        first = x.shape[-1] - len(self.cardinalities)
        rows = x[..., first:].astype(np.int64) + self.offsets  # (n, …, k)
        vectors = parameters.weight[rows].reshape(*x.shape[:-1], -1)  # (n, …, k·size)
        return np.concatenate([x[..., :first], vectors], axis=-1), rows

    def backward(
        self, gradient: Floats, saved: Any, parameters: SimpleNamespace, context: Context
    ) -> tuple[Floats, Gradients]:
        """Gradients of the input (n, …, d), 0 for the codes, and of W."""
        codes = saved.shape[-1]
        first = gradient.shape[-1] - codes * self.size
        of_weight = np.zeros_like(parameters.weight)
        np.add.at(of_weight, saved, gradient[..., first:].reshape(*saved.shape, self.size))
        of_codes = np.zeros(saved.shape, dtype=gradient.dtype)
        return np.concatenate([gradient[..., :first], of_codes], axis=-1), {"weight": of_weight}

    def kernel(self) -> Kernel:
        """`embedding`, with its cardinalities."""
        return Kernel("embedding", tuple(map(float, self.cardinalities)))
