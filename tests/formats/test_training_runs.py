"""The program of a training that was: what it prints and comes to is what the run's history and its weights have."""

from __future__ import annotations

import contextlib
import io
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pellucid as pl
from pellucid.formats import training_program, write_training
from support.samples import classification

HIDDEN = [pl.Standardize(), pl.Dense(9), pl.Tanh()]
COLUMNS = ("loss", "accuracy", "validation_loss", "validation_accuracy")
X, Y = classification(rows=70, features=4)
COUNTS = np.random.default_rng(1).poisson(3.0, 70)
WEIGHT = np.random.default_rng(2).uniform(0.0, 2.0, 70)
HELD = X[:40] + 0.3, Y[:40]


def trained(
    layers: list[pl.Layer], y: Any = Y, *, loss: Any = "softmax_cross_entropy", epochs: int = 9, **options: Any
) -> pl.Network:
    fit = {name: options.pop(name) for name in ("validation", "class_weight", "sample_weight") if name in options}
    network = pl.Network(layers, dtype=options.pop("dtype", "float64"), engine=options.pop("engine", "auto"))
    options = {"optimizer": pl.Adam(0.02), "batch_size": 16, "seed": 4, **options}
    network.history = pl.Trainer(network, loss, **options).fit(X, y, epochs=epochs, **fit)
    return network


def run(text: str, x: Any, y: Any, **more: Any) -> tuple[dict[str, Any], Any, list[str]]:
    """The names of a program, what its `train` returns, and what it prints."""
    names: dict[str, Any] = {"__name__": "program"}
    exec(compile(text, "<training program>", "exec"), names)
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        result = names["train"](x, y, checked=names["same_rows"](x, y), **more)
    return names, result, printed.getvalue().splitlines()


def lines_of(history: pl.History) -> list[str]:
    rows = [history.row(number) for number in range(len(history))]
    return [
        f"epoch {row['epoch']}: "
        + ", ".join(f"{name.replace('_', ' ')} {row[name]:.4f}" for name in COLUMNS if name in row)
        for row in rows
    ]


RUNS: dict[str, dict[str, Any]] = {
    "plain": {},
    "single precision": {"dtype": "float32"},
    "another optimizer": {"optimizer": pl.AdamW(pl.OneCycle(0.05, steps=45), weight_decay=0.1, clip_norm=0.5)},
    "full batches": {"batch_size": "full"},
    "as they are": {"shuffle": False, "penalty": pl.L2(0.01), "constraint": pl.MaxNorm(1.0)},
    "with dropout": {"layers": [*HIDDEN, pl.Dropout(0.3), pl.Dense(3)], "learning_rate_factors": {"1": 2.0}},
    "early": {"validation": HELD, "callbacks": [pl.EarlyStopping(2)], "epochs": 60, "optimizer": pl.Adam(0.2)},
    "the loss itself": {"callbacks": [pl.EarlyStopping(3, minimum_improvement=0.05)], "epochs": 40},
    "by accuracy": {
        "validation": HELD,
        "callbacks": [pl.EarlyStopping(4, "validation_accuracy", ties="last")],
        "epochs": 30,
        "average": 0.8,
    },
    "to the end": {"validation": HELD, "callbacks": [pl.EarlyStopping(None)]},
    "balanced": {"class_weight": "balanced", "validation": HELD},
    "classes and rows": {"class_weight": {1: 4.0}, "sample_weight": WEIGHT},
    "its price in the loss": {"penalty": pl.ElasticNet(0.1, per_example=True), "penalty_in_loss": True},
    "prices": {"layers": [*HIDDEN, pl.Dense(1)], "y": COUNTS, "loss": "squared_error", "standardize_target": True},
    "counts": {"layers": [*HIDDEN, pl.Dense(1)], "y": COUNTS, "loss": "poisson", "standardize_target": True},
    "quantiles": {"layers": [*HIDDEN, pl.Dense(2)], "y": COUNTS, "loss": pl.Quantile((0.9, 0.1)), "clamp": True},
    "yes or no": {"layers": [*HIDDEN, pl.Dense(1)], "y": Y > 0, "loss": "sigmoid_cross_entropy"},
    "labels": {"layers": [*HIDDEN, pl.Dense(3)], "y": np.eye(3)[Y] + np.eye(3)[0] > 0, "loss": "sigmoid_cross_entropy"},
    "shares": {"y": np.full((70, 3), 0.2) + 0.4 * np.eye(3)[Y]},
    "a margin": {"layers": [*HIDDEN, pl.Dense(1)], "y": (Y > 0).astype(np.int32), "loss": "hinge"},
}


@pytest.mark.parametrize("name", RUNS)
def test_the_program_is_that_of_the_run(name: str, tmp_path: Path) -> None:
    options = {"layers": [*HIDDEN, pl.Dense(3)], **RUNS[name]}
    network = trained(**options)
    pl.save(network, tmp_path / "net.pellucid")
    again = pl.load(tmp_path / "net.pellucid")
    more = {"validation": HELD} if "validation" in options else {}
    more |= {"weight": WEIGHT} if "sample_weight" in options else {}
    names, (p, s), printed = run(training_program(again), X, options.get("y", Y), **more)
    assert printed[0] == "After the first epoch the weights are those of the run."
    assert [line for line in printed if line.startswith("epoch")] == lines_of(network.history)
    restored = [line.partition(" are restored")[0] for line in printed if "restored" in line]
    best = network.history.best_epoch
    assert restored == ([] if best is None else [f"The weights of epoch {best}"])
    tolerance = 1e-9 if again.dtype == "float64" else 2e-4
    for full, expected in again.named_parameters().items():
        index, kind = full.split(".")
        found = p[f"{ {'weight': 'W', 'bias': 'b'}[kind] }{index}"]
        assert np.abs(found - expected).max() <= tolerance * max(1.0, np.abs(expected).max()), full
    predicted = names["predict"](X, p, s)
    np.testing.assert_allclose(predicted.reshape(again.predict(X).shape), again.predict(X), rtol=1e-6, atol=1e-3)


def test_what_is_kept_of_the_first_epoch_is_what_a_training_of_one_epoch_comes_to(engine: str) -> None:
    one, many = (trained([pl.Dense(3)], epochs=epochs, engine=engine) for epochs in (1, 5))
    weight = one.get("0.weight").ravel()  # (12,) of 4 inputs and 3 classes
    places = [0, 2, 5, 8, 11]
    assert one.training is not None
    assert many.training is not None
    assert many.training.settings["first_epoch"] == one.training.settings["first_epoch"]
    assert many.training.settings["first_epoch"]["0.weight"] == weight[places].tolist()


@pytest.mark.parametrize(
    ("pattern", "other"),
    [
        (r"LEARNING_RATE = 0.02", "LEARNING_RATE = 0.0205"),
        (r"SEED = 4", "SEED = 5"),
        (r"BATCH_SIZE = 16", "BATCH_SIZE = 17"),
        (r"0\.9 \* m", "0.91 * m"),
        (r"dropout_mask\(h2, 0.3", "dropout_mask(h2, 0.31"),
        (r"0\.05 \* p\[name\]", "0.075 * p[name]"),
        (r"CLASS_WEIGHTS = \[1.0, 2.0", "CLASS_WEIGHTS = [1.0, 2.1"),
    ],
)
def test_another_training_is_found_out(pattern: str, other: str) -> None:
    layers = [*HIDDEN, pl.Dropout(0.3), pl.Dense(3)]
    network = trained(layers, dtype="float32", penalty=pl.L2(0.05), class_weight={1: 2.0})
    text = training_program(network)
    run(text, X, Y)
    assert len(re.findall(pattern, text)) == 1
    with pytest.raises(
        SystemExit, match=r"^Another training: after the first epoch [Wb]\d has \[.*\], but the run had"
    ):
        run(re.sub(pattern, other, text), X, Y)


def test_other_rows_are_not_compared() -> None:
    text = training_program(trained([*HIDDEN, pl.Dense(3)]))
    other = X.copy()
    other[3, 1] += 1e-9
    for x, y in ((other, Y), (X, (Y + 1) % 3), (X.astype(np.float32), Y)):
        _, _, printed = run(text, x, y)
        assert printed[0] == "These are not the rows of the run: 70 of 4 numbers (float64)."
        assert "are those of the run" not in "".join(printed)


def test_a_bias_that_batch_normalization_takes_away_is_not_compared() -> None:
    layers = [pl.Dense(9), pl.BatchNormalization(), pl.ReLU(), pl.Dense(3)]
    text = training_program(trained(layers, dtype="float32"))
    kept = re.search(r"RUN_WEIGHTS = \{.*?\n\}", text, re.S)
    assert kept is not None
    assert re.findall(r'"(\w+)":', kept.group()) == ["W0", "scale1", "shift1", "W3", "b3"]
    assert run(text, X, Y)[2][0] == "After the first epoch the weights are those of the run."


def test_it_runs_with_its_data_beside_it(tmp_path: Path) -> None:
    digits = pl.datasets.load_digits()
    network = pl.Network([pl.Standardize(), pl.Dense(16), pl.ReLU(), pl.Dense(10)])
    trainer = pl.Trainer(network, "softmax_cross_entropy", pl.Adam(0.01), callbacks=[pl.EarlyStopping(1)])
    history = trainer.fit(*digits.train, epochs=8, validation=digits.validation)
    report = write_training(network, tmp_path / "of digits", data=digits)
    assert [file.name for file in report.files] == ["of_digits.py", "of_digits.npz"]
    command = [sys.executable, "-W", "error", "of_digits.py", "of_digits.npz"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    row = history.row(history.best_epoch - 1)
    assert done.stdout.splitlines() == [
        "After the first epoch the weights are those of the run.",
        *lines_of(history),
        f"The weights of epoch {history.best_epoch} are restored: validation loss {row['validation_loss']:.4f}",
        f"The run had {len(history)} epochs, {lines_of(history)[history.best_epoch - 1].partition(': ')[2]}",
    ]


def test_two_calls_of_fit_are_one_training_and_so_is_one_that_was_resumed(tmp_path: Path) -> None:
    whole = trained([*HIDDEN, pl.Dense(3)], epochs=6)
    network = pl.Network([*HIDDEN, pl.Dense(3)], dtype="float64")
    trainer = pl.Trainer(network, "softmax_cross_entropy", pl.Adam(0.02), 16, seed=4)
    trainer.fit(X, Y, epochs=2)
    trainer.fit(X, Y, epochs=2)
    trainer.save(tmp_path)
    again = pl.Trainer.resume(tmp_path)
    again.fit(X, Y, epochs=2)
    assert again.network.training == whole.training
    assert training_program(again) == training_program(again.network) == training_program(whole)


def test_what_no_program_can_repeat() -> None:
    def trainer(**options: Any) -> pl.Trainer:
        return pl.Trainer(pl.Network([pl.Dense(3)]), "softmax_cross_entropy", **{"batch_size": 16, **options})

    def refused(source: Any, message: str) -> None:
        with pytest.raises(ValueError, match=message):
            training_program(source.network if isinstance(source, pl.Trainer) else source)

    begun = trainer()
    begun.network.build(4, seed=9)
    begun.fit(X, Y, epochs=1)
    refused(begun, r"cannot be repeated by a program: it began with weights that its seed did not draw\.")
    same = trainer()
    same.network.build(4)
    same.fit(X, Y, epochs=1)
    training_program(same.network)

    measured = pl.Trainer(pl.Network([pl.Standardize(), pl.Dense(3)]).build(4), "softmax_cross_entropy")
    measured.network.fit_statistics(2 * X)
    measured.fit(X, Y, epochs=1)
    refused(measured, r"it began with statistics that were not measured on its rows\.")

    changed = trainer()
    changed.fit(X, Y, epochs=1)
    changed.network.set("0.bias", [1.0, 2.0, 3.0])
    changed.fit(X, Y, epochs=1)
    refused(changed, r"the weights were changed by hand before a call of fit\.")

    for change in ({"optimizer": pl.Adam(0.5)}, {"rows": 60}):
        other = trainer()
        other.fit(X, Y, epochs=1)
        other.optimizer = change.get("optimizer", other.optimizer)
        other.fit(X[: change.get("rows")], Y[: change.get("rows")], epochs=1)
        refused(other, r"its calls of fit differ in their rows or their settings\.")

    steered = trainer(callbacks=[pl.ReduceOnPlateau(1, minimum_improvement=9.0)])
    steered.fit(X, Y, epochs=3)
    refused(steered, r"a callback changed its weights or its learning rate\.")

    first: list[Any] = []

    class Own(pl.Callback):
        def on_fit_begin(self, trainer: pl.Trainer, epochs: int) -> None:
            first.append(trainer.state)

        def on_fit_end(self, trainer: pl.Trainer) -> None:
            trainer.show(first[0])

    shown = trainer(callbacks=[Own()])
    shown.fit(X, Y, epochs=2)
    refused(shown, r"a callback put other weights into the network than those of an epoch\.")

    on = trainer(callbacks=[pl.EarlyStopping(1, minimum_improvement=9.0)])
    on.fit(X, Y, epochs=9)
    training_program(on.network)
    on.fit(X, Y, epochs=9)
    refused(on, r"it went on after early stopping\.")

    weighted = trainer()
    weighted.fit(X, Y, epochs=1, validation=(X, Y, WEIGHT))
    refused(weighted, r"does not know validation rows with weights of their own\.")

    watched = pl.Trainer(pl.Network([pl.Dense(1)]), "squared_error", callbacks=[pl.EarlyStopping(3, "validation_r2")])
    watched.fit(X, COUNTS, epochs=1, validation=(X, COUNTS))
    refused(watched, r"cannot watch validation_r2: EarlyStopping may watch a loss or accuracy\.")

    refused(pl.Network([pl.Dense(3)]).build(4), r"was not trained by a Trainer: there is no training to write down\.")
    later = trainer()
    later.network.build(4, seed=9)
    with pytest.raises(
        ValueError, match=r"weights that the trainer's seed 0 does not draw, and the program would start"
    ):
        training_program(later)
    with pytest.raises(ValueError, match=r"epochs and targets are for a trainer: of a network its own training is"):
        training_program(same.network, epochs=3)
    with pytest.raises(TypeError, match=r"of a trainer or a trained network, not of 'digits'\."):
        training_program("digits")  # type: ignore[arg-type]


def test_a_training_that_was_interrupted_in_the_midst_of_an_epoch() -> None:
    network = trained([pl.Dense(3)], epochs=2)
    assert network.training is not None
    network.training = replace(network.training, steps=network.training.steps + 1)
    with pytest.raises(ValueError, match=r"it was interrupted in the midst of an epoch\."):
        training_program(network)


def test_a_file_of_an_older_version_says_what_it_does_not_hold(tmp_path: Path) -> None:
    network = trained([pl.Dense(3)])
    assert network.training is not None
    older = {name: value for name, value in network.training.to_plain().items() if name != "settings"}
    network.training = pl.TrainingSummary.from_plain({**older, "version": "0.0.9"})
    pl.save(network, tmp_path / "older.pellucid")
    with pytest.raises(
        ValueError, match=r"written by Pellucid 0\.0\.9, which did not keep what it takes to repeat the"
    ):
        training_program(pl.load(tmp_path / "older.pellucid"))
    with pytest.raises(ValueError, match=r"the training's settings must be a table, not 3\."):
        pl.TrainingSummary.from_plain({**older, "settings": 3})
    network.training = pl.TrainingSummary.from_plain({**older, "settings": {"parts": {}}})
    with pytest.raises(ValueError, match=r"settings of the training in the model file are damaged"):
        training_program(network)
