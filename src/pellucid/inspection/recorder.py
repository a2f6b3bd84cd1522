"""The recorder: a callback that keeps how activations, gradients and weights are spread, as training goes.

Contract: before the first epoch and after every this many, the recorder traces the step that would come next, on a few
training rows, and keeps a `Snapshot` of it: histograms and a few numbers, not the arrays. It changes nothing. A
training without a recorder computes none of this.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from pellucid.formulas import Formulas, formulas_of
from pellucid.inspection.trace import LayerTrace, trace
from pellucid.training.callbacks import Callback
from pellucid.typing import Array, Floats
from pellucid.validation import check_integer

if TYPE_CHECKING:
    from pellucid.training.trainer import Trainer

_BINS = 60
_ALIVE = 0.05  # of the steepest slope: where a function of a unit is flatter than this, hardly any gradient passes


class Histogram(NamedTuple):
    """How numbers are spread."""

    counts: Array
    """How many lie in each bin, (bins,)."""
    edges: Floats
    """Where the bins begin and end, (bins + 1,)."""
    mean: float
    deviation: float
    not_finite: int
    """How many are NaN or infinite, and in no bin."""

    @staticmethod
    def of(values: Array) -> Histogram:
        """The histogram of an array of any shape."""
        flat = np.asarray(values, dtype=np.float64).reshape(-1)
        finite = flat[np.isfinite(flat)]
        if not finite.size:
            return Histogram(np.zeros(_BINS, dtype=np.int64), np.linspace(0, 1, _BINS + 1), 0.0, 0.0, flat.size)
        low, high = float(finite.min()), float(finite.max())
        room = 0.5 * max(abs(low), 1e-12) if low == high else 0.0
        counts, edges = np.histogram(finite, _BINS, (low - room, high + room))
        return Histogram(counts, edges, float(finite.mean()), float(finite.std()), flat.size - finite.size)


class LayerRecord(NamedTuple):
    """One layer at one moment."""

    name: str
    """Its place and form: "2, Dense(3)"."""
    activation: Histogram
    """Of its outputs."""
    gradient: Histogram
    """Of ∂C/∂output, of each row's own cost."""
    alive: Floats | None
    """Of an activation: the share of the rows in which each unit lets a gradient pass, (units,): where its slope is
    at least a twentieth of the steepest. None for other layers."""


class ParameterRecord(NamedTuple):
    """One parameter at one moment."""

    value: Histogram
    gradient: Histogram
    update_ratio: float
    """‖Δw‖/‖w‖ of the step that comes next; NaN where w is 0."""


@dataclass(frozen=True, eq=False)
class Snapshot:
    """A network in training at one moment.

    Parameters
    ----------
    epoch, step : int
        How many were done.
    layers : tuple of LayerRecord
        In the order of the network.
    parameters : dict
        A `ParameterRecord` by the parameter's name, "2.weight".
    vector : array (p,) or None
        All parameters, if the recorder keeps them.
    """

    epoch: int
    step: int
    layers: tuple[LayerRecord, ...]
    parameters: dict[str, ParameterRecord]
    vector: Floats | None


class Recorder(Callback):
    """Keeps how activations, gradients, weights and updates are spread, for the pictures that show them over time.

    Parameters
    ----------
    every : int
        After how many epochs it looks; it also looks before the first.
    rows : int
        On at most this many training rows, spread evenly.
    vectors : bool
        Whether all parameters are kept too, for `plots.training_path`.

    Attributes
    ----------
    snapshots : list of Snapshot
        One for each look.

    Examples
    --------
    >>> import pellucid as pl
    >>> recorder = pl.Recorder(every=5)
    >>> network = pl.Network([pl.Dense(8), pl.ReLU(), pl.Dense(2)])
    >>> trainer = pl.Trainer(network, loss=pl.SoftmaxCrossEntropy(), callbacks=[recorder])
    >>> history = trainer.fit(*pl.datasets.two_gaussians(), epochs=10)
    >>> [snapshot.epoch for snapshot in recorder.snapshots]
    [0, 5, 10]
    >>> list(recorder.snapshots[0].parameters)
    ['0.weight', '0.bias', '2.weight', '2.bias']
    """

    def __init__(self, every: int = 1, rows: int = 256, vectors: bool = True) -> None:
        self.every = check_integer("every", every, minimum=1)
        self.rows = check_integer("rows", rows, minimum=1, maximum=4096)
        self.vectors = bool(vectors)
        self.snapshots: list[Snapshot] = []

    def on_fit_begin(self, trainer: Trainer, epochs: int) -> None:
        """Look at the network as it is; once, where fit is called again."""
        if not self.snapshots or self.snapshots[-1].step != trainer.step:
            self.look(trainer)

    def interval(self, trainer: Trainer) -> int:
        """Up to the next multiple, counted over all of training."""
        return self.every - trainer.epoch % self.every

    def on_epoch_end(self, trainer: Trainer) -> None:
        """Look."""
        self.look(trainer)

    def look(self, trainer: Trainer) -> None:
        """Trace the step that comes next, and keep how its numbers are spread."""
        task, state = trainer.task, trainer.state
        chosen = np.unique(np.linspace(0, len(task.x) - 1, min(self.rows, len(task.x))).round().astype(int))
        weight = None if task.sample_weight is None else task.sample_weight[chosen]
        if weight is not None and not weight.any():
            weight = None
        traced = trace(
            trainer.network,
            task.loss,
            task.x[chosen],
            task.targets[chosen],
            optimizer=task.optimizer,
            penalty=task.penalty,
            sample_weight=weight,
            state=state,
            training=True,
            seed=task.seed,
        )
        self.snapshots.append(
            Snapshot(
                epoch=state.epoch,
                step=state.step,
                layers=tuple(_layer_record(layer, len(chosen)) for layer in traced.layers),
                parameters={
                    f"{layer.index}.{name}": _parameter_record(layer, name)
                    for layer in traced.layers
                    for name in vars(layer.parameters)
                },
                vector=state.parameters.copy() if self.vectors else None,
            )
        )


def _layer_record(layer: LayerTrace, rows: int) -> LayerRecord:
    return LayerRecord(
        f"{layer.index}, {layer.layer}",
        Histogram.of(layer.output),
        Histogram.of(layer.output_gradient.astype(np.float64) * rows),
        alive_share(layer),
    )


def alive_share(layer: LayerTrace) -> Floats | None:
    """The share of the rows in which each unit of an activation lets a gradient pass, (units,); None for others."""
    formulas = formulas_of(layer.layer)
    if layer.derivative is None or not isinstance(formulas, Formulas) or not formulas.function:
        return None
    slope = np.abs(layer.derivative.reshape(len(layer.derivative), -1).astype(np.float64))  # (n, units)
    steepest = {"σ": 0.25}.get(formulas.function, 1.0)
    return (slope >= _ALIVE * steepest).mean(axis=0)


def _parameter_record(layer: LayerTrace, name: str) -> ParameterRecord:
    value, update = getattr(layer.parameters, name), getattr(layer.update, name)
    size = float(np.linalg.norm(value.astype(np.float64)))
    ratio = float(np.linalg.norm(update.astype(np.float64))) / size if size > 0 else float("nan")
    return ParameterRecord(Histogram.of(value), Histogram.of(getattr(layer.gradient, name)), ratio)
