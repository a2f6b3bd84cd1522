"""Networks of an ensemble.

Contract: `Ensemble` averages its members' probabilities, or their numbers, and predicts as a network does. A single
member's predictions are unchanged, bit for bit. It knows no files: `pellucid.formats.ensemble_file` keeps them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from pellucid.losses import Loss, TargetScaling
from pellucid.losses.links import predictions
from pellucid.metrics import Metrics
from pellucid.network import Network
from pellucid.numerics import logistic
from pellucid.typing import Array, Floats, Shape

if TYPE_CHECKING:
    from pellucid.encoding.encoder import TableEncoder


class Ensemble:
    """Several networks of one target, or one alone.

    With the link "softmax" or "sigmoid" the class is the one of the highest mean probability; with "argmax" or "sign",
    which know no probabilities, that of the mean scores; numbers are the mean of those that the members predict, each
    in its own unit, and the mean of quantiles is put in order. Means are summed in double precision.

    Parameters
    ----------
    networks : sequence of Network
        Built, with the same inputs, outputs, link, classes and preprocessing.

    Attributes
    ----------
    networks : tuple of Network
        The members.
    link, loss, classes, preprocessing, input_shape, outputs
        Those of the first one, which are the others' too.

    Raises
    ------
    ValueError
        If there is no network, or two of them differ in what they take or predict.

    Examples
    --------
    >>> import numpy as np, pellucid as pl
    >>> networks = [pl.Network([pl.Dense(1, bias=False)]).build(1) for _ in range(2)]
    >>> for network, slope in zip(networks, (1.0, 3.0)):
    ...     network.set("0.weight", [[slope]])
    >>> pl.Ensemble(networks).predict(np.array([[10.0]]))
    array([20.], dtype=float32)
    """

    def __init__(self, networks: Sequence[Network]) -> None:
        self.networks = tuple(networks)
        if not self.networks:
            raise ValueError("At least one network must answer, but networks is empty.")
        first = self.networks[0]
        for number, network in enumerate(self.networks[1:], start=2):
            for name in ("input_shape", "outputs", "link", "classes", "preprocessing"):
                _check_same(name, getattr(first, name), getattr(network, name), number)
            _check_same("levels", getattr(first.loss, "levels", None), getattr(network.loss, "levels", None), number)
        self.input_shape: Shape = first.input_shape
        self.outputs: int = first.outputs
        self.link: str = first.link
        self.loss: Loss | None = first.loss
        self.classes: tuple[str, ...] | None = first.classes
        self.preprocessing: TableEncoder | None = first.preprocessing

    def scores(self, x: Any) -> Floats:
        """The scores (n, outputs) from which what the networks say together follows, as from those of one network.

        They are the logarithms of the mean probabilities (of yes to no, with the link "sigmoid") or of the mean numbers
        (with "exponential"); else the mean of the scores, in the unit of the first network.
        """
        first = self.networks[0]
        if len(self.networks) == 1:
            return first.scores(x)
        with np.errstate(divide="ignore"):  # log 0 is −∞
            if self.link == "softmax":
                return np.log(self.predict_proba(x))
            scores = [network.scores(x) for network in self.networks]
            if self.link == "sigmoid":
                yes, no = (mean([logistic(sign * each) for each in scores]) for sign in (1, -1))
                return np.log(yes) - np.log(no)
            units = [network.target for network in self.networks]
            numbers = [np.exp(each) for each in scores] if self.link == "exponential" else scores
            if all(unit == first.target for unit in units):
                common = mean(numbers)
            else:
                own, usual = first.target or TargetScaling(), TargetScaling()
                each = [(unit or usual).predictions(part) for unit, part in zip(units, numbers, strict=True)]
                common = own.standardized(mean(each)).astype(first.dtype)
            return np.log(common) if self.link == "exponential" else common

    def predict_proba(self, x: Any) -> Floats:
        """The mean of the probabilities, (n, K); for several yes-or-no outputs that of each, (n, outputs)."""
        return mean([network.predict_proba(x) for network in self.networks])

    def predict(self, x: Any) -> Array:
        """Classes (n,); 1 or 0 for each yes-or-no output; numbers (n,) or (n, outputs), quantiles in order."""
        if len(self.networks) == 1:
            return self.networks[0].predict(x)
        if self.link in ("softmax", "sigmoid"):
            return decided(self.predict_proba(x), several=self.link == "sigmoid" and self.outputs > 1)
        if self.link in ("argmax", "sign"):
            return predictions(mean([network.scores(x) for network in self.networks]), self.link)
        answer = mean([predictions(each.scores(x), each.link, each.target) for each in self.networks])
        return answer if self.loss is None else self.loss.ordered(answer)

    def evaluate(self, x: Any, y: Any, *, metrics: Metrics | None = None) -> dict[str, float]:
        """The mean loss on rows x with targets y, and `accuracy` or `r2`, of what the networks say together.

        With a `target` the loss is in the unit of the first network. `metrics` as for `Network.evaluate`.
        """
        return self.networks[0].measure(self.scores, x, y, metrics=metrics)


def _check_same(name: str, own: object, its: object, number: int) -> None:
    if own is not its and own != its:
        raise ValueError(
            f"Networks of an ensemble must have the same {name}, but that of network {number} is {its!r:.80}, "
            f"and that of the first one {own!r:.80}."
        )


Model: TypeAlias = Network | Ensemble
"""What answers: a network, or several together."""


def members(model: Model | Sequence[Network]) -> Ensemble:
    """A model as networks of an ensemble."""
    if isinstance(model, Ensemble):
        return model
    return Ensemble([model] if isinstance(model, Network) else model)


def mean(parts: Sequence[Floats]) -> Floats:
    """The mean of arrays of one shape, in their dtype; of a single one itself."""
    if len(parts) == 1:
        return parts[0]
    return np.mean(parts, axis=0, dtype=np.float64).astype(parts[0].dtype)


def decided(shares: Floats, *, several: bool) -> Array:
    """The class of each row of probabilities (n, K), of equal ones the lowest; or each yes (n, outputs) of several."""
    return (shares > 0.5).astype(np.int64) if several else shares.argmax(axis=1)
