/* The second tab: draw a digit and see what a network makes of it; train that network there and then. */

import { $, bytesOf, make, say, tell, whole } from "./dom.js";
import { fillSelect } from "./controls.js";
import { Learning } from "./digits_learning.js";
import { Pad } from "./digits_pad.js";
import { grey, picture } from "./digits_pictures.js";
import { connection, on, store, tellAll } from "./state.js";

let state = null;
let pad = null;
let learning = null;
let built = false;
let drawing = false; // a drawing is on its way
let again = false; // and it has changed since
let opened = false;

const ask = (type, fields) => connection.ask(type, fields).catch(() => null);

const choices = () => ({
  hidden: $("digits-hidden").value.split(/[\s,]+/).filter(Boolean).map(Number),
  activation: $("digits-activation").value, optimizer: $("digits-optimizer").value,
  learningRate: $("digits-rate").valueAsNumber, batchSize: $("digits-batch").valueAsNumber, dropout: $("digits-dropout").valueAsNumber,
});

function field(label, input) {
  return make("label", { class: "field" }, make("span", {}, label), input);
}

function build() {
  built = true;
  const changed = () => {
    const wanted = choices();
    if ([wanted.learningRate, wanted.batchSize, wanted.dropout].some(Number.isNaN)) return showState();
    return ask("digits.set", wanted);
  };
  const number = (id, low, high, step) => make("input", { type: "number", id, min: low, max: high, step, onchange: changed });
  const select = (id, action = changed) => make("select", { id, onchange: action });
  $("digits").replaceChildren(
    make("section", { class: "run", "aria-label": "Run" },
      make("div", { class: "run-buttons" },
        make("button", { type: "button", id: "digits-reset", class: "plain", onclick: () => ask("digits.reset") }, "Reset"),
        make("button", { type: "button", id: "digits-run", class: "plain strong", onclick: () => ask(state?.running ? "digits.pause" : "digits.run") }, "Train")),
      make("div", { class: "epoch" }, make("span", { class: "label", id: "digits-epoch-label" }, "Epoch"), make("output", { id: "digits-epoch", "aria-labelledby": "digits-epoch-label" }, "0")),
      make("div", { class: "settings" },
        field("Images", select("digits-data", () => open($("digits-data").value))),
        field("Hidden layers", make("input", { type: "text", id: "digits-hidden", inputmode: "numeric", onchange: changed })),
        field("Activation", select("digits-activation")), field("Optimizer", select("digits-optimizer")),
        field("Learning rate", number("digits-rate", 0.00001, 10, "any")), field("Batch size", number("digits-batch", 1, 1000, 1)),
        field("Dropout", number("digits-dropout", 0, 0.9, 0.05)))),
    make("p", { id: "digits-facts", class: "hint" }),
    make("div", { class: "digits-stage" },
      make("section", { "aria-labelledby": "pad-title" }, make("h2", { id: "pad-title" }, "Draw a digit"), make("div", { id: "pad-box", class: "pad-box" }),
        make("div", { class: "row" }, make("button", { type: "button", class: "plain", id: "pad-clear", onclick: () => pad.clear() }, "Clear"),
          make("span", { class: "label" }, "As the network sees it"), make("canvas", { id: "digits-input", class: "small-image", role: "img", "aria-label": "The drawing, centred and scaled" }))),
      make("section", { "aria-labelledby": "answer-title" }, make("h2", { id: "answer-title" }, "What the network says"),
        make("p", { id: "digits-says", class: "says", role: "status" }, "Draw something."), make("div", { id: "digits-bars", class: "bars" }),
        make("h3", {}, "The nearest training images"), make("div", { id: "digits-nearest", class: "images" }, make("p", { class: "hint" }, "Shown when there is a drawing."))),
      make("section", { "aria-labelledby": "hidden-title" }, make("h2", { id: "hidden-title" }, "Hidden units"),
        make("p", { class: "hint" }, "Press one to see what it responds to."), make("div", { id: "digits-units" }), make("div", { id: "digits-unit", "aria-live": "polite" }))),
    make("div", { class: "panels" }, make("section", { class: "panel full", id: "digits-learning", "aria-label": "Learning" })));
  pad = new Pad($("pad-box"), send);
  learning = new Learning($("digits-learning"));
  $("digits-bars").append(...Array.from({ length: 10 }, (_, digit) => make("div", { class: "bar-row" }, make("b", {}, String(digit)), make("div", { class: "track" }, make("i")), make("span", {}, "–"))));
}

/** One drawing is on its way at a time; the last one counts. */
async function send() {
  if (drawing) {
    again = true;
    return;
  }
  drawing = true;
  again = false;
  const answer = await ask("digits.draw", pad.ink());
  drawing = false;
  if (answer) showAnswer(answer);
  if (again) send();
}

function showAnswer({ empty, probabilities, predicted, hidden, input, nearest }) {
  const share = empty ? 0 : probabilities[predicted];
  say($("digits-says"), empty ? "Draw something." : `${share > 0.8 ? "A" : share > 0.5 ? "Probably a" : "Perhaps a"} ${predicted}`.replace("A 8", "An 8").replace("a 8", "an 8"));
  [...$("digits-bars").children].forEach((row, digit) => {
    const value = empty ? 0 : probabilities[digit];
    row.classList.toggle("best", !empty && digit === predicted);
    row.querySelector("i").style.transform = `scaleX(${value})`;
    say(row.lastChild, empty ? "–" : `${(100 * value).toFixed(value > 0.1 ? 0 : 1)} %`);
  });
  const [high, wide] = state.image;
  if (input) grey($("digits-input"), bytesOf(input), wide, high);
  $("digits-nearest").replaceChildren(...(nearest ?? []).map(({ label, distance, image }) => {
    const figure = make("figure", {}, picture(bytesOf(image), wide, high, `Training image of a ${label}`), make("figcaption", {}, String(label)));
    figure.title = `distance ${tell(distance, 2)}`;
    return figure;
  }));
  if (!nearest?.length) $("digits-nearest").replaceChildren(make("p", { class: "hint" }, "Shown when there is a drawing."));
  showHidden(hidden?.length ? hidden : state.hidden.map((units) => new Array(units).fill(0)));
}

function showHidden(layers) {
  const box = $("digits-units");
  const shape = JSON.stringify(layers.map((layer) => layer.length));
  if (box.dataset.shape !== shape) {
    box.dataset.shape = shape;
    box.replaceChildren(...layers.map((layer, at) => make("div", { class: "unit-grid", role: "group", "aria-label": `Layer ${at + 1}` },
      ...layer.map((_, unit) => make("button", { type: "button", "aria-label": `Layer ${at + 1}, unit ${unit + 1}`, onclick: () => showUnit(at + 1, unit) })))));
  }
  layers.forEach((layer, at) => {
    const most = Math.max(1e-6, ...layer.map(Math.abs));
    layer.forEach((value, unit) => {
      const button = box.children[at].children[unit];
      button.style.setProperty("--value", Math.abs(value) / most);
      button.classList.toggle("negative", value < 0);
      button.title = tell(value, 3);
    });
  });
}

async function showUnit(layer, unit) {
  const answer = await ask("digits.unit", { layer, unit });
  if (!answer) return;
  const [high, wide] = state.image;
  const figure = (image, words) => make("figure", {}, picture(bytesOf(image), wide, high, words), make("figcaption", {}, words));
  $("digits-unit").replaceChildren(make("h3", {}, `Layer ${layer}, unit ${unit + 1}`),
    make("div", { class: "images large" }, answer.excites ? figure(answer.excites, "excites it most") : null, answer.weights ? figure(answer.weights, "its weights") : null),
    make("p", { class: "label" }, "Training images it responds to most"),
    make("div", { class: "images" }, ...answer.top.map(({ label, image }) => make("figure", {}, picture(bytesOf(image), wide, high, `A ${label}`), make("figcaption", {}, String(label))))));
}

function showState() {
  const { available, reason, data, train, test } = state;
  fillSelect($("digits-data"), Object.keys(available).map((name) => ({ name, label: name === "mnist" ? "MNIST" : "Digits" })), data);
  for (const option of $("digits-data").options) option.disabled = !available[option.value];
  fillSelect($("digits-activation"), store.catalogue.activations, state.activation);
  fillSelect($("digits-optimizer"), store.catalogue.optimizers, state.optimizer);
  const fill = (id, value) => $(id) !== document.activeElement && ($(id).value = value);
  fill("digits-hidden", state.hidden.join(", "));
  fill("digits-rate", state.learningRate);
  fill("digits-batch", state.batchSize);
  fill("digits-dropout", state.dropout);
  showRunning(state.running);
  say($("digits-epoch"), whole(state.epoch));
  say($("digits-facts"), `${whole(train)} images of ${state.image[1]} × ${state.image[0]} pixels to train, ${whole(test)} to test. ${reason ?? ""}`.trim());
}

function showRunning(running) {
  state.running = running;
  say($("digits-run"), running ? "Pause" : "Train");
}

function open(data = "digits") {
  opened = true;
  return ask("digits.open", { data });
}

export function startDigits() {
  on("state", () => {
    if (store.state.tab !== "digits") return;
    if (!built) build();
    if (!opened) open(state?.data);
  });
  on("status", ({ status }) => status === "lost" && (opened = false));
  on("digits.state", (message) => {
    const fresh = state?.generation !== message.generation;
    state = message;
    showState();
    if (fresh) {
      learning.clear();
      showHidden(state.hidden.map((units) => new Array(units).fill(0)));
      $("digits-unit").replaceChildren();
      if (pad.drawn) send();
    }
    connection.send("digits.frame");
  });
  on("digits", (frame) => {
    if (!state || frame.generation !== state.generation) return;
    if (frame.message && frame.message !== state.message) tellAll("notice", { level: "warning", message: frame.message });
    state.message = frame.message;
    showRunning(frame.running);
    say($("digits-epoch"), whole(frame.epoch));
    requestAnimationFrame(() => {
      learning.show(frame, state);
      if (pad.drawn && frame.epoch !== state.epoch) send();
      state.epoch = frame.epoch;
      connection.send("digits.frame");
    });
  });
  on("theme", () => learning?.redraw());
}
