"""What is to be trained: lists of configurations, all combinations of some values or random samples.

Contract. A configuration is a dictionary of keyword arguments for `make_trainer`. `grid` and `samples` answer plain
lists of them, which can be put together with `+`, filtered, or written by hand.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid.streams import Purpose, Stream
from pellucid.validation import check_integer, check_number, check_seed


def grid(**values: Iterable[Any]) -> list[dict[str, Any]]:
    """All combinations of the given values, the last name changing fastest.

    Parameters
    ----------
    **values : iterable
        The values of each parameter, at least one. To repeat everything with several seeds, make the seed one of the
        parameters: `seed=range(5)`.

    Examples
    --------
    >>> grid(units=[16, 32], learning_rate=[0.1, 0.01])
    [{'units': 16, 'learning_rate': 0.1}, {'units': 16, 'learning_rate': 0.01},
     {'units': 32, 'learning_rate': 0.1}, {'units': 32, 'learning_rate': 0.01}]
    """
    if not values:
        raise ValueError("The grid is empty: give at least one parameter with its values, learning_rate=[0.1, 0.01].")
    lists = {name: _values(name, given) for name, given in values.items()}
    return [dict(zip(lists, chosen, strict=True)) for chosen in itertools.product(*lists.values())]


def _values(name: str, given: Any) -> list[Any]:
    if isinstance(given, Distribution):
        raise TypeError(f"{name} is {given}, from which samples are drawn: use samples(n, {name}=…).")
    if isinstance(given, str | Mapping) or not isinstance(given, Iterable):
        raise TypeError(f"{name} must be a list of values, not {given!r:.80}: write {name}=[{given!r:.80}].")
    found = [value.item() if isinstance(value, np.generic) else value for value in given]
    if not found:
        raise ValueError(f"The grid is empty: {name} has no values. Give at least one.")
    return found


class Distribution:
    """The family's base: what a parameter is drawn from."""

    def at(self, share: float) -> Any:
        """The value below which a part `share` of all draws lies, strictly between 0 and 1."""
        raise NotImplementedError


@dataclass(frozen=True)
class Between(Distribution):
    """Uniform: low + (high − low)·u.

    Parameters
    ----------
    low, high : float
        The range.
    whole : bool
        Whole numbers only, low and high among them.
    """

    low: float
    high: float
    whole: bool = False

    def __post_init__(self) -> None:
        _check_limits(self, -math.inf)

    def at(self, share: float) -> Any:
        """Linear in the share."""
        if self.whole:
            return min(int(self.high), int(self.low) + int(share * (int(self.high) - int(self.low) + 1)))
        return self.low + (self.high - self.low) * share


@dataclass(frozen=True)
class LogBetween(Distribution):
    """Uniform on a logarithmic scale: low·(high/low)ᵘ, so that every power of ten is as likely as any other.

    Parameters
    ----------
    low, high : float
        The range, above 0.
    whole : bool
        Whole numbers only, low and high among them: the number below low·((high + 1)/low)ᵘ.
    """

    low: float
    high: float
    whole: bool = False

    def __post_init__(self) -> None:
        _check_limits(self, 0.0)

    def at(self, share: float) -> Any:
        """Exponential in the share."""
        if self.whole:
            return min(int(self.high), int(self.low * ((self.high + 1) / self.low) ** share))
        return float(self.low * (self.high / self.low) ** share)


@dataclass(frozen=True)
class Choice(Distribution):
    """One of some values, all equally likely.

    Parameters
    ----------
    values : sequence
        At least one.
    """

    values: Sequence[Any]

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", tuple(_values("values", self.values)))

    def at(self, share: float) -> Any:
        """The values in their order, each with an equal part."""
        return self.values[min(len(self.values) - 1, int(share * len(self.values)))]


def _check_limits(range_: Between | LogBetween, above: float) -> None:
    for name in ("low", "high"):
        value = getattr(range_, name)
        if range_.whole:
            check_integer(name, value, minimum=1 if above == 0.0 else -(2**53), maximum=2**53)
        else:
            check_number(name, value, above=above if above > -math.inf else None)
    if not range_.low < range_.high:
        raise ValueError(f"low must be below high, but {type(range_).__name__} got {range_.low} and {range_.high}.")


def samples(n: int, *, seed: int = 0, **distributions: Any) -> list[dict[str, Any]]:
    """Configurations at random: usually better than a grid where only some of the parameters matter.

    Sample i is a pure function of seed, i and the parameter's position: a larger n adds further samples and changes
    none. A parameter of the trainer that is itself called `n` or `seed` can be put in afterwards: `{**one, "seed": 7}`.

    Parameters
    ----------
    n : int
        How many, at least 1.
    seed : int
        Where the random numbers start.
    **distributions
        What each parameter is drawn from (`Between`, `LogBetween`, `Choice`); any other value is the same in all.

    Notes
    -----
    Source: Bergstra and Bengio, "Random search for hyper-parameter optimization", JMLR 13 (2012).

    Examples
    --------
    >>> for one in samples(3, learning_rate=LogBetween(1e-4, 1e-1), units=Choice([16, 32, 64]), epochs=5):
    ...     print({name: round(value, 5) for name, value in one.items()})
    {'learning_rate': 0.00361, 'units': 32, 'epochs': 5}
    {'learning_rate': 0.00015, 'units': 64, 'epochs': 5}
    {'learning_rate': 0.00066, 'units': 16, 'epochs': 5}
    """
    check_integer("n", n, minimum=1)
    check_seed(seed)
    if not any(isinstance(value, Distribution) for value in distributions.values()):
        raise ValueError(
            "There is nothing to draw: give at least one parameter a distribution, learning_rate=LogBetween(1e-4, 0.1)."
        )
    columns: dict[str, list[Any]] = {}
    for index, (name, value) in enumerate(distributions.items()):
        if isinstance(value, Distribution):
            shares = Stream(seed, Purpose.SAMPLE, index).uniform((n, 1))[:, 0]  # (n,)
            columns[name] = [value.at(share) for share in shares.tolist()]
        else:
            columns[name] = [value] * n
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def check_configurations(value: Any) -> list[dict[str, Any]]:
    """The configurations as a list of dictionaries with names as keys, at least one."""
    if isinstance(value, Mapping):
        raise TypeError("configurations must be a list of dictionaries, not one: use grid(**…), or put it into a list.")
    configurations = list(value)
    if not configurations:
        raise ValueError("configurations is empty: there is nothing to train. Give at least one, see grid and samples.")
    for index, one in enumerate(configurations):
        if not isinstance(one, Mapping) or not all(isinstance(name, str) for name in one):
            raise TypeError(
                f"configurations[{index}] must be a dictionary of keyword arguments such as {{'units': 32}}, "
                f"not {one!r:.80}."
            )
    return [dict(one) for one in configurations]
