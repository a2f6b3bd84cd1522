"""`pellucid trace`: the same words as the library's, for the row that was asked for."""

from __future__ import annotations

import json

import numpy as np
import pytest

import pellucid as pl


@pytest.fixture(scope="module")
def plane(tmp_path_factory):
    network = pl.Network([pl.Dense(3), pl.Sigmoid(), pl.Dense(2)], dtype="float64")
    pl.Trainer(network, "softmax_cross_entropy", seed=1).fit(*pl.datasets.two_gaussians(20), epochs=2)
    path = tmp_path_factory.mktemp("plane") / "plane.pellucid"
    pl.save(network, path)
    return path, network


@pytest.fixture
def table(tmp_path):
    (tmp_path / "rows.csv").write_text("a,b,class\n0.1,0.2,0\n-0.4,0.5,1\n0.9,-0.3,0\n", encoding="utf-8")
    return "rows.csv"


def expected(network: pl.Network, rate: float = 0.1) -> pl.Trace:
    return pl.trace(network, None, [[-0.4, 0.5]], np.array([1]), optimizer=pl.GradientDescent(rate))


def test_a_row_of_a_file(pellucid, plane, table) -> None:
    path, network = plane
    answer = pellucid("trace", path, "--data", table, "--row", 1)
    assert answer == (0, f"{expected(network)}\n", "")
    answer = pellucid("trace", path, "--data", table, "--row", 1, "--learning-rate", 0.5, "--unit", 2, "--digits", 6)
    assert answer.out == expected(network, 0.5).text(unit=2, digits=6) + "\n"


def test_a_row_of_the_digits(pellucid, tmp_path) -> None:
    network = pl.Network([pl.Dense(10)], dtype="float64").build(64, seed=3)
    network.loss, network.link = pl.SoftmaxCrossEntropy(), "softmax"
    pl.save(network, tmp_path / "digits.pellucid")
    x, y = pl.datasets.load_digits().test
    text = str(pl.trace(network, None, x[7:8], y[7:8], optimizer=pl.GradientDescent(0.1)))
    assert pellucid("trace", "digits.pellucid", "--row", 7).out == f"{text}\n"
    assert pellucid("trace", "digits.pellucid", "--row", 7, "--data", "digits").out == f"{text}\n"


def test_json_and_html(pellucid, plane, table, tmp_path) -> None:
    path, network = plane
    answer = pellucid("trace", path, "--data", table, "--row", 1, "--json")
    assert json.loads(answer.out) == json.loads(expected(network).to_json())
    answer = pellucid("trace", path, "--data", table, "--row", 1, "--html", "page.html")
    assert answer.out == "Wrote the trace of row 1 to page.html\n"
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == expected(network).to_html()


@pytest.mark.parametrize(
    ("more", "code", "message"),
    [
        (["--row", "3"], 2, "--row 3 is not there: rows.csv has 3 rows, from 0 to 2."),
        (["--unit", "most"], 2, "--unit must be a whole number from 0 on, or all, not 'most'."),
        (["--unit", "3"], 2, "--unit or --digits: unit must be a whole number of at least 0 and at most 2, not 3."),
        (
            ["--digits", "99"],
            2,
            "--unit or --digits: digits must be a whole number of at least 1 and at most 16, not 99.",
        ),
        (["--learning-rate", "-1"], 2, "--learning-rate: learning_rate must be a number of at least 0, not -1.0."),
        (["--html", "a.html", "--json"], 2, "--html and --json exclude each other: run the command twice."),
        (["--html", "nowhere/a.html"], 1, "The folder nowhere does not exist."),
    ],
)
def test_what_is_wrong(pellucid, plane, table, more, code, message) -> None:
    answer = pellucid("trace", plane[0], "--data", table, *more)
    assert (answer.code, answer.out, answer.err) == (code, "", f"Error: {message}\n")


def test_what_is_missing(pellucid, plane, tmp_path) -> None:
    answer = pellucid("trace", plane[0])
    assert (answer.code, answer.err) == (2, "Error: --data is needed: which data set or file does the row come from?\n")
    pl.save(pl.Network([pl.Dense(2)]).build(2), tmp_path / "new.pellucid")
    answer = pellucid("trace", "new.pellucid")
    assert answer.code == 1
    assert answer.err == "Error: new.pellucid was saved before it was trained, so it has no loss to trace.\n"


# -- tables --------------------------------------------------------------------------------------------------------

ROWS = """size,town,garden,price
50,Ulm,yes,100
60,Bonn,no,150
,Ulm,yes,120
80,Kiel,no,
70,Bonn,yes,180
90,Kiel,no,200
"""


@pytest.fixture
def houses(tmp_path):
    """A network for ROWS in a run's folder, and the encoded rows by hand."""
    pytest.importorskip("pyarrow")
    from pellucid.tables import TableEncoder, read_table

    (tmp_path / "houses.csv").write_text(ROWS, encoding="utf-8")
    table = read_table(tmp_path / "houses.csv").without("price")
    encoder = TableEncoder.fit(table)
    x, y = encoder.transform(table)[[0, 1, 2, 4, 5]], np.array([100.0, 150, 120, 180, 200])
    network = pl.Network([pl.Dense(3), pl.Tanh(), pl.Dense(1)])
    pl.Trainer(network, pl.SquaredError(), seed=1, standardize_target=True).fit(x, y, epochs=3)
    network.preprocessing = encoder
    (tmp_path / "run").mkdir()
    pl.save(network, tmp_path / "run/model.pellucid")
    settings = {"source": "houses.csv", "target": "price", "csv": None}
    (tmp_path / "run/settings.json").write_text(json.dumps(settings), encoding="utf-8")
    return network


def encoded(size: float | None, town: str, garden: str) -> list[float]:
    """A row of ROWS by hand: sizes have the median 70 and the quartiles 60 and 80, and are clipped smoothly at 3."""
    z = 0.0 if size is None else (size - 70) / 20
    flags = [1.0 if garden == "yes" else -1.0, float(size is None)]
    return [z / np.sqrt(1 + (z / 3) ** 2), *flags, *(float(town == each) for each in ("Bonn", "Kiel", "Ulm"))]


WRITTEN = "size=50, town=Ulm,garden=yes,price=100"


@pytest.mark.parametrize("row", [0, 2, 5, WRITTEN])
def test_a_row_of_a_table_is_shown_with_its_names_and_then_the_layers(pellucid, houses, row) -> None:
    cells = {0: (50, "Ulm", "yes", 100), 2: (None, "Ulm", "yes", 120), 5: (90, "Kiel", "no", 200)}
    size, town, garden, price = cells.get(row, cells[0])
    x, y = np.array([encoded(size, town, garden)], dtype=np.float32), np.array([float(price)])
    expected = pl.trace(houses, None, x, y, optimizer=pl.GradientDescent(0.1))
    code, out, err = pellucid("trace", "run", "--row", row)
    assert (code, err) == (0, "")
    heading, _, walk = out.partition("\n\n")
    words = "The row" if row == WRITTEN else f"Row {row} of houses.csv"
    shown = "missing" if size is None else size
    assert heading == f"{words}: size = {shown}, town = {town}, garden = {garden}; price = {price}"
    assert walk == f"{expected}\n"
    names = ["size", "garden", "size missing", "town: Bonn", "town: Kiel", "town: Ulm"]
    lines = walk.splitlines()
    for place, name in enumerate(names):
        number, shown_name = lines[3 + place].split(" = ")[1].split(maxsplit=1)
        assert lines[3 + place].split(" = ")[0].strip() == f"x[{place}]"
        assert float(number.replace("−", "-")) == pytest.approx(x[0, place], abs=6e-5)
        assert shown_name == name
    mean, deviation = np.mean([100, 150, 120, 180, 200]), np.std([100, 150, 120, 180, 200])
    assert float(lines[9].split("= ")[1].split(",")[0].replace("−", "-")) == pytest.approx(
        (price - mean) / deviation, abs=6e-5
    )
    assert "predictions are score·" in lines[9]
    assert lines.index("Forward, from the inputs to the cost") == 11
    told = json.loads(pellucid("trace", "run", "--row", row, "--json").out)
    assert told == json.loads(expected.to_json())
    assert told["features"] == names
    pellucid("trace", "run", "--row", row, "--html", "page.html")
    with open("page.html", encoding="utf-8") as page:
        assert "town: Bonn: x[3] = 0" in page.read()


def test_the_class_of_a_tables_row_has_its_name(pellucid, tmp_path) -> None:
    pytest.importorskip("pyarrow")
    lines = [f"{k / 7:.3f},{'red' if k % 3 else 'deep blue'}" for k in range(60)]
    (tmp_path / "colours.csv").write_text("\n".join(["a,colour", *lines]))
    quick = ("--recipe", "plain", "--epochs", 1, "--folds", 0, "--ensemble", 2)
    assert pellucid("train", "colours.csv", "--target", "colour", *quick, "--save", "run").code == 0
    code, out, err = pellucid("trace", "run", "--row", 3)
    assert code == 0
    assert err == "run holds several networks of an ensemble: this is model.pellucid, the first one.\n"
    assert out.startswith("Row 3 of colours.csv: a = 0.429; colour = deep blue\n")
    assert "\n  y = 0, deep blue\n" in out
    quoted = pellucid("trace", "run", "--row", 'a=0.429,"colour=deep blue"').out
    assert quoted.partition("\n\n")[2] == out.partition("\n\n")[2]
    piped = pellucid("trace", "run/model.pellucid", "--data", "colours.csv", "--target", "colour", "--row", 3)
    assert (piped.out, piped.err) == (out, "")


@pytest.mark.parametrize(
    ("more", "code", "message"),
    [
        (["--row", "6"], 2, "--row 6 is not there: houses.csv has 6 rows, from 0 to 5."),
        (["--row", "3"], 1, "Row 3 of houses.csv has no value in the target 'price', without which there is no loss"),
        (["--row=-1"], 2, "--row must be a whole number from 0 on, or of a table column=value,…, not '-1'."),
        (["--row", "size=1,town"], 2, "--row must be a number, or columns with their values such as size=VALUE,price="),
        (["--row", "sice=1"], 2, "The column in --row 'sice' is unknown. Did you mean 'size'?"),
        (["--row", "size=1"], 2, "--row must have the target, too, for the loss to be traced: price=VALUE."),
        (["--row", "size=1,garden=no,price=3"], 1, "The table has no column 'town', which the network was trained"),
        (["--row", "size=big,town=Ulm,garden=no,price=3"], 1, "Column 'size' holds 'big' in row 1, where a number"),
        (["--row", "size=1,town=Ulm,garden=no,price="], 1, "The row has no value in the target 'price'"),
        (["--row", "size=1", "--data", "houses.csv"], 2, "--data and a --row that is written out exclude each other"),
        (["--data", "nowhere.csv"], 1, "nowhere.csv does not exist."),
        (["--data", "other.csv"], 1, "The table has no columns 'size', 'town', 'garden', which the network was"),
        (["--target", "prize"], 2, "--target 'prize' is unknown. Did you mean 'price'?"),
    ],
)
def test_what_is_wrong_with_a_tables_row(pellucid, houses, tmp_path, more, code, message) -> None:
    (tmp_path / "other.csv").write_text("a,price\n1,2\n3,4\n")
    answer = pellucid("trace", "run", *more)
    assert (answer.code, answer.out) == (code, "")
    assert answer.err.startswith(f"Error: {message}")


def test_where_the_row_comes_from_is_asked_if_the_run_does_not_say(pellucid, houses, plane, tmp_path) -> None:
    (tmp_path / "houses.csv").unlink()
    answer = pellucid("trace", "run")
    assert answer.code == 2
    assert "houses.csv, which the run was trained on, is not there." in answer.err
    assert pellucid("trace", "run", "--row", WRITTEN).code == 0
    (tmp_path / "run/settings.json").unlink()
    assert "--target COLUMN must say which column is the target" in pellucid("trace", "run").err
    answer = pellucid("trace", "run", "--target", "price")
    assert answer.err.startswith("Error: --data is needed: which file does the row come from? Or --row column=value")
    for option in (("--row", "a=3"), ("--csv", "decimal=comma")):
        answer = pellucid("trace", plane[0], *option)
        assert answer.code == 2
        assert "for networks that were trained on a table" in answer.err


def test_a_run_on_a_data_set_is_traced_on_it(pellucid) -> None:
    assert pellucid("train", "bulls-eye", "--epochs", 1, "--save", "run").code == 0
    assert pellucid("trace", "run", "--row", 4) == pellucid("trace", "run", "--row", 4, "--data", "bulls-eye")
    assert pellucid("trace", "run").code == 0
