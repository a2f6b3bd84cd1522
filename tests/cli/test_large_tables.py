"""`pellucid train` on a file that is read part by part: what it says, what it leaves, what it refuses."""

from __future__ import annotations

import json
from functools import partial

import numpy as np
import pytest

pytest.importorskip("pyarrow")
pytest.importorskip("sklearn")

import pellucid as pl
from pellucid.cli import table_streaming
from pellucid.tables import TableStream, memory, train_stream

FILES = {"model.pellucid", "history.json", "settings.json", "report.json", "report.html"}


@pytest.fixture
def flats(tmp_path) -> str:
    """Rents by size, town, date and garden, numbers of visits and who would take them; some cells are missing."""
    rng = np.random.default_rng(0)
    lines = ["size;town;free;garden;rent;visits;taken"]
    for number in range(600):
        size, town, garden = rng.uniform(30, 200), rng.choice(["Ulm", "Bonn", "Kiel"]), rng.random() < 0.5
        rent = f"{3 * size + 100 * (town == 'Bonn') + 40 * garden:.1f}".replace(".", ",")
        shown = "" if number % 20 == 7 else f"{size:.1f}".replace(".", ",")
        date = f"{number % 28 + 1:02}.03.2021"
        rent = "" if number in (3, 4) else rent
        cells = [shown, town, date, "yes" if garden else "no", rent, str(rng.poisson(size / 20))]
        lines.append(";".join([*cells, "yes" if size + 50 * garden > 120 else "no"]))
    (tmp_path / "flats.csv").write_text("\n".join(lines) + "\n")
    return "flats.csv"


@pytest.fixture
def in_pieces(monkeypatch) -> None:
    """A reservoir and blocks that are smaller than the file."""
    monkeypatch.setattr(table_streaming, "TableStream", partial(TableStream, reservoir=150, block=4000))


@pytest.mark.usefixtures("in_pieces")
def test_from_a_stream_to_a_report_and_predictions(pellucid, tmp_path, flats) -> None:
    code, out, err = pellucid("train", flats, "--target", "rent", "--stream", "--epochs", 8, "--batch-size", 32)
    assert (code, err) == (0, "")
    for words in (
        "flats.csv (22 kB) is read part by part, as asked.",
        "flats.csv: 598 rows",
        "delimiter semicolon, decimal comma",
        "Predicted: rent, numbers",
        "2 rows are left out, since rent is missing there.",
        "of memory in all, 150 rows at a time shuffled in it.",
        "The model: 8 epochs of 4",
        "Measured: R² 0.",
        "gradient boosting",
        "What it looks at",
        "pellucid predict runs/flats-1 new.csv",
    ):
        assert words in out
    assert "pellucid tune" not in out  # a search needs its rows in memory
    folder = tmp_path / "runs" / "flats-1"
    assert {path.name for path in folder.iterdir()} == FILES
    report = json.loads((folder / "report.json").read_text())
    assert next(iter(report["importance"])) == "size"
    assert report["contenders"][0]["scores"]["r2"][0] > 0.8
    assert (report["rows_without_target"], report["epochs"]) == (2, 8)
    assert pellucid("predict", folder, flats, "--output", "rents.csv").code == 0
    network = pl.load(folder / "model.pellucid")
    from pellucid.tables import read_table

    expected = network.predict(network.preprocessing.transform(read_table(tmp_path / flats)))
    lines = (tmp_path / "rents.csv").read_text().splitlines()[1:]
    cells = [line.split(";")[-1].replace(",", ".") for line in lines]
    np.testing.assert_allclose([float(cell) for cell in cells], expected, rtol=1e-6)
    code, out, _ = pellucid("evaluate", folder, flats)
    assert code == 0
    assert "flats.csv: the network was trained on rows of this file" in out
    assert "flats.csv: 598 rows" in out
    assert pellucid("export", folder / "model.pellucid", "--to", "numpy", "--output", "rents.py").code == 0


@pytest.mark.usefixtures("in_pieces")
@pytest.mark.parametrize(
    ("target", "options", "words"),
    [
        ("taken", ["--ensemble", 2], "2 classes: no (|(it holds yes and no)|The model, network 2 of 2"),
        ("town", ["--folds", 0], "Predicted: town, 3 classes: Bonn (|(it holds text)|Not measured"),
        ("rent", ["--quantiles", "0.1,0.9", "--folds", 1], "Predicted: rent, quantiles 0.1, 0.9|D² 0."),
        ("visits", ["--task", "counts"], "Predicted: visits, counts (asked for)|D² 0."),
        ("visits", ["--loss", "huber", "--kinds", "free=ignore"], "Predicted: visits, numbers|the best weights"),
    ],
)  # fmt: skip
def test_every_task_is_streamed(pellucid, tmp_path, flats, target, options, words) -> None:
    code, out, err = pellucid(
        "train", flats, "--target", target, "--stream", "--recipe", "plain", "--epochs", 2, "--save", "run", *options
    )
    assert (code, err) == (0, "")
    for part in words.split("|"):
        assert part in out
    wanted = {*FILES, "model-2.pellucid"} if "--ensemble" in options else FILES
    assert {path.name for path in (tmp_path / "run").iterdir()} == wanted


def test_a_file_that_is_too_large_for_memory_is_streamed_unasked(pellucid, flats, monkeypatch) -> None:
    monkeypatch.setattr(memory, "available", lambda: 500_000)
    monkeypatch.setattr(table_streaming, "available", lambda: 500_000)
    train = ("train", flats, "--target", "rent", "--recipe", "plain", "--epochs", 1, "--save", "run", "--overwrite")
    out = pellucid(*train, "--folds", 0).out
    assert (
        "flats.csv (22 kB) is read part by part, since its table would take about 261 kB of memory, and 500 kB" in out
    )
    code, _, err = pellucid(*train, "--folds", 3)
    assert code == 2
    assert "--folds above 1 does not go with a file that is read part by part (since its table would take" in err
    assert "part by part" not in pellucid(*train, "--no-stream", "--folds", 0).out
    monkeypatch.setattr(memory, "available", lambda: 530_000)
    assert "part by part" not in pellucid(*train, "--folds", 0).out


def test_a_search_refuses_what_memory_does_not_hold(pellucid, tmp_path, flats, monkeypatch) -> None:
    pytest.importorskip("optuna")
    monkeypatch.setattr(memory, "available", lambda: 500_000)
    code, _, err = pellucid("tune", flats, "--target", "rent", "--trials", 1)
    assert code == 1
    assert "flats.csv (22 kB) is too large for memory, where a search needs all of its rows" in err
    assert not (tmp_path / "tune").exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--folds", 2], "--folds above 1 does not go with a file that is read part by part (as asked): leave it out"),
        (["--minutes", 1], "--minutes does not go with a file that is read part by part (as asked): say --epochs N"),
        (["--recipe", "srong"], "--recipe 'srong' is unknown. Did you mean 'strong'"),
        (["--seed", -1], "--seed"),
        (["--class-weight", "balance"], "Did you mean 'balanced'"),
    ],
)
def test_what_does_not_go_with_a_stream_is_said_before_the_file_is_read(
    pellucid, tmp_path, flats, monkeypatch, options, words
) -> None:
    monkeypatch.setattr(table_streaming, "TableStream", None)
    code, _, err = pellucid("train", flats, "--target", "rent", "--stream", *options)
    assert code == 2
    assert words in err
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("content", "options"),
    [
        ("x,y\n" + "1,2\n2,3\n" * 20, ["--target", "z"]),
        ("x,y\n" + "1,2\n2,3\n" * 20, []),
        ("x,y\n" + "".join(f"{n * n},no\n" for n in range(30)), ["--target", "y"]),
        ("x,y\n" + "".join(f"{n * n},7\n" for n in range(30)), ["--target", "y"]),
        ("x,y\n" + "".join(f"{n * n % 7},{'ab'[n % 2]}\n" for n in range(30)), ["--target", "y", "--task", "numbers"]),
        ("x,y\n" + "".join(f"{n * n % 7},{n % 5 - 2.5}\n" for n in range(30)), ["--target", "y", "--task", "counts"]),
        ("x,y\n" + "".join(f"{n * n % 7},name{n}\n" for n in range(1000)), ["--target", "y"]),
        ("x,y\n" + "".join(f"{n * n % 7},\n" for n in range(30)), ["--target", "y"]),
        ("x,y\n" + "".join(f"{n * n % 7},{n % 5}\n" for n in range(9)), ["--target", "y"]),
        ("x,y\n" + "".join(f"3,{n % 5}\n" for n in range(30)), ["--target", "y"]),
        ("y\n" + "1\n2\n3.5\n" * 9, ["--target", "y"]),
        ("x,y\n1,2\n3,4,5\n" + "1,2\n2,3\n" * 20, ["--target", "y"]),
        ("x,x\n" + "1,2\n2,3\n" * 20, ["--target", "x"]),
        ("x,y\n" + "1,2\n2,inf\n" * 20, ["--target", "y"]),
        ("x,y\n" + "1,2\n2,3\n" * 20 + "oops,2\n", ["--target", "y"]),
        ("x,y\n" + "1,2\n2,3\n" * 20, ["--target", "y", "--kinds", "x=numbre"]),
        ("x,y\n" + "1,2020-01-01\n2,2020-01-02\n" * 20, ["--target", "y"]),
        ("x,y\n", ["--target", "y"]),
        ("", ["--target", "y"]),
    ],
)  # fmt: skip
def test_what_cannot_be_learnt_from_is_said_in_the_same_words_as_in_memory(
    pellucid, tmp_path, content, options
) -> None:
    (tmp_path / "t.csv").write_text(content)
    streamed, in_memory = (pellucid("train", "t.csv", *options, each) for each in ("--stream", "--no-stream"))
    assert streamed.code == in_memory.code
    assert streamed.code in (1, 2)
    assert streamed.err == in_memory.err
    assert streamed.err.startswith("Error: ")
    assert not (tmp_path / "runs").exists()


@pytest.mark.usefixtures("in_pieces")
def test_an_interrupt_saves_what_was_learnt(pellucid, tmp_path, flats, monkeypatch) -> None:
    from pellucid.cli import table_training

    def interrupted(*given, telling, **more):
        def third(trainer: pl.Trainer) -> None:
            if trainer.epoch == 3:
                raise KeyboardInterrupt

        telling.watch = lambda job: [pl.Every(1, third)]
        return train_stream(*given, telling=telling, **more)

    monkeypatch.setattr(table_training, "train_stream", interrupted)
    code, out, _ = pellucid(
        "train", flats, "--target", "taken", "--stream", "--recipe", "plain", "--epochs", 3, "--save", "run"
    )
    assert code == 130
    assert "Interrupted in epoch 1: what was learnt until then is saved, and not measured." in out
    assert pl.load(tmp_path / "run" / "model.pellucid").classes == ("no", "yes")
    assert {path.name for path in (tmp_path / "run").iterdir()} == FILES
