"""What the doctor finds on the page: it appears, is explained, is done away with by the controls, and goes."""

from __future__ import annotations

import time

import pytest

import pellucid as pl
from pellucid.playground.catalogue import PRESETS
from pellucid.playground.remedies import changes_for
from support.playground import csv


def test_the_doctor_answers_or_says_that_there_is_none(page) -> None:
    page("step", epochs=2)
    answer = page("diagnose")
    assert answer["available"] == hasattr(pl, "diagnose")
    if not answer["available"]:
        assert answer["message"] == "This version of Pellucid has no doctor."
        pytest.skip("this version of Pellucid has no doctor")
    page.set(problem="regression", activation="relu", networkShape=[8, 8], learningRate=10)
    page("step", epochs=20)
    found = page("diagnose")["findings"]
    assert any("rate" in finding["name"] for finding in found)
    assert all(finding["message"] and finding["advice"] for finding in found)


def test_a_rate_that_diverged_is_found_and_what_is_advised_is_done_by_the_controls(page) -> None:
    page.set(problem="regression", activation="relu", networkShape=[8, 8], learningRate=10)
    page("step", epochs=20)
    worst, *others = page("diagnose")["findings"]
    assert (worst["name"], worst["severity"], worst["changes"]) == (
        "learning_rate_too_high", "error", {"learningRate": 0.1},
    )  # fmt: skip
    assert {each["because"] for each in others} <= {worst["title"]}
    page.set(**worst["changes"])
    assert page("diagnose")["findings"] == []  # the fault was the other rate's
    assert page.frame()[0]["diverged"] is None
    page("step", epochs=60)
    assert page("diagnose")["findings"] == []
    assert page.frame()[0]["metric"]["test"] > 0.99


def test_nothing_is_said_of_the_fit_before_it_can_be_seen(page) -> None:
    page("step", epochs=1)
    assert page("diagnose")["findings"] == []
    page.set(networkShape=[])
    page("step", epochs=60)
    assert [each["name"] for each in page("diagnose")["findings"]] == ["underfitting"]


def test_the_doctor_is_not_asked_in_the_first_moments_of_a_run(page) -> None:
    assert page.frame()[0]["findings_changed"]  # before it
    page.set(speed=0)
    begun = time.perf_counter()
    page("run")
    while page.session.epoch < 3:
        time.sleep(0.001)
    changed = page.frame()[0]["findings_changed"]
    assert not changed or time.perf_counter() - begun > 2
    page("pause")
    assert page.frame()[0]["findings_changed"]  # and at once when it pauses


def test_dead_units_are_found_and_gone_after_a_rewind(page) -> None:
    page.set(activation="relu", networkShape=[6, 4])
    for unit in range(6):
        page("bias", layer=0, unit=unit, value=-20)
    page("step", epochs=50)
    assert page("diagnose")["findings"][0]["name"] == "dead_relu"
    page("rewind")
    assert page("diagnose")["findings"] == []


def test_inputs_out_of_scale_are_found_and_a_csvs_are_not_for_they_are_standardized(page) -> None:
    page.set(formulas=["1000*x1", "500*x2"], x=False, y=False)
    page("step", epochs=50)
    found = page("diagnose")["findings"]
    assert (found[0]["name"], found[0]["changes"]) == ("unscaled_inputs", None)  # no control puts Standardize in front
    assert "Standardize()" in found[0]["remedy"]
    page.set(formulas=[], x=True, y=True)
    page("csv", text=csv(200, line="{a}000,{b}000,{c}"))
    page("step", epochs=50)
    assert "unscaled_inputs" not in [each["name"] for each in page("diagnose")["findings"]]


def test_overfitting_is_seen_on_the_test_points(page) -> None:
    page("open", fragment=next(each["fragment"] for each in PRESETS if each["name"] == "overfitting"))
    for _ in range(20):  # the chart has a point for each of them
        page("step", epochs=20)
    found = {each["name"]: each for each in page("diagnose")["findings"]}
    assert found["overfitting"]["severity"] == "warning"
    assert 0 < found["overfitting"]["epoch"] < 200
    assert "after epoch 400" in found["overfitting"]["message"]
    page("rewind")
    assert page("diagnose")["findings"] == []


def test_what_the_doctor_advises_is_only_offered_where_it_is_done_exactly(page) -> None:
    state, data = page.session.state, page.session.data
    rate = pl.Cosine(0.3, steps=25 * 40)
    for remedy, expected in (
        (pl.Remedy(settings={"optimizer": pl.Adam(rate)}),
         {"optimizer": "adam", "learningRate": 0.3, "schedule": "cosine", "scheduleEpochs": 40}),
        (pl.Remedy(settings={"optimizer": pl.GradientDescent(0.1, clip_norm=1.0)}), None),
        (pl.Remedy(settings={"penalty": pl.L2(0.5)}), None),  # regularization is switched off
        (pl.Remedy(layers=(pl.Dense(3), pl.ReLU(), pl.Dense(1), pl.Tanh())),
         {"networkShape": [3], "activation": "relu", "initializer": "auto"}),
        (pl.Remedy(layers=(pl.Dense(3), pl.BatchNormalization(), pl.Dense(1), pl.Tanh())), None),
        (pl.Remedy(layers=(pl.Dense(3), pl.ReLU(), pl.Dense(1))), None),
        (pl.Remedy(fit={"class_weight": "balanced"}), None),
        (None, None),
    ):  # fmt: skip
        assert changes_for(remedy, state, data) == expected, remedy
