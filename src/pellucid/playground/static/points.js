/* What a click on the map does: trace a point, add points of a class, erase. Points go out in batches, one on its way at a time. */

import { $, make } from "./dom.js";
import { CLASSES, classColour, css } from "./palette.js";
import { command, on, store, tellAll } from "./state.js";
import { traceAt } from "./trace.js";

const TOOLS = [["trace", "Trace"], ["add", "Add"], ["erase", "Erase"]];

let tool = "trace";
let kind = 1; // class number, or the number to learn
let queue = [];
let sending = false;
let last = null;

const reach = () => {
  const [left, right, low, high] = store.data.domain;
  return [(right - left) * 0.04, (high - low) * 0.04];
};

/** The training or test point nearest to a place: [x1, x2, target], or null if none is near. */
function nearest([x, y]) {
  const [wide, high] = reach();
  let best = null;
  let least = 1;
  const parts = store.state.showTestData ? ["train", "test"] : ["train"];
  for (const name of parts) {
    const { values, shape } = store.data.arrays[name];
    for (let row = 0; row < shape[0]; row++) {
      const distance = Math.hypot((values[3 * row] - x) / wide, (values[3 * row + 1] - y) / high);
      if (distance < least) {
        least = distance;
        best = values.subarray(3 * row, 3 * row + 3);
      }
    }
  }
  return best && [...best];
}

async function flush() {
  if (sending || !queue.length) return;
  sending = true;
  const [first] = queue;
  if (first.erase) {
    queue.shift();
    await command("erase", first.erase);
  } else {
    const points = [];
    while (queue.length && queue[0].add && points.length < 200) points.push(queue.shift().add);
    await command("add", { points });
  }
  sending = false;
  flush();
}

/** A press on the map, or a move while pressed, at a place of the plane. */
export function pressMap(place, dragging = false) {
  if (!store.data) return;
  const [wide, high] = reach();
  if (dragging && (tool === "trace" || (last && Math.hypot((place[0] - last[0]) / wide, (place[1] - last[1]) / high) < 0.8))) return;
  last = place;
  if (tool === "trace") {
    const found = nearest(place);
    if (found) traceAt(found.slice(0, 2), found[2]);
    else tellAll("notice", { level: "info", message: "There is no point here: click one of the dots to see a step of training on it." });
  } else if (tool === "add") queue.push({ add: [...place, kind] });
  else queue.push({ erase: { x: place[0], y: place[1], radius: Math.max(wide, high) } });
  flush();
}

export function releaseMap() {
  last = null;
}

function showKinds() {
  const box = $("point-kinds");
  const { classes, range } = store.data;
  box.hidden = tool !== "add";
  if (!classes.length) {
    kind = Math.min(range[1], Math.max(range[0], kind));
    const input = make("input", { type: "number", step: "any", id: "point-value", value: kind, "aria-label": "Value of the new points",
      onchange: (event) => (kind = Number.isNaN(event.target.valueAsNumber) ? kind : event.target.valueAsNumber) });
    return box.replaceChildren(make("span", { class: "label" }, "Value"), input);
  }
  kind = Math.min(Math.max(0, Math.round(kind)), classes.length - 1);
  const names = classes.length < CLASSES ? [...classes, "a new one"] : classes;
  box.replaceChildren(...names.map((name, index) => {
    const dot = make("i", { class: "swatch" });
    dot.style.background = css(classColour(index, Math.max(classes.length, index + 1)));
    const input = make("input", { type: "radio", name: "point-kind", value: index, onchange: () => (kind = index) });
    input.checked = index === kind;
    return make("label", { class: "check" }, input, dot, ` ${name}`);
  }));
}

export function startTools() {
  const box = $("map-tools");
  for (const [name, label] of TOOLS) {
    const input = make("input", { type: "radio", name: "tool", value: name, id: `tool-${name}`, onchange: () => {
      tool = name;
      $("points").dataset.tool = name;
      showKinds();
    } });
    input.checked = name === tool;
    box.append(make("label", { class: "chip" }, input, make("span", {}, label)));
  }
  box.append(make("button", { type: "button", class: "link", id: "clear-points", onclick: () => command("clear") }, "Clear all"));
  box.after(make("div", { id: "point-kinds", class: "checks", role: "radiogroup", "aria-label": "Class of the new points", hidden: true }));
  on("data theme", () => store.data && showKinds());
}
