"""The output: map, points, legend, classes, confusion, frozen curves; the link; files taken away."""

from __future__ import annotations

import json

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import pellucid as pl

THREE = "dataset=shifted-sinusoids-three"
COLOURS_OF_THE_MAP = """(() => { const canvas = document.querySelector("#map");
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    return new Set(new Uint32Array(data.buffer)).size; })()"""


def test_test_points_and_discretized_output(play):
    play.page.click("#step")
    play.wait("store.epoch === 1")
    play.changes("#points", lambda: play.page.check("#control-showTestData"))
    play.changes("#map", lambda: play.page.check("#control-discretize"))
    play.wait("store.epoch === 1 && store.fragment === 'showTestData=true&discretize=true'")
    play.wait(f"{COLOURS_OF_THE_MAP} === 2")


def test_three_classes_are_blended_and_shown_one_by_one(visit):
    play = visit(THREE)
    assert play.page.locator("#legend .swatch").count() == 3
    assert play.page.locator("#units [data-layer='3']").count() == 3
    play.changes("#map", lambda: play.page.select_option("#output-select", "2"))
    play.wait("store.state.output === 2")
    play.see("#network-facts", "cross entropy")


def test_the_confusion_table_counts_every_point(visit):
    play = visit(THREE)
    rows = play.store("store.data.arrays.test.shape[0]")
    counts = play.page.locator("#confusion tbody td").all_text_contents()
    assert sum(map(int, counts)) == rows
    play.page.check("#confusion input[value='train']", force=True)
    play.see("#confusion input:checked + span", "Training")


def test_a_frozen_run_stays_behind_the_next(play):
    for _ in range(3):
        play.page.click("#step")
    play.wait("store.frame?.epoch === 3")
    play.page.click("#freeze")
    play.page.click("#reset")
    play.wait("store.frame?.epoch === 0")
    grey = play.picture("#chart")
    play.changes("#chart", lambda: play.page.click("#thaw"))
    assert play.picture("#chart") != grey


def test_the_map_tells_its_value(play):
    play.page.hover("#points", position={"x": 100, "y": 100})
    play.see("#map-read", r"x₁ = −?\d\.\d\d, x₂ = −?\d\.\d\d: −?\d")


def test_a_link_brings_the_same_state_back(visit):
    inputs, layers = "xSquared=true&formulas=sin(2*x1);abs(x2)", "networkShape=5,3&activations=relu&dropout=0,0.2"
    first = visit(f"dataset=xor&noise=15&{inputs}&{layers}&optimizer=adam&learningRate=0.01")
    again = visit(first.fragment)
    assert again.store("store.state") == first.store("store.state")
    assert again.first_weights == first.first_weights
    assert again.picture("#points") == first.picture("#points")


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    changes=st.fixed_dictionaries(
        {},
        optional={
            "noise": st.integers(0, 10).map(lambda n: 5 * n),
            "networkShape": st.lists(st.integers(1, 8), max_size=4),
            "activation": st.sampled_from(["relu", "sigmoid", "identity"]),
            "formulas": st.lists(st.sampled_from(["x1^3", "cos(x2)", "max(x1, x2)"]), max_size=2, unique=True),
            "dropout": st.lists(st.sampled_from([0.1, 0.5]), max_size=2),
            "learningRate": st.sampled_from([0.001, 0.3]),
            "showTestData": st.booleans(),
            "hide": st.lists(st.sampled_from(["noise", "sinX"]), max_size=2, unique=True),
        },
    )
)
def test_any_state_survives_the_address(play, changes):
    play.ask("openAddress('').then(() => set(value))", changes)
    state, fragment = play.store("store.state"), play.fragment
    play.ask("openAddress('').then(() => { location.hash = value; })", fragment)
    play.wait(f"store.fragment === {json.dumps(fragment)}")
    assert play.store("store.state") == state


def test_bad_values_in_a_link_are_said_and_replaced(visit):
    play = visit("noise=banana&networkShape=99&frobnicate=1&learningRate=0.1")
    said = play.see("#notices", "noise")
    assert all(word in said for word in ("networkShape", "frobnicate"))
    assert play.fragment == "learningRate=0.1"
    assert play.page.locator("#notices .notice").count() == 3
    play.page.click("#notices button >> nth=0")
    assert play.page.locator("#notices .notice").count() == 2


def test_the_classroom_hides_controls_by_a_link(play, visit):
    play.page.click("#open-classroom")
    for key in ("noise", "sinX", "resetButton", "hideText"):
        play.page.check(f"#classroom input[value='{key}']")
        play.wait(f"store.state.hide.includes('{key}') || store.state.hideText")
    play.wait("store.state.hide.length === 3 && store.state.hideText")
    link = play.page.input_value("#classroom-link")
    other = visit(link.split("#")[1])
    for selector in ("#control-noise", "#inputs [aria-label='Input sin x₁']", "#reset", "#rewind", ".foot"):
        assert other.page.locator(selector).count() == 0 or other.page.is_hidden(selector), selector
    assert other.page.is_visible("#control-percTrainData")


def test_the_python_lines_and_the_files_are_taken_away(play, tmp_path):
    for _ in range(2):
        play.page.click("#step")
    play.wait("store.frame?.epoch === 2")
    play.page.click("#open-take-away")
    code = play.see("#code pre", "import pellucid as pl")
    assert "Trainer" in code
    assert play.page.input_value("#take-away input[type=text]").startswith("http://127.0.0.1")
    names = play.page.eval_on_selector_all("[data-export]:enabled", "buttons => buttons.map(b => b.dataset.export)")
    assert len(names) >= 4
    with play.page.expect_download() as waiting:
        play.page.click("#take-away [data-export] >> nth=0")
    path = tmp_path / waiting.value.suggested_filename
    waiting.value.save_as(path)
    network = pl.load(path)
    expected = play.first_weights
    assert network.parameters[:8].tolist() == expected
    play.page.keyboard.press("Escape")
    play.page.click("#reset")
    play.wait("store.state.weightSeed === 1 && store.frame?.epoch === 0")
    play.page.click("#open-take-away")
    play.page.set_input_files("#model-file", path)
    play.page.wait_for_selector("#take-away:not([open])", state="attached")
    play.wait(f"store.frame && [...store.frame.arrays['weight.0'].values].join() === {expected}.join()")


def test_a_file_that_is_no_network_is_refused(play):
    play.page.click("#open-take-away")
    play.page.set_input_files("#model-file", {"name": "x.pellucid", "mimeType": "", "buffer": b"nothing"})
    assert len(play.see("#notices .notice.error span", r"\w")) > 20
