"""`pellucid doctor` and `pellucid train … --doctor`: the fault, the remedy as one would type it, and that it helps."""

from __future__ import annotations

import json
import re
import shlex

import numpy as np
import pytest

import pellucid as pl
from pellucid.cli.train_options import options_of
from pellucid.cli.training import commands, set_up

pytestmark = pytest.mark.usefixtures("without_pictures")


def test_a_rate_of_30_is_named_and_the_command_it_offers_repairs_it(pellucid, tmp_path) -> None:
    code, out, err = pellucid("train", "digits", "--learning-rate", 30, "--doctor")
    assert (code, err) == (0, "")
    assert "error: learning_rate_too_high" in out
    assert "Do: Lower the learning rate from 30 to 0.003." in out
    offered = re.search(r"^Try: pellucid (.+)$", out, re.MULTILINE)
    assert offered is not None
    before = float(re.search(r"Test: .*accuracy ([\d.]+)", out)[1])
    code, out, _ = pellucid(*offered[1].split())
    assert code == 0
    assert "Nothing to report." in out
    assert float(re.search(r"Test: .*accuracy ([\d.]+)", out)[1]) > max(0.95, before)
    saved = json.loads((tmp_path / "runs/digits-1/findings.json").read_text())
    assert saved["findings"][0]["name"] == "learning_rate_too_high"


def test_a_saved_run_is_examined_with_and_without_a_doctor(pellucid, tmp_path) -> None:
    pellucid("train", "digits", "--learning-rate", 30, "--epochs", 8, "--save", "plain")
    pellucid("train", "digits", "--learning-rate", 30, "--epochs", 8, "--save", "watched", "--doctor")
    plain, watched = pellucid("doctor", "plain"), pellucid("doctor", "watched")
    for answer in (plain, watched):
        assert answer.code == 0
        assert "error: learning_rate_too_high" in answer.out
        assert "Try: pellucid train digits --learning-rate 0.003 --epochs 8" in answer.out
    assert "Not seen: activations and gradients while training went on" in plain.out
    assert "Not seen" not in watched.out
    (tmp_path / "plain/settings.json").unlink()
    assert "only the curves are known: it has no settings.json" in pellucid("doctor", "plain").out


def test_a_divergence_is_diagnosed_before_the_error(pellucid) -> None:
    code, out, err = pellucid(
        *("train", "digits", "--optimizer", "gradient-descent", "--learning-rate", "1e30", "--doctor")
    )
    assert code == 1
    assert "error: learning_rate_too_high" in out
    assert "non_finite" in out
    assert re.search(r"Try: pellucid train digits --optimizer gradient-descent --learning-rate 0\.\d+ --doctor", out)
    assert err.startswith("Error: The loss became ")


@pytest.mark.parametrize(
    ("options", "name", "offered"),
    [
        (("--hidden", "none", "--batch-size", "full", "--epochs", "5"), "batch_size_mismatch", "--batch-size 32"),
        (
            ("--activation", "sigmoid", "--hidden", "32,32,32,32,32,32,32,32", "--optimizer", "gradient-descent"),
            "vanishing_gradients",
            "--activation relu",
        ),
        (("--l2", "2", "--epochs", "20"), "over_regularized", "--l2 0.02"),
    ],
)
def test_remedies_are_written_as_options(pellucid, options, name, offered) -> None:
    out = pellucid("train", "digits", *options, "--doctor").out
    assert re.search(rf"^(error|warning): {name}", out, re.MULTILINE)
    assert offered in out[out.index("Try: ") :]


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({}, "run is no run's folder: it holds no history.json"),
        ({"history.json": "[]"}, "history.json is damaged"),
        ({"history.json": "{}"}, "This is not a history"),
        ({"history.json": '{"columns": {}}', "findings.json": "…"}, "findings.json is damaged"),
    ],
)
def test_what_is_no_run_is_refused(pellucid, tmp_path, files, words) -> None:
    (tmp_path / "run").mkdir()
    for name, text in files.items():
        (tmp_path / "run" / name).write_text(text)
    code, _, err = pellucid("doctor", "run")
    assert code == 1
    assert words in err


def test_a_folder_that_is_not_there_is_refused(pellucid) -> None:
    code, _, err = pellucid("doctor", "nowhere")
    assert code == 1
    assert err == "Error: nowhere does not exist: name the folder of a run, such as runs/digits-1.\n"


def test_the_history_of_a_run_keeps_that_it_diverged() -> None:
    history = pl.History()
    history.diverged, history.stopped = 3, "The loss became NaN in epoch 3."
    again = pl.History.from_json(history.to_json())
    assert again.diverged == 3
    assert pl.diagnose(again).names == ("non_finite",)


# -- runs on tables --------------------------------------------------------------------------------------------------


@pytest.fixture
def table(tmp_path) -> str:
    """Rows whose rare class a line finds, in a file and a folder with spaces; a number besides."""
    x, z, noise = np.random.default_rng(0).normal(size=(3, 400))
    ill = np.where(x + 0.4 * noise > 1.75, "very ill", "healthy")
    price = 1000 + 50 * x + 20 * z
    rows = [f"{a:.4f},{b:.4f},{word},{c:.3f}" for a, b, word, c in zip(x, z, ill, price, strict=True)]
    (tmp_path / "my data").mkdir()
    (tmp_path / "my data/rare rows.csv").write_text("\n".join(["x,z,state,price", *rows]) + "\n")
    return "my data/rare rows.csv"


QUICK = ("--recipe", "plain", "--hidden", 1, "--epochs", 3, "--folds", 0)


@pytest.mark.parametrize("more", [(), ("--ensemble", 2)])
def test_a_run_on_a_table_is_examined(pellucid, tmp_path, table, more) -> None:
    pytest.importorskip("pyarrow")
    trained = pellucid("train", table, "--target", "state", "--kinds", "price=ignore", *QUICK, *more, "--save", "run")
    code, out, err = pellucid("doctor", "run")
    assert (code, err) == (0, "")
    assert out.strip() in trained.out
    assert "class_imbalance" in out
    assert "Class very ill has " in out
    offered = shlex.split(re.search(r"^Try: (.+)$", out, re.MULTILINE)[1])
    assert offered[:3] == ["pellucid", "train", table]
    again = pellucid(*offered[1:])
    assert again.code == 0
    assert "class_imbalance" not in again.out
    report = json.loads((tmp_path / "run/report.json").read_text())
    assert shlex.split(report["findings"]["findings"][0]["command"]) == offered
    assert f"<p>{shlex.join(offered)}</p>".replace("'", "&#x27;") in (tmp_path / "run/report.html").read_text()


def test_a_streamed_run_on_numbers_is_examined(pellucid, table) -> None:
    pytest.importorskip("pyarrow")
    trained = pellucid(
        "train", table, "--target", "price", *QUICK, "--learning-rate", 1e-6, "--stream", "--save", "run"
    )
    assert trained.code == 0
    code, out, err = pellucid("doctor", "run")
    assert (code, err) == (0, "")
    assert out.strip() in trained.out
    command = re.search(r"^Try: pellucid (.+)$", out, re.MULTILINE)[1]
    assert " --stream" in command
    assert pellucid(*shlex.split(command)).code == 0


def test_a_table_whose_training_was_interrupted_is_examined_by_its_curves(pellucid, tmp_path, table) -> None:
    pytest.importorskip("pyarrow")
    pellucid("train", table, "--target", "state", *QUICK, "--seed", 4, "--save", "run")
    facts = tmp_path / "run/report.json"
    report = json.loads(facts.read_text())
    facts.write_text(json.dumps({**report, "findings": {}}))  # as Ctrl-C leaves it
    interrupted = pellucid("doctor", "run")
    facts.unlink()
    (tmp_path / table).unlink()
    assert pellucid("doctor", "run") == interrupted
    assert interrupted.code == 0
    command = "pellucid train 'my data/rare rows.csv' --target state --recipe plain --hidden 1 --epochs 3 --folds 0"
    assert f"Train to the end: {command} --seed 4" in interrupted.out


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ("{}", "settings.json is damaged: it names neither a data set nor the file of a table"),
        ('{"dataset": 3}', "settings.json is damaged: it names neither a data set nor the file of a table"),
        ("[]", "settings.json is damaged: it holds no table in JSON"),
        ('{"dataset": "mnst"}', "data set 'mnst' is unknown. Did you mean 'mnist'?"),
    ],
)
def test_damaged_settings_are_refused(pellucid, tmp_path, settings, words) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run/history.json").write_text(pl.History().to_json())
    (tmp_path / "run/settings.json").write_text(settings)
    answer = pellucid("doctor", "run")
    assert answer.code in (1, 2)
    assert words in answer.err


def test_a_model_file_is_no_run(pellucid, tmp_path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run/model.pellucid").write_bytes(b"")
    answer = pellucid("doctor", "run/model.pellucid")
    assert answer == (1, "", "Error: run/model.pellucid is a file: name the folder of its run, run.\n")


# -- commands that are offered ---------------------------------------------------------------------------------------

ASKED = ("--hidden", "8,6", "--patience", 0, "--dropout", 0, "--validation", 0.25, "--seed", 7, "--l2", 0.5)


def rebuilt(*layers: pl.layers.Layer) -> tuple[pl.layers.Layer, ...]:
    return (pl.Rescale(1 / 16), *layers, pl.Dense(10))


@pytest.mark.parametrize(
    ("remedy", "words"),
    [
        (pl.Remedy(settings={"optimizer": pl.Adam(3e-5)}), "--learning-rate 3e-05"),
        (pl.Remedy(settings={"batch_size": 32}), "--batch-size 32"),
        (pl.Remedy(settings={"penalty": pl.L2(0.005)}), "--l2 0.005"),
        (pl.Remedy(settings={"callbacks": [pl.EarlyStopping(3)]}), "--patience 3"),
        (pl.Remedy(layers=rebuilt(pl.Dense(64), pl.ReLU(), pl.Dense(64), pl.ReLU())), "--hidden 64,64"),
        (pl.Remedy(layers=rebuilt(pl.Dense(8), pl.Tanh(), pl.Dense(6), pl.Tanh())), "--activation tanh"),
        (pl.Remedy(layers=rebuilt()), "--hidden none"),
        (
            pl.Remedy(
                layers=rebuilt(pl.Dense(8), pl.LeakyReLU(), pl.Dense(6), pl.LeakyReLU()),
                settings={"optimizer": pl.Adam(0.001)},
            ),
            "--activation leaky-relu --learning-rate 0.001",
        ),
        (
            pl.Remedy(layers=rebuilt(pl.Dense(8), pl.ReLU(), pl.Dropout(0.3), pl.Dense(6), pl.ReLU(), pl.Dropout(0.3))),
            "--dropout 0.3",
        ),
        (pl.Remedy(fit={"validation": 0.2}), "--validation 0.2"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_typed_is_what_the_remedy_makes(pellucid, tmp_path, remedy, words) -> None:
    assert pellucid("train", "digits", *ASKED, "--epochs", 1, "--save", "first").code == 0
    options = options_of(json.loads((tmp_path / "first/settings.json").read_text()))
    trainer, dataset, _ = set_up(options)
    command = commands(options, trainer, dataset)(remedy)
    assert set(words.split()) <= set(command.split())
    assert "--save" not in command
    assert pellucid(*shlex.split(command)[1:]).code == 0
    made, *_ = set_up(options_of(json.loads((tmp_path / "runs/digits-1/settings.json").read_text())))
    wanted = remedy.apply(trainer)
    for name in ("loss", "optimizer", "batch_size", "penalty", "seed", "learning_rate_factors", "standardize_target"):
        assert getattr(made, name) == getattr(wanted, name)
    assert made.network.layers == wanted.network.layers
    assert [each.patience for each in made.callbacks] == [each.patience for each in wanted.callbacks]


@pytest.mark.parametrize(
    "remedy",
    [
        None,
        pl.Remedy(),
        pl.Remedy(settings={"optimizer": pl.Adam(pl.Cosine(0.003, steps=100))}),
        pl.Remedy(settings={"optimizer": pl.Adam(0.003, clip_norm=1.0)}),
        pl.Remedy(settings={"optimizer": pl.AdamW(0.003, weight_decay=0.1)}),
        pl.Remedy(settings={"standardize_target": True}),
        pl.Remedy(settings={"penalty": pl.L1(0.01)}),
        pl.Remedy(settings={"learning_rate": 3, "batch_size": 32}),
        pl.Remedy(fit={"class_weight": "balanced"}),
        pl.Remedy(leave_out=np.arange(3)),
        pl.Remedy(layers=rebuilt(pl.Dense(8), pl.BatchNormalization(), pl.ReLU(), pl.Dense(6), pl.ReLU())),
        pl.Remedy(layers=(pl.Standardize(), pl.Dense(8), pl.ReLU(), pl.Dense(6), pl.ReLU(), pl.Dense(10))),
        pl.Remedy(layers=rebuilt(pl.Dense(8, weight_initializer="zeros"), pl.ReLU(), pl.Dense(6), pl.ReLU())),
    ],
    ids=str,
)
def test_what_no_option_says_is_no_command(pellucid, tmp_path, remedy) -> None:
    options = options_of({"dataset": "digits", "hidden": "8,6", "seed": 0, "engine": "auto", "patience": 0})
    trainer, dataset, _ = set_up(options)
    assert commands(options, trainer, dataset)(remedy) is None
