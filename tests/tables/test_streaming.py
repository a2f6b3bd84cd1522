"""Training on a file part by part: as in memory where the reservoir holds all, and bounded where it does not."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pellucid as pl
from pellucid.tables import TableEncoder, TableError, TableStream, fit_stream, read_table


def write(path: Path, rows: int, seed: int = 0) -> Path:
    """A table with every kind of column, missing cells, and a number and a class to learn."""
    random = np.random.default_rng(seed)
    lines = ["size,colour,city,when,new,price,sort"]
    for row in range(rows):
        size, city = random.normal(), f"city {random.integers(20)}"
        colour = random.choice(["red", "green", "blue", ""])
        price = "" if row % 97 == 5 else f"{2 * size + (colour == 'red'):.6f}"
        when = f"20{random.integers(10, 24)}-0{random.integers(1, 9)}-15"
        cells = [f"{size:.6f}" if row % 13 else "NA", colour, city, when, "yes" if row % 3 else "no", price]
        lines.append(",".join([*cells, "big" if size > 0 else "small"]))
    path.write_text("\n".join(lines) + "\n")
    return path


def trainer_of(outputs: int, loss: pl.Loss) -> pl.Trainer:
    network = pl.Network([pl.Dense(8), pl.ReLU(), pl.Dropout(0.1), pl.Dense(outputs)])
    return pl.Trainer(network, loss, pl.Adam(0.01), batch_size=16, seed=3, callbacks=[pl.EarlyStopping(patience=50)])


@pytest.mark.parametrize(("target", "left_out"), [("price", "sort"), ("sort", "price")])
def test_a_reservoir_that_holds_all_is_training_in_memory_to_the_bit(
    tmp_path: Path, target: str, left_out: str
) -> None:
    path = write(tmp_path / "t.csv", 600)
    kinds = {left_out: "ignore"}
    stream = TableStream(path, target, kinds=kinds, validation=0.2, block=3000)
    loss, outputs = (pl.SquaredError(), 1) if target == "price" else (pl.SoftmaxCrossEntropy(), 2)
    streamed = trainer_of(outputs, loss)
    fit_stream(streamed, stream, epochs=4)

    table = read_table(path, kinds=kinds)
    known = np.array([price is not None and price == price for price in table[target]])
    held_out = pl.streams.Stream(0, pl.streams.Purpose.DATA, 1).uniform((600, 1))[:, 0] < 0.2
    train, rest = table.take(known & ~held_out), table.take(known & held_out)
    encoder = TableEncoder.fit(train, target)
    names = {name: code for code, name in enumerate(["big", "small"])}
    y, validation_y = (
        part[target] if target == "price" else np.array([names[name] for name in part[target]])
        for part in (train, rest)
    )
    in_memory = trainer_of(outputs, loss)
    history = in_memory.fit(encoder.transform(train), y, epochs=4, validation=(encoder.transform(rest), validation_y))

    assert stream.encoder == encoder
    assert streamed.network.preprocessing == encoder
    assert streamed.network.parameters.tobytes() == in_memory.network.parameters.tobytes()
    for name in history.columns:
        if name != "seconds":
            assert streamed.history[name] == history[name]
    assert stream.dropped == (~known).sum()
    assert streamed.network.classes == (None if target == "price" else ("big", "small"))


def test_what_is_found_out_is_what_is_found_out_in_memory(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", 500)
    assert TableStream(path, "price", block=2000).columns == read_table(path).columns


def test_numbers_here_and_texts_there_are_texts_in_all_parts(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    cells = [f"{i % 7}.50" for i in range(400)] + ["a", "b"] * 200
    path.write_text("code,y\n" + "".join(f"{cell},{i % 5 / 3}\n" for i, cell in enumerate(cells)))
    stream = TableStream(path, "y", block=1000, validation=0.0)
    assert stream.columns == read_table(path).columns
    assert stream.encoder == TableEncoder.fit(read_table(path), "y")
    assert "0.50" in stream.encoder.columns[0].values


@pytest.mark.parametrize(
    ("rows", "reservoir", "batch"), [(1000, 100, 10), (1000, 101, 7), (200, 200, 10), (201, 200, 100)]
)
def test_every_row_is_in_one_piece_and_pieces_are_whole_batches(
    tmp_path: Path, rows: int, reservoir: int, batch: int
) -> None:
    path = tmp_path / "t.csv"
    path.write_text("x,y\n" + "".join(f"{i / 8},{i}\n" for i in range(rows)))
    stream = TableStream(path, "y", validation=0.0, reservoir=reservoir, block=500, kinds={"y": "number"})
    epochs = [list(stream.pieces(epoch, batch)) for epoch in range(2)]
    for pieces in epochs:
        targets = np.concatenate([y for _, y in pieces])
        assert sorted(targets.tolist()) == list(range(rows))
        assert all(len(y) % batch == 0 for _, y in pieces[:-1])
        assert all(batch <= len(y) <= reservoir for _, y in pieces)
        expected = stream.encoder.transform({"x": targets / 8})
        np.testing.assert_array_equal(np.concatenate([x for x, _ in pieces]), expected)
    if rows > reservoir + batch:
        assert epochs[0][0][1].tolist() != epochs[1][0][1].tolist()
        early, late = epochs[0][0][1], epochs[0][-1][1]
        assert early.max() < rows - 1 or late.min() < reservoir  # rows meet others than their neighbours
    assert [len(y) for _, y in stream.pieces(0, batch)] == [len(y) for _, y in epochs[0]]
    again = list(stream.pieces(0, batch))
    assert all(np.array_equal(one[1], two[1]) for one, two in zip(again, epochs[0], strict=True))


def test_training_in_pieces_learns_and_counts_every_step(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", 2000)
    stream = TableStream(path, "price", kinds={"sort": "ignore"}, reservoir=300, block=5000)
    trainer = trainer_of(1, pl.SquaredError())
    fit_stream(trainer, stream, epochs=6)
    assert trainer.step == 6 * -(-stream.train_rows // 16)
    x, y = stream.validation
    assert trainer.network.evaluate(x, y)["r2"] > 0.7
    assert trainer.network.training.rows == stream.train_rows


def test_early_stopping_ends_the_stream(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", 300)
    stream = TableStream(path, "price", reservoir=100)
    trainer = pl.Trainer(
        pl.Network([pl.Dense(1)]),
        pl.SquaredError(),
        batch_size=10,
        callbacks=[lambda t: t.epoch == 4 and t.stop("enough")],
    )
    fit_stream(trainer, stream, epochs=100)
    assert (trainer.stopped, trainer.epoch) == ("enough", 4)


@pytest.mark.parametrize(
    ("content", "target", "message"),
    [
        ("a,b\n1,2\n", "c", "The target 'c' is unknown."),
        ("a,b\n" + "1,2\n2,2\n" * 9, "b", "The target 'b' is 2 in every one of the 18 rows"),
        ("a,b\n1,2\n2,3\n", "b", "has 2 rows with a target, and at least 10 are needed"),
        ("a,b\n" + "1,2\n1,3\n" * 9, "b", "nothing to learn 'b' from: all other columns are left out"),
        ("b\n" + "2\n3\n" * 9, "b", "has no column besides 'b'"),
        ("a,b\n" + "1,\n2,\n" * 9, "b", "Column 'b' is the target, but no row of the stream has one."),
        ("a,b\n1,2020-01-01\n2,2020-01-02\n", "b", "The target 'b' is a date"),
        ("a,b\n", "b", "has names of columns but no rows"),
        ("a,b\n1,2\n1,2,3\n", "b", "line 3 has 3"),
    ],
)
def test_streams_that_cannot_be(content: str, target: str, message: str) -> None:
    with pytest.raises(TableError) as refused:
        TableStream(io.BytesIO(content.encode()), target)
    assert message in str(refused.value)


def test_a_reservoir_must_hold_two_batches(tmp_path: Path) -> None:
    stream = TableStream(write(tmp_path / "t.csv", 100), "price", reservoir=10)
    with pytest.raises(ValueError, match="must hold at least two batches of 16"):
        fit_stream(trainer_of(1, pl.SquaredError()), stream, epochs=1)


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """What Arrow and NumPy hold at once, for a file and one ten times as long."""
    import tracemalloc

    peaks: list[Any] = []
    for rows in (2000, 20_000):
        path = write(tmp_path / f"{rows}.csv", rows)
        stream = TableStream(
            path, "price", kinds={"sort": "ignore"}, validation=0.05, reservoir=500, block=10_000, sample=500
        )
        tracemalloc.start()
        for _ in stream.pieces(0, 16):
            pass
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert peaks[-1] < stream.memory
    assert peaks[1] < 1.5 * peaks[0]
