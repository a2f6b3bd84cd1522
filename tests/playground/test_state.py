"""The controls: into the address and back, links of the TensorFlow Playground, and nonsense."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pellucid.playground.catalogue import (
    ACTIVATION_NAMES,
    DATASET_NAMES,
    HIDEABLE,
    INITIALIZER_NAMES,
    LOSS_NAMES,
    OPTIMIZER_NAMES,
    PRESETS,
    REGRESSION_NAMES,
    REGULARIZATION_NAMES,
    SCHEDULE_NAMES,
)
from pellucid.playground.state import CONTROLS, LIVE, PlaygroundState, changed, read_fragment

SEEDS = st.integers(0, 2**32 - 1)
STATES = st.builds(
    PlaygroundState,
    problem=st.sampled_from(["classification", "regression"]),
    dataset=st.sampled_from(DATASET_NAMES),
    regression_dataset=st.sampled_from(REGRESSION_NAMES),
    training_percent=st.integers(10, 90),
    noise=st.integers(0, 80) | st.floats(0, 80),
    batch_size=st.integers(1, 1000),
    seed=SEEDS,
    weight_seed=SEEDS,
    shuffle=st.booleans(),
    x=st.booleans(),
    y=st.booleans(),
    x_squared=st.booleans(),
    y_squared=st.booleans(),
    x_times_y=st.booleans(),
    sin_x=st.booleans(),
    sin_y=st.booleans(),
    formulas=st.lists(
        st.sampled_from(["x1^2", "sin(x1 + x2)", "max(x1, 2*x2)", "x1&x2".replace("&", "*")]), max_size=8
    ).map(tuple),
    network_shape=st.lists(st.integers(1, 64), max_size=10).map(tuple),
    activation=st.sampled_from(ACTIVATION_NAMES),
    activations=st.lists(st.sampled_from(ACTIVATION_NAMES), max_size=10).map(tuple),
    dropout=st.lists(st.floats(0, 0.9), max_size=10).map(tuple),
    initializer=st.sampled_from(INITIALIZER_NAMES),
    start_at_zero=st.booleans(),
    loss=st.sampled_from(LOSS_NAMES),
    optimizer=st.sampled_from(OPTIMIZER_NAMES),
    momentum=st.floats(0, 0.999),
    learning_rate=st.floats(0, 100),
    schedule=st.sampled_from(SCHEDULE_NAMES),
    schedule_epochs=st.integers(1, 100_000),
    regularization=st.sampled_from(REGULARIZATION_NAMES),
    regularization_rate=st.floats(0, 10),
    stop_at=st.integers(0, 10_000_000),
    speed=st.integers(0, 10_000),
    show_test_data=st.booleans(),
    discretize=st.booleans(),
    hide_text=st.booleans(),
    output=st.integers(0, 63),
    tab=st.sampled_from(["plane", "digits"]),
    hide=st.lists(st.sampled_from(HIDEABLE), unique=True).map(tuple),
)


@given(STATES)
def test_a_state_survives_the_address(state: PlaygroundState) -> None:
    again, problems = read_fragment(f"#{state.to_fragment()}")
    assert (again, problems) == (state, [])


@given(STATES)
def test_a_state_survives_json(state: PlaygroundState) -> None:
    again, problems = changed(PlaygroundState(), json.loads(json.dumps(state.to_table())))
    assert (again, problems) == (state, [])


def test_the_defaults_are_those_of_the_tensorflow_playground() -> None:
    table = PlaygroundState().to_table()
    for key, value in {
        "learningRate": 0.03, "activation": "tanh", "regularization": "none", "regularizationRate": 0, "noise": 0,
        "problem": "classification", "dataset": "circle", "regDataset": "reg-plane", "percTrainData": 50,
        "batchSize": 10, "networkShape": [4, 2], "x": True, "y": True, "xSquared": False, "ySquared": False,
        "xTimesY": False, "sinX": False, "sinY": False, "showTestData": False, "discretize": False, "initZero": False,
        "hideText": False,
    }.items():  # fmt: skip
        assert table[key] == value, key
    assert PlaygroundState().to_fragment() == ""


def test_a_link_of_the_tensorflow_playground_opens() -> None:
    link = (
        "#activation=relu&regularization=L2&batchSize=12&dataset=spiral&regDataset=reg-gauss&learningRate=0.1"
        "&regularizationRate=0.003&noise=15&networkShape=8,6,2&seed=0.75042&showTestData=true&discretize=false"
        "&percTrainData=70&x=true&y=true&xTimesY=true&xSquared=false&ySquared=false&cosX=false&sinX=true&cosY=false"
        "&sinY=false&collectStats=false&problem=classification&initZero=false&hideText=true&playButton_hide=true"
        "&noise_hide=false"
    )
    state, problems = read_fragment(link)
    assert problems == []
    assert (state.activation, state.regularization, state.batch_size, state.dataset) == ("relu", "L2", 12, "spiral")
    assert (state.network_shape, state.seed, state.learning_rate) == ((8, 6, 2), 75042, 0.1)
    assert (state.x_times_y, state.sin_x, state.x_squared, state.hide_text) == (True, True, False, True)
    assert state.hide == ("playButton",)


def test_linear_is_the_tensorflow_playgrounds_word_for_identity() -> None:
    assert read_fragment("activation=linear")[0].activation == "identity"


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("noise=abc", "noise"), ("noise=1e400", "noise"), ("noise=nan", "noise"), ("noise=-1", "noise"),
        ("noise=true", "noise"), ("batchSize=2.5", "batchSize"), ("batchSize=" + "9" * 5000, "batchSize"),
        ("activation=tahn", "activation"), ("networkShape=4,x", "networkShape"),
        ("networkShape=" + "4," * 50 + "4", "networkShape"), ("networkShape=65", "networkShape"), ("x=yes", "x"),
        ("dataset=../../etc/passwd", "dataset"), ("formulas=__import__('os')", "formulas"), ("hide=noise", "hide"),
        ("everything_hide=true", "everything_hide"), ("unknown=1", "unknown"), ("dropout=1", "dropout"),
        ("seed=1.5", "seed"),
        ("tab=%00", "tab"), ("speed=1_0", "speed"),
    ],
)  # fmt: skip
def test_nonsense_is_replaced_by_its_default_and_said(text, key) -> None:
    state, problems = read_fragment(f"learningRate=0.1&{text}&noise_hide=true")
    assert [problem.key for problem in problems] == [key]
    assert len(problems[0].message) < 400
    assert state == PlaygroundState(learning_rate=0.1, hide=("noise",))


def test_a_bad_value_says_what_it_was_what_is_allowed_and_what_it_is_now() -> None:
    problem = read_fragment("activation=tahn")[1][0]
    assert problem.value == "tahn"
    assert "Did you mean 'tanh'?" in problem.message
    assert problem.message.endswith("It is at its default, tanh.")


@given(st.text(max_size=300))
def test_any_text_is_an_address(text: str) -> None:
    state, problems = read_fragment(text)
    assert read_fragment(state.to_fragment()) == (state, [])
    assert len(problems) <= 50


def test_an_endless_address_is_not_read() -> None:
    state, problems = read_fragment("noise=10&" * 2000)
    assert state == PlaygroundState()
    assert "longer than" in problems[0].message


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from([*CONTROLS, "other"]), JSON, max_size=6))
def test_any_json_changes_a_control_or_is_refused(changes: dict) -> None:
    state, problems = changed(PlaygroundState(), changes)
    again = read_fragment(state.to_fragment())
    assert again == (state, [])
    assert {problem.key for problem in problems} <= set(changes)


@pytest.mark.parametrize("preset", PRESETS, ids=[preset["name"] for preset in PRESETS])
def test_a_presets_address_has_nothing_wrong_in_it(preset) -> None:
    assert read_fragment(preset["fragment"])[1] == []


def test_live_controls_are_controls() -> None:
    assert set(CONTROLS) >= LIVE
