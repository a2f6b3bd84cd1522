"""What may be asked of an estimator: the parameters that all of them share, and what scikit-learn may check of them.

Contract: an estimator is a dataclass that keeps its parameters as they were given (scikit-learn clones and searches by
that) and checks them when it is fitted. `_parameter_constraints` says what scikit-learn checks, in its own words; what
is Pellucid's own is checked by the part it becomes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval, Options, StrOptions

from pellucid.engines import ENGINES

AT_LEAST_1 = Interval(Integral, 1, None, closed="left")
AT_LEAST_0 = Interval(Real, 0, None, closed="left")
ABOVE_0 = Interval(Real, 0, None, closed="neither")
BELOW_1 = Interval(Real, 0, 1, closed="left")


@dataclass(repr=False, eq=False, kw_only=True)
class TrainingParameters:
    """How training goes, whatever the network is."""

    batch_size: int | str = "auto"
    max_iter: int = 200
    shuffle: bool = True
    random_state: Any = None
    tol: float = 1e-4
    verbose: bool | int = False
    warm_start: bool = False
    early_stopping: bool = False
    validation_fraction: float = 0.1
    n_iter_no_change: float = 10
    validation_set: tuple[Any, Any] | None = None
    validation_scoring: str | Callable[..., float] | None = None
    callbacks: Sequence[Any] | None = None
    n_models: int = 1
    engine: str = "auto"
    threads: int | None = None

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "batch_size": [StrOptions({"auto"}), AT_LEAST_1],
        "max_iter": [AT_LEAST_1],
        "shuffle": ["boolean"],
        "random_state": ["random_state"],
        "tol": [AT_LEAST_0],
        "verbose": ["verbose"],
        "warm_start": ["boolean"],
        "early_stopping": ["boolean"],
        "validation_fraction": [BELOW_1],
        "n_iter_no_change": [AT_LEAST_1, Options(Real, {np.inf})],
        "validation_set": [tuple, list, None],
        "validation_scoring": [str, callable, None],
        "callbacks": [list, tuple, None],
        "n_models": [AT_LEAST_1],
        "engine": [StrOptions(set(ENGINES))],
        "threads": [AT_LEAST_1, None],
    }
