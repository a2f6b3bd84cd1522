"""What commands print: tables and sentences, in colour in a terminal, plain and of fixed width elsewhere."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pellucid.datasets import Dataset
from pellucid.network import Network
from pellucid.plots.confusion import confusion_counts
from pellucid.plots.page import layer_words
from pellucid.training import History, Trainer
from pellucid.typing import Array
from pellucid.validation import counted

_PIPE_WIDTH = 100
_MOST_COLUMNS = 20  # of a confusion table; with more classes the commonest mistakes are listed instead


def console() -> Console:
    """Standard output: no guessing at markup or numbers in what is printed."""
    width = None if sys.stdout.isatty() or os.environ.get("COLUMNS", "").isdigit() else _PIPE_WIDTH
    return Console(highlight=False, markup=False, width=width)


def show(console: Console, table: Table) -> None:
    """Print a table, elsewhere than in a terminal without the spaces that fill its lines."""
    if console.is_terminal:
        console.print(table)
        return
    with console.capture() as captured:
        console.print(table)
    for line in captured.get().splitlines():
        console.print(line.rstrip(), soft_wrap=True)


def show_pairs(console: Console, pairs: Mapping[str, str]) -> None:
    """Names and values in two columns."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="cyan", no_wrap=True)
    grid.add_column()
    for name, value in pairs.items():
        grid.add_row(name, Text(value))
    show(console, grid)


def show_data(console: Console, dataset: Dataset) -> None:
    """Rows, features, values and classes of a data set."""
    words = {"train": "to train", "validation": "to validate", "test": "to test"}
    rows = ", ".join(f"{count:,} {words[part]}" for part, count in dataset.rows.items())
    low, high = dataset.value_range
    image = f" (images of {dataset.image_shape[0]} × {dataset.image_shape[1]})" if dataset.image_shape else ""
    show_pairs(
        console,
        {
            "Data": f"{dataset.name}: {counted(sum(dataset.rows.values()), 'row')}, {rows}",
            "Features": f"{dataset.features:,}{image}, values from {low:.4g} to {high:.4g}",
            "Classes": f"{len(dataset.classes)}: {', '.join(dataset.classes)}",
        },
    )


def show_training(console: Console, trainer: Trainer, epochs: int) -> None:
    """Loss, optimizer, batches and epochs."""
    optimizer, loss = type(trainer.optimizer).__name__, type(trainer.loss).__name__
    parts = [
        f"{loss}, {optimizer} with rate {trainer.optimizer.rate_at(0):g}",
        "all rows a step" if trainer.batch_size == "full" else f"{counted(int(trainer.batch_size), 'row')} a step",
        f"up to {counted(epochs, 'epoch')}",
    ]
    if trainer.penalty is not None:
        parts.append(f"L2 of {trainer.penalty.strength:g}")
    show_pairs(console, {"Training": f"{', '.join(parts)}; seed {trainer.seed}"})


def show_layers(console: Console, network: Network) -> None:
    """The layers with their shapes and numbers of parameters."""
    table = Table(box=box.SIMPLE_HEAD, show_footer=True, pad_edge=False)
    table.add_column("#", style="dim")
    table.add_column("Layer", footer=f"input of {_shape(network.input_shape)}")
    table.add_column("Output", justify="right")
    table.add_column("Parameters", justify="right", footer=f"{network.program.parameter_count:,}")
    for row in network.program.instructions:
        words = layer_words(row.layer)
        table.add_row(row.path, Text(words), _shape(row.output_shape), f"{row.parameter_count:,}")
    show(console, table)


def _shape(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape))


def show_end(console: Console, history: History) -> None:
    """How long training took, on what, and why it ended."""
    note = f" ({history.engine_note})" if history.engine_note else ""
    epochs = f"{len(history):,} epoch{'' if len(history) == 1 else 's'}"
    console.print(f"\n{epochs} in {history.seconds:.3g} s on the {history.engine} engine{note}", soft_wrap=True)
    if history.stopped:
        console.print(history.stopped, soft_wrap=True)
    elif history.best_epoch is not None and history.best_epoch != len(history):
        console.print(f"The weights of epoch {history.best_epoch}, the best, are restored.", soft_wrap=True)


def show_results(console: Console, name: str, values: Mapping[str, float], rows: int) -> None:
    """Loss and accuracy on some rows."""
    words = f"loss {values['loss']:.4f}"
    if "accuracy" in values:
        wrong = round((1 - values["accuracy"]) * rows)
        words += f", accuracy {values['accuracy']:.4f} ({wrong:,} of {rows:,} rows wrong)"
    if "r2" in values:
        words += f", r2 {values['r2']:.4f} ({counted(rows, 'row')})"
    console.print(Text.assemble((f"{name}: ", "bold"), (words, "bold green")), soft_wrap=True)


def show_learnt_from(console: Console, source: str, what: str) -> None:
    """Say that a network is measured on what it was trained on."""
    words = (
        f"the network was trained on {what}: the scores show how well it has learnt them, not how well it predicts "
        f"rows that it has not seen."
    )
    console.print(Text.assemble(("Caution: ", "bold yellow"), f"{source}: {words}"), soft_wrap=True)


def show_confusion(console: Console, truth: Any, predicted: Any, classes: Sequence[str]) -> None:
    """How often each class (a row) was taken for each (a column)."""
    counts = confusion_counts(truth, predicted, len(classes))  # (k, k)
    if len(classes) > _MOST_COLUMNS:
        _show_commonest(console, counts, classes)
        return
    wide = sum(max(len(name), 5) + 2 for name in classes) > 64
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("", no_wrap=True, style="bold")
    for number, name in enumerate(classes):
        table.add_column(Text(str(number) if wide else name), justify="right", no_wrap=True)
    for number, name in enumerate(classes):
        label = f"{number} {name}" if wide and name != str(number) else name
        table.add_row(Text(label), *(_count(counts[number, k], k == number) for k in range(len(classes))))
    console.print(Text("Rows: true class; columns: predicted", style="dim"), soft_wrap=True)
    show(console, table)


def _count(count: int, right: bool) -> Text:
    if not count:
        return Text("·", style="dim")
    return Text(f"{count:,}", style="green" if right else "bold red")


def _show_commonest(console: Console, counts: Array, classes: Sequence[str]) -> None:
    mistakes = counts * ~np.eye(len(counts), dtype=bool)  # (k, k)
    order = np.argsort(-mistakes, axis=None, kind="stable")[:10]
    table = Table("Times", "True class", "Predicted", box=box.SIMPLE_HEAD, pad_edge=False)
    for place in order:
        row, column = divmod(int(place), len(counts))
        if mistakes[row, column]:
            table.add_row(f"{mistakes[row, column]:,}", Text(classes[row]), Text(classes[column]))
    console.print(Text("Commonest mistakes", style="dim"), soft_wrap=True)
    show(console, table)


def show_files(console: Console, folder: Path, files: Sequence[str], dataset: str) -> None:
    """Where the run was saved, and what can be done with it."""
    console.print(Text.assemble(("Saved", "bold"), f" {', '.join(files)} in {folder}{os.sep}"), soft_wrap=True)
    console.print(Text(f"Next: pellucid predict {folder} {dataset}", style="dim"), soft_wrap=True)
