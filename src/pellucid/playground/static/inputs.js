/* The column of inputs: each a switch with a little heat map; those that are not used are faded. */

import { $, make } from "./dom.js";
import { HEAD } from "./layout.js";
import { colours, css, place, ramp } from "./palette.js";
import { command, on, set, store, wanted } from "./state.js";

const SIZE = 20;
const FORMULAS = {
  x: (x) => x, y: (_, y) => y, xSquared: (x) => x * x, ySquared: (_, y) => y * y, xTimesY: (x, y) => x * y,
  sinX: (x) => Math.sin(x), sinY: (_, y) => Math.sin(y),
};

let pictures = new Map(); // of the seven, on the present domain

/** A CSV's columns are measured in deviations from their mean, as the network begins by doing. */
function scaleOf(key) {
  if (!store.data?.columns.length) return (value) => value;
  const { values, shape } = store.data.arrays.train;
  const found = Array.from({ length: shape[0] }, (_, row) => FORMULAS[key](values[3 * row], values[3 * row + 1]));
  const mean = found.reduce((sum, value) => sum + value, 0) / found.length;
  const deviation = Math.sqrt(found.reduce((sum, value) => sum + (value - mean) ** 2, 0) / found.length) || 1;
  return (value) => (value - mean) / deviation;
}

/** "x₁", and the column it stands for where there are names. */
function named({ key, label }) {
  const at = ["x", "y"].indexOf(key);
  return at >= 0 && store.data?.columns.length ? `${label} (${store.data.axes[at]})` : label;
}

function picture(key) {
  if (pictures.has(key)) return pictures.get(key);
  const [left, right, low, high] = store.data?.domain ?? [-6, 6, -6, 6];
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = SIZE;
  const context = canvas.getContext("2d");
  const image = context.createImageData(SIZE, SIZE);
  const packed = new Uint32Array(image.data.buffer);
  const scaled = scaleOf(key);
  for (let at = 0; at < SIZE * SIZE; at++) {
    const x = left + ((right - left) * ((at % SIZE) + 0.5)) / SIZE;
    const y = high - ((high - low) * (Math.floor(at / SIZE) + 0.5)) / SIZE;
    packed[at] = ramp[place(scaled(FORMULAS[key](x, y)))];
  }
  context.putImageData(image, 0, 0);
  pictures.set(key, canvas);
  return canvas;
}

/** What the canvas shows of inputs that are not in the network; those that are come with the units. */
export function drawInputMaps(context, layout) {
  const { x, size } = layout.columns[0];
  layout.choices.forEach((choice, row) => {
    if (choice.index >= 0 && store.frame) return;
    const [left, top] = [x - size / 2, HEAD + row * 42 + (42 - size) / 2];
    if (choice.kind === "feature") {
      context.globalAlpha = choice.active ? 1 : 0.35;
      context.drawImage(picture(choice.key), left, top, size, size);
      context.globalAlpha = 1;
    }
    context.lineWidth = 1;
    context.strokeStyle = css(colours.muted, 0.3);
    context.strokeRect(left, top, size, size);
  });
}

function toggle(choice) {
  if (choice.kind === "feature") return set({ [choice.key]: !choice.active });
  if (choice.kind === "formula") return set({ formulas: wanted().formulas.filter((formula) => formula !== choice.formula) });
  const { inputs, target, map } = store.data;
  const others = choice.active ? inputs.filter((name) => name !== choice.key) : [...inputs, choice.key];
  return command("columns", { target, map, inputs: others });
}

const idOf = ({ kind, key, formula }) => `${kind} ${key ?? formula}`;

export function placeInputs(layout) {
  const box = $("inputs");
  const focused = box.contains(document.activeElement) ? document.activeElement.dataset.id : null;
  box.replaceChildren(...layout.choices.map((choice, row) => {
    const words = choice.kind === "formula" ? `Own input ${choice.formula}; press to remove it` : `Input ${named(choice)}`;
    const button = make("button", {
      type: "button", class: `input ${choice.kind}`, "aria-label": words, title: choice.formula ?? named(choice), "data-id": idOf(choice),
      "aria-pressed": String(choice.active), onclick: () => toggle(choice),
      "data-layer": 0, "data-unit": choice.index >= 0 ? choice.index : null,
    }, make("span", {}, choice.label));
    button.style.transform = `translateY(${HEAD + row * 42}px)`;
    button.style.width = `${layout.left - 2}px`;
    return button;
  }));
  if (focused) [...box.children].find((button) => button.dataset.id === focused)?.focus({ preventScroll: true });
}

export function startInputs() {
  on("theme data", () => (pictures = new Map()));
}
