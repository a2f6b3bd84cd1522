"""A file that is read part by part gives the networks, and the report, of the same rows in memory."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("pyarrow")
pytest.importorskip("sklearn")

import pellucid as pl
from pellucid.tables import TableEncoder, TableStream, read_table, train_stream
from pellucid.tables.fitting import Settings, TableModel, divide
from pellucid.tables.large import epochs_for
from pellucid.tables.recipes import recipe_for
from pellucid.tables.running import EncodedRows, Job, run_all
from pellucid.tables.scan import Moments
from pellucid.tables.targets import find_target
from pellucid.tables.training import ProgressListener

TARGETS = {"price": "numbers", "sort": "classes", "visits": "counts"}


def write(path: Path, rows: int, seed: int = 0) -> Path:
    """A table with every kind of column, missing cells, and a number, a class and a count to learn."""
    random = np.random.default_rng(seed)
    size, big = random.normal(size=rows), random.choice(["red", "green", "blue", ""], rows)
    price = 2 * size + (big == "red") + random.normal(0, 0.1, rows)
    visits = random.poisson(np.exp(1 + 0.5 * size))
    lines = ["size,colour,city,when,new,price,sort,visits"]
    for row in range(rows):
        cells = [
            f"{size[row]:.6f}" if row % 13 else "NA",
            big[row],
            f"city {random.integers(20)}",
            f"20{random.integers(10, 24)}-0{random.integers(1, 9)}-15",
            "yes" if row % 3 else "no",
            f"{price[row]:.6f}" if row % 97 != 5 else "",
            "big" if size[row] > 0 else "small",
            str(visits[row]) if row % 50 else "",
        ]
        lines.append(",".join(cells))
    path.write_text("\n".join(lines) + "\n")
    return path


def settings_for(recipe: str, task: str, **more: Any) -> Settings:
    return Settings(replace(recipe_for(recipe, task), hidden=(8, 8), batch_size=32), **{"epochs": 3, **more})


def stream_of(path: Path, target: str, recipe: str, **more: Any) -> TableStream:
    wanted = recipe_for(recipe, "classes")
    options = {"one_hot_up_to": wanted.one_hot_up_to, "clip": wanted.clip, "validation": 0.2, "examples": 10_000}
    options |= {"task": "auto", "block": 4000, "kinds": {name: "ignore" for name in TARGETS if name != target}}
    return TableStream(path, target, **options | more)


@pytest.mark.parametrize(
    ("target", "recipe", "asked"),
    [
        ("price", "strong", {}),
        ("price", "fast", {"task": "quantiles", "quantiles": (0.1, 0.9)}),
        ("sort", "strong", {}),
        ("sort", "plain", {}),
        ("visits", "strong", {"task": "counts"}),
    ],
)
def test_a_reservoir_that_holds_all_gives_the_network_of_the_rows_in_memory_to_the_bit(
    tmp_path: Path, target: str, recipe: str, asked: dict[str, Any]
) -> None:
    path = write(tmp_path / "t.csv", 500)
    stream = stream_of(path, target, recipe, **asked)
    assert stream.whole
    settings = settings_for(recipe, stream.target.task)
    trained = train_stream(stream, settings)

    table, values, dropped = read_table(path, kinds={n: "ignore" for n in TARGETS if n != target}).split_target(target)
    goal = find_target(values, target, asked=asked.get("task", "auto"), quantiles=asked.get("quantiles", (0.5,)))
    assert (stream.target, stream.dropped, stream.rows) == (goal, dropped, table.rows)
    assert stream.target.counts == tuple(values.tolist().count(each) for each in goal.classes)
    known = np.flatnonzero([row % 97 != 5 for row in range(500)] if target == "price" else np.ones(500))
    if target == "visits":
        known = np.flatnonzero([row % 50 for row in range(500)])
    held_out = pl.streams.Stream(0, pl.streams.Purpose.DATA, 1).uniform((500, 1))[known, 0] < 0.2
    y, train, measured = goal.encode(values), table.take(~held_out), table.take(held_out)
    encoder = TableEncoder.fit(train, one_hot_up_to=settings.recipe.one_hot_up_to, clip=settings.recipe.clip)
    choosing, measuring = divide(y[held_out], goal, 0.5, settings.seed)
    x_held = encoder.transform(measured)
    job = Job(
        name="in memory",
        recipe=settings.recipe,
        layout=encoder.layout,
        target=goal,
        rows=EncodedRows(encoder.transform(train), y[~held_out]),
        held_out=EncodedRows(x_held[choosing], y[held_out][choosing]),
        epochs=3,
        seed=settings.seed,
    )
    run_all([job])
    model, (network,) = TableModel.of([job], encoder), trained.model.networks
    assert stream.encoder == encoder == network.preprocessing
    assert network.parameters.tobytes() == model.networks[0].parameters.tobytes()
    assert (network.target, network.classes, network.loss) == (
        job.network.target,
        job.network.classes,
        job.network.loss,
    )
    for name in job.trainer.history.columns:
        if name != "seconds":
            assert trained.model.histories[0][name] == job.trainer.history[name]
    np.testing.assert_array_equal(trained.report.truth, y[held_out][measuring])
    np.testing.assert_array_equal(trained.report.answers, model.answers(x_held[measuring]))


@pytest.mark.parametrize("target", [*TARGETS])
def test_pieces_teach_what_the_rows_hold_and_the_report_is_whole(tmp_path: Path, target: str) -> None:
    path = write(tmp_path / "t.csv", 3000)
    stream = stream_of(path, target, "strong", reservoir=500, examples=400, task=TARGETS[target])
    assert not stream.whole
    settings = settings_for("strong", stream.target.task, epochs=8, n_models=2)
    ended: list[str] = []
    report = (
        trained := train_stream(stream, settings, telling=ProgressListener(ended=lambda job: ended.append(job.label)))
    ).report
    assert [each.name for each in report.contenders] == ["network", "constant", "linear model", "gradient boosting"]
    assert report.contenders[0].lead == {}
    assert all(lead.low > 0 for lead in [*report.contenders[1].lead.values()][:1])  # better than a constant
    assert next(iter(report.importance)) == "size"
    assert report.findings["findings"] is not None
    assert {effect.column for effect in report.effects} >= {"size", "colour"}
    half = len(stream.validation[0]) // 2
    rows = f"on {len(report.truth)} rows set aside, which no model saw; the others learnt from 400 of the"
    assert report.how == f"{rows} {stream.train_rows:,} rows"
    assert abs(len(report.truth) - half) <= 3
    assert (report.epochs, report.rows, report.dropped) == (8, stream.rows, stream.dropped)
    assert len(ended) == len(trained.model.networks) == 2
    assert f"8 epochs of {stream.train_rows:,} rows" in ended[0]
    for network in trained.model.networks:
        assert network.training.rows == stream.train_rows
        assert network.training.steps == 8 * -(-stream.train_rows // 32)  # the schedules reach over all of them
    one, two = (network.parameters.tobytes() for network in trained.model.networks)
    assert one != two


def test_the_unit_of_a_target_is_that_of_all_rows_and_not_of_the_first_piece(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("x,y\n" + "".join(f"{row % 10 / 7},{row + row % 10 / 7:.3f}\n" for row in range(600)))
    stream = stream_of(path, "y", "strong", reservoir=100, block=1000, kinds={}, validation=0.1)
    (network,) = train_stream(stream, settings_for("strong", "numbers", epochs=1)).model.networks
    known = np.concatenate([y for _, y in stream.pieces(0)])
    assert network.target.mean == pytest.approx(known.mean(), rel=1e-12)
    assert network.target.scale == pytest.approx(known.std(), rel=1e-12)
    assert (network.target.low, network.target.high) == (known.min(), known.max())


def test_moments_are_those_of_all_numbers_however_they_are_divided() -> None:
    numbers = np.random.default_rng(0).normal(1e6, 3.0, 1000)
    moments = Moments()
    for part in np.split(numbers, [0, 7, 300, 301]):
        moments.add(part)
    unit, whole = moments.unit(standardize=True, clamp=True), pl.TargetScaling.measured(numbers[:, None])
    assert unit.mean == pytest.approx(whole.mean, rel=1e-14)
    assert unit.scale == pytest.approx(whole.scale, rel=1e-9)
    assert (unit.low, unit.high) == (whole.low, whole.high)
    assert moments.unit(standardize=False, clamp=True) == pl.TargetScaling(low=unit.low, high=unit.high)


def test_members_of_an_ensemble_learn_from_one_reading_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = stream_of(write(tmp_path / "t.csv", 400), "price", "plain", reservoir=100)
    readings, pieces = [], TableStream.pieces

    def counted(self: TableStream, epoch: int, batch_size: int = 1) -> Any:
        readings.append(epoch)
        return pieces(self, epoch, batch_size)

    monkeypatch.setattr(TableStream, "pieces", counted)
    train_stream(stream, settings_for("plain", "numbers", n_models=3, epochs=2), measure=False)
    assert len(readings) == 2


def test_ctrl_c_leaves_what_was_learnt_and_the_best_of_it(tmp_path: Path) -> None:
    stream = stream_of(write(tmp_path / "t.csv", 1000), "price", "plain", reservoir=200)

    def third(trainer: pl.Trainer) -> None:
        if trainer.epoch == 3:
            raise KeyboardInterrupt

    telling = ProgressListener(watch=lambda job: [pl.Every(1, third)])
    trained = train_stream(stream, settings_for("plain", "numbers", epochs=2), telling=telling)
    assert trained.interrupted
    assert not trained.report.contenders
    (network,), (history,) = trained.model.networks, trained.model.histories
    assert len(history) == 3
    assert history.best_epoch is not None
    assert np.isfinite(network.predict(stream.validation[0])).all()


def test_ctrl_c_before_the_first_piece_is_done_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def pieces(self: TableStream, epoch: int, batch_size: int = 1) -> Any:
        raise KeyboardInterrupt
        yield

    stream = stream_of(write(tmp_path / "t.csv", 1000), "price", "plain", reservoir=200)
    monkeypatch.setattr(TableStream, "pieces", pieces)
    with pytest.raises(KeyboardInterrupt):
        train_stream(stream, settings_for("plain", "numbers"))


def test_not_measured_all_rows_held_out_choose_the_best_weights(tmp_path: Path) -> None:
    stream = stream_of(write(tmp_path / "t.csv", 400), "sort", "plain")
    trained = train_stream(stream, settings_for("plain", "classes"), measure=False)
    assert not trained.report.contenders
    assert trained.model.networks[0].training.validation_rows == len(stream.validation[0])


def test_a_run_that_explodes_is_told(tmp_path: Path) -> None:
    stream = stream_of(write(tmp_path / "t.csv", 400), "price", "plain", reservoir=100)
    settings = settings_for("plain", "numbers")
    with pytest.raises(pl.DivergenceError):
        train_stream(stream, replace(settings, recipe=replace(settings.recipe, learning_rate=1e30)))


def test_examples_are_needed(tmp_path: Path) -> None:
    stream = stream_of(write(tmp_path / "t.csv", 100), "price", "plain", examples=0)
    with pytest.raises(ValueError, match="keeps no examples"):
        train_stream(stream, settings_for("plain", "numbers"))


def test_large_streams_get_fewer_epochs_but_one() -> None:
    recipe = recipe_for("strong", "numbers")
    assert [epochs_for(recipe, rows) for rows in (1000, 10_000, 10**6, 4 * 10**6, 10**8)] == [256, 200, 16, 8, 1]


def test_examples_are_a_uniform_sample_of_the_rows_that_are_trained_on(tmp_path: Path) -> None:
    """Each of about 900 rows is one of 90 examples with probability 1/10: over 30 seeds 3 times, give or take."""
    path = tmp_path / "t.csv"
    path.write_text("x,y\n" + "".join(f"{row / 8},{row}\n" for row in range(1000)))
    counts, possible = np.zeros(1000), np.zeros(1000)
    for seed in range(30):
        stream = stream_of(path, "y", "plain", kinds={"y": "number"}, examples=90, seed=seed, block=2000)
        table, y = stream.examples
        np.testing.assert_array_equal(table["x"], y / 8)
        assert len(set(y.tolist())) == 90
        held_out = stream.held_out[1]
        assert not set(held_out.tolist()) & set(y.tolist())
        counts[y.astype(int)] += 1
        possible += 1
        possible[held_out.astype(int)] -= 1
    share = counts.sum() / possible.sum()
    for part in (slice(0, 100), slice(450, 550), slice(900, 1000)):
        found, rows = counts[part].sum(), possible[part].sum()
        assert abs(found - share * rows) < 4 * np.sqrt(share * rows)


def test_the_doctor_looks_at_rows_from_all_over_the_file(tmp_path: Path) -> None:
    """Of a file that is sorted by its target, the last piece alone would make every first loss look far too high."""
    x, z = np.sort(np.random.default_rng(0).normal(size=4000)), np.random.default_rng(1).normal(size=4000)
    lines = [f"{a:.4f},{b:.4f},{1000 + 100 * a:.3f}" for a, b in zip(x, z, strict=True)]
    (tmp_path / "t.csv").write_text("\n".join(["x,z,y", *lines]) + "\n")
    stream = TableStream(tmp_path / "t.csv", "y", examples=50_000, reservoir=400)
    trained = train_stream(stream, settings_for("plain", "numbers", epochs=3), measure=False)
    assert len(trained.model.histories[0]) > 3  # pieces
    assert "initial_loss" not in trained.diagnosis.names
    assert trained.report.findings == trained.diagnosis.to_dict()
