"""The run bar and the controls of training, each used and its effect seen."""

from __future__ import annotations


def test_it_opens_with_the_playgrounds_defaults(play):
    assert play.see("#epoch", "000,000") == "000,000"
    expected = {"learningRate": "0.03", "activation": "tanh", "problem": "classification", "batchSize": "10"}
    assert {key: play.page.input_value(f"#control-{key}") for key in expected} == expected
    assert play.page.text_content("#layer-count") == "2 hidden layers"
    assert play.page.locator("#units .unit").count() == 4 + 2 + 1
    assert play.fragment == ""


def test_run_pause_step_rewind_and_reset(play):
    play.page.click("#play")
    assert play.page.get_attribute("#play", "aria-label") in ("Run", "Pause")
    play.wait("store.epoch >= 3")
    play.page.click("#play")
    play.wait("!store.running")
    assert play.page.get_attribute("#play", "aria-label") == "Run"
    before = play.epoch
    play.page.click("#step")
    play.wait(f"store.epoch === {before + 1}")
    play.page.click("#rewind")
    play.see("#epoch", "^000,000$")
    play.wait("store.frame && store.frame.epoch === 0")
    first = play.first_weights
    play.page.click("#step")
    play.wait("store.frame?.epoch === 1")
    play.page.click("#rewind")
    play.wait("store.frame?.epoch === 0")
    assert play.first_weights == first
    play.page.click("#reset")
    play.wait("store.state.weightSeed === 1 && store.frame?.epoch === 0")
    assert play.first_weights != first
    assert play.fragment == "weightSeed=1"


def test_the_chart_and_the_scores_follow_the_training(play):
    first = play.see("#train-loss", r"\d")
    play.changes("#chart", lambda: play.page.click("#play"))
    play.wait("store.epoch >= 60")
    assert float(play.page.text_content("#train-loss")) < float(first)
    play.see("#metric", "%")
    play.page.hover("#chart")
    play.see("#chart-read", r"epoch \d+: training .*, test")
    play.page.click("#play")


LIVE = {"learningRate": "0.3", "regularization": "L1", "regularizationRate": "0.01"}


def test_live_controls_change_without_a_reset(play):
    play.page.click("#step")
    play.wait("store.epoch === 1")
    for key, value in LIVE.items():
        play.page.select_option(f"#control-{key}", value)
        play.wait(f"String(store.state.{key}) === '{value}'")
    assert play.epoch == 1
    assert play.fragment == "&".join(f"{key}={value}" for key, value in LIVE.items())


def test_activation_and_problem_make_a_new_network(play):
    play.page.click("#step")
    play.wait("store.epoch === 1")
    play.page.select_option("#control-activation", "relu")
    play.see("#layer-heads .kind >> nth=0", "ReLU")
    assert play.epoch == 0
    play.page.select_option("#control-problem", "regression")
    play.see("#layer-heads", "ReLU")
    play.wait("store.data.problem === 'regression'")
    assert play.page.locator("#dataset-choice input").count() == 2
    play.see("#metric-label", "R²")


def test_speed_and_stop_at_an_epoch(play):
    play.use("#training-details")
    play.fill("#control-stopAt", "40")
    play.slide("speed", 9)
    play.see("label:has(#control-speed) output", "full")
    play.wait("store.state.speed === 0 && store.state.stopAt === 40")
    play.page.click("#play")
    play.wait("store.epoch === 40 && !store.running")
    assert play.fragment == "stopAt=40&speed=0"


def test_optimizer_schedule_loss_initializer_and_seed(play):
    page = play.page
    play.use("#training-details")
    assert not page.is_visible("#control-momentum")
    page.select_option("#control-optimizer", "momentum")
    page.wait_for_selector("#control-momentum")
    play.fill("#control-momentum", "0.5")
    play.see("#training-summary", "Momentum")
    page.select_option("#control-schedule", "step_decay")
    page.wait_for_selector("#control-scheduleEpochs")
    play.fill("#control-scheduleEpochs", "10")
    page.select_option("#control-loss", "sigmoid_cross_entropy")
    play.see("#network-facts", "sigmoid cross entropy")
    page.select_option("#control-initializer", "auto")
    page.check("#control-shuffle")
    play.changes("#map", lambda: play.fill("#control-weightSeed", "7"))
    page.check("#control-initZero")
    play.wait("store.state.initZero && store.frame && store.frame.arrays['weight.0'].values.every(w => w === 0)")
    assert set(play.fragment.split("&")) >= {
        "optimizer=momentum",
        "momentum=0.5",
        "schedule=step_decay",
        "scheduleEpochs=10",
    }
    assert set(play.fragment.split("&")) >= {
        "loss=sigmoid_cross_entropy",
        "shuffle=true",
        "weightSeed=7",
        "initZero=true",
    }
    page.click("#step")
    play.see("#rate-shown", "rate 0.0")


def test_every_choice_of_the_catalogue_is_offered(play):
    for control in ("activation", "optimizer", "schedule", "initializer"):
        family = f"{control}s"
        offered = play.page.eval_on_selector_all(f"#control-{control} option", "options => options.map(o => o.value)")
        assert offered == play.store(f"store.catalogue.{family}.map(item => item.name)")


def test_nan_is_explained(visit):
    play = visit("problem=regression&activation=relu&networkShape=8,8&learningRate=10")
    play.page.click("#play")
    play.page.wait_for_selector("#diverged:not([hidden])")
    assert len(play.page.text_content("#diverged")) > 40
    play.wait("!store.running")
