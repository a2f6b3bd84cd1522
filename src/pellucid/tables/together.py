"""Networks that answer together, and their files.

Contract: `Together` answers as a network does: its probabilities, or its numbers, are the mean of its members'. In a
run's folder the first network is `model.pellucid`, as that of any run, the others stand beside it with their numbers.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import pellucid as pl
from pellucid.losses import Loss, Quantile
from pellucid.typing import Array, Floats

FIRST = "model.pellucid"
_OTHERS = re.compile(r"model-(\d+)\.pellucid")


class Together:
    """Several networks of one target, or one alone.

    Parameters
    ----------
    networks : sequence of Network
        With the same inputs and outputs.

    Examples
    --------
    >>> import numpy as np, pellucid as pl
    >>> networks = [pl.Network([pl.Dense(1, bias=False)]).build(1) for _ in range(2)]
    >>> for network, slope in zip(networks, (1.0, 3.0)):
    ...     network.set("0.weight", [[slope]])
    >>> Together(networks).predict(np.array([[10.0]]))
    array([20.], dtype=float32)
    """

    def __init__(self, networks: Sequence[pl.Network]) -> None:
        self.networks = list(networks)
        first = self.networks[0]
        self.preprocessing = first.preprocessing
        self.classes, self.link = first.classes, first.link
        self.loss: Loss | None = first.loss

    def predict_proba(self, x: Any) -> Floats:
        """The mean of the probabilities, (n, K)."""
        return _mean([network.predict_proba(x) for network in self.networks])

    def predict(self, x: Any) -> Array:
        """The class (n,) of the highest mean probability; the mean of numbers (n,), or of quantiles (n, levels).

        Quantiles are put in order: the higher one is never the lower number, which is never worse (Chernozhukov,
        Fernández-Val and Galichon, "Quantile and probability curves without crossing", Econometrica 78, 2010).
        """
        if self.link == "softmax":
            return self.predict_proba(x).argmax(axis=1)
        mean = _mean([np.asarray(network.predict(x)) for network in self.networks])
        return np.sort(mean, axis=1) if isinstance(self.loss, Quantile) and mean.ndim == 2 else mean


def _mean(parts: Sequence[Floats]) -> Floats:
    if len(parts) == 1:
        return parts[0]
    return np.mean(parts, axis=0, dtype=np.float64).astype(parts[0].dtype)


def file_names(count: int) -> list[str]:
    """The files of so many networks."""
    return [FIRST, *(f"model-{number}.pellucid" for number in range(2, count + 1))]


def is_model_name(name: str) -> bool:
    """Whether a file's name is that of one of a run's networks."""
    return name == FIRST or _OTHERS.fullmatch(name) is not None


def save_together(networks: Sequence[pl.Network], folder: Path) -> list[str]:
    """Write each network into a file of its own; answer the files' names. Those of an earlier, larger run go."""
    names = file_names(len(networks))
    for entry in folder.iterdir():
        if is_model_name(entry.name) and entry.name not in names:
            entry.unlink()
    for name, network in zip(names, networks, strict=True):
        pl.save(network, folder / name)
    return names


def load_together(path: Path) -> Together:
    """The networks of a run's folder, or of a single file."""
    if not path.is_dir():
        return Together([pl.load(path)])
    numbers = sorted(int(found.group(1)) for entry in path.iterdir() if (found := _OTHERS.fullmatch(entry.name)))
    return Together([pl.load(path / FIRST), *(pl.load(path / f"model-{number}.pellucid") for number in numbers)])
