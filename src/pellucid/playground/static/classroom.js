/* For teaching: which controls a link hides, and the link. */

import { $, fillDialog, make } from "./dom.js";
import { on, set, store } from "./state.js";

const WORDS = {
  showTestData: "Show test points", discretize: "Discretize", playButton: "Run", stepButton: "Step", resetButton: "Reset and rewind",
  learningRate: "Learning rate", activation: "Activation", regularization: "Regularization", regularizationRate: "Regularization rate",
  problem: "Problem", dataset: "Classification data sets", regDataset: "Regression data sets", data: "The data column", percTrainData: "Training data",
  noise: "Noise", batchSize: "Batch size", numHiddenLayers: "Number of layers", networkShape: "Units of a layer", seed: "Seed of the data",
  weightSeed: "Seed of the weights", shuffle: "New order every epoch", formulas: "Own inputs", activations: "A layer's activation",
  dropout: "A layer's dropout", initializer: "First weights", initZero: "Start at zero", loss: "Loss", optimizer: "Optimizer", momentum: "Momentum",
  schedule: "Schedule", scheduleEpochs: "Length of the schedule", stopAt: "Stop at epoch", speed: "Speed", output: "Output shown", tab: "Tabs",
  hideText: "Text", x: "Input x₁", y: "Input x₂", xSquared: "Input x₁²", ySquared: "Input x₂²", xTimesY: "Input x₁x₂", sinX: "Input sin x₁", sinY: "Input sin x₂",
};

function show() {
  const box = fillDialog($("classroom"), "Classroom");
  const link = make("input", { type: "text", readonly: true, id: "classroom-link", "aria-label": "The link", value: location.href });
  const checks = store.catalogue.hideable.map((key) => {
    const input = make("input", { type: "checkbox", value: key, onchange: () => {
      if (key === "hideText") set({ hideText: input.checked });
      else set({ hide: input.checked ? [...store.state.hide, key] : store.state.hide.filter((each) => each !== key) });
    } });
    input.checked = key === "hideText" ? store.state.hideText : store.state.hide.includes(key);
    return make("label", { class: "check" }, input, ` ${WORDS[key] ?? key}`);
  });
  box.append(make("p", {}, "Tick what the link should hide; whoever opens it sees this very state without these controls."),
    make("div", { class: "hideable" }, ...checks), make("h3", {}, "The link"), make("div", { class: "row" }, link));
  $("classroom").showModal();
}

export function startClassroom() {
  $("open-classroom").addEventListener("click", () => store.state && show());
  on("state", () => {
    if ($("classroom").open) $("classroom-link").value = location.href;
  });
}
