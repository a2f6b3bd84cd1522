"""The network's diagram: inputs, layers, units, links, and what lies under the glass."""

from __future__ import annotations

import json
from pathlib import Path

import pytest


def link_place(play, layer, source, target):
    """Where a link is in the window, half-way between its ends."""
    return play.page.evaluate(
        """async ([layer, source, target]) => {
          const { currentLayout } = await import("./diagram.js");
          const { gapOf } = await import("./layout.js");
          const { from, to, x0, x1 } = gapOf(currentLayout(), layer);
          const box = document.querySelector("#diagram").getBoundingClientRect();
          return [box.left + (x0 + x1) / 2, box.top + (from.y(source) + to.y(target)) / 2];
        }""",
        [layer, source, target],
    )


INPUTS = {"xSquared": "x₁²", "ySquared": "x₂²", "xTimesY": "x₁x₂", "sinX": "sin x₁", "sinY": "sin x₂"}


def test_inputs_are_switched_on(play):
    for count, (key, name) in enumerate(INPUTS.items(), start=3):
        button = f"#inputs [aria-label='Input {name}']"
        play.changes("#diagram-canvas", lambda button=button: play.page.click(button))
        play.wait(f"store.network.inputs.length === {count} && store.state.{key}")
        assert play.page.get_attribute(button, "aria-pressed") == "true"


def test_inputs_are_switched_off(play):
    play.page.click("#inputs [aria-label='Input x₁']")
    play.wait("store.network.inputs.length === 1")
    assert play.fragment == "x=false"


def test_own_formulas_are_inputs_and_nonsense_is_refused(play):
    play.use("#layer-details")
    play.fill("#formula", "sin(2*x1) + x2^2")
    play.page.wait_for_selector("#inputs .input.formula")
    assert play.store("store.network.inputs.length") == 3
    play.fill("#formula", "alert(1)")
    play.see("#notices", "cannot be read")
    assert play.store("store.network.inputs.length") == 3
    assert play.page.input_value("#formula") == "alert(1)"
    play.page.click("#inputs .input.formula")
    play.wait("store.network.inputs.length === 2")


def test_layers_and_units_are_added_and_removed(play):
    page = play.page
    page.click("#more-layers")
    play.see("#layer-count", "3 hidden layers")
    page.click("[aria-label='Add a unit to layer 3']")
    play.wait("store.state.networkShape.join() === '4,2,3'")
    assert page.locator("#units .unit").count() == 4 + 2 + 3 + 1
    page.click("[aria-label='Remove a unit from layer 1']")
    play.wait("store.state.networkShape.join() === '3,2,3'")
    for _ in range(3):
        count = play.store("store.state.networkShape.length")
        page.click("#fewer-layers")
        play.wait(f"store.state.networkShape.length === {count - 1}")
    play.see("#layer-count", "0 hidden layers")
    assert page.is_disabled("#fewer-layers")
    assert page.locator("#units .unit").count() == 1


def test_presses_that_are_faster_than_the_server_are_all_counted(play):
    play.page.evaluate("""() => {
        for (let press = 0; press < 3; press++) {
            document.querySelector("#more-layers").click();
            document.querySelector("[aria-label='Add a unit to layer 1']").click();
        }
        const slider = document.querySelector("#control-noise");
        for (let press = 0; press < 4; press++) {
            slider.stepUp();
            slider.dispatchEvent(new Event("change", { bubbles: true }));
        }
    }""")
    play.wait("store.state.networkShape.join() === '7,2,2,2,2' && store.state.noise === 20")
    play.wait("document.querySelector('#control-noise').value === '20'")


def test_a_layers_own_units_activation_and_dropout(play):
    play.use("#layer-details")
    play.page.select_option("[aria-label='Activation of layer 2']", "relu")
    play.see("#layer-heads .head:nth-child(3) .kind", "ReLU")
    play.fill("[aria-label='Dropout of layer 1']", "0.25")
    play.see("#layer-heads .head:nth-child(2) .drop-rate", "dropout 0.25")
    play.fill("input[aria-label='Units of layer 2']", "5")
    play.wait("store.network.layers[1].units === 5")
    assert sorted(play.fragment.split("&")) == ["activations=,relu", "dropout=0.25", "networkShape=4,5"]


def test_ten_layers_of_sixty_four_units_are_drawn(visit):
    play = visit("networkShape=" + ",".join(["64"] * 10))
    assert play.page.locator("#units .unit").count() == 641
    play.see("#diagram-note", "the strongest are drawn")
    assert play.page.is_disabled("#more-layers")
    play.changes("#diagram-canvas", lambda: play.page.click("#step"))


def test_a_unit_that_is_pointed_at_is_seen_large(play):
    play.changes("#map", lambda: play.page.hover("#units [data-layer='1'][data-unit='2']"))
    play.see("#map-caption", "Layer 1, unit 3")
    play.changes("#map", lambda: play.page.hover("#inputs [aria-label='Input x₂']"))
    play.see("#map-caption", "Input x₂")
    play.page.mouse.move(5, 5)
    play.see("#map-caption", "What the network says")


def test_a_link_tells_its_weight_and_is_edited_by_a_click(play):
    x, y = link_place(play, 0, 1, 3)
    play.page.mouse.move(x, y)
    said = play.see("#hover-card", "Weight from input x₂ to layer 1, unit 4 is")
    assert f"{play.store('store.frame.arrays[`weight.0`].values[7]'):.3f}".replace("-", "−") in said
    play.page.mouse.click(x, y)
    play.page.wait_for_selector("#edit-card input:focus")
    play.changes("#diagram-canvas", lambda: (play.page.keyboard.type("4.5"), play.page.keyboard.press("Enter")))
    play.wait("store.frame.arrays['weight.0'].values[7] === 4.5")
    assert play.page.is_hidden("#edit-card")


def test_the_hover_card_follows_the_training(play):
    play.page.mouse.move(*link_place(play, 1, 0, 0))
    first = play.see("#hover-card", "is")
    play.page.focus("#step")
    play.page.keyboard.press("Enter")
    play.wait("store.epoch === 1")
    play.wait(f"document.querySelector('#hover-card').textContent !== {json.dumps(first)}")


def test_biases_and_weights_are_edited_by_keyboard_alone(play):
    play.page.focus("#units [data-layer='1'][data-unit='0']")
    for key in ("ArrowDown", "ArrowRight", "Enter"):
        play.page.keyboard.press(key)
    play.page.wait_for_selector("#edit-card input:focus")
    assert play.page.get_attribute("#edit-card", "aria-label") == "Edit Layer 2, unit 2"
    play.page.keyboard.type("-1.25")
    play.page.keyboard.press("Tab")
    play.page.keyboard.type("2")
    play.page.keyboard.press("Enter")
    play.wait("store.frame.arrays['bias.1'].values[1] === -1.25 && store.frame.arrays['weight.1'].values[1] === 2")
    assert play.page.evaluate("document.activeElement.dataset.unit") == "1"


def test_a_point_is_traced_forward_and_back(play):
    x, y, _ = play.store("[...store.data.arrays.train.values.slice(0, 3)]")
    play.press_map((x + 6) / 12, (y + 6) / 12)
    play.page.wait_for_selector("#walk-body:not([hidden])")
    seen = [play.see("#walk-title-now", "Given")]
    assert "x =" in play.page.text_content("#walk-text")
    assert play.page.is_disabled("#walk-previous")
    first = play.picture("#diagram-canvas")
    while not play.page.is_disabled("#walk-next"):
        play.page.click("#walk-next")
        seen.append(play.page.text_content("#walk-title-now"))
    parts = [title.split(" · ")[0] for title in seen]
    assert sorted(set(parts), key=parts.index) == ["Given", "Forward", "Backward", "The step"]
    assert play.picture("#diagram-canvas") != first
    assert "after the step" in play.page.text_content("#walk-title-now") + play.page.text_content("#walk-text")
    play.page.click("#walk-previous")
    assert play.page.text_content("#walk-title-now") == seen[-2]
    play.page.keyboard.press("ArrowLeft")
    assert play.page.text_content("#walk-title-now") == seen[-3]
    play.page.click("#walk-close")
    assert play.page.is_hidden("#walk-body")


def test_histograms_of_every_layer(play):
    play.page.check("#show-histograms")
    play.page.wait_for_selector("#histograms canvas >> nth=5")
    assert play.page.locator("#histograms canvas").count() == 2 * 3
    play.see("#histograms", "Layer 1.*Layer 2.*Output")
    play.changes("#histograms canvas", lambda: play.page.click("#step"))
    play.page.uncheck("#show-histograms")
    assert play.page.locator("#histograms canvas").count() == 0


def test_the_doctor_speaks_where_there_is_one(visit):
    play = visit("activation=sigmoid&initZero=true&networkShape=4,4")
    play.page.click("#play")
    play.wait("store.epoch > 5")
    said = play.see("#findings", r"\w")
    if not play.store("store.doctor"):
        assert "no doctor" in said
        pytest.skip("the doctor is not in this version")
    play.page.wait_for_selector("#findings .finding")


def test_what_the_doctor_finds_is_written_down(play):
    play.page.evaluate((Path(__file__).parent / "finding.js").read_text(encoding="utf-8"))
    said = play.see("#findings .finding.warning", "silent")
    for word in (
        "Warning",
        "Their output is 0.",
        "Lower the rate.",
        "GradientDescent(0.01)",
        "learns nothing",
        "since epoch 12",
    ):
        assert word in said
