"""`pellucid export`, typed as a user would type it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import pellucid as pl
from pellucid.cli.exporting import TARGETS
from support.exports import needs


@pytest.fixture(scope="module")
def iris(tmp_path_factory) -> Path:
    """A model of data that no built-in set is: four columns, three classes."""
    random = np.random.default_rng(0)
    y = np.arange(150) % 3
    x = random.normal(size=(150, 4)) + 3 * np.eye(4)[y]
    network = pl.Network([pl.Standardize(), pl.Dense(8), pl.Tanh(), pl.Dense(3)])
    pl.Trainer(network, "softmax_cross_entropy", pl.Adam(0.02)).fit(x, y, epochs=30)
    folder = tmp_path_factory.mktemp("iris")
    pl.save(network, folder / "iris.pellucid")
    np.savetxt(folder / "rows.csv", x, delimiter=",")
    np.savetxt(folder / "table.csv", np.column_stack([x, y]), delimiter=",", header="a,b,c,d,kind", comments="")
    np.savez(folder / "both.npz", x=x, y=y)
    np.save(folder / "rows.npy", x)
    np.save(folder / "table.npy", np.column_stack([x, y]))
    return folder


def test_help_names_every_target(pellucid) -> None:
    code, out, _ = pellucid("export", "--help")
    assert code == 0
    for name in TARGETS:
        assert re.search(rf"\b{name}\b", out)


def test_digits_in_int8_from_the_model_alone(pellucid, run, tmp_path) -> None:
    code, out, err = pellucid("export", run, "--to", "c", "--int8")
    assert (code, err) == (0, "")
    assert re.search(r"^Measured on digits: .* \(of which the model knows 9\d%\)$", out, re.M)
    assert "Wrote digits.h, digits.c, digits_test.c" in out
    found = re.search(r"^Accuracy on 359 rows: (\S+)% in float, (\S+)% in int8", out, re.M)
    assert float(found[2]) >= float(found[1]) - 0.3
    needs("cc")
    line = re.search(r"^Test it: (.*)$", out, re.M)[1]
    done = subprocess.run(["sh", "-c", line], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "digits: 8 rows, largest difference 0 (at most 0): right\n")


def test_every_target_writes_by_the_models_name(pellucid, iris, tmp_path) -> None:
    (tmp_path / "folder").mkdir()
    for target, files in (
        ("c", "iris.h, iris.c, iris_test.c"),
        ("numpy", "iris.py"),
        ("javascript", "iris.mjs"),
        ("onnx", "iris.onnx"),
    ):
        code, out, err = pellucid("export", iris / "iris.pellucid", "--to", target)
        assert (code, err) == (0, "")
        assert out.startswith(f"Wrote {files}\n")
        assert pellucid("export", iris / "iris.pellucid", "--to", target, "-o", "folder/other").code == 0
    written = sorted(file.name for file in (tmp_path / "folder").iterdir())
    assert written == ["other.c", "other.h", "other.mjs", "other.onnx", "other.py", "other_test.c"]


@pytest.mark.parametrize(
    ("name", "words", "accuracy"),
    [
        ("rows.csv", "Measured on the 150 rows of .*rows.csv\n", False),
        ("rows.npy", "Measured on the 150 rows of .*rows.npy\n", False),
        ("table.csv", "Measured on the 150 rows of .*table.csv: ranges and accuracy on the same ones", True),
        ("table.npy", "Measured on the 150 rows of .*table.npy: ranges and accuracy on the same ones", True),
        ("both.npz", "Measured on the 150 rows of .*both.npz: ranges and accuracy on the same ones", True),
    ],
)
def test_int8_is_measured_on_a_file(pellucid, iris, name, words, accuracy) -> None:
    code, out, err = pellucid("export", iris / "iris.pellucid", "--to", "c", "--int8", "--calibrate", iris / name)
    assert (code, err) == (0, "")
    assert re.match(words, out)
    assert ("Accuracy on 150 rows" in out) == accuracy
    assert re.search(r"Predictions on 150 rows: (100|9\d)\.\d+% the same as in float", out)


def test_int8_asks_for_rows_of_data_it_does_not_know(pellucid, iris, tmp_path) -> None:
    code, out, err = pellucid("export", iris / "iris.pellucid", "--to", "c", "--int8")
    assert (code, out) == (2, "")
    assert err == (
        "Error: --int8 needs rows like those to come, to measure ranges on, and the model is of no built-in data set: "
        "say --calibrate FILE (.csv, .npy or .npz), with or without the target in the last column.\n"
    )
    assert not list(tmp_path.iterdir())


def test_a_toy_model_is_recognised(pellucid, plane) -> None:
    code, out, _ = pellucid("export", plane, "--to", "c", "--int8")
    assert code == 0
    assert re.match(r"Measured on \S+: .*of which the model knows", out)


def test_the_training_program_is_that_of_the_run(pellucid, run, tmp_path) -> None:
    code, out, err = pellucid("export", run, "--to", "numpy", "--training")
    assert (code, err) == (0, "")
    assert out == (
        "Wrote digits_training.py, digits_training.npz\nRun it: python digits_training.py digits_training.npz\n"
    )
    command = [sys.executable, "-W", "error", "digits_training.py", "digits_training.npz"]
    printed = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    history = json.loads((run / "history.json").read_text())
    columns = [history["columns"][name] for name in ("loss", "accuracy", "validation_loss", "validation_accuracy")]
    assert printed.splitlines()[0] == "After the first epoch the weights are those of the run."
    found = re.findall(
        r"epoch \d+: loss (\S+), accuracy (\S+), validation loss (\S+), validation accuracy (\S+)", printed
    )
    expected = np.array(columns).T  # (epochs, columns)
    np.testing.assert_allclose(np.array(found, dtype=float), expected, atol=1.5e-4)  # printed with four decimals
    metrics = pl.load(run / "model.pellucid").training.metrics
    assert printed.splitlines()[-1].startswith(f"The run had {len(columns[0])} epochs, loss {metrics['loss']:.4f}, ")


def test_the_training_program_of_a_model_alone_asks_for_its_rows(pellucid, iris) -> None:
    code, out, err = pellucid("export", iris / "iris.pellucid", "--to", "numpy", "--training")
    assert (code, err) == (0, "")
    assert out == "Wrote iris_training.py\nRun it: python iris_training.py data.npz  (with arrays x, y)\n"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--to", "rust"], 2, "--to 'rust' is unknown. Allowed: c, javascript, numpy, onnx."),
        (["--to", "numpy", "--int8"], 2, "--int8 is not for --to numpy."),
        (["--to", "c", "--training"], 2, "--training is not for --to c."),
        (["--to", "c", "--calibrate", "digits"], 2, "--calibrate is for --int8."),
        (["--to", "javascript", "-o", "."], 2, "--output . is a folder: add the name of a file."),
        (["--to", "javascript", "-o", "none/x"], 1, "The folder none does not exist."),
        (["--to", "c", "--int8", "--calibrate", "none.csv"], 1, "none.csv does not exist."),
        (["--to", "c", "--int8", "--calibrate", "digits"], 1, "digits has 64 columns, but the network takes 4."),
    ],
)
def test_what_is_wrong(pellucid, iris, tmp_path, arguments, code, message) -> None:
    answer = pellucid("export", iris / "iris.pellucid", *arguments)
    assert (answer.code, answer.out) == (code, "")
    assert answer.err.startswith(f"Error: {message}")
    assert not list(tmp_path.iterdir())


def test_a_file_of_ones_own_is_not_replaced(pellucid, iris, tmp_path) -> None:
    (tmp_path / "iris.py").write_text("mine")
    assert pellucid("export", iris / "iris.pellucid", "--to", "numpy") == (
        1,
        "",
        "Error: iris.py is there already and was not written by an export: give the export another name. "
        "For example --output iris_exported.\n",
    )
    assert (tmp_path / "iris.py").read_text() == "mine"


def test_an_untrained_model_has_no_training(pellucid, tmp_path) -> None:
    pl.save(pl.Network([pl.Dense(2)]).build(3), tmp_path / "new.pellucid")
    assert pellucid("export", "new.pellucid", "--to", "numpy", "--training") == (
        1,
        "",
        "Error: The network was not trained by a Trainer: there is no training to write down.\n",
    )


def test_int8_is_measured_on_a_table_that_the_network_knows(pellucid, tmp_path) -> None:
    from pellucid.tables import Table, TableEncoder

    columns = {"size": [1.5, 2.5, 4.0, 8.0], "colour": ["red", "blue", "red", "blue"]}
    encoder = TableEncoder.fit(Table.of(columns))
    network = pl.Network([pl.Dense(4), pl.ReLU(), pl.Dense(2)]).build(encoder.layout.width, seed=1)
    network.link, network.preprocessing = "softmax", encoder
    pl.save(network, tmp_path / "flats.pellucid")
    (tmp_path / "rows.csv").write_text("colour,size\nred,1\nblue,2.5\n,\n")
    code, out, err = pellucid("export", tmp_path / "flats.pellucid", "--to", "c", "--int8", "--calibrate", "rows.csv")
    assert (code, err) == (0, "")
    assert out.startswith("Measured on the 3 rows of rows.csv\n")
    assert "struct flats_row" in (tmp_path / "flats.h").read_text()
