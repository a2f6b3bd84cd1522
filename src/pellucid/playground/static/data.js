/* The data column: presets, data sets as thumbnails, regenerate, a CSV and its columns, what was said of the data. */

import { fillSelect } from "./controls.js";
import { $, fit, make, say } from "./dom.js";
import { classColour, css, place, rampCss } from "./palette.js";
import { command, datasetKey, on, openAddress, set, store, tellAll } from "./state.js";

let shownProblem = "";

function thumbnail(dataset) {
  const canvas = make("canvas", { "aria-hidden": "true" });
  fit(canvas, (context, width, height) => {
    context.clearRect(0, 0, width, height);
    const { points, classes } = dataset;
    const [left, right, low, high] = dataset.domain ?? bounds(points);
    const most = Math.max(1e-9, ...points.map(([, , target]) => Math.abs(target)));
    for (const [x, y, target] of points) {
      context.fillStyle = classes ? css(classColour(target, classes)) : rampCss[place(target / most)];
      context.fillRect(((x - left) / (right - left)) * width - 1, ((high - y) / (high - low)) * height - 1, 2.2, 2.2);
    }
  });
  return canvas;
}

function bounds(points) {
  const range = (part) => {
    const values = points.map((point) => point[part]);
    const [low, high] = [Math.min(...values), Math.max(...values)];
    const pad = 0.06 * (high - low || 1);
    return [low - pad, high + pad];
  };
  return [...range(0), ...range(1)];
}

function buildThumbnails() {
  const { problem } = store.state;
  const key = datasetKey();
  shownProblem = problem;
  const sets = store.catalogue.datasets.filter((dataset) => dataset.problem === problem && dataset.points.length);
  $("dataset-choice").dataset.control = key;
  $("dataset-choice").replaceChildren(...sets.map((dataset) => {
    const input = make("input", { type: "radio", name: "dataset", value: dataset.name, class: "away", onchange: () => set({ [key]: dataset.name }) });
    return make("label", { class: "thumbnail", title: dataset.label }, input, make("span", { class: "picture" }, thumbnail(dataset)), make("span", { class: "away" }, dataset.label));
  }));
}

function showDatasets() {
  if (shownProblem !== store.state.problem) buildThumbnails();
  const chosen = store.state[datasetKey()];
  for (const input of $("dataset-choice").querySelectorAll("input")) input.checked = input.value === chosen;
}

function buildPresets() {
  const select = make("select", { id: "preset", onchange: () => {
    const preset = store.catalogue.presets.find(({ name }) => name === select.value);
    if (!preset) return;
    $("preset-comment").textContent = preset.comment;
    openAddress(preset.fragment);
  } });
  $("preset-slot").replaceChildren(
    make("label", { class: "field" }, make("span", {}, "Something to try"), select),
    make("p", { class: "hint", id: "preset-comment", "aria-live": "polite" }));
  const options = store.catalogue.presets.map(({ name, label }) => make("option", { value: name }, label));
  select.replaceChildren(make("option", { value: "" }, "Choose …"), ...options);
}

/** Send a CSV; the server says what it read, or why it cannot. */
export async function sendCsv(text, name) {
  if (!text.trim()) return tellEmpty();
  const { csv_bytes: most } = store.limits;
  if (text.length > most) return complain(`${name} has ${(text.length / 1e6).toFixed(0)} MB, and at most ${(most / 1e6).toFixed(0)} MB can be read here. Nothing was changed.`);
  $("own-data").open = true;
  return command("csv", { text, name });
}

const complain = (message) => tellAll("error", { message });
const tellEmpty = () => complain("There is no text to read. Nothing was changed.");

export async function sendFile(file) {
  const { csv_bytes: most } = store.limits;
  if (file.size > most) return complain(`${file.name} has ${(file.size / 1e6).toFixed(0)} MB, and at most ${(most / 1e6).toFixed(0)} MB can be read here. Nothing was changed.`);
  return sendCsv(await file.text(), file.name);
}

/** The columns of a CSV: what is to be learnt, what the map shows, what else is an input. */
function showColumns(data) {
  const box = $("csv-columns");
  box.hidden = data.columns.length === 0;
  if (box.hidden) return;
  const options = data.columns.map((name) => ({ name, label: name }));
  const choose = (id, label, value, changed) => {
    const select = make("select", { id, onchange: () => changed(select.value) });
    fillSelect(select, options, value);
    return make("label", { class: "field" }, make("span", {}, label), select);
  };
  const { target, map, inputs } = data;
  const read = (changes) => command("columns", { target, map, inputs, ...changes });
  const others = data.columns.filter((name) => name !== target && !map.includes(name));
  const checks = others.map((name) => {
    const input = make("input", { type: "checkbox", onchange: () => read({ inputs: input.checked ? [...inputs, name] : inputs.filter((each) => each !== name) }) });
    input.checked = inputs.includes(name);
    return make("label", { class: "check" }, input, ` ${name}`);
  });
  box.replaceChildren(
    make("p", { class: "hint" }, make("strong", {}, data.name)),
    choose("csv-target", "To be learnt", target, (value) => read({ target: value, map: null, inputs: null })),
    choose("csv-map-0", "Across the map", map[0], (value) => read({ map: [value, map[1] === value ? map[0] : map[1]], inputs: null })),
    choose("csv-map-1", "Up the map", map[1], (value) => read({ map: [map[0] === value ? map[1] : map[0], value], inputs: null })),
    ...(checks.length ? [make("fieldset", { class: "checks" }, make("legend", {}, "Other inputs"), ...checks)] : []));
}

/** Own data that another data set has put aside: one press brings them back. */
function showKept() {
  const { own, state } = store;
  const name = own[state.problem];
  const here = ["own", "reg-own"].includes(state[datasetKey()]);
  $("own-back").hidden = !name || here;
  say($("own-back"), `Back to ${name}`);
}

export function startData() {
  $("own-back").addEventListener("click", () => set({ [datasetKey()]: store.state.problem === "regression" ? "reg-own" : "own" }));
  $("regenerate").addEventListener("click", () => command("regenerate"));
  $("csv-use").addEventListener("click", () => sendCsv($("csv-text").value, "pasted text"));
  $("csv-file").addEventListener("change", async ({ target }) => {
    if (target.files[0]) await sendFile(target.files[0]);
    target.value = "";
  });
  on("welcome", () => {
    shownProblem = "";
    if (!$("preset")) buildPresets();
  });
  on("state", () => {
    showDatasets();
    showKept();
  });
  on("theme", () => {
    if (!store.state) return;
    shownProblem = "";
    showDatasets();
  });
  on("data", (data) => {
    $("data-notes").replaceChildren(...data.notes.map((note) => make("li", {}, note)));
    showColumns(data);
  });
}
