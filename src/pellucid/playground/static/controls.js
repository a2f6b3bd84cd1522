/* The controls of training: what the state's keys look like, and the run bar. A control shows what the server says. */

import { $, make, plainName, say, tell, whole } from "./dom.js";
import { command, connection, on, set, store, tellAll, wanted } from "./state.js";

const SPEEDS = [1, 2, 5, 10, 30, 60, 120, 300, 1000, 3000, 0];
const MOVING = ["momentum", "nesterov"];

let stopped = ""; // why the training paused by itself, as said last

const numbers = (list) => list.map((value) => ({ name: value, label: String(value) }));

/** kind: select, number, range or check; options(catalogue, state); shown(state). */
const CONTROLS = [
  { key: "learningRate", label: "Learning rate", box: "run-settings", kind: "select", options: (c) => numbers(c.learning_rates) },
  { key: "activation", label: "Activation", box: "run-settings", kind: "select", options: (c) => c.activations },
  { key: "regularization", label: "Regularization", box: "run-settings", kind: "select", options: (c) => c.regularizations },
  { key: "regularizationRate", label: "Regularization rate", box: "run-settings", kind: "select", options: (c) => numbers(c.regularization_rates) },
  { key: "problem", label: "Problem", box: "run-settings", kind: "select",
    options: () => [{ name: "classification", label: "Classification" }, { name: "regression", label: "Regression" }] },
  { key: "speed", label: "Speed", box: "run-settings", kind: "range", steps: SPEEDS, words: (v) => (v ? `${whole(v)}/s` : "full") },

  { key: "optimizer", label: "Optimizer", box: "training-settings", kind: "select", options: (c) => c.optimizers },
  { key: "momentum", label: "Momentum", box: "training-settings", kind: "number", step: 0.05, low: 0, high: 0.999,
    shown: (state) => MOVING.includes(state.optimizer) },
  { key: "schedule", label: "Schedule of the rate", box: "training-settings", kind: "select", options: (c) => c.schedules },
  { key: "scheduleEpochs", label: "Its length in epochs", box: "training-settings", kind: "number", step: 1, low: 1, high: 100000,
    shown: (state) => state.schedule !== "none" },
  { key: "loss", label: "Loss", box: "training-settings", kind: "select",
    options: (c, state) => c.losses.filter((loss) => loss.problems.includes(state.problem)) },
  { key: "initializer", label: "First weights", box: "training-settings", kind: "select", options: (c) => c.initializers },
  { key: "weightSeed", label: "Seed of the weights", box: "training-settings", kind: "number", step: 1, low: 0, high: 4294967295, type: "reseed" },
  { key: "stopAt", label: "Stop at (0: never)", box: "training-settings", kind: "number", step: 100, low: 0, high: 10000000 },
  { key: "initZero", label: "Start at zero", box: "training-settings", kind: "check" },
  { key: "shuffle", label: "New order every epoch", box: "training-settings", kind: "check" },

  { key: "percTrainData", label: "Training data", box: "data-settings", kind: "range", low: 10, high: 90, step: 10, words: (v) => `${v} %` },
  { key: "noise", label: "Noise", box: "data-settings", kind: "range", low: 0, high: 50, step: 5, words: (v) => String(v) },
  { key: "batchSize", label: "Batch size", box: "data-settings", kind: "range", low: 1, high: 30, step: 1, words: (v) => String(v) },
  { key: "seed", label: "Seed of the data", box: "data-settings", kind: "number", step: 1, low: 0, high: 4294967295 },

  { key: "showTestData", label: "Show test points", box: "map-checks", kind: "check" },
  { key: "discretize", label: "Discretize", box: "map-checks", kind: "check" },
];

const change = (control, value) => (control.type === "reseed" ? command("reseed", { seed: value }) : set({ [control.key]: value }));

/** Options of a select; a value that is not among them (a link may have any) is added. */
export function fillSelect(select, options, value) {
  const known = options.some((option) => String(option.name) === String(value));
  const all = known ? options : [...options, { name: value, label: String(value) }];
  const mark = JSON.stringify(all.map((option) => option.name));
  if (select.dataset.mark !== mark) {
    select.replaceChildren(...all.map(({ name, label, summary }) => make("option", { value: String(name), title: summary }, label)));
    select.dataset.mark = mark;
  }
  if (select !== document.activeElement || select.value !== String(value)) select.value = String(value);
}

function build(control) {
  const { key, label, kind } = control;
  const id = `control-${key}`;
  if (kind === "check") {
    const input = make("input", { type: "checkbox", id, onchange: () => change(control, input.checked) });
    control.show = (state) => (input.checked = state[key]);
    return make("label", { class: "check", "data-control": key }, input, ` ${label}`);
  }
  if (kind === "select") {
    const input = make("select", { id, onchange: () => {
      const number = typeof store.state[key] === "number";
      change(control, number ? Number(input.value) : input.value);
    } });
    control.show = (state) => fillSelect(input, control.options(store.catalogue, state), state[key]);
    return make("label", { class: "field", "data-control": key }, make("span", {}, label), input);
  }
  return kind === "range" ? slider(control, id) : number(control, id);
}

function number(control, id) {
  const { key, label, low, high, step } = control;
  const input = make("input", { type: "number", id, min: low, max: high, step: "any", inputmode: "decimal", onchange: () => {
    const value = input.valueAsNumber;
    if (Number.isNaN(value)) control.show(store.state);
    else change(control, Math.min(high, Math.max(low, step >= 1 ? Math.round(value) : value)));
  } });
  if (step >= 1) input.step = 1;
  control.show = (state) => {
    if (input !== document.activeElement || input.valueAsNumber !== state[key]) input.value = state[key];
  };
  return make("label", { class: "field", "data-control": key }, make("span", {}, label), input);
}

function slider(control, id) {
  const { key, label, steps, words } = control;
  const value = () => (steps ? steps[input.value] : Number(input.value));
  const read = make("output", { for: id });
  const told = (now) => {
    say(read, words(now));
    input.setAttribute("aria-valuetext", words(now));
  };
  const input = make("input", {
    type: "range", id, min: steps ? 0 : control.low, max: steps ? steps.length - 1 : control.high, step: steps ? 1 : control.step,
    oninput: () => told(value()), onchange: () => change(control, value()),
  });
  control.show = (state) => {
    const now = state[key];
    input.value = steps ? nearest(steps, now) : now;
    told(now);
  };
  return make("label", { class: "field range", for: id, "data-control": key }, make("span", {}, label, " ", read), input);
}

/** The slider's place for a speed that a link may have set to anything; 0 is the fastest. */
function nearest(steps, value) {
  if (value === 0) return steps.length - 1;
  const far = steps.map((step) => (step ? Math.abs(Math.log(step / value)) : Infinity));
  return far.indexOf(Math.min(...far));
}

function hideHidden(state) {
  const hidden = new Set(state.hide);
  for (const node of document.querySelectorAll("[data-control]")) node.classList.toggle("taken-away", hidden.has(node.dataset.control));
  document.body.classList.toggle("no-text", state.hideText);
}

export function showRun() {
  const { running, epoch } = store;
  const play = $("play");
  if (play.dataset.running !== String(running)) {
    play.dataset.running = running;
    play.setAttribute("aria-label", running ? "Pause" : "Run");
  }
  const text = String(epoch).padStart(6, "0");
  say($("epoch"), text.length > 6 ? whole(epoch) : `${text.slice(0, 3)},${text.slice(3)}`);
}

function showRate(frame) {
  const fast = frame.running && frame.epochs_per_second ? `${whole(Math.round(frame.epochs_per_second))} epochs/s` : "";
  const rate = store.state.schedule === "none" ? "" : `rate ${tell(frame.rate, 5)}`;
  say($("rate-shown"), [fast, rate].filter(Boolean).join(" · "));
  if (frame.stopped && frame.stopped !== stopped && !frame.diverged) tellAll("notice", { level: "info", message: frame.stopped });
  stopped = frame.stopped;
}

export function startControls() {
  for (const control of CONTROLS) $(control.box).append(build(control));
  $("play").addEventListener("click", () => command(store.running ? "pause" : "run"));
  $("step").addEventListener("click", () => command("step"));
  $("rewind").addEventListener("click", () => command("rewind"));
  $("reset").addEventListener("click", () => command("reset"));
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !event.ctrlKey || !connection.ready) return;
    event.preventDefault();
    if (!$("plane").hidden) $("play").click();
  });
  on("state", () => {
    const now = wanted();
    for (const control of CONTROLS) {
      control.show(now);
      if (control.shown) $(`control-${control.key}`).closest("label").hidden = !control.shown(store.state);
    }
    hideHidden(store.state);
    const { optimizer, schedule } = store.state;
    const name = (list, value) => list.find((each) => each.name === value)?.label ?? value;
    const words = [name(store.catalogue.optimizers, optimizer), plainName(store.network.loss)];
    if (schedule !== "none") words.push(name(store.catalogue.schedules, schedule));
    say($("training-summary"), words.join(" · "));
    if (!store.frame) say($("rate-shown"), "");
    showRun();
  });
  on("frame", (frame) => {
    showRun();
    showRate(frame);
  });
}
