"""Model files beside torch.save and joblib, for 784-512-512-10; and what a checkpoint costs."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import torch
from sklearn.neural_network import MLPClassifier

import pellucid as pl
from benchmarks.measure import in_turn
from benchmarks.workloads import WORKLOADS, load

_WORKLOAD = WORKLOADS["W4"]
_ROUNDS = 15


def networks() -> dict[str, Any]:
    """The same network three times: ours, torch's, scikit-learn's."""
    sizes = _WORKLOAD.sizes
    layers: list[pl.Layer] = []
    modules: list[torch.nn.Module] = []
    for before, units in pairwise(sizes):
        layers += [pl.Dense(units), pl.ReLU()]
        modules += [torch.nn.Linear(before, units), torch.nn.ReLU()]
    rows = np.zeros((sizes[-1], sizes[0]), dtype=np.float32)
    sklearn = MLPClassifier(sizes[1:-1], max_iter=1, batch_size=sizes[-1], tol=0)
    sklearn.partial_fit(rows, np.arange(sizes[-1]), classes=np.arange(sizes[-1]))
    return {
        "pellucid": pl.Network(layers[:-1]).build(sizes[0]),
        "torch": torch.nn.Sequential(*modules[:-1]),
        "joblib": sklearn,
    }


def _durably(path: Path, save: Callable[[], object]) -> None:
    """What the others do not do on their own: wait until the numbers are on the disk."""
    save()
    with path.open("rb") as file:
        os.fsync(file.fileno())


def rows(rounds: int = _ROUNDS) -> Iterator[tuple[str, str, str, str]]:
    """What, measured, beside what, wanted."""
    made = networks()
    title = "-".join(map(str, _WORKLOAD.sizes))
    with tempfile.TemporaryDirectory() as folder:
        paths = {name: Path(folder) / name for name in made}
        saves = {
            "pellucid": lambda: pl.save(made["pellucid"], paths["pellucid"]),
            "torch": lambda: _durably(paths["torch"], lambda: torch.save(made["torch"].state_dict(), paths["torch"])),
            "joblib": lambda: _durably(paths["joblib"], lambda: joblib.dump(made["joblib"], paths["joblib"])),
        }
        loads = {
            "pellucid": lambda: pl.load(paths["pellucid"]),
            "pellucid, mapped": lambda: pl.load(paths["pellucid"], mapped=True),
            "torch": lambda: torch.load(paths["torch"], weights_only=True),
            "joblib": lambda: joblib.load(paths["joblib"]),
        }
        seconds = in_turn(saves, rounds, time.perf_counter)
        yield _row(f"save {title}, down to the disk", seconds)
        yield _row(f"load {title}", in_turn(loads, rounds, time.perf_counter))
        sizes = {name: path.stat().st_size for name, path in paths.items()}
        others = f"torch {sizes['torch'] / 1e6:.3f} MB, joblib {sizes['joblib'] / 1e6:.3f} MB (with Adam's moments)"
        yield f"size of {title} in float32", f"{sizes['pellucid'] / 1e6:.3f} MB", others, ""
        yield from _checkpoints(Path(folder) / "run", rounds)


def _row(what: str, seconds: dict[str, float]) -> tuple[str, str, str, str]:
    own = {name: value for name, value in seconds.items() if name.startswith("pellucid")}
    others = {name: value for name, value in seconds.items() if name not in own}
    ours = ", ".join(
        f"{value * 1e3:.2f} ms{name.removeprefix('pellucid').replace(',', '')}" for name, value in own.items()
    )
    beside = ", ".join(
        f"{name} {value * 1e3:.2f} ms: {value / own['pellucid']:.2f} ×" for name, value in others.items()
    )
    return what, ours, beside, ""


def _checkpoints(folder: Path, rounds: int) -> Iterator[tuple[str, str, str, str]]:
    """A checkpoint with early stopping beside an epoch of the same training."""
    x, y, test_x, test_y = load(_WORKLOAD)
    made = networks()["pellucid"]
    network = pl.Network([pl.Rescale(1 / 255), *made.layers])
    callbacks = [pl.EarlyStopping(100)]
    trainer = pl.Trainer(network, "softmax_cross_entropy", pl.Adam(0.001), _WORKLOAD.batch, callbacks=callbacks)
    trainer.fit(x, y, epochs=3, validation=(test_x, test_y))
    epoch = statistics.median(trainer.history["seconds"])
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        path = trainer.save(folder)
        times.append(time.perf_counter() - began)
    size, share = path.stat().st_size / 1e6, statistics.median(times) / epoch
    began = time.perf_counter()
    pl.Trainer.resume(folder, callbacks=[pl.EarlyStopping(100)])
    resumed = time.perf_counter() - began
    yield (
        f"a checkpoint of {_WORKLOAD.name} ({size:.1f} MB: weights, Adam's moments, a state to turn back to, the best)",
        f"{statistics.median(times) * 1e3:.1f} ms; resumed in {resumed * 1e3:.1f} ms",
        f"an epoch {epoch * 1e3:.0f} ms: {share:.1%} of it",
        "",
    )
