"""The history: a table, plain data, JSON."""

from __future__ import annotations

import json

import pytest

import pellucid as pl


@pytest.fixture
def history() -> pl.History:
    history = pl.History()
    history.append({"epoch": 1, "loss": 0.5, "accuracy": 0.75, "learning_rate": 0.1, "seconds": 0.25})
    history.append({"epoch": 2, "loss": 0.25, "accuracy": 0.875, "learning_rate": 0.1, "seconds": 0.5})
    history.engine = "reference"
    return history


def test_columns_rows_and_length(history: pl.History) -> None:
    assert history.columns == ("epoch", "loss", "accuracy", "learning_rate", "seconds")
    assert len(history) == 2
    assert history["loss"] == [0.5, 0.25]
    assert "loss" in history
    assert "validation_loss" not in history
    assert history.row(-1)["loss"] == 0.25
    assert [row["epoch"] for row in history] == [1, 2]
    assert history.seconds == 0.75
    assert repr(history) == "History(2 epochs, loss 0.25)"


def test_a_column_is_a_copy(history: pl.History) -> None:
    history["loss"].append(9.0)
    assert history["loss"] == [0.5, 0.25]


def test_set_last_makes_columns_that_begin_late(history: pl.History) -> None:
    history.set_last({"validation_loss": 0.4, "own": 7.0})
    assert history["validation_loss"] == [None, 0.4]
    assert history.columns == ("epoch", "loss", "accuracy", "validation_loss", "own", "learning_rate", "seconds")
    history.append({"epoch": 3, "loss": 0.2})
    assert history["own"] == [None, 7.0, None]


def test_an_unknown_column(history: pl.History) -> None:
    with pytest.raises(KeyError, match=r"column 'los' is unknown\. Did you mean 'loss'\? Allowed: accuracy, epoch, "):
        history["los"]


def test_cut(history: pl.History) -> None:
    history.cut(1)
    assert history["epoch"] == [1]
    assert len(history) == 1
    history.cut(0)
    assert (len(history), history["loss"]) == (0, [])


def test_table(history: pl.History) -> None:
    history.set_last({"validation_loss": 0.40625})
    history.engine_note = "the native core is not in this installation"
    history.stopped = "Stopped early."
    assert str(history).splitlines() == [
        "epoch  loss  accuracy  validation loss  learning rate  seconds",
        "    1   0.5    0.7500                –            0.1     0.25",
        "    2  0.25    0.8750           0.4062            0.1      0.5",
        "2 epochs in 0.75 s on the reference engine (the native core is not in this installation)",
        "Stopped early.",
    ]


def test_a_long_table_shows_its_ends() -> None:
    history = pl.History()
    assert str(history) == "History: no epoch yet"
    for epoch in range(1, 101):
        history.append({"epoch": epoch, "loss": 1 / epoch, "seconds": 0.01})
    lines = str(history).splitlines()
    assert len(lines) == 1 + 21 + 1
    assert lines[11].split() == ["…", "…", "…"]
    assert lines[-2].split()[0] == "100"


@pytest.mark.parametrize("indent", [None, 2])
def test_json_round_trip(history: pl.History, indent: int | None) -> None:
    history.set_last({"validation_loss": 0.4})
    history.stopped, history.best_epoch, history.engine_note = "Stopped early.", 1, "why"
    text = history.to_json(indent=indent)
    again = pl.History.from_json(text)
    assert again.to_dict() == history.to_dict() == json.loads(text)
    assert str(again) == str(history)
    again.append({"epoch": 3, "loss": 0.1})
    assert len(history) == 2


@pytest.mark.parametrize("data", [{}, [], {"columns": 3}, {"columns": {"loss": 3}}, None])
def test_what_is_no_history(data: object) -> None:
    with pytest.raises(ValueError, match=r"^This is not a history: it has no table of columns\.$"):
        pl.History.from_dict(data)  # type: ignore[arg-type]


def test_a_damaged_history() -> None:
    with pytest.raises(ValueError, match=r"^This history is damaged: its columns differ in length\.$"):
        pl.History.from_dict({"columns": {"epoch": [1, 2], "loss": [0.5]}})


def test_frame(history: pl.History) -> None:
    pandas = pytest.importorskip("pandas")
    history.set_last({"validation_loss": 0.4})
    frame = history.to_frame()
    assert isinstance(frame, pandas.DataFrame)
    assert frame.index.tolist() == [1, 2]
    assert frame["loss"].tolist() == [0.5, 0.25]
