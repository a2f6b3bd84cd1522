"""The data column: data sets, sliders, own rows from a CSV or from clicks."""

from __future__ import annotations

import re

import pytest

ROWS = "store.data.arrays.train.shape[0] + store.data.arrays.test.shape[0]"
POINTS = [(i % 20 - 10, i // 20 - 5) for i in range(200)]
WAVES = ["a,b,c,kind", *(f"{a},{b},{(a + b) % 3},{'up' if a > b else 'down'}" for a, b in POINTS)]
DROP = """text => {
  const dataTransfer = new DataTransfer();
  dataTransfer.items.add(new File([text], "waves.csv", { type: "text/csv" }));
  for (const type of ["dragenter", "dragover", "drop"]) {
    document.body.dispatchEvent(new DragEvent(type, { dataTransfer, bubbles: true, cancelable: true }));
  }
}"""
HUGE = """() => {
  const file = new File([new Uint8Array(210e6)], "huge.csv");
  return import("./data.js").then(({ sendFile }) => { sendFile(file); });
}"""


@pytest.mark.parametrize(("problem", "sets"), [("classification", 12), ("regression", 2)])
def test_every_data_set_is_chosen_by_its_thumbnail(visit, problem, sets):
    play = visit(f"problem={problem}")
    names = play.page.eval_on_selector_all("#dataset-choice input", "inputs => inputs.map(input => input.value)")
    assert len(names) == sets
    for name in names[1:]:
        play.page.check(f"#dataset-choice input[value='{name}']", force=True)
        play.wait(f"[store.state.dataset, store.state.regDataset].includes('{name}')")
        play.wait("store.frame?.generation === store.generation")
    assert "ataset" in play.fragment


def test_ratio_noise_batch_size_and_regenerate(play):
    play.page.click("#step")
    play.wait("store.epoch === 1")
    rows = play.store("store.data.arrays.train.shape[0]")
    play.slide("percTrainData", 2)
    play.wait(f"store.data.arrays.train.shape[0] > {rows}")
    assert play.epoch == 0
    play.changes("#points", lambda: play.slide("noise", 4))
    play.slide("batchSize", -3)
    play.wait("store.fragment === 'percTrainData=70&noise=20&batchSize=7'")
    play.page.click("#step")
    play.wait("store.epoch === 1")
    play.changes("#points", lambda: play.page.click("#regenerate"))
    play.wait("store.epoch === 1 && store.fragment === 'percTrainData=70&noise=20&batchSize=7&seed=1'")
    play.changes("#points", lambda: play.fill("#control-seed", "5"))


def test_presets_open_with_a_comment(play):
    play.page.select_option("#preset", "spiral")
    play.see("#preset-comment", "spiral|hardest")
    play.wait("store.state.dataset === 'spiral' && store.data.name.length > 0")


def test_the_spiral_is_learnt(play):
    play.page.select_option("#preset", "spiral")
    play.wait("store.state.dataset === 'spiral' && store.frame?.generation === store.generation")
    play.page.click("#play")
    play.wait("store.frame?.metric.test > 0.95")
    play.see("#metric", r"9[5-9]\.|100\.")


def test_a_pasted_csv_trains(play):
    play.use("#own-data")
    play.page.fill("#csv-text", "\n".join(WAVES))
    play.page.click("#csv-use")
    play.page.wait_for_selector("#csv-columns:not([hidden])")
    assert play.page.input_value("#csv-target") == "kind"
    play.see("#legend", "down.*up")
    assert play.page.locator("#inputs .input.column").count() >= 1
    first = float(play.see("#train-loss", r"\d"))
    play.page.click("#play")
    play.wait(f"store.frame && store.frame.loss.train < {first / 2}")


def test_the_columns_of_a_csv_are_chosen(play):
    play.use("#own-data")
    play.page.fill("#csv-text", "\n".join(WAVES))
    play.page.click("#csv-use")
    play.page.wait_for_selector("#csv-columns:not([hidden])")
    play.page.select_option("#csv-map-1", "c")
    play.wait("store.data.map[1] === 'c'")
    play.page.uncheck("#csv-columns .checks input >> nth=0")
    play.wait("!store.network.inputs.some(input => input.name === 'b')")
    play.page.select_option("#csv-target", "c")
    play.wait("store.data.target === 'c'")


def test_a_dropped_csv_trains(play):
    play.page.evaluate(DROP, "\n".join(WAVES))
    play.see("#csv-columns", "waves.csv")
    play.page.click("#play")
    play.wait("store.epoch > 20 && store.frame.loss.train < 0.3")


REFUSED = {
    "a,b,c\n": "row",
    "1,2,0\n2,3,1\n1,1,0\n": "3 rows, and at least 10",
    "a\n" + "1\n" * 20: "The file has one column",
    "a,b,c\n" + "x,y,z\nu,v,w\n" * 10: "numbers",
    "   ": "no text to read",
}


def test_a_csv_that_cannot_be_used_is_refused_in_words(play):
    before = play.store(ROWS)
    play.use("#own-data")
    for text, words in REFUSED.items():
        play.page.fill("#csv-text", text)
        play.page.click("#csv-use")
        assert "Nothing was changed" in play.see("#notices", words)
        play.page.click("#notices button")
    assert play.store(ROWS) == before


def test_a_file_that_is_too_large_is_refused_before_it_is_read(play):
    play.page.evaluate(HUGE)
    assert "210 MB" in play.see("#notices", "huge.csv")


def test_points_are_clicked_into_the_plane_and_erased(play):
    rows = play.store(ROWS)
    play.page.check("#tool-add", force=True)
    play.page.check("#point-kinds input[value='0']")
    play.press_map(0.1, 0.9)
    play.wait(f"{ROWS} === {rows + 1}")
    added = play.store("[...store.data.arrays.train.values, ...store.data.arrays.test.values].length")
    assert added == 3 * (rows + 1)
    play.page.check("#tool-erase", force=True)
    play.press_map(0.5, 0.5)
    play.wait(f"{ROWS} < {rows + 1}")
    assert re.search("dataset=own", play.fragment)
    play.page.click("#clear-points")
    play.wait("store.data.arrays.train.shape[0] === 0")
    play.page.check("#tool-add", force=True)
    for x in (0.2, 0.3, 0.4):
        for kind in (0, 1):
            play.page.check(f"#point-kinds input[value='{kind}']")
            play.press_map(x, 0.3 + 0.4 * kind)
    play.wait(f"{ROWS} === 6")
    play.page.click("#play")
    play.wait("store.epoch > 5")


def test_a_third_class_is_begun_by_a_click(play):
    play.page.check("#tool-add", force=True)
    play.page.check("#point-kinds input[value='2']")
    play.press_map(0.5, 0.5)
    play.wait("store.data.classes.length === 3 && store.network.layers.at(-1).units === 3")
    play.wait("store.frame?.generation === store.generation")
    assert play.page.locator("#legend .swatch").count() == 3
    play.page.click("#step")
    play.wait("store.epoch === 1")


def test_a_point_is_added_by_keyboard(play):
    rows = play.store(ROWS)
    play.page.check("#tool-add", force=True)
    play.page.focus("#points")
    for key in ("ArrowRight", "Shift+ArrowUp", "Enter"):
        play.page.keyboard.press(key)
    play.wait(f"{ROWS} === {rows + 1}")
    play.see("#map-read", "x₁ = ")
