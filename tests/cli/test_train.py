"""`pellucid train`: what it prints and writes, what it refuses, and what an interrupt leaves."""

from __future__ import annotations

import errno
import json
import os
import re
import signal
import statistics
import sys
from pathlib import Path

import numpy as np
import pytest
import typer
from rich.console import Console

import pellucid as pl
from pellucid.cli import defaults, main, progress
from pellucid.cli.training import activations, class_losses
from pellucid.datasets import DATASETS
from pellucid.optimizers import OPTIMIZERS

FILES = {"model.pellucid", "history.json", "settings.json", "report.png"}


def test_it_tells_data_layers_progress_and_results_and_saves_them(pellucid, tmp_path) -> None:
    code, out, err = pellucid("train", "digits", "--hidden", "16,12", "--epochs", 3, "--seed", 4)
    assert (code, err) == (0, "")
    assert "digits: 1,797 rows, 1,079 to train, 359 to validate, 359 to test" in out
    assert "64 (images of 8 × 8), values from 0 to 16" in out
    assert "10: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9" in out
    assert re.search(r"1 +Dense\(16\) +16 +1,040\n", out)  # 64·16 + 16
    assert re.search(r"3 +Dense\(12\) +12 +204\n", out)
    assert re.search(r"input of 64 +1,374\n", out)
    folder = tmp_path / "runs" / "digits-1"
    assert {path.name for path in folder.iterdir()} == FILES
    assert "Saved model.pellucid, history.json, settings.json, report.png in runs/digits-1" in out
    history = pl.History.from_json((folder / "history.json").read_text())
    for epoch, row in enumerate(history, start=1):
        assert (
            f"epoch {epoch}/3   loss {row['loss']:.4f}, accuracy {row['accuracy']:.4f}   "
            f"validation loss {row['validation_loss']:.4f}, accuracy {row['validation_accuracy']:.4f}\n"
        ) in out
    network = pl.load(folder / "model.pellucid")
    assert network.classes == tuple("0123456789")
    test = pl.datasets.load_digits().test
    values = network.evaluate(*test)
    wrong = round((1 - values["accuracy"]) * 359)
    assert f"Test: loss {values['loss']:.4f}, accuracy {values['accuracy']:.4f} ({wrong} of 359 rows wrong)" in out
    assert (folder / "report.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.usefixtures("without_pictures")
def test_the_confusion_table_is_scikit_learns(pellucid) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    _, out, _ = pellucid("train", "digits", "--hidden", "none", "--epochs", 2)
    test = pl.datasets.load_digits().test
    expected = metrics.confusion_matrix(test.y, pl.load("runs/digits-1/model.pellucid").predict(test.x))
    table = out[out.index("columns: predicted") :]
    rows = [line.split()[1:] for line in table.splitlines() if re.match(r" \d +[\d·]+ ", line)]
    assert [[0 if cell == "·" else int(cell) for cell in row] for row in rows] == expected.tolist()


@pytest.mark.usefixtures("without_pictures")
def test_piped_output_is_plain_and_not_too_wide(pellucid) -> None:
    _, out, _ = pellucid("train", "bulls-eye", "--epochs", 300)
    assert "\x1b" not in out
    assert "\r" not in out
    assert max(map(len, out.splitlines())) <= 100
    assert not [line for line in out.splitlines() if line != line.rstrip()]
    assert 3 < len(re.findall(r"^epoch ", out, re.MULTILINE)) <= 27


@pytest.mark.usefixtures("without_pictures")
def test_runs_are_numbered_and_overwritten_when_asked(pellucid, tmp_path) -> None:
    (tmp_path / "runs" / "two-gaussians-7").mkdir(parents=True)
    short = ("train", "two-gaussians", "--epochs", 2)
    assert "runs/two-gaussians-8" in pellucid(*short).out
    assert "runs/two-gaussians-9" in pellucid(*short).out
    assert pellucid(*short, "--save", "mine/first").code == 0
    before = (tmp_path / "mine/first/model.pellucid").read_bytes()
    assert pellucid(*short, "--save", "mine/first", "--seed", 1) == (
        2,
        "",
        "Error: --save mine/first holds an earlier run: add --overwrite to replace it, or name another folder.\n",
    )
    assert (tmp_path / "mine/first/model.pellucid").read_bytes() == before
    assert pellucid(*short, "--save", "mine/first", "--seed", 1, "--overwrite").code == 0
    assert (tmp_path / "mine/first/model.pellucid").read_bytes() != before
    assert {path.name for path in (tmp_path / "mine/first").iterdir()} == FILES


@pytest.mark.usefixtures("without_pictures")
def test_a_terminal_is_asked_before_an_earlier_run_is_overwritten(pellucid, tmp_path, monkeypatch) -> None:
    short = ("train", "two-gaussians", "--epochs", 2, "--save", "run")
    assert pellucid(*short).code == 0
    before = contents(tmp_path / "run")
    asked = []

    def confirm(question: str, *, abort: bool) -> bool:
        asked.append(question)
        if len(asked) == 1:
            assert abort
            raise typer.Abort
        return True

    monkeypatch.setattr(typer, "confirm", confirm)
    for stream in (sys.stdin, sys.stdout):
        monkeypatch.setattr(stream, "isatty", lambda: True, raising=False)
    assert pellucid(*short, "--seed", 1).code == 130
    assert contents(tmp_path / "run") == before
    assert pellucid(*short, "--seed", 1).code == 0
    assert contents(tmp_path / "run") != before
    assert asked == 2 * ["run holds an earlier run. Overwrite it?"]


def contents(folder: Path) -> dict[str, bytes]:
    """The files of a folder."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.usefixtures("without_pictures")
@pytest.mark.parametrize("table", [False, True])
def test_a_full_disk_keeps_the_earlier_run(table, pellucid, tmp_path, monkeypatch) -> None:
    """Whichever file there is no room for."""
    rows = "\n".join(f"{n},{n % 7},{'yes' if n % 7 > 3 else 'no'}" for n in range(60))
    (tmp_path / "small.csv").write_text(f"a,b,c\n{rows}\n")
    of_table = ("small.csv", "--target", "c", "--recipe", "plain", "--folds", 0, "--ensemble", 2)
    short = ("train", *(of_table if table else ["two-gaussians"]), "--epochs", 2, "--save", "run")
    assert pellucid(*short).code == 0
    before = contents(tmp_path / "run")
    synced, calls, failures = os.fsync, [], 0

    def full(handle: int) -> None:
        calls.append(handle)
        if len(calls) == failures + 1:
            raise OSError(errno.ENOSPC, "No space left on device")
        synced(handle)

    monkeypatch.setattr(os, "fsync", full)
    while True:
        calls.clear()
        code, _, err = pellucid(*short, "--seed", 1, "--overwrite")
        if code == 0:
            break
        assert "No space left on device" in err
        assert contents(tmp_path / "run") == before
        assert {path.name for path in tmp_path.iterdir()} == {"small.csv", "run"}, "nothing is left behind"
        failures += 1
    assert failures >= len(before), "each file was the one without room"
    assert contents(tmp_path / "run").keys() == before.keys()
    assert contents(tmp_path / "run") != before


@pytest.mark.usefixtures("without_pictures")
def test_a_run_that_came_meanwhile_is_kept(pellucid, tmp_path, monkeypatch) -> None:
    fit = pl.Trainer.fit

    def meanwhile(*arguments, **options):
        (tmp_path / "run" / "model.pellucid").write_bytes(b"another's")
        return fit(*arguments, **options)

    monkeypatch.setattr(pl.Trainer, "fit", meanwhile)
    code, _, err = pellucid("train", "two-gaussians", "--epochs", 2, "--save", "run")
    assert (code, err) == (1, "Error: run was written to by another training meanwhile: this one is in run-1.\n")
    assert contents(tmp_path / "run") == {"model.pellucid": b"another's"}
    assert contents(tmp_path / "run-1").keys() == FILES


def test_folders_with_other_files_are_refused(pellucid, tmp_path) -> None:
    (tmp_path / "thesis.tex").write_text("")
    (tmp_path / "notes.txt").write_text("")
    assert pellucid("train", "digits", "--save", ".") == (
        2,
        "",
        "Error: --save . holds other files than those of a run (notes.txt and 1 more): name a new or an empty "
        "folder.\n",
    )
    assert pellucid("train", "digits", "--save", "notes.txt") == (
        2,
        "",
        "Error: --save notes.txt is a file: name a folder.\n",
    )
    assert {path.name for path in tmp_path.iterdir()} == {"thesis.tex", "notes.txt"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["digts"], f"data set 'digts' is unknown. Did you mean 'digits'? Allowed: {', '.join(sorted(DATASETS))}."),
        (
            ["digits", "--activation", "rely"],
            "--activation 'rely' is unknown. Did you mean 'relu'? "
            "Allowed: elu, gelu, hard-tanh, identity, leaky-relu, mish, prelu, relu, selu, sigmoid, silu, softmax, "
            "softplus, softsign, tanh.",
        ),
        (
            ["digits", "--loss", "squared-eror"],
            "--loss 'squared-eror' is unknown. Did you mean 'squared-error'? "
            "Allowed: hinge, sigmoid-cross-entropy, softmax-cross-entropy, squared-error.",
        ),
        (
            ["digits", "--optimizer", "adan"],
            "--optimizer 'adan' is unknown. Did you mean 'adam'? "
            "Allowed: adadelta, adagrad, adam, adamax, adamw, amsgrad, gradient-descent, lion, momentum, nadam, "
            "nesterov, rmsprop.",
        ),
        (
            ["digits", "--engine", "nativ"],
            "--engine 'nativ' is unknown. Did you mean 'native'? Allowed: auto, native, reference.",
        ),
        (
            ["digits", "--hidden", "64;32"],
            "--hidden must be whole numbers above 0 with commas between, such as 64,32, not '64;32'.",
        ),
        (
            ["digits", "--hidden", "64,0"],
            "--hidden must be whole numbers above 0 with commas between, such as 64,32, not '64,0'.",
        ),
        (
            ["digits", "--dropout", "1"],
            "--dropout: rate must be a number of at least 0 and below 1, not 1.0.",
        ),
        (["digits", "--l2", "-1"], "--l2: strength must be a number of at least 0, not -1.0."),
        (
            ["digits", "--learning-rate", "nan"],
            "--learning-rate: learning_rate must be a number of at least 0, not nan.",
        ),
        (["digits", "--epochs", "0"], "--epochs: N must be a whole number of at least 1, not 0."),
        (["digits", "--patience", "-1"], "--patience: N must be a whole number of at least 0, not -1."),
        (
            ["digits", "--batch-size", "5000"],
            "--batch-size must be a whole number from 1 to the 1,079 training rows, or full, not '5000'.",
        ),
        (
            ["digits", "--validation", "lots"],
            "--validation must be a fraction of the rows such as 0.2, or a whole number of rows such as 500, "
            "not 'lots'.",
        ),
        (
            ["digits", "--validation", "1.5"],
            "--validation: validation must be a fraction of at least 0 and below 1, or a whole number of rows, "
            "not 1.5.",
        ),
        (
            ["digits", "--loss", "sigmoid-cross-entropy"],
            "--loss sigmoid-cross-entropy tells yes from no, but digits has 10 classes: use softmax-cross-entropy.",
        ),
        (["digits", "--data", "."], "--data is for mnist and fashion-mnist, whose files it finds; digits needs none."),
        (
            ["digits", "--seed", "-1"],
            "--seed: seed must be a whole number of at least 0 and at most 18446744073709551615, not -1.",
        ),
    ],
)
def test_wrong_use(pellucid, tmp_path, arguments, message) -> None:
    assert pellucid("train", *arguments) == (2, "", f"Error: {message}\n")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "arguments", [["train"], ["train", "digits", "--epochs", "ten"], ["train", "digits", "--epoch", "3"], ["trian"]]
)
def test_what_typer_refuses_is_one_line_too(pellucid, arguments) -> None:
    code, out, err = pellucid(*arguments)
    assert (code, out) == (2, "")
    assert err.startswith("Error: ")
    assert err.count("\n") == 1
    assert "--help" in err


def test_missing_files_of_mnist(pellucid, tmp_path) -> None:
    code, out, err = pellucid("train", "mnist", "--data", tmp_path / "none")
    assert (code, out) == (1, "")
    assert err == (f"Error: directory {tmp_path}/none is not there, or is no directory. Name the one with mnist.\n")
    assert not list(tmp_path.iterdir())


def test_divergence_is_explained_and_leaves_no_folder(pellucid, tmp_path) -> None:
    code, _, err = pellucid(
        *("train", "digits", "--hidden", "20", "--activation", "identity", "--loss", "softmax_cross_entropy"),
        *("--optimizer", "gradient-descent", "--learning-rate", "1e30", "--epochs", 3),
    )
    assert code == 1
    assert re.match(r"Error: The loss became (NaN|infinite) in epoch \d+, at step \d+ ", err)
    assert re.search(r"try 0\.\d+\)", err)
    assert err.count("\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("loss", "last", "link"),
    [
        ("squared-error", ["Dense(2)", "Sigmoid()"], "argmax"),
        ("squared_error", ["Dense(2)", "Sigmoid()"], "argmax"),
        ("Sigmoid-Cross-Entropy", ["Dense(1)"], "sigmoid"),
        ("softmax-cross-entropy", ["Dense(2)"], "softmax"),
    ],
)
@pytest.mark.usefixtures("without_pictures")
def test_losses_end_the_network_as_they_need(pellucid, loss, last, link) -> None:
    assert pellucid("train", "crescent-moons", "--loss", loss, "--epochs", 4, "--save", "run").code == 0
    network = pl.load("run/model.pellucid")
    assert [str(layer) for layer in network.layers[-len(last) :]] == last
    assert network.link == link
    code, out, _ = pellucid("evaluate", "run", "crescent-moons")
    assert code == 0
    assert "accuracy" in out


@pytest.mark.usefixtures("without_pictures")
def test_options_reach_the_training(pellucid, tmp_path) -> None:
    pellucid(
        *("train", "two-gaussians", "--hidden", "3", "--activation", "sigmoid", "--optimizer", "gradient-descent"),
        *("--batch-size", "full", "--epochs", 5, "--l2", "0.01", "--dropout", "0.25", "--seed", 9),
        *("--validation", "10", "--patience", 2, "--save", "run", "--engine", "reference"),
    )
    network = pl.load("run/model.pellucid")
    words = [str(layer) for layer in network.layers]
    assert words == ["Dense(3)", "Sigmoid()", "Dropout(0.25)", "Dense(2)"]
    data = pl.datasets.load("two-gaussians", validation=10)
    twin = pl.Network(network.layers, engine="reference")
    trainer = pl.Trainer(
        twin,
        loss="softmax_cross_entropy",
        optimizer=pl.GradientDescent(),
        batch_size="full",
        penalty=pl.L2(0.01),
        seed=9,
        callbacks=[pl.EarlyStopping(2)],
    )
    history = trainer.fit(*data.train, epochs=5, validation=data.validation)
    assert np.array_equal(network.parameters, twin.parameters)
    saved = json.loads((tmp_path / "run/history.json").read_text())
    assert saved["columns"]["loss"] == history["loss"]
    assert saved["engine"] == "reference"


@pytest.mark.usefixtures("without_pictures")
def test_without_validation(pellucid) -> None:
    code, out, err = pellucid("train", "two-gaussians", "--validation", "0", "--epochs", 3)
    assert (code, err) == (0, "")
    assert "validat" not in out


@pytest.mark.usefixtures("without_pictures")
def test_early_stopping_is_told(pellucid) -> None:
    _, out, _ = pellucid("train", "two-gaussians", "--epochs", 500, "--patience", 3, "--learning-rate", 0.1)
    stopped = re.search(r"Stopped early: .* The weights of epoch (\d+) are restored\.", out)
    assert stopped
    last = re.findall(r"^epoch +(\d+)/500", out, re.MULTILINE)[-1]
    assert int(last) == int(stopped.group(1)) + 3


@pytest.mark.usefixtures("without_pictures")
def test_digits_by_default_meet_the_promise(tmp_path) -> None:
    accuracies = []
    for seed in range(5):
        assert main(["train", "digits", "--seed", str(seed), "--save", str(tmp_path / str(seed))]) == 0
        network = pl.load(tmp_path / str(seed) / "model.pellucid")
        accuracies.append(network.evaluate(*pl.datasets.load_digits().test)["accuracy"])
    assert statistics.median(accuracies) >= 0.975


@pytest.mark.parametrize("name", pl.datasets.TOY_MODELS)
@pytest.mark.usefixtures("without_pictures")
def test_toy_models_by_default(pellucid, name) -> None:
    assert pellucid("train", name, "--save", "run").code == 0
    data = pl.datasets.load(name)
    assert pl.load("run/model.pellucid").evaluate(data.x, data.y)["accuracy"] >= 0.97


def test_help_names_everything_there_is(pellucid) -> None:
    _, out, _ = pellucid("train", "--help")
    words = re.sub(r"[│\s]+", " ", out)
    for name in (*DATASETS, *class_losses(), *OPTIMIZERS, *activations()):
        assert name.replace("_", "-") in words
    assert set(defaults.RECIPES) <= set(DATASETS)


# -- Ctrl-C ------------------------------------------------------------------------------------------------------


def test_an_interrupted_training_is_saved(process, tmp_path) -> None:
    going = process("train", "bulls-eye", "--epochs", 5_000_000, "--patience", 0, "--save", "run")
    for line in going.stdout:
        if line.startswith("epoch "):
            break
    going.send_signal(signal.SIGINT)
    out, err = going.communicate(timeout=600)
    assert going.returncode == 130
    assert err == ""
    assert re.search(r"Interrupted in epoch \d+ of 5000000: what was learnt so far is saved\.", out)
    assert {path.name for path in (tmp_path / "run").iterdir()} == FILES
    history = pl.History.from_json((tmp_path / "run/history.json").read_text())
    assert len(history) >= 1
    assert history.stopped.startswith("Interrupted")
    assert pl.load(tmp_path / "run/model.pellucid").link == "softmax"


# -- progress ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("epochs", "distance"), [(1, 1), (25, 1), (26, 2), (50, 2), (51, 5), (251, 20), (1000, 50), (50_000, 2000)]
)
def test_lines_are_thinned(epochs, distance) -> None:
    assert progress.line_distance(epochs) == distance


def fit(callback: pl.Callback, epochs: int, **more) -> None:
    x, y = pl.datasets.two_gaussians(20)
    trainer = pl.Trainer(pl.Network([pl.Dense(2)]), loss="softmax_cross_entropy", callbacks=[callback])
    trainer.fit(x, y, epochs=epochs, **more)


def test_lines_are_the_first_the_round_and_the_last(capsys) -> None:
    fit(progress.Lines(Console(width=80, highlight=False)), 77)
    epochs = [int(found) for found in re.findall(r"^epoch +(\d+)/77", capsys.readouterr().out, re.MULTILINE)]
    assert epochs == [1, *range(5, 76, 5), 77]


def test_the_bar_in_a_terminal(capsys) -> None:
    console = Console(width=80, force_terminal=True, color_system="standard", legacy_windows=False)
    callback = progress.progress_for(console)
    assert isinstance(callback, progress.Bar)
    fit(callback, 40, validation=0.2)
    plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", capsys.readouterr().out)
    last = plain.replace("\r", "\n").strip().splitlines()[-1]
    assert re.fullmatch(r"epoch 40/40 ━{14} loss \d\.\d{4}, \d\.\d{4}  val \d\.\d{4}, \d\.\d{4}", last.strip())
