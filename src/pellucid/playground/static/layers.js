/* Layers: units, activation and dropout of each, over the diagram and as a table; and the editor of own inputs. */

import { fillSelect } from "./controls.js";
import { $, make, say } from "./dom.js";
import { on, set, store, wanted } from "./state.js";

let mark = "";

/** The lists of the state have no entry where a layer has the common value: fill them up to the number of layers. */
const filled = (list, filler) => Array.from({ length: wanted().networkShape.length }, (_, at) => list[at] ?? filler);

function trimmed(list, filler) {
  const copy = [...list];
  while (copy.length && copy.at(-1) === filler) copy.pop();
  return copy;
}

function setUnits(at, units) {
  const count = Math.min(store.limits.units, Math.max(1, Math.round(units)));
  const shape = [...wanted().networkShape];
  if (Number.isNaN(count) || shape[at] === count) return;
  shape[at] = count;
  set({ networkShape: shape });
}

function setLayers(by) {
  const { networkShape, activations, dropout } = wanted();
  const count = Math.min(store.limits.layers, Math.max(0, networkShape.length + by));
  const shape = count > networkShape.length ? [...networkShape, 2] : networkShape.slice(0, count);
  set({ networkShape: shape, activations: activations.slice(0, count), dropout: dropout.slice(0, count) });
}

function setOwn(key, at, value, filler) {
  const list = filled(wanted()[key], filler);
  list[at] = value;
  set({ [key]: trimmed(list, filler) });
}

const activationLabel = (name) => store.catalogue.activations.find((each) => each.name === name)?.label ?? name.charAt(0).toUpperCase() + name.slice(1);

/** The controls above the columns: units with − and +, and what kind of layer it is. */
export function placeHeads(layout) {
  const box = $("layer-heads");
  const { networkShape } = store.state;
  if (box.children.length !== networkShape.length + 2) buildHeads(box, networkShape.length);
  [...box.children].forEach((head, at) => {
    head.style.transform = `translateX(${at ? layout.columns[at].x : layout.left / 2}px) translateX(-50%)`;
    const hidden = at > 0 && at <= networkShape.length;
    if (!hidden) return;
    const units = networkShape[at - 1];
    say(head.querySelector("output"), String(units));
    head.querySelector("output").setAttribute("aria-label", `${units} units in layer ${at}`);
    const { activation, dropout } = store.network.layers[at - 1];
    say(head.querySelector(".kind"), activationLabel(activation));
    say(head.querySelector(".drop-rate"), dropout ? `dropout ${dropout}` : "");
    const [less, more] = head.querySelectorAll("button");
    less.disabled = units <= 1;
    more.disabled = units >= store.limits.units;
  });
  const output = store.network.layers.at(-1);
  say(box.lastChild.querySelector(".kind"), output.activation && output.activation !== "identity" ? activationLabel(output.activation) : "");
}

function buildHeads(box, layers) {
  const step = (at, by) => () => setUnits(at - 1, wanted().networkShape[at - 1] + by);
  const heads = Array.from({ length: layers }, (_, index) => {
    const at = index + 1;
    return make("div", { class: "head" },
      make("div", { class: "stepper small", "data-control": "networkShape", role: "group", "aria-label": `Units of layer ${at}` },
        make("button", { type: "button", "aria-label": `Remove a unit from layer ${at}`, onclick: step(at, -1) }, "−"),
        make("output", {}),
        make("button", { type: "button", "aria-label": `Add a unit to layer ${at}`, onclick: step(at, 1) }, "+")),
      make("span", { class: "kind" }), make("span", { class: "drop-rate" }));
  });
  box.replaceChildren(make("div", { class: "head plain-head" }, make("strong", {}, "Inputs")), ...heads,
    make("div", { class: "head plain-head" }, make("strong", {}, "Output"), make("span", { class: "kind" })));
}

function showTable() {
  const { networkShape, activation, activations, dropout } = store.state;
  const box = $("layer-table");
  if (mark !== String(networkShape.length)) {
    mark = String(networkShape.length);
    buildTable(box, networkShape.length);
  }
  const common = { name: "", label: `As all: ${activationLabel(activation)}` };
  networkShape.forEach((units, at) => {
    const [count, kind, rate] = box.querySelectorAll(`[data-at="${at}"]`);
    if (count !== document.activeElement) count.value = units;
    if (rate !== document.activeElement) rate.value = filled(dropout, 0)[at];
    kind.dataset.mark = "";
    fillSelect(kind, [common, ...store.catalogue.activations], filled(activations, "")[at]);
  });
}

function buildTable(box, layers) {
  if (!layers) return box.replaceChildren(make("p", { class: "hint" }, "There is no hidden layer: the inputs lead straight to the output."));
  const rows = Array.from({ length: layers }, (_, at) => {
    const name = `layer ${at + 1}`;
    return make("tr", {}, make("th", { scope: "row" }, String(at + 1)),
      make("td", { "data-control": "networkShape" }, make("input", { type: "number", min: 1, max: store.limits.units, "data-at": at, "aria-label": `Units of ${name}`, onchange: (event) => setUnits(at, event.target.valueAsNumber) })),
      make("td", { "data-control": "activations" }, make("select", { "data-at": at, "aria-label": `Activation of ${name}`, onchange: (event) => setOwn("activations", at, event.target.value, "") })),
      make("td", { "data-control": "dropout" }, make("input", { type: "number", min: 0, max: 0.9, step: 0.05, "data-at": at, "aria-label": `Dropout of ${name}`,
        onchange: (event) => setOwn("dropout", at, Math.min(0.9, Math.max(0, event.target.valueAsNumber || 0)), 0) })));
  });
  const heads = ["Layer", "Units", "Activation", "Dropout"].map((title) => make("th", { scope: "col" }, title));
  box.replaceChildren(make("table", { class: "table" }, make("thead", {}, make("tr", {}, ...heads)), make("tbody", {}, ...rows)));
}

function buildFormulas() {
  const input = make("input", { type: "text", id: "formula", maxlength: 120, spellcheck: "false", autocomplete: "off", placeholder: "sin(2*x1) + x2^2" });
  const add = async () => {
    const formula = input.value.trim();
    if (!formula || store.state.formulas.includes(formula)) return;
    if (await set({ formulas: [...store.state.formulas, formula] })) {
      if (store.state.formulas.length && store.state.formulas.some((each) => each === formula)) input.value = "";
    }
  };
  input.addEventListener("keydown", (event) => event.key === "Enter" && add());
  $("formula-editor").append(
    make("label", { class: "field" }, make("span", {}, "An own input, a formula of x1 and x2"), input),
    make("button", { type: "button", class: "plain", onclick: add }, "Add input"));
}

export function startLayers() {
  buildFormulas();
  $("fewer-layers").addEventListener("click", () => setLayers(-1));
  $("more-layers").addEventListener("click", () => setLayers(1));
  on("state", () => {
    const count = store.state.networkShape.length;
    say($("layer-count"), `${count} hidden layer${count === 1 ? "" : "s"}`);
    $("fewer-layers").disabled = count === 0;
    $("more-layers").disabled = count >= store.limits.layers;
    showTable();
  });
}
