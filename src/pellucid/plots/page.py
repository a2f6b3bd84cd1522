"""One page about a run: how training went, and what the network gets wrong."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid.datasets.dataset import Dataset, DatasetPart
from pellucid.layers.layer import Layer
from pellucid.losses import predictions, probabilities
from pellucid.plots.confusion import confusion_matrix
from pellucid.plots.curves import history as draw_history
from pellucid.plots.figure import FAINT, INK, Axes, Figure, bare, new_figure
from pellucid.plots.mosaics import images
from pellucid.plots.regions import decision_regions
from pellucid.typing import Array
from pellucid.validation import counted

if TYPE_CHECKING:
    from pellucid.network import Network
    from pellucid.training.history import History

_MOST_MISTAKES = 15


def report(network: Network, dataset: Dataset, history: History, *, title: str | None = None) -> Figure:
    """Draw one page: the curves of the training, the confusion matrix, and the worst mistakes.

    Confusions and mistakes are those of the test part (where there is none, of the validation or the training part).
    Images that are misclassified are shown, the highest loss first; for data in the plane, the decision regions with
    the points of all parts.

    Parameters
    ----------
    network : Network
        Trained on the data set's classes.
    dataset : Dataset
        What it was trained on.
    history : History
        What `Trainer.fit` answered.
    title : str or None
        None: the data set's name, and how many are predicted right.

    Returns
    -------
    Figure
    """
    if not dataset.classes:
        raise ValueError(f"report needs a data set with classes, and {dataset.name!r} has none.")
    name, part = _last_part(dataset)
    scores = network.scores(part.x)  # (n, outputs)
    predicted = predictions(scores, network.link)  # (n,)
    right = int(np.count_nonzero(predicted == part.y))
    figure = new_figure(11.0, 7.6)
    main = title or f"{dataset.name}: {right / part.rows:.1%} right, {right:,} of {part.rows:,} {name} rows"
    figure.suptitle(main, fontsize=15, color=INK, x=0.012, ha="left")
    if dataset.features == 2:
        curves, confusion, mistakes = _plane_layout(figure)
        decision_regions(network, dataset.x, dataset.y, mistakes, classes=dataset.classes)
        mistakes.set_title(f"Decision regions: {mistakes.get_title(loc='left')}", loc="left", fontsize=11, color=INK)
    else:
        curves, confusion, mistakes = _wide_layout(figure)
        _worst(mistakes, network, dataset, part, scores)
    draw_history(history, curves)
    confusion_matrix(part.y, predicted, dataset.classes, confusion)
    confusion.set_anchor("NW")
    figure.supxlabel(_words(network, history), fontsize=8, color=FAINT, x=0.012, ha="left")
    return figure


def _last_part(dataset: Dataset) -> tuple[str, DatasetPart]:
    return list(dataset.parts.items())[-1]


def _wide_layout(figure: Figure) -> tuple[list[Axes], Axes, Axes]:
    """Curves above, confusion and mistakes below."""
    rows = figure.add_gridspec(2, 1, height_ratios=(1, 1.55), hspace=0.04)
    above = rows[0].subgridspec(1, 2)
    below = rows[1].subgridspec(1, 2, width_ratios=(1, 1.15))
    curves, others = ([figure.add_subplot(row[column]) for column in range(2)] for row in (above, below))
    return curves, others[0], others[1]


def _plane_layout(figure: Figure) -> tuple[list[Axes], Axes, Axes]:
    """The plane at the right, all else in a column at the left."""
    grid = figure.add_gridspec(3, 2, width_ratios=(1, 1.9), height_ratios=(1, 1, 1.15), hspace=0.05, wspace=0.05)
    left = [figure.add_subplot(grid[row, 0]) for row in range(3)]
    return left[:2], left[2], figure.add_subplot(grid[:, 1])


def _worst(axes: Axes, network: Network, dataset: Dataset, part: DatasetPart, scores: Array) -> None:
    """The misclassified images of the highest loss."""
    predicted = predictions(scores, network.link)
    wrong = np.flatnonzero(predicted != part.y)
    if not wrong.size or dataset.image_shape is None:
        bare(axes, "" if wrong.size else "No mistakes")
        return
    loss = network.loss
    assert loss is not None
    losses = loss.values(scores, loss.encode(part.y, network.outputs))  # (n,)
    worst = wrong[np.argsort(-losses[wrong], kind="stable")][:_MOST_MISTAKES]
    images(
        part.x[worst],
        dataset.image_shape,
        _mistake_labels(network, dataset, part.y[worst], predicted[worst], scores[worst]),
        columns=5 if worst.size > 8 else max(3, -(-int(worst.size) // 2)),
        axes=axes,
    )
    axes.set_title(f"Worst mistakes, {worst.size} of {wrong.size:,}: truth → predicted", loc="left", fontsize=11)


def _mistake_labels(network: Network, dataset: Dataset, truth: Array, predicted: Array, scores: Array) -> list[str]:
    """Say "3 → 5, 98%" for each; where the names are long, over two lines and without the probability."""
    shares: list[Any] = [None] * len(truth)
    if network.link in ("softmax", "sigmoid"):
        shares = list(probabilities(scores, network.link).max(axis=1))
    names = dataset.classes
    long = max(map(len, names)) > 2
    between = "\n" if long else " "
    return [
        f"{names[int(t)]}{between}→ {names[int(p)]}" + ("" if share is None or long else f", {share:.0%}")
        for t, p, share in zip(truth, predicted, shares, strict=True)
    ]


def layer_words(layer: Layer) -> str:
    """The layer as one would type it, with four digits for long fractions: Rescale(0.003922)."""
    return re.sub(r"\d+\.\d{5,}(e-?\d+)?", lambda found: f"{float(found.group()):.4g}", str(layer))


def _words(network: Network, history: History) -> str:
    """The layers, the size, and how long training took."""
    layers = " · ".join(map(layer_words, network.layers))
    layers = layers if len(layers) < 110 else f"{layers[:107]}…"
    time = f"{len(history):,} epoch{'s' if len(history) != 1 else ''} in {history.seconds:.3g} s"
    return (
        f"{layers}   |   {counted(network.program.parameter_count, 'parameter')}   |   {time}, {history.engine} engine"
    )
