"""A run as one HTML file: the data, the network, the curves, what was found, and pictures.

Contract: `report` returns the page and writes it where a path is given. The page holds its pictures, has no script,
loads nothing, and all text in it is escaped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid.display import html_table, typed
from pellucid.inspection.recorder import Recorder
from pellucid.losses import predictions
from pellucid.plots.confusion import confusion_matrix
from pellucid.plots.curves import history as draw_history
from pellucid.plots.features import saliency
from pellucid.plots.figure import Figure
from pellucid.plots.html import document, finding_block, section
from pellucid.plots.landscape import loss_surface, training_path
from pellucid.plots.mosaics import images, weights
from pellucid.plots.page import layer_words
from pellucid.plots.recordings import activation_histograms, gradient_histograms, unit_activity, update_ratios
from pellucid.plots.regions import decision_regions
from pellucid.storage.atomic import write_atomically
from pellucid.typing import Array, Shape
from pellucid.validation import check_inputs, check_same_length, counted

if TYPE_CHECKING:
    from pellucid.network import Network
    from pellucid.training.trainer import Trainer

_EXAMPLES = 24
_MOST_COLUMNS = 12  # of the table of features
_SALIENT = 8
_IMAGES: dict[Shape, tuple[int, int]] = {(64,): (8, 8), (784,): (28, 28)}


def report(
    trainer: Trainer,
    x: Any,
    y: Any,
    path: str | Path | None = None,
    *,
    findings: Iterable[Any] | None = None,
    recorder: Recorder | None = None,
    names: Sequence[object] | None = None,
    image_shape: tuple[int, int] | None = None,
    title: str = "",
) -> str:
    """Write one self-contained HTML file about a run.

    Parameters
    ----------
    trainer : Trainer
        Trained.
    x, y : array
        Rows and targets that the network is measured and shown on: test rows, best of all.
    path : str, Path or None
        Where to write; None: nowhere, the page is only answered.
    findings : iterable or None
        What was found about the run: objects with `name`, `severity`, `layer`, `epoch`, `evidence` and `advice`.
        None: the page says nothing of it.
    recorder : Recorder or None
        What recorded the run; None: the first recorder among the trainer's callbacks, if there is one.
    names : sequence or None
        The names of the features.
    image_shape : (height, width) or None
        The rows are images of this shape; None: they are shown as images only if the network takes 64 or 784 numbers.
    title : str
        The page's heading.

    Returns
    -------
    str
        The page.

    Examples
    --------
    >>> import pellucid as pl
    >>> x, y = pl.datasets.bulls_eye(40, seed=0)
    >>> trainer = pl.Trainer(pl.Network([pl.Dense(8), pl.Tanh(), pl.Dense(2)]), loss=pl.SoftmaxCrossEntropy())
    >>> _ = trainer.fit(x, y, epochs=5)
    >>> page = pl.report(trainer, x, y)
    >>> page.count("<img")      # curves, confusion matrix, decision regions, weights, the loss around the network
    5
    """
    network = trainer.network
    state = trainer.state  # raises where training has not begun
    x = check_inputs(x, "x", network.input_shape)
    targets = network.encode(y, trainer.loss)
    check_same_length(x=x, y=targets)
    if recorder is None:
        recorder = next((one for one in trainer.callbacks if isinstance(one, Recorder)), None)
    shape = image_shape or _IMAGES.get(network.input_shape)
    heading = title or f"A run of {type(trainer.optimizer).__name__} on {counted(len(x), 'row')}"
    result, predicts = _result(trainer, x, y)
    parts = [
        f"<h1>{escape(heading)}</h1>",
        _summary(trainer, result),
        _findings(findings),
        section("Curves", [lambda: draw_history(trainer.history)] if len(trainer.history) else []),
        section("What it gets right", _results(network, x, targets) if predicts else []),
        section("Data", _data_pictures(x, targets, shape), _data(x, targets, network, names)),
        section("Network", [], _network(network)),
        section("What it has learnt", _inside(network, x, shape) if predicts else []),
        section("As it learnt", _recorded(recorder, network, x, y)),
        section("The loss around it", [lambda: loss_surface(network, x, y, points=17)]),
        f'<p class="words">{counted(state.step, "step")}, seed {trainer.seed}, {escape(network.dtype.name)}</p>',
    ]
    page = document(heading, parts)
    if path is not None:
        write_atomically(Path(path).expanduser(), [page.encode()])
    return page


def _result(trainer: Trainer, x: Array, y: Any) -> tuple[str, bool]:
    """What came out, or why nothing does; and whether there are predictions to show."""
    try:
        measured = trainer.network.evaluate(x, y, loss=trainer.loss)
    except FloatingPointError as error:  # a training that diverged has a report all the same
        return str(error), False
    words = ", ".join(f"{name} {value:.4f}" for name, value in measured.items())
    return f"{words} on {counted(len(x), 'row')}", True


def _summary(trainer: Trainer, result: str) -> str:
    """What came out, and with what."""
    history = trainer.history
    rows: list[tuple[str, object]] = [
        ("Result", result),
        ("Training", f"{counted(len(history), 'epoch')} in {history.seconds:.3g} s, {history.engine or 'no'} engine"),
        ("Loss", typed(trainer.loss)),
        ("Optimizer", typed(trainer.optimizer)),
        ("Batch", trainer.batch_size),
    ]
    if trainer.penalty is not None:
        rows.append(("Penalty", typed(trainer.penalty)))
    if history.stopped:
        rows.append(("Stopped", history.stopped))
    if history.engine_note:
        rows.append(("Note", history.engine_note))
    return html_table([("", ""), *rows], numbers=0)


def _findings(findings: Iterable[Any] | None) -> str:
    if findings is None:
        return ""
    shown = [_finding(finding) for finding in findings]
    return "\n".join(["<h2>Findings</h2>", *(shown or ["<p>Nothing was found.</p>"])])


def _finding(finding: Any) -> str:
    """One finding: its name, where and when, the evidence, and what to do."""
    place = [f"{word} {value}" for word in ("layer", "epoch") if (value := getattr(finding, word, None)) is not None]
    texts = [getattr(finding, word, None) for word in ("evidence", "advice")]
    return finding_block(
        str(getattr(finding, "name", finding)), str(getattr(finding, "severity", "hint")), texts, place
    )


def _data(x: Array, targets: Array, network: Network, names: Sequence[object] | None) -> str:
    """How many rows, how the targets are spread, and the ranges of the features."""
    flat = x.reshape(len(x), -1)
    parts = [f"<p>{counted(len(x), 'row')} of {counted(flat.shape[1], 'feature')}.</p>"]
    if targets.ndim == 1:
        counts = np.bincount(targets, minlength=network.outputs)
        known = network.classes or [str(index) for index in range(len(counts))]
        parts.append(
            html_table(
                [
                    ("class", "rows", "share"),
                    *((known[k], f"{count:,}", f"{count / len(x):.1%}") for k, count in enumerate(counts)),
                ],
                numbers=2,
            )
        )
    else:
        parts.append(_ranges("target", targets, None))
    if flat.shape[1] <= _MOST_COLUMNS or names is not None:
        parts.append(_ranges("feature", flat, names))
    else:
        parts.append(f"<p>Features from {flat.min():.4g} to {flat.max():.4g}, mean {flat.mean():.4g}.</p>")
    return "\n".join(parts)


def _ranges(what: str, values: Array, names: Sequence[object] | None) -> str:
    known = [str(name) for name in (range(values.shape[1]) if names is None else names)]
    if len(known) != values.shape[1]:
        raise ValueError(f"names must hold one for each of the {values.shape[1]} features, not {len(known)}.")
    rows = [
        (name, *(f"{number:.4g}" for number in (column.min(), column.mean(), column.max(), column.std())))
        for name, column in zip(known, values.T.astype(np.float64), strict=True)
    ]
    more = [(f"… and {len(rows) - _MOST_COLUMNS} more", "", "", "", "")] if len(rows) > _MOST_COLUMNS else []
    heading = (what, "lowest", "mean", "highest", "deviation")
    return html_table([heading, *rows[:_MOST_COLUMNS], *more], numbers=4)


def _network(network: Network) -> str:
    rows = [
        (i.index, layer_words(i.layer), " × ".join(map(str, i.output_shape)), f"{i.parameter_count:,}")
        for i in network.program.instructions
    ]
    total = ("", "", "total", f"{network.program.parameter_count:,}")
    return html_table([("", "layer", "output", "parameters"), *rows, total], numbers=2)


def _results(network: Network, x: Array, targets: Array) -> list[Callable[[], Figure]]:
    """The confusions, and in the plane the regions."""
    if network.link in ("softmax", "argmax") and targets.ndim == 1:
        truth = targets
    elif network.link in ("sigmoid", "sign") and network.outputs == 1:
        truth = (targets[:, 0] > 0.5).astype(np.int64)
    else:
        return []
    classes = network.classes or [str(index) for index in range(max(network.outputs, 2))]
    predicted = predictions(network.scores(x), network.link)
    pictures: list[Callable[[], Figure]] = [lambda: confusion_matrix(truth, predicted, classes)]
    if network.input_shape == (2,):
        pictures.append(lambda: decision_regions(network, x, truth))
    return pictures


def _data_pictures(x: Array, targets: Array, shape: tuple[int, int] | None) -> list[Callable[[], Figure]]:
    if shape is None:
        return []
    chosen = np.linspace(0, len(x) - 1, min(_EXAMPLES, len(x))).round().astype(int)
    labels = [str(target) for target in targets[chosen]] if targets.ndim == 1 else None
    return [lambda: images(x[chosen].reshape(len(chosen), -1), shape, labels, columns=12)]


def _inside(network: Network, x: Array, shape: tuple[int, int] | None) -> list[Callable[[], Figure]]:
    """The first weights as images, and what predictions hang on."""
    first = next((i for i in network.program.instructions if any(v.name == "weight" for v in i.parameters)), None)
    if first is None or first.input_shape != network.input_shape:
        return []
    features = first.input_shape[0]
    pictures: list[Callable[[], Figure]] = []
    if type(first.layer).__name__ == "Dense":
        tile = shape or (1, features)
        pictures.append(lambda: weights(network, first.index, tile, limit=60))
    if shape is not None:
        pictures.append(lambda: saliency(network, x[:_SALIENT], shape))
    return pictures


def _recorded(recorder: Recorder | None, network: Network, x: Array, y: Any) -> list[Callable[[], Figure]]:
    """What the recorder kept."""
    if recorder is None or not recorder.snapshots:
        return []
    pictures: list[Callable[[], Figure]] = [
        lambda: activation_histograms(recorder),
        lambda: gradient_histograms(recorder),
        lambda: update_ratios(recorder),
    ]
    if any(layer.alive is not None for layer in recorder.snapshots[-1].layers):
        pictures.append(lambda: unit_activity(recorder))
    if len(recorder.snapshots) >= 3 and recorder.snapshots[0].vector is not None and network.parameters.size > 1:
        pictures.append(lambda: training_path(recorder, network, x, y, points=17))
    return pictures
