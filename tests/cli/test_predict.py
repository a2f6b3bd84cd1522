"""`pellucid predict` and `evaluate`: the network's own answers, from every kind of input; and what they refuse."""

from __future__ import annotations

import csv
import io
import re

import numpy as np
import pytest

import pellucid as pl
from pellucid.tables import memory


@pytest.fixture(scope="module")
def held_out() -> pl.datasets.DatasetPart:
    return pl.datasets.load_digits().test


def network_of(run):
    return pl.load(run / "model.pellucid")


def regression(path, outputs: int = 1) -> pl.Network:
    generator = np.random.default_rng(0)
    x = generator.normal(size=(60, 3))
    y = x @ generator.normal(size=(3, outputs))
    network = pl.Network([pl.Dense(outputs)], engine="reference")
    pl.Trainer(network, loss="squared_error", optimizer=pl.GradientDescent(0.1)).fit(x, y, epochs=3)
    pl.save(network, path)
    return pl.load(path)  # with the engine that the command line has


def rows_of(out: str, delimiter: str = ",") -> list[list[str]]:
    return list(csv.reader(io.StringIO(out), delimiter=delimiter))


# -- predict -----------------------------------------------------------------------------------------------------


def test_a_built_in_set_is_its_test_part(pellucid, run, held_out) -> None:
    code, out, err = pellucid("predict", run, "digits")
    assert (code, err) == (0, "")
    network = network_of(run)
    rows = rows_of(out)
    assert [int(row[0]) for row in rows] == network.predict(held_out.x).tolist()
    assert [row[1] for row in rows] == [f"{p:.4f}" for p in network.predict_proba(held_out.x).max(axis=1)]
    assert pellucid("predict", run / "model.pellucid", "digits").out == out


@pytest.mark.parametrize(
    "kind", ["csv", "header", "semicolon", "tab", "blank", "quoted", "decimal", "npy", "images", "npz"]
)
def test_files_of_every_kind(pellucid, run, held_out, tmp_path, kind) -> None:
    x = held_out.x[:20]
    path = tmp_path / f"data.{kind if kind in ('npy', 'npz') else 'npy' if kind == 'images' else 'csv'}"
    separator = {"semicolon": ";", "decimal": ";", "tab": "\t"}.get(kind, ",")
    write = {"quoted": '"{}"'.format, "decimal": lambda value: str(value).replace(".", ",")}.get(kind, str)
    lines = [separator.join(map(write, row)) for row in x]
    if kind in ("npy", "images"):
        np.save(path, x.reshape(-1, 8, 8) if kind == "images" else x)
    elif kind == "npz":
        np.savez(path, x=x.astype(np.float32), other=np.zeros(3))
    else:
        first = [",".join(f"pixel {k}" for k in range(64))] if kind == "header" else []
        between = "\n\n" if kind == "blank" else "\r\n" if kind == "quoted" else "\n"
        path.write_text(between.join([*first, *lines]) + "\n", encoding="utf-8-sig" if kind == "header" else "utf-8")
    code, out, err = pellucid("predict", run, path)
    assert (code, err) == (0, "")
    assert [int(row[0]) for row in rows_of(out)] == network_of(run).predict(x).tolist()


def test_standard_input_and_pipes(process, run, held_out) -> None:
    lines = "\n".join(",".join(map(str, row)) for row in held_out.x[:5])
    going = process("predict", run, "-")
    out, err = going.communicate(lines, timeout=600)
    assert (going.returncode, err) == (0, "")
    assert [int(row[0]) for row in rows_of(out)] == network_of(run).predict(held_out.x[:5]).tolist()
    going = process("predict", run, "-")
    out, err = going.communicate("1,2\n3,x\n", timeout=600)
    assert (going.returncode, out) == (1, "")
    assert err == "Error: standard input, line 2, column 2 holds 'x', which is no number.\n"


def test_output_holds_all_digits_and_names(pellucid, run, held_out, tmp_path) -> None:
    network = network_of(run)
    shares = network.predict_proba(held_out.x)
    assert pellucid("predict", run, "digits", "--output", "out.csv").out == "Wrote 359 predictions to out.csv\n"
    header, *rows = rows_of((tmp_path / "out.csv").read_text())
    assert header == ["prediction", "probability"]
    assert np.array_equal(np.array([row[1] for row in rows], dtype=np.float32), shares.max(axis=1))
    pellucid("predict", run, "digits", "--probabilities", "--output", "all.csv")
    header, *rows = rows_of((tmp_path / "all.csv").read_text())
    assert header == ["prediction", *"0123456789"]
    assert np.array_equal(np.array(rows, dtype=np.float32)[:, 1:], shares)
    printed = rows_of(pellucid("predict", run, "digits", "--probabilities").out)
    assert [len(row) for row in printed] == [11] * 359
    assert pellucid("predict", run, "digits", "--output", "no/out.csv") == (
        1,
        "",
        "Error: The folder no does not exist.\n",
    )


def test_class_names_are_printed(pellucid, plane, tmp_path) -> None:
    network = network_of(plane)
    network.classes = ["Ankle boot", "T-shirt, white"]
    pl.save(network, tmp_path / "named.pellucid")
    data = pl.datasets.load("two-gaussians")
    rows = rows_of(pellucid("predict", "named.pellucid", "two-gaussians").out)
    assert [row[0] for row in rows] == [network.classes[k] for k in network.predict(data.test.x)]
    table = pellucid("evaluate", "named.pellucid", "two-gaussians").out
    assert "T-shirt, white" in table
    lines = ["x1,x2,kind", *(f'{a},{b},"{network.classes[k]}"' for (a, b), k in zip(*data.test, strict=True))]
    (tmp_path / "named.csv").write_text("\n".join(lines))
    values = network.evaluate(*data.test)
    assert f"accuracy {values['accuracy']:.4f}" in pellucid("evaluate", "named.pellucid", "named.csv").out
    (tmp_path / "named.csv").write_text("1,2,Ankle boot\n3,4,Ankle bot\n")
    assert pellucid("evaluate", "named.pellucid", "named.csv").err == (
        "Error: named.csv, line 2: class 'Ankle bot' is unknown. Did you mean 'Ankle boot'? "
        "Allowed: Ankle boot, T-shirt, white.\n"
    )


def test_numbers_are_printed_with_all_digits(pellucid, tmp_path) -> None:
    x = np.random.default_rng(1).normal(size=(4, 3))
    np.save(tmp_path / "x.npy", x)
    for outputs in (1, 2):
        regression(tmp_path / "model.pellucid", outputs)
        rows = rows_of(pellucid("predict", "model.pellucid", "x.npy").out)
        answers = pl.load(tmp_path / "model.pellucid").predict(x).reshape(4, outputs)
        assert np.array_equal(np.array(rows, dtype=np.float32), answers)
    pellucid("predict", "model.pellucid", "x.npy", "--output", "y.csv")
    assert (tmp_path / "y.csv").read_text().startswith("output_1,output_2\n")
    assert pellucid("predict", "model.pellucid", "x.npy", "--probabilities") == (
        1,
        "",
        "Error: this network knows no probabilities: it was trained with SquaredError.\n",
    )
    np.save(tmp_path / "one.npy", x[0])
    assert len(rows_of(pellucid("predict", "model.pellucid", "one.npy").out)) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1,2\n3,nan\n", "d.csv, line 2, column 2 holds 'nan': every number must be finite. Replace or remove it."),
        (
            "a,b\n\n1,inf\n",
            "d.csv, line 3, column 2 (b) holds 'inf': every number must be finite. Replace or remove it.",
        ),
        ("1,2\n3,\n", "d.csv, line 2, column 2 is empty: every cell must hold a number."),
        ("1,2\n3,4,5\n", "d.csv, line 2 has 3 columns, but the lines before have 2."),
        ("1,2\n3\n", "d.csv, line 2 has 1 column, but the lines before have 2."),
        ("1,two\n", "d.csv, line 1, column 2 holds 'two', which is no number."),
        ("1,1_0\n", "d.csv, line 1, column 2 holds '1_0', which is no number."),
        ("a,b\n", "d.csv holds no rows of numbers."),
        ("", "d.csv holds no rows of numbers."),
        ("1,2,3,4\n", "d.csv has 4 columns, but the network takes 2."),
        (
            "1,2,3\n",
            "d.csv has 3 columns, but the network takes 2. If the last one is the target, leave it out, or use "
            "pellucid evaluate.",
        ),
        ("1\n", "d.csv has 1 column, but the network takes 2."),
        (b"\xff\xfe\x00", "d.csv is no text in UTF-8: is it a CSV file?"),
    ],
)
def test_what_is_wrong_in_a_csv_file(pellucid, plane, tmp_path, text, message) -> None:
    (tmp_path / "d.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    assert pellucid("predict", plane, "d.csv") == (1, "", f"Error: {message}\n")


def test_arrays_that_do_not_fit(pellucid, plane, tmp_path) -> None:
    np.save(tmp_path / "wide.npy", np.zeros((2, 5)))
    assert pellucid("predict", plane, "wide.npy").err == "Error: wide.npy has 5 columns, but the network takes 2.\n"
    np.savez(tmp_path / "two.npz", a=np.zeros(2), b=np.zeros(2))
    assert pellucid("predict", plane, "two.npz").err == (
        "Error: two.npz must hold an array named x, or only one, but it holds a, b.\n"
    )
    np.save(tmp_path / "nan.npy", np.array([[0.0, 1.0], [np.nan, 1.0]]))
    assert pellucid("predict", plane, "nan.npy") == (
        1,
        "",
        "Error: x holds nan at row 1, column 0: every number must be finite. Replace it, or leave its row out.\n",
    )
    for name, content in (("bad.npy", b"no array"), ("bad.npz", b"PK\x03\x04 no zip")):
        (tmp_path / name).write_bytes(content)
        code, out, err = pellucid("predict", plane, name)
        assert (code, out) == (1, "")
        assert err.startswith(f"Error: {name} is damaged")
    np.save(tmp_path / "objects.npy", np.array([{}]), allow_pickle=True)
    assert pellucid("predict", plane, "objects.npy").err == (
        "Error: objects.npy is damaged or holds no arrays of numbers.\n"
    )


def test_a_compressed_file_that_memory_does_not_hold(pellucid, plane, tmp_path, monkeypatch) -> None:
    np.savez_compressed(tmp_path / "bomb.npz", x=np.zeros((2**16, 2)))
    monkeypatch.setattr(memory, "available", lambda: 2**20)
    monkeypatch.setattr(np.lib.format, "read_array", None)  # nothing is inflated
    assert pellucid("predict", plane, "bomb.npz") == (
        1,
        "",
        "Error: bomb.npz inflates to 1,048,704 bytes, but 1,048,576 bytes of memory are free: give fewer rows.\n",
    )


def test_models_and_data_that_are_not_there(pellucid, plane, tmp_path) -> None:
    assert pellucid("predict", "none.pellucid", "digits") == (
        1,
        "",
        "Error: none.pellucid does not exist: name a model file, or the folder of a run.\n",
    )
    assert pellucid("predict", plane, "none.csv") == (1, "", "Error: none.csv does not exist.\n")
    code, _, err = pellucid("predict", plane, "two-gausians")
    assert code == 2
    assert "Did you mean 'two-gaussians'?" in err
    assert err.endswith("Or name a .csv, .npy or .npz file.\n")
    assert pellucid("predict", plane, tmp_path).err.endswith("name a .csv, .npy or .npz file in it.\n")
    assert pellucid("predict", plane, "digits").err == "Error: digits has 64 columns, but the network takes 2.\n"
    (tmp_path / "bad.pellucid").write_bytes(b"hello")
    assert pellucid("predict", "bad.pellucid", "digits") == (
        1,
        "",
        "Error: bad.pellucid is no Pellucid file: it has only 5 bytes.\n",
    )
    (tmp_path / "d.csv").write_text("1,2\n")
    assert pellucid("predict", plane, "d.csv", "--data", ".").code == 2


# -- evaluate ----------------------------------------------------------------------------------------------------


def test_evaluate_says_what_training_said(pellucid, run, held_out) -> None:
    values = network_of(run).evaluate(*held_out)
    code, out, err = pellucid("evaluate", run, "digits")
    assert (code, err) == (0, "")
    assert out.startswith(f"digits: loss {values['loss']:.4f}, accuracy {values['accuracy']:.4f} (")
    assert "columns: predicted" in out


@pytest.mark.parametrize("kind", ["last", "named", "number", "npy", "npz", "npz-named"])
def test_evaluate_finds_the_target(pellucid, run, held_out, tmp_path, kind) -> None:
    x, y = held_out.x[:50], held_out.y[:50]
    first, more, name = [], [], "d.csv"
    table = np.column_stack([x, y])
    if kind in ("named", "number"):
        table = np.column_stack([x[:, :3], y, x[:, 3:]])
        first = [[f"p{k}" for k in range(3)] + ["digit"] + [f"p{k}" for k in range(3, 64)]] if kind == "named" else []
        more = ["--target", "digit" if kind == "named" else "4"]
    if kind == "npy":
        name = "d.npy"
        np.save(tmp_path / name, table)
    elif kind.startswith("npz"):
        name = "d.npz"
        np.savez(tmp_path / name, x=x, **{"labels" if kind == "npz-named" else "y": y})
        more = ["--target", "labels"] if kind == "npz-named" else []
    else:
        with (tmp_path / name).open("w", newline="") as file:
            csv.writer(file).writerows([*first, *table.tolist()])
    values = network_of(run).evaluate(x, y)
    code, out, err = pellucid("evaluate", run, name, *more)
    assert (code, err) == (0, "")
    assert out.startswith(f"{name}: loss {values['loss']:.4f}, accuracy {values['accuracy']:.4f} (")


def test_evaluate_numbers(pellucid, tmp_path) -> None:
    generator = np.random.default_rng(2)
    for outputs in (1, 2):
        network = regression(tmp_path / "model.pellucid", outputs)
        x, y = generator.normal(size=(9, 3)), generator.normal(size=(9, outputs))
        values = network.evaluate(x, y)
        with (tmp_path / "d.csv").open("w", newline="") as file:
            csv.writer(file).writerows(np.column_stack([x, y]).tolist())
        out = pellucid("evaluate", "model.pellucid", "d.csv").out
        assert out == f"d.csv: loss {values['loss']:.4f}, r2 {values['r2']:.4f} (9 rows)\n"
        np.save(tmp_path / "d.npy", np.column_stack([x, y]))
        assert pellucid("evaluate", "model.pellucid", "d.npy").out.endswith(out.removeprefix("d.csv"))


@pytest.mark.parametrize(
    ("text", "more", "code", "message"),
    [
        ("1,2,7\n", [], 1, "d.csv, line 1: class '7' is unknown. Allowed: 0, 1."),
        ("1,2\n", [], 1, "d.csv has 1 column besides the target, but the network takes 2."),
        (
            "a,b,kind\n1,2,0\n",
            ["--target", "kid"],
            2,
            "--target 'kid' is unknown. Did you mean 'kind'? Allowed: a, b, kind.",
        ),
        (
            "1,2,0\n",
            ["--target", "kind"],
            2,
            "--target must be the number of a column from 1 to 3, not 'kind': d.csv has no line of names.",
        ),
        ("1,nan,0\n", [], 1, "d.csv, line 1, column 2 holds 'nan': every number must be finite. Replace or remove it."),
    ],
)
def test_what_is_wrong_with_targets(pellucid, plane, tmp_path, text, more, code, message) -> None:
    (tmp_path / "d.csv").write_text(text)
    assert pellucid("evaluate", plane, "d.csv", *more) == (code, "", f"Error: {message}\n")


@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8"])
def test_evaluating_on_what_was_learnt_is_said(pellucid, tmp_path, dtype) -> None:
    x = np.random.default_rng(0).integers(0, 200, size=(40, 3)).astype(dtype)
    y = x[:, 0].astype(np.int64) % 2
    network = pl.Network([pl.Rescale(0.01), pl.Dense(2)])
    pl.Trainer(network, pl.SoftmaxCrossEntropy()).fit(x[:30], y[:30], epochs=1, validation=(x[30:], y[30:]))
    pl.save(network, tmp_path / "model.pellucid")
    for first, last, words in ((0, 30, "the network was trained on these rows"), (30, 40, ""), (0, 40, "")):
        np.savetxt(tmp_path / "rows.csv", np.c_[x[first:last], y[first:last]], delimiter=",", fmt="%g")
        code, out, err = pellucid("evaluate", "model.pellucid", "rows.csv")
        assert (code, err) == (0, "")
        assert ("Caution" in out, words in out) == (bool(words), True)


def test_a_network_without_a_loss_cannot_be_evaluated(pellucid, tmp_path) -> None:
    pl.save(pl.Network([pl.Dense(10)]).build(64), tmp_path / "new.pellucid")
    assert pellucid("evaluate", "new.pellucid", "digits") == (
        1,
        "",
        "Error: new.pellucid was saved before it was trained, so it has no loss to measure.\n",
    )


def test_many_classes_and_long_names_stay_narrow(pellucid, tmp_path) -> None:
    x, y = np.eye(30), np.arange(30)
    network = pl.Network([pl.Dense(30)]).build(30)
    pl.Trainer(network, loss="softmax_cross_entropy").initialize(x, y)
    pl.save(network, tmp_path / "many.pellucid")
    np.savez(tmp_path / "d.npz", x=x, y=y)
    assert "Commonest mistakes" in pellucid("evaluate", "many.pellucid", "d.npz").out
    network = pl.Network([pl.Dense(10)]).build(30)
    network.classes = [
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Boot",
    ]
    pl.Trainer(network, loss="softmax_cross_entropy").initialize(x, y % 10)
    pl.save(network, tmp_path / "long.pellucid")
    np.savez(tmp_path / "d.npz", x=x, y=y % 10)
    out = pellucid("evaluate", "long.pellucid", "d.npz").out
    assert re.search(r"^ +0 +1 +2 +3 +4 +5 +6 +7 +8 +9$", out, re.MULTILINE)
    assert "7 Sneaker" in out
    assert max(map(len, out.splitlines())) <= 80


# -- tables ------------------------------------------------------------------------------------------------------


@pytest.fixture
def table_model(tmp_path):
    """A network that knows the columns of a table, and rows for it."""
    from pellucid.tables import Table, TableEncoder

    columns = {"size": [1.5, 2.5, 4.0], "colour": ["red", "blue", "red"], "when": ["2024-01-31"] * 2 + ["2023-05-01"]}
    encoder = TableEncoder.fit(Table.of(columns))
    network = pl.Network([pl.Dense(2)]).build(encoder.layout.width, seed=1)
    network.link, network.preprocessing, network.classes = "softmax", encoder, ["cheap", "dear"]
    pl.save(network, tmp_path / "table.pellucid")
    (tmp_path / "new.csv").write_text("colour;note;when;size\nred;a;2024-01-31;1,5\n;b;;\nviolet;c;2020-02-29;7,5\n")
    return tmp_path


def test_a_table_gets_its_predictions_beside_the_rows(pellucid, table_model) -> None:
    code, out, err = pellucid("predict", table_model / "table.pellucid", table_model / "new.csv")
    assert (code, err) == (0, "")
    rows = rows_of(out, ";")
    assert rows[0] == ["colour", "note", "when", "size", "prediction", "probability"]
    assert [row[1] for row in rows[1:]] == ["a", "b", "c"]
    network = pl.load(table_model / "table.pellucid")
    x = network.preprocessing.transform(
        {"colour": ["red", None, "violet"], "when": ["2024-01-31", None, "2020-02-29"], "size": [1.5, None, 7.5]}
    )
    assert [row[4] for row in rows[1:]] == [network.classes[best] for best in network.predict(x)]
    np.testing.assert_allclose(
        [float(row[5].replace(",", ".")) for row in rows[1:]], network.predict_proba(x).max(axis=1), rtol=1e-6
    )


def test_a_table_is_written_to_a_file_with_every_probability(pellucid, table_model) -> None:
    out = table_model / "out.csv"
    command = ("predict", table_model / "table.pellucid", table_model / "new.csv", "--output", out, "--probabilities")
    code, said, err = pellucid(*command)
    assert (code, err) == (0, "")
    assert said == f"Wrote 3 rows to {out}, with prediction, probability_cheap, probability_dear beside them\n"
    assert rows_of(out.read_text(), ";")[0][4:] == ["prediction", "probability_cheap", "probability_dear"]


def test_a_table_without_a_column_is_refused_in_one_sentence(pellucid, table_model) -> None:
    (table_model / "new.csv").write_text("color,when,size\nred,2024-01-31,1\n")
    code, out, err = pellucid("predict", table_model / "table.pellucid", table_model / "new.csv")
    assert (code, out) == (1, "")
    assert "The table has no column 'colour', which the network was trained with. Did you mean 'color'?" in err
    assert len(err.splitlines()) == 1
