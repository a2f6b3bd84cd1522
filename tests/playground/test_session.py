"""Sessions: what the messages do to data, network and training; and the Python lines that do it again, to the bit."""

from __future__ import annotations

import base64
import io
import re
import zipfile
from contextlib import redirect_stdout

import numpy as np
import pytest

import pellucid as pl
from pellucid.playground import commands
from pellucid.playground.data import DataError
from pellucid.playground.state import Refused
from support.playground import FRAME, Page, csv


def run_lines(page: Page, tmp_path, monkeypatch) -> tuple[float, float | None]:
    """The losses that the exported program prints."""
    code = page("code")
    assert code["exact"], code["note"]
    monkeypatch.chdir(tmp_path)
    if "points.npz" in code["python"]:
        (tmp_path / "points.npz").write_bytes(base64.b64decode(page("export", format="data")["base64"]))
    out = io.StringIO()
    with redirect_stdout(out):
        exec(compile(code["python"], "playground.py", "exec"), {})
    found = dict(re.findall(r"(epoch|training loss|test loss) (\S+)", out.getvalue()))
    assert int(found["epoch"]) == page.session.epoch
    return float(found["training loss"]), float(found["test loss"]) if "test loss" in found else None


# -- the lines -------------------------------------------------------------------------------------------------------

STATES = {
    "as it begins": {},
    "a spiral with all inputs": {"dataset": "spiral", "noise": 12.5, "seed": 5, "xSquared": True, "ySquared": True,
                                 "xTimesY": True, "sinX": True, "sinY": True, "percTrainData": 37},
    "own formulas": {"formulas": ["x1^2*x2", "log(x1)", "3"], "y": False},
    "regression": {"problem": "regression", "regDataset": "reg-gauss", "activation": "relu", "networkShape": [7]},
    "three classes, dropout, a schedule": {"dataset": "bulls-eye-three", "networkShape": [9, 6], "dropout": [0.2],
        "activations": ["", "leaky_relu"], "optimizer": "adam", "schedule": "cosine", "scheduleEpochs": 3,
        "initializer": "auto", "shuffle": True, "weightSeed": 9, "batchSize": 7},
    "no hidden layer": {"networkShape": [], "regularization": "L1", "regularizationRate": 0.01},
    "softmax of two": {"loss": "softmax_cross_entropy", "regularization": "elastic_net", "regularizationRate": 0.003},
    "sigmoid": {"loss": "sigmoid_cross_entropy", "optimizer": "nesterov", "momentum": 0.5},
    "hinge": {"loss": "hinge", "dataset": "crescent-moons", "initializer": "orthogonal"},
    "huber of three classes": {"loss": "huber", "dataset": "shifted-sinusoids-three", "activation": "prelu"},
    "zeros": {"initZero": True, "schedule": "warm_up", "optimizer": "rmsprop"},
}  # fmt: skip


@pytest.mark.parametrize("changes", STATES.values(), ids=STATES)
def test_the_exported_lines_come_to_the_same_losses_to_the_bit(page, changes, tmp_path, monkeypatch) -> None:
    state = page.set(**changes)
    assert state["problems"] == []
    assert {key: state["state"][key] for key in changes} == changes
    page("step", epochs=3)
    page("step", epochs=4)
    assert page.loss() == run_lines(page, tmp_path, monkeypatch)


def test_what_was_changed_on_the_way_is_in_the_lines(page, tmp_path, monkeypatch) -> None:
    page("weight", layer=0, from_=1, to=2, value=0.123456789)
    page("step", epochs=5)
    page.set(learningRate=0.1, regularization="L2", regularizationRate=0.01)
    page("step", epochs=5)
    page.set(optimizer="adam")
    page("bias", layer=2, unit=0, value=-1)
    page("step", epochs=2)
    page("regenerate")
    page("step", epochs=2)
    page("add", points=[[1.5, -2.5, 0], [0.1, 0.2, 1]])
    page("erase", x=2, y=2, radius=1)
    page("step", epochs=3)
    page("erase", x=0, y=-2, radius=6.6)  # fewer points are left than a batch has
    page("step", epochs=1)
    assert 0 < len(page.session.data.x_train) < 10
    assert page.session.epoch == 18
    assert page.loss() == run_lines(page, tmp_path, monkeypatch)


def test_own_data_are_in_the_lines(page, tmp_path, monkeypatch) -> None:
    page("csv", text=csv(), name="boxes.csv")
    page("step", epochs=6)
    assert page.loss() == run_lines(page, tmp_path, monkeypatch)
    page("csv", text=csv(400), name="boxes.csv")  # too many to be written out
    page("step", epochs=6)
    assert "points.npz" in page("code")["note"]
    assert page.loss() == run_lines(page, tmp_path, monkeypatch)


def test_a_network_that_is_rewound_after_its_data_changed_keeps_its_scales_and_so_do_the_lines(
    page, tmp_path, monkeypatch
) -> None:
    page("csv", text=csv(300), name="boxes.csv")
    page.set(networkShape=[5], initializer="unit_variance")  # which looks at the rows, as Standardize does
    page("step", epochs=2)
    first = page.session.first
    page("erase", x=0, y=0, radius=60)
    page.set(weightSeed=3)  # of the next reset
    page("rewind")
    assert all(np.array_equal(now, then) for now, then in zip(page.session.first, first, strict=True))
    page("step", epochs=3)
    assert run_lines(page, tmp_path, monkeypatch) == page.loss()
    page("regenerate")
    page("step", epochs=1)
    assert run_lines(page, tmp_path, monkeypatch) == page.loss()


def test_a_training_that_diverged_is_in_the_lines(page, tmp_path, monkeypatch) -> None:
    page.set(problem="regression", activation="relu", networkShape=[8, 8], learningRate=1)
    page("step", epochs=1)
    page.set(learningRate=100)
    page("step", epochs=50)
    header, _ = page.frame()
    assert "learning rate is too high" in header["diverged"]
    assert np.isfinite(header["loss"]["train"])
    assert page.loss() == run_lines(page, tmp_path, monkeypatch)


# -- training --------------------------------------------------------------------------------------------------------


def test_rewinding_trains_the_very_same_again_and_a_reset_something_else(page) -> None:
    first = page.frame()[1]["weight.0"]
    page("step", epochs=10)
    after = page.loss()
    assert page("rewind")["epoch"] == 0
    assert np.array_equal(page.frame()[1]["weight.0"], first)
    page("step", epochs=10)
    assert page.loss() == after
    state = page("reset")
    assert (state["epoch"], state["state"]["weightSeed"], state["running"]) == (0, 1, False)
    assert not np.array_equal(page.frame()[1]["weight.0"], first)
    page("reseed", seed=0)
    assert np.array_equal(page.frame()[1]["weight.0"], first)


def test_it_runs_until_told_otherwise_and_stops_at_the_wished_epoch(page) -> None:
    page.set(speed=0, stopAt=400)
    assert page("run")["running"]
    wait_for(page, lambda: not page.session.running)
    header, _ = page.frame()
    assert (header["epoch"], header["stopped"]) == (400, "Paused at epoch 400, as wished.")
    page("run")  # beyond it, training goes on
    wait_for(page, lambda: page.session.epoch > 500)
    assert not page("pause")["running"]


def test_the_chart_shows_how_a_fast_run_began(page) -> None:
    page.set(speed=0, stopAt=400)
    page("run")
    wait_for(page, lambda: not page.session.running)
    epochs = page.frame()[1]["curve"][:, 0]
    assert set(range(20)) <= set(epochs.tolist())
    assert np.diff(epochs).max() <= 21


def test_a_speed_is_kept(page) -> None:
    import time

    page.set(speed=50)
    began = time.perf_counter()
    page("run")
    wait_for(page, lambda: page.session.epoch >= 30)
    state = page("pause")
    assert state["epoch"] <= 50 * (time.perf_counter() - began) + 1


def wait_for(page: Page, condition) -> None:
    import time

    end = time.monotonic() + 600
    while not page.session.call(condition).result(600):
        assert time.monotonic() < end, "it never came"
        time.sleep(0.005)


def test_live_controls_leave_the_network_and_others_make_a_new_one(page) -> None:
    page("step", epochs=3)
    for changes in ({"learningRate": 0.3}, {"regularization": "L1"}, {"regularizationRate": 1}, {"discretize": True}):
        state = page.set(**changes)
        assert (state["epoch"], state["generation"]) == (3, 1)
    assert page.set(seed=4)["epoch"] == 3  # other data, the same network
    for changes in ({"noise": 5}, {"batchSize": 3}, {"percTrainData": 20}, {"networkShape": [3]}, {"sinX": True}):
        page("step", epochs=1)
        before = page.session.generation
        state = page.set(**changes)
        assert (state["epoch"], state["generation"]) == (0, before + 1)


def test_a_weight_that_is_set_is_the_one_that_trains(page) -> None:
    page("weight", layer=1, from_=3, to=1, value=2.5)
    assert page.frame()[1]["weight.1"][3, 1] == 2.5
    with pytest.raises(Refused, match="no layer 9"):
        page("weight", layer=9, from_=0, to=0, value=1)
    with pytest.raises(Refused, match="4 × 2"):
        page("weight", layer=1, from_=7, to=0, value=1)
    with pytest.raises(Refused, match="no such bias"):
        page("bias", layer=0, unit=4, value=1)


def test_a_control_that_does_not_go_with_another_is_put_right_and_said(page) -> None:
    page.set(loss="hinge")
    state = page.set(problem="regression")
    assert state["state"]["loss"] == "auto"
    assert "hinge is not for regression" in state["problems"][0]["message"]
    state = page.set(x=False, y=False)
    assert (state["state"]["x"], state["state"]["y"]) == (True, True)
    state = page.set(loss="poisson")  # whose targets must be counts
    assert state["state"]["loss"] == "auto"
    assert "counts" in state["problems"][0]["message"]


# -- frames ----------------------------------------------------------------------------------------------------------


def test_the_map_says_what_the_network_says(page) -> None:
    page("step", epochs=20)
    header, arrays = page.frame(unit={"layer": 1, "unit": 2})
    assert header["signed"]
    session = page.session
    x1, x2 = -6 + 12 * (4 + 0.5) / 30, 6 - 12 * (7 + 0.5) / 30  # the middle of row 7, column 4
    assert arrays["output"][0, 7, 4] == pytest.approx(session.network.scores([[x1, x2]])[0, 0], rel=1e-5)
    hidden = np.tanh(np.array([x1, x2]) @ arrays["weight.0"] + arrays["bias.0"])
    assert arrays["unit"][7, 4] == pytest.approx(hidden[2], rel=1e-5)
    maps = arrays["maps"]
    assert maps.shape == (2 + 4 + 2 + 1, 10, 10)
    assert maps[0, 0, 0] == -127  # x₁ is low at the left, x₂ high at the top
    assert maps[1, 0, 0] == 127
    assert maps[8, 3, 5] == pytest.approx(127 * session.network.scores([[0.6, 1.8]])[0, 0], abs=1)


def test_accuracy_and_confusion_are_counted(page) -> None:
    page.set(dataset="bulls-eye-three")
    page("step", epochs=5)
    header, arrays = page.frame()
    data = page.session.data
    predicted = page.session.network.predict(data.x_test)
    confusion = np.array(header["confusion"]["test"])
    for true in range(3):
        for said in range(3):
            assert confusion[true, said] == np.sum((data.y_test == true) & (predicted == said))
    assert header["metric"]["test"] == pytest.approx(np.mean(predicted == data.y_test))
    assert arrays["output"].sum(axis=0) == pytest.approx(np.ones((30, 30)), abs=1e-5)


def test_histograms_show_every_layer(page) -> None:
    header, _ = page.frame(histograms=True)
    assert [entry["layer"] for entry in header["histograms"]] == [1, 2, 3]
    for units, entry in zip((4, 2, 1), header["histograms"], strict=True):
        assert sum(entry["activation"]["counts"]) == sum(entry["gradient"]["counts"]) == 250 * units


def test_the_chart_keeps_its_form_however_long_training_goes_on(page) -> None:
    from pellucid.playground.curve import Curve

    curve = Curve(3)
    for epoch in range(100_000):
        curve.add(epoch, epoch / 2, None)
    rows = curve.since(-1)
    assert 1000 < len(rows) <= 2001
    assert (rows[0, 0], rows[-1, 0]) == (0, 99_999)
    assert rows[:, 1] == pytest.approx(rows[:, 0] / 2)
    assert (np.diff(rows[:, 0]) > 0).all()
    assert len(curve.since(99_000)) == (rows[:, 0] > 99_000).sum()


def test_a_frame_waits_for_something_new(page) -> None:
    seen: list[bytes] = []
    page.session.call(lambda: page.session.screen.want(FRAME, seen.append)).result(10)
    wait_for(page, lambda: len(seen) == 1)
    page.session.call(lambda: page.session.screen.want(FRAME, seen.append)).result(10)
    page("pause")
    assert len(seen) == 1
    page("step", epochs=1)
    wait_for(page, lambda: len(seen) == 2)
    page.session.call(lambda: page.session.screen.want(FRAME | {"map_size": 5}, seen.append)).result(10)
    wait_for(page, lambda: len(seen) == 3)


# -- data ------------------------------------------------------------------------------------------------------------


def test_own_data_are_kept_behind_others_and_divided_as_the_controls_say(page) -> None:
    assert page("csv", text=csv(100), name="boxes.csv")["own"] == {"classification": "boxes.csv"}
    rows = page.session.data.x_train
    assert page.set(dataset="circle")["own"] == {"classification": "boxes.csv"}
    page.set(dataset="own")
    assert np.array_equal(page.session.data.x_train, rows)
    page.set(dataset="circle", percTrainData=80)
    page.set(dataset="own")
    assert (len(page.session.data.x_train), len(page.session.data.x_test)) == (80, 20)


def test_own_data_train(page) -> None:
    state = page("csv", text=csv(300), name="boxes.csv")
    assert (state["state"]["dataset"], state["state"]["problem"]) == ("own", "classification")
    assert page.session.data.classes == ("no", "yes")
    page.set(networkShape=[8], initializer="auto", optimizer="adam", learningRate=0.03)
    page("step", epochs=200)
    assert page.frame()[0]["metric"]["train"] > 0.95
    assert page.set(dataset="circle")["state"]["dataset"] == "circle"
    assert page.set(dataset="own")["state"]["dataset"] == "own"  # they are kept
    assert page.session.data.name == "boxes.csv"


def test_bad_own_data_change_nothing(page) -> None:
    page("step", epochs=2)
    with pytest.raises(DataError, match="one column"):
        page("csv", text="a\n1\n", name="x")
    with pytest.raises(Refused, match="no CSV whose columns"):
        page("columns", target="a")
    with pytest.raises(Refused, match="no own data yet"):
        page.set(dataset="own")
    assert page.session.epoch == 2
    assert page.session.state.dataset == "circle"


def test_points_are_added_and_erased_and_training_goes_on(page) -> None:
    page("step", epochs=2)
    state = page("add", points=[[0, 0, 1], [5, 5, 0]])
    assert (state["state"]["dataset"], state["epoch"]) == ("own", 2)
    assert page.session.data.rows == 502
    page("add", points=[[5, -5, 2]])  # a third class needs another network
    assert page.session.epoch == 0
    assert page.session.data.classes == ("0", "1", "2")
    page("erase", x=0, y=0, radius=2.6)
    assert page.session.data.rows < 300
    with pytest.raises(DataError, match="class must be a whole number from 0 to 9"):
        page("add", points=[[0, 0, 0.5]])
    page("clear")
    assert page.frame()[0]["loss"]["train"] is None
    with pytest.raises(Refused, match="no training points"):
        page("run")
    page("add", points=[[x, y, int(x > 0)] for x in (-3, -2, 2, 3) for y in (-1, 1)])
    page("step", epochs=50)
    assert page.loss()[0] < 0.5


def test_a_link_to_own_data_says_that_they_are_not_in_it(page) -> None:
    state = page("open", fragment="dataset=own&noise=5")
    assert (state["state"]["dataset"], state["state"]["noise"]) == ("circle", 5)
    assert "not in it" in state["problems"][0]["message"]


# -- files -----------------------------------------------------------------------------------------------------------


def exported(page: Page, name: str) -> bytes:
    return base64.b64decode(page("export", format=name)["base64"])


def test_a_network_is_taken_away_and_brought_back(page, tmp_path) -> None:
    page.set(networkShape=[5, 3], activations=["", "relu"], dropout=[0, 0.1], sinX=True, loss="sigmoid_cross_entropy")
    page("step", epochs=20)
    before = page.frame()[1]
    data = exported(page, "pellucid")
    (tmp_path / "network.pellucid").write_bytes(data)
    network = pl.load(tmp_path / "network.pellucid")
    assert np.array_equal(network.get("0.weight"), before["weight.0"])
    other = Page()
    state = other("load", base64=base64.b64encode(data).decode(), name="mine.pellucid")
    assert state["state"] == page.session.state.to_table() | {"weightSeed": 0}
    assert np.array_equal(other.frame()[1]["output"], before["output"])
    other("step", epochs=2)
    other("rewind")
    assert np.array_equal(other.frame()[1]["weight.0"], before["weight.0"])
    assert "mine.pellucid" in other("code")["note"]
    other.session.end(wait=True)


def test_a_network_for_own_data_is_brought_back_to_them(page) -> None:
    text = csv(80, line="{a},{b},{a},{c}").replace("width,depth,kind", "width,depth,again,kind")
    page("csv", text=text)
    page.set(sinY=True, networkShape=[3])
    page("step", epochs=5)
    data, before = base64.b64encode(exported(page, "pellucid")).decode(), page.frame()[1]
    other = Page()
    with pytest.raises(Refused, match=r"inputs are called .*again"):
        other("load", base64=data)
    other("csv", text=text)
    other("load", base64=data)
    assert np.array_equal(other.frame()[1]["output"], before["output"])
    other.session.end(wait=True)


def test_networks_that_cannot_be_drawn_are_refused_with_the_reason(page, tmp_path) -> None:
    for layers, size, words in (
        ([pl.Dense(2), pl.BatchNormalization(), pl.Dense(1)], 2, "this network has BatchNormalization"),
        ([pl.Dense(100), pl.Dense(1)], 2, "up to 10 layers of 64 units"),
        ([pl.Dense(4), pl.Tanh(), pl.Dense(1)], 5, "5 inputs without names"),
        ([pl.Standardize(), pl.Dense(1)], 2, "cannot draw this network"),
    ):
        pl.save(pl.Network(layers).build(size), tmp_path / "odd.pellucid")
        with pytest.raises(Refused, match=words):
            page("load", base64=base64.b64encode((tmp_path / "odd.pellucid").read_bytes()).decode())
    with pytest.raises(Refused, match="The file is no model") as refused:
        page("load", base64=base64.b64encode(b"PK\x03\x04 nonsense").decode())
    assert "/" not in str(refused.value).replace("and/or", "")
    assert page.session.state.network_shape == (4, 2)


def test_every_format_is_written(page) -> None:
    page("step", epochs=2)
    names = [entry["name"] for entry in commands.downloads.available_formats() if entry["available"]]
    assert {"pellucid", "code", "data", "c", "numpy", "training", "javascript"} <= set(names)
    for name in names:
        assert len(exported(page, name)) > 100
    files = zipfile.ZipFile(io.BytesIO(exported(page, "c"))).namelist()
    assert {"network.c", "network.h"} <= set(files)
    with pytest.raises(Refused, match="no format"):
        page("export", format="../../x")


def test_the_numpy_source_answers_the_same(page) -> None:
    page("step", epochs=30)
    space: dict = {"__name__": "network"}
    exec(compile(exported(page, "numpy"), "network.py", "exec"), space)
    x = page.session.data.x_test[:20]
    assert space["scores"](x) == pytest.approx(page.session.network.scores(x), abs=1e-5)


# -- inside ----------------------------------------------------------------------------------------------------------


def test_a_trace_is_the_step_that_comes_next(page) -> None:
    page("step", epochs=2)
    message = page("trace", point=[1.0, 2.0], target=1)
    first = message["trace"]["layers"][0]
    _, arrays = page.frame()
    assert first["output"][0] == pytest.approx(np.array([1.0, 2.0]) @ arrays["weight.0"] + arrays["bias.0"], rel=1e-5)
    assert first["parameters"]["weight"]["update"] == pytest.approx(
        -0.03 * np.array(first["parameters"]["weight"]["gradient"]), rel=1e-4
    )
    assert [entry["column"] for entry in message["layers"]] == [1, 1, 2, 2, 3, 3]
    assert "Backward" in message["text"]
    with pytest.raises(Refused, match="class must be a whole number from 0 to 1"):
        page("trace", point=[0, 0], target=2)


def test_a_trace_follows_a_changed_weight_and_another_optimizer(page) -> None:
    page("step", epochs=1)
    page.set(optimizer="adam")
    page("weight", layer=0, from_=0, to=0, value=3)
    message = page("trace", point=[1.0, 0.0], target=0)
    _, arrays = page.frame()
    assert message["trace"]["layers"][0]["output"][0][0] == pytest.approx(3 + arrays["bias.0"][0])


def test_an_ended_session_holds_nothing(page) -> None:
    import gc
    import weakref

    network = weakref.ref(page.session.network)
    page.session.end(wait=True)
    gc.collect()
    assert network() is None
    with pytest.raises(RuntimeError, match="has ended"):
        page.session.call(lambda: None).result(5)
