"""`pellucid train`, `evaluate`, `predict` and `tune` on a table: from a CSV file to files and words."""

from __future__ import annotations

import json
import runpy

import numpy as np
import pytest

pytest.importorskip("pyarrow")
pytest.importorskip("sklearn")

import pellucid as pl

FILES = {"model.pellucid", "history.json", "settings.json", "report.json", "report.html"}


@pytest.fixture
def houses(tmp_path) -> str:
    """Prices by size, town, date and garden; some cells are missing, and the price of two."""
    rng = np.random.default_rng(0)
    lines = ["id;size;town;sold;garden;price"]
    for number in range(160):
        size, town, garden = rng.uniform(30, 200), rng.choice(["Ulm", "Bonn", "Kiel"]), rng.random() < 0.5
        price = f"{3 * size + 100 * (town == 'Bonn') + 40 * garden:.1f}".replace(".", ",")
        shown = "" if number % 20 == 7 else f"{size:.1f}".replace(".", ",")
        price = "" if number in (3, 4) else price
        lines.append(f"H{number:04};{shown};{town};{number % 28 + 1:02}.03.2021;{'yes' if garden else 'no'};{price}")
    (tmp_path / "houses.csv").write_text("\n".join(lines) + "\n")
    return "houses.csv"


@pytest.fixture
def sales(tmp_path) -> str:
    rng = np.random.default_rng(0)
    x, colour = rng.normal(size=120), rng.choice(["red", "blue"], 120)
    lines = ["x,colour,sells"] + [
        f"{a:.3f},{c},{'yes' if a + (c == 'red') > 0.5 else 'no'}" for a, c in zip(x, colour, strict=True)
    ]
    (tmp_path / "sales.csv").write_text("\n".join(lines) + "\n")
    return "sales.csv"


def test_from_a_csv_file_to_a_report_and_predictions(pellucid, tmp_path, houses) -> None:
    code, out, err = pellucid("train", houses, "--target", "price", "--recipe", "plain", "--folds", 2)
    assert (code, err) == (0, "")
    for words in (
        "houses.csv: 158 rows",
        "delimiter semicolon, decimal comma",
        "Predicted: price, numbers",
        "2 rows are left out, since price is missing there.",
        "Fold 1 of 2: 100 epochs",
        "Measured: R² 0.",
        "gradient boosting",
        "What it looks at",
        "pellucid predict runs/houses-1 new.csv",
    ):
        assert words in out
    assert "left out: text, 160 values" in next(line for line in out.splitlines() if line.split()[:1] == ["id"])
    assert max(map(len, out.splitlines()[:12])) <= 100
    folder = tmp_path / "runs" / "houses-1"
    assert {path.name for path in folder.iterdir()} == FILES
    report = json.loads((folder / "report.json").read_text())
    assert next(iter(report["importance"])) == "size"
    assert report["contenders"][0]["scores"]["r2"][0] > 0.5
    assert report["rows_without_target"] == 2
    code, out, err = pellucid("predict", folder, houses, "--output", "priced.csv")
    assert (code, err) == (0, "")
    network = pl.load(folder / "model.pellucid")
    from pellucid.tables import read_table

    expected = network.predict(network.preprocessing.transform(read_table(tmp_path / houses)))
    priced = (tmp_path / "priced.csv").read_text().splitlines()
    assert priced[0] == "id;size;town;sold;garden;price;prediction"
    assert float(priced[1].split(";")[-1].replace(",", ".")) == pytest.approx(float(expected[0]), rel=1e-6)
    code, out, err = pellucid("evaluate", folder, houses)
    assert (code, err) == (0, "")
    assert "houses.csv: 158 rows" in out
    assert "R²" in out


def test_evaluating_on_what_was_learnt_is_said(pellucid, tmp_path, sales) -> None:
    """By the digest in the model, wherever the rows lie; of the run's own file also where the digest says nothing."""
    options = ("--target", "sells", "--recipe", "plain", "--epochs", 2, "--folds", 0, "--ensemble", 2)
    assert pellucid("train", sales, *options, "--save", "run").code == 0
    lines = (tmp_path / sales).read_text().splitlines()
    (tmp_path / "copy.csv").write_text("\n".join(lines).replace(",", ";") + "\n")
    (tmp_path / "other.csv").write_text("\n".join(lines[:-1]) + "\n")
    (tmp_path / "turned.csv").write_text("\n".join([lines[0], *lines[:0:-1]]) + "\n")
    words = ": the network was trained on these rows: the scores show how well it has learnt them"
    for model in ("run", "run/model-2.pellucid"):
        for file in (sales, "copy.csv"):
            assert f"Caution: {file}{words}" in pellucid("evaluate", model, file, "--target", "sells").out
        for file in ("other.csv", "turned.csv"):
            assert "Caution" not in pellucid("evaluate", model, file, "--target", "sells").out
    (tmp_path / sales).write_text("\n".join(lines[:-1]) + "\n")
    assert f"{sales}: the network was trained on rows of this file" in pellucid("evaluate", "run", sales).out


def test_classes_and_an_ensemble(pellucid, tmp_path, sales) -> None:
    code, out, _ = pellucid(
        "train", sales, "--target", "sells", "--recipe", "plain", "--ensemble", 2, "--folds", 1, "--save", "run"
    )
    assert code == 0
    assert "Predicted: sells, 2 classes: no (" in out
    assert "The model, network 2 of 2" in out
    assert {path.name for path in (tmp_path / "run").iterdir()} == {*FILES, "model-2.pellucid"}
    code, both, _ = pellucid("evaluate", "run", sales)
    assert code == 0
    assert "accuracy" in both
    one = pellucid("evaluate", "run/model.pellucid", sales, "--target", "sells").out
    assert one.split("log loss")[1].split("\n")[0] != both.split("log loss")[1].split("\n")[0]
    again = pellucid(
        "train",
        sales,
        "--target",
        "sells",
        "--recipe",
        "plain",
        "--epochs",
        2,
        "--folds",
        0,
        "--save",
        "run",
        "--overwrite",
    )
    assert again.code == 0
    assert "Not measured" in again.out
    assert {path.name for path in (tmp_path / "run").iterdir()} == FILES


def test_an_ensemble_is_exported_as_one(pellucid, tmp_path, sales) -> None:
    quick = ("--recipe", "plain", "--epochs", 2, "--folds", 0)
    assert pellucid("train", sales, "--target", "sells", *quick, "--ensemble", 3, "--save", "run").code == 0
    together = pl.load_ensemble(tmp_path / "run")
    rows = [{"x": 0.25, "colour": "red"}, {"x": None, "colour": "blue"}, {"x": -1.5, "colour": "green"}]
    expected = together.predict_proba(together.preprocessing.transform(rows))
    for to in ("numpy", "c", "javascript", "onnx"):
        code, out, err = pellucid("export", "run", "--to", to)
        assert (code, err) == (0, "")
        assert out.startswith("3 networks of an ensemble\nWrote run.")
    np.testing.assert_allclose(runpy.run_path("run.py")["predict_proba"](rows), expected, atol=1e-6)
    assert "#define RUN_NETWORKS 3" in (tmp_path / "run.h").read_text()
    one = pellucid("export", "run/model.pellucid", "--to", "numpy", "--output", "one")
    assert "together" not in one.out
    first = together.networks[0].predict_proba(together.preprocessing.transform(rows))
    np.testing.assert_allclose(runpy.run_path("one.py")["predict_proba"](rows), first, atol=1e-6)
    for options in (("--to", "c", "--int8", "--calibrate", sales), ("--to", "numpy", "--training")):
        code, _, err = pellucid("export", "run", *options, "--output", "none")
        assert code == 2
        assert "is for a single network, but this is an ensemble of 3: name one of them, model.pellucid in the" in err
        assert not list(tmp_path.glob("none*"))
    code, _, err = pellucid("export", "run/model.pellucid", "--to", "numpy", "--training")
    assert (code, err) == (
        1,
        "Error: The training program does not know how a table becomes numbers: it is for networks of rows.\n",
    )
    assert "3 networks of an ensemble; of the first one:" in pellucid("info", "run").out
    code, _, err = pellucid("trace", "run", "--row", 0, "--data", sales, "--target", "sells")
    assert "run holds several networks of an ensemble: this is model.pellucid, the first one." in err


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_commands_take_what_an_estimator_saved(pellucid, tmp_path, sales) -> None:
    from pellucid.estimators import MLPClassifier, TableClassifier

    model = TableClassifier(recipe="plain", epochs=2, n_models=2, random_state=0).fit(tmp_path / sales, target="sells")
    model.save("two")
    code, out, _ = pellucid("predict", "two", sales, "--probabilities")
    assert code == 0
    shares = [float(line.rpartition(",")[2]) for line in out.splitlines()[1:]]
    np.testing.assert_allclose(shares, model.predict_proba(tmp_path / sales)[:, 1], rtol=1e-6)
    assert pellucid("evaluate", "two", sales, "--target", "sells").code == 0
    x, y = pl.datasets.bulls_eye(60, seed=0)
    rows = MLPClassifier(n_models=2, max_iter=3, random_state=0).fit(x, y)
    rows.save("rows")
    np.savez("rows.npz", x=x, y=y)
    np.save("x.npy", x)
    code, out, _ = pellucid("predict", "rows", "x.npy", "--probabilities")
    assert code == 0
    shares = [float(line.rpartition(",")[2]) for line in out.splitlines()]
    np.testing.assert_allclose(shares, rows.predict_proba(x)[:, 1], atol=1e-4)
    code, out, _ = pellucid("evaluate", "rows", "rows.npz")
    assert code == 0
    assert f"accuracy {rows.score(x, y):.4f}" in out


def test_quantiles_kinds_and_what_the_network_is(pellucid, tmp_path, houses) -> None:
    code, out, _ = pellucid(
        "train", houses, "--target", "price", "--quantiles", "0.1,0.9", "--kinds", "id=category,sold=ignore",
        "--recipe", "fast", "--hidden", "16", "--epochs", 3, "--folds", 1,
    )  # fmt: skip
    assert code == 0
    again = f"{houses} --target price --kinds id=category,sold=ignore --quantiles 0.1,0.9"
    assert f"pellucid train {again} --ensemble 8\n" in out
    assert f"pellucid tune {again} --minutes 5\n" in out
    assert "quantiles 0.1, 0.9" in out
    network = pl.load(tmp_path / "runs/houses-1/model.pellucid")
    assert network.loss == pl.Quantile((0.1, 0.9))
    assert [layer.units for layer in network.layers if isinstance(layer, pl.Dense)] == [16, 2]
    assert network.preprocessing.column_names == ("id", "size", "town", "garden")


def test_in_eighty_columns_no_number_is_broken_and_names_are_whole(pellucid, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    rng = np.random.default_rng(0)
    lot, style = (
        rng.uniform(2000, 90000, 90),
        rng.choice(["One story, unfinished attic", "Two stories, 1946 & newer"], 90),
    )
    price = 20 * lot + 1e5 * (style == "Two stories, 1946 & newer") + rng.normal(size=90)
    rows = [f'{a:.0f},"{b}",{c:.0f}' for a, b, c in zip(lot, style, price, strict=True)]
    (tmp_path / "the lots.csv").write_text("\n".join(["Lot_Area_in_square_feet,Style,Sale Price", *rows]) + "\n")
    code, out, err = pellucid("train", "the lots.csv", "--target", "Sale Price", "--recipe", "plain", "--folds", 2)
    assert (code, err) == (0, "")
    columns, scores = (part.split("\n\n")[0] for part in (out.split("Kind")[1], out.split("95 % interval\n\n")[1]))
    assert max(map(len, [*columns.splitlines(), *scores.splitlines()])) <= 80
    assert f"Lot_Area_in_square_feet  number             whole numbers: {lot.min():.0f} to {lot.max():.0f}" in columns
    measured = json.loads((tmp_path / "runs" / "the lots-1" / "report.json").read_text())["contenders"]
    for each in measured:
        assert f"{each['scores']['rmse'][0]:,.0f}" in scores  # 56,123 and not 5.612e+04
        assert f"[{each['scores']['r2'][1]:.4f}, {each['scores']['r2'][2]:.4f}]".replace("-", "−") in scores
    assert "pellucid train 'the lots.csv' --target 'Sale Price' --ensemble 8" in out


def test_whole_numbers_that_may_be_amounts_are_said_to_be_guessed(pellucid, tmp_path) -> None:
    rng = np.random.default_rng(0)
    lines = ["x,visits"] + [
        f"{x:.3f},{visits}" for x, visits in zip(rng.normal(size=90), rng.integers(0, 3, 90), strict=True)
    ]
    (tmp_path / "visits.csv").write_text("\n".join(lines) + "\n")
    asked = "train", "visits.csv", "--target", "visits", "--recipe", "plain", "--epochs", 1, "--folds", 0
    assert "different whole numbers; --task counts or numbers says otherwise)" in pellucid(*asked).out
    assert "Predicted: visits, 3 classes: 0 (" in pellucid(*asked, "--task", "classes").out


def test_what_is_said_of_a_file_holds_from_training_to_predicting(pellucid, tmp_path) -> None:
    rng = np.random.default_rng(0)
    rows = [
        f"{a:.3f} {b} {'Größe' if a > 0 else 'x'}"
        for a, b in zip(rng.normal(size=60), rng.integers(0, 9, 60), strict=True)
    ]
    (tmp_path / "spaces.txt").write_bytes(("\n".join(rows) + "\n").encode("cp1250"))
    (tmp_path / "spaces.csv").write_bytes((tmp_path / "spaces.txt").read_bytes())
    known = "--csv", "delimiter=space,encoding=cp1250,header=no"
    trained = pellucid(
        "train", "spaces.csv", "--target", "column_3", *known, "--recipe", "plain", "--epochs", 1, "--folds", 0
    )
    assert trained.code == 0, trained.err
    assert "CSV, delimiter space, encoding cp1250, no line of names" in trained.out
    assert "Größe (" in trained.out
    assert "accuracy" in pellucid("evaluate", "runs/spaces-1", "spaces.csv", *known).out
    assert pellucid("predict", "runs/spaces-1", "spaces.csv", *known, "--output", "said.csv").code == 0
    assert (tmp_path / "said.csv").read_text().startswith("column_1 column_2 column_3 prediction probability\n")
    assert pellucid("predict", "runs/spaces-1", "spaces.csv", "--output", "no.csv").code == 1
    assert not (tmp_path / "no.csv").exists()
    nameless = pellucid("train", "spaces.csv", "--target", "size", *known)
    assert nameless.code == 2
    assert "spaces.csv has no line of names: its columns are called by their places." in nameless.err


def test_minutes_bound_the_trainings(pellucid, sales) -> None:
    code, out, _ = pellucid("train", sales, "--target", "sells", "--recipe", "plain", "--minutes", 0.02, "--folds", 1)
    assert code == 0
    assert "rows a second on each core" in out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["sales.csv"], "is a table with the columns x, colour, sells: say which of them is to be predicted"),
        (
            ["sales.csv", "--target", "sold"],
            "--target 'sold' is unknown. Did you mean 'colour'?|Allowed: colour, sells, x",
        ),
        (["sale.csv", "--target", "sells"], "sale.csv"),
        (["sales.csv", "--target", "sells", "--kinds", "sells=ignore"], "leaves out what is to be predicted"),
        (["sales.csv", "--target", "sells", "--csv", "delimiter=semicolons"], "Did you mean 'semicolon'?"),
        (["sales.csv", "--target", "sells", "--csv", "semicolon"], "--csv must be such as delimiter=semicolon"),
        (["sales.csv", "--target", "sells", "--csv", "encoding=klingon"], "(--csv encoding=cp1252)"),
        (["sales.csv", "--target", "sells", "--csv", "delimiter=tab"], "has a single column|--csv delimiter=space"),
        (["digits", "--target", "x"], "--target is for tables: digits is a data set that knows its target"),
        (["sales.csv", "--target", "sells", "--optimizer", "adam"], "--optimizer is for the built-in data sets"),
        (
            ["sales.csv", "--target", "sells", "--task", "numbers"],
            "holds text|but numbers were asked for",
        ),
        (["sales.csv", "--target", "sells", "--recipe", "srong"], "--recipe 'srong' is unknown. Did you mean 'strong'"),
        (["sales.csv", "--target", "sells", "--kinds", "x"], "--kinds must be columns with their kinds"),
        (["sales.csv", "--target", "sells", "--dropout", "2"], "--dropout: dropout must be a number"),
        (["sales.csv", "--target", "x", "--quantiles", "2"], "--quantiles must be numbers between 0 and 1"),
        (
            ["sales.csv", "--target", "sells", "--minutes", "1", "--epochs", "3"],
            "--minutes and --epochs do not go together",
        ),
    ],
)
def test_wrong_words_are_answered_and_leave_nothing(pellucid, tmp_path, sales, arguments, words) -> None:
    code, _, err = pellucid("train", *arguments)
    assert code in (1, 2)
    assert any(part in err for part in words.split("|"))
    assert not (tmp_path / "runs").exists()


def test_columns_in_other_letters_are_hinted_at(pellucid, tmp_path, sales) -> None:
    quick = ("--target", "sells", "--recipe", "plain", "--epochs", 1, "--folds", 0, "--save", "run")
    assert pellucid("train", sales, *quick).code == 0
    text = (tmp_path / sales).read_text()
    (tmp_path / "other.csv").write_text(text.replace("x,colour,sells", "X,Colour,sells"))
    for command in ("predict", "evaluate"):
        code, out, err = pellucid(command, "run", "other.csv")
        assert (code, out) == (1, "")
        assert "has no columns 'x', 'colour', which the network was trained with. Did you mean 'X', 'Colour'?" in err
    assert "Did you mean 'colour'?" in pellucid("train", sales, "--target", "Colour").err
    assert "Did you mean 'sells'?" in pellucid("evaluate", "run", sales, "--target", "SELLS").err


def test_one_row_is_a_row(pellucid, tmp_path) -> None:
    (tmp_path / "one.csv").write_text("x,y\n1,a\n")
    assert (
        "one.csv has 1 row with a target, and at least 10 are needed"
        in pellucid("train", "one.csv", "--target", "y").err
    )


def test_a_target_that_teaches_nothing_is_said(pellucid, tmp_path) -> None:
    (tmp_path / "same.csv").write_text("x,y\n" + "".join(f"{n * n},no\n" for n in range(30)))
    code, _, err = pellucid("train", "same.csv", "--target", "y")
    assert code == 1
    assert "'y' is no in every one of the 30 rows" in err
    (tmp_path / "names.csv").write_text("x,y\n" + "".join(f"{n * n % 7},name{n}\n" for n in range(1000)))
    code, _, err = pellucid("train", "names.csv", "--target", "y")
    assert code == 1
    assert "has 1,000 classes in 1,000 rows" in err


def test_tune_searches_keeps_the_best_and_goes_on(pellucid, tmp_path, sales) -> None:
    pytest.importorskip("optuna")
    search = ("tune", sales, "--target", "sells", "--trials", 2, "--epochs", 4)
    code, out, err = pellucid(*search)
    assert (code, err) == (0, "")
    assert "72 rows to train, 24 to choose by, 24 to test at the end" in out
    assert "trial 1: log loss" in out
    assert "best so far   as it was" in out
    folder = tmp_path / "tune" / "sales"
    assert {path.name for path in folder.iterdir()} == {*FILES, "study.journal"}
    report = json.loads((folder / "report.json").read_text())
    assert report["how"] == "on 24 rows that no network learnt from or was preferred by"
    assert [each["name"] for each in report["contenders"]][:4] == [
        "network", "constant", "linear model", "gradient boosting",
    ]  # fmt: skip
    assert "Measured: log loss" in out
    code, out, _ = pellucid(*search)
    assert code == 0
    assert "Going on with the search in tune/sales/: 2 trials were made, the best log loss is" in out
    assert "trial 3" in out
    assert "trial 1:" not in out
    network = pl.load(folder / "model.pellucid")
    assert network.preprocessing.column_names == ("x", "colour")
    assert pellucid("predict", folder, sales).code == 0
    assert "the network was trained on rows of this file" in pellucid("evaluate", folder, sales).out


def test_what_tune_found_goes_into_train(pellucid, tmp_path, sales) -> None:
    pytest.importorskip("optuna")
    pellucid("tune", sales, "--target", "sells", "--trials", 6, "--epochs", 3, "--recipe", "plain", "--seed", 1)
    network = json.loads((tmp_path / "tune/sales/settings.json").read_text())["network"]
    code, out, err = pellucid("train", sales, "--target", "sells", "--settings", "tune/sales", "--folds", 0)
    assert (code, err) == (0, "")
    assert "pellucid train sales.csv --target sells --settings tune/sales --ensemble 8\n" in out
    found, ours = pl.load(tmp_path / "tune/sales/model.pellucid"), pl.load(tmp_path / "runs/sales-1/model.pellucid")
    assert list(map(type, found.layers)) == list(map(type, ours.layers))
    assert [layer.units for layer in ours.layers if isinstance(layer, pl.Dense)][:-1] == network["hidden"]
    assert ours.training.epochs == 3
    again = json.loads((tmp_path / "runs/sales-1/settings.json").read_text())
    assert again["network"] == network
    wider = ("--settings", "runs/sales-1/settings.json", "--hidden", 5, "--folds", 0)
    assert pellucid("train", sales, "--target", "sells", *wider).code == 0
    dense = [layer for layer in pl.load(tmp_path / "runs/sales-2/model.pellucid").layers if isinstance(layer, pl.Dense)]
    assert [layer.units for layer in dense] == [5, 2]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--settings", "nothing"], 1, "No such file or directory: nothing."),
        (["--settings", "sales.csv"], 2, "must be the folder of a run of a table, or its settings.json"),
        (["--settings", "odd.json"], 2, "--settings: The field of a recipe 'hiden' is unknown. Did you mean 'hidden'?"),
        (["--settings", "odd.json", "--recipe", "fast"], 2, "--recipe and --settings do not go together"),
        (["--folds", 5000], 2, "--folds: N must be a whole number of at least 0 and at most 100, not 5000."),
    ],
)
def test_wrong_settings_are_refused(pellucid, tmp_path, sales, arguments, code, words) -> None:
    (tmp_path / "odd.json").write_text('{"network": {"hiden": [3]}}')
    result = pellucid("train", sales, "--target", "sells", *arguments)
    assert result.code == code
    assert words in result.err
    assert not (tmp_path / "runs").exists()


def test_the_same_seed_tries_the_same(pellucid, sales) -> None:
    pytest.importorskip("optuna")
    told = []
    for folder in ("a", "b"):
        out = pellucid(
            "tune", sales, "--target", "sells", "--trials", 3, "--epochs", 2, "--seed", 4, "--save", folder
        ).out
        told.append([line.rpartition("(")[0] for line in out.splitlines() if line.startswith("trial")])
    assert told[0] == told[1]
    assert len(told[0]) == 3


def test_tune_refuses_what_it_cannot_search(pellucid, tmp_path, sales) -> None:
    pytest.importorskip("optuna")
    assert "--trials must be above 0" in pellucid("tune", sales, "--target", "sells", "--trials", 0).err
    (tmp_path / "few.csv").write_text("x,y\n" + "".join(f"{n * n},{n % 2}\n" for n in range(12)))
    assert "a search needs at least 30" in pellucid("tune", "few.csv", "--target", "y", "--trials", 1).err
    assert not (tmp_path / "tune" / "few").exists()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    code, _, err = pellucid("tune", sales, "--target", "sells", "--save", "mine")
    assert code == 2
    assert "holds other files than a search's (letter.txt)" in err


def test_an_interrupt_saves_what_was_learnt(pellucid, tmp_path, sales, monkeypatch) -> None:
    from pellucid.cli import table_progress

    def interrupt(self: object, job: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(table_progress.TrainingsLines, "ended", interrupt)
    code, out, _ = pellucid(
        "train", sales, "--target", "sells", "--recipe", "plain", "--epochs", 3, "--threads", 1, "--save", "run"
    )
    assert code == 130
    assert "Interrupted after epoch 3: what was learnt until then is saved, and not measured." in out
    assert pl.load(tmp_path / "run" / "model.pellucid").classes == ("no", "yes")
