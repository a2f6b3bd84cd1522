/* The large map of what the network says, the points over it, the legend, and what a click on it does. */

import { $, arrow, fit, make, once, say, tell } from "./dom.js";
import { classColour, colours, css, mix, pack, place, ramp, rampCss } from "./palette.js";
import { pressMap, releaseMap, startTools } from "./points.js";
import { manyClasses, on, set, store } from "./state.js";
import { unitName } from "./units.js";

const SHAPES = 4; // of the classes' marks

let mapView;
let pointsView;
const buffer = document.createElement("canvas");
let image = null;
let cursor = null; // [x1, x2], moved by the arrow keys
let pointer = null;

const domain = () => store.data?.domain ?? [-6, 6, -6, 6];
const span = () => {
  const { problem } = store.state;
  return problem === "regression" && store.data ? store.data.range : [-1, 1];
};

/** What is on the map: the unit pointed at, one class, or all. */
function shown(frame) {
  const { unit, output } = frame.arrays;
  if (unit && store.pointed) return { kind: "one", values: unit.values, shape: unit.shape, low: -1, high: 1 };
  if (!output) return null;
  const [outputs, rows, columns] = output.shape;
  const chosen = Math.min(store.state.output, outputs);
  if (outputs > 1 && chosen === 0) return { kind: "classes", values: output.values, shape: [rows, columns], outputs };
  const size = rows * columns;
  if (outputs > 1) return { kind: "class", values: output.values.subarray((chosen - 1) * size, chosen * size), shape: [rows, columns], chosen: chosen - 1, outputs };
  const [low, high] = span();
  return { kind: "one", values: output.values, shape: [rows, columns], low, high };
}

function paint(target, what, discrete) {
  const { kind, values, low, high, outputs } = what;
  const size = target.length;
  if (kind === "one") {
    const scale = 255.999 / (high - low);
    for (let at = 0; at < size; at++) {
      const share = (values[at] - low) * scale;
      const step = share < 0 ? 0 : share > 255 ? 255 : share | 0;
      target[at] = ramp[discrete ? (step > 127 ? 255 : 0) : step];
    }
    return;
  }
  const tints = Array.from({ length: outputs }, (_, index) => classColour(index, outputs));
  if (kind === "class") {
    const table = Array.from({ length: 256 }, (_, step) => pack(...mix(colours.neutral, tints[what.chosen], discrete ? Number(step > 127) : step / 255)));
    for (let at = 0; at < size; at++) target[at] = table[Math.max(0, Math.min(255, values[at] * 255.999)) | 0];
    return;
  }
  blend(target, values, tints, discrete);
}

/** Colours of all classes mixed by their probabilities, paler where no class leads. */
function blend(target, values, tints, discrete) {
  const size = target.length;
  const [nr, ng, nb] = colours.neutral;
  const even = 1 / tints.length;
  for (let at = 0; at < size; at++) {
    let [r, g, b, best, most] = [0, 0, 0, 0, -1];
    for (let index = 0; index < tints.length; index++) {
      const share = values[index * size + at];
      const tint = tints[index];
      r += share * tint[0];
      g += share * tint[1];
      b += share * tint[2];
      if (share > most) [most, best] = [share, index];
    }
    if (discrete) target[at] = pack(...tints[best]);
    else {
      const sure = Math.min(1, 0.15 + (0.85 * (most - even)) / (1 - even));
      target[at] = pack(nr + (r - nr) * sure, ng + (g - ng) * sure, nb + (b - nb) * sure);
    }
  }
}

function drawMap(context, width, height) {
  const { frame } = store;
  const what = frame && frame.generation === store.generation ? shown(frame) : null;
  if (!what) {
    context.fillStyle = css(colours.neutral);
    context.fillRect(0, 0, width, height);
    return;
  }
  const [rows, columns] = what.shape;
  const own = buffer.getContext("2d");
  if (!image || buffer.width !== columns || buffer.height !== rows) {
    buffer.width = columns;
    buffer.height = rows;
    image = own.createImageData(columns, rows);
  }
  paint(new Uint32Array(image.data.buffer), what, store.state.discretize && !(store.pointed && frame.arrays.unit));
  own.putImageData(image, 0, 0);
  context.imageSmoothingEnabled = !store.state.discretize;
  context.drawImage(buffer, 0, 0, width, height);
}

const toScreen = (x, y, width, height) => {
  const [left, right, low, high] = domain();
  return [((x - left) / (right - left)) * width, ((high - y) / (high - low)) * height];
};

export const toPlane = (event) => {
  const [left, right, low, high] = domain();
  const { clientWidth, clientHeight } = $("points");
  return [left + (event.offsetX / clientWidth) * (right - left), high - (event.offsetY / clientHeight) * (high - low)];
};

function drawMark(context, x, y, shape, size) {
  context.beginPath();
  if (shape === 0) context.arc(x, y, size, 0, 2 * Math.PI);
  else if (shape === 1) context.rect(x - size * 0.9, y - size * 0.9, 1.8 * size, 1.8 * size);
  else {
    const turn = shape === 2 ? -1 : 1;
    context.moveTo(x, y + turn * 1.25 * size);
    context.lineTo(x - 1.2 * size, y - turn * 0.85 * size);
    context.lineTo(x + 1.2 * size, y - turn * 0.85 * size);
    context.closePath();
  }
}

function drawSet(context, width, height, part, ring) {
  const { classes } = store.data;
  const { values, shape } = part;
  const [low, high] = span();
  const size = shape[0] > 1500 ? 2 : 2.9;
  context.lineWidth = 1;
  context.strokeStyle = ring;
  for (let row = 0; row < shape[0]; row++) {
    const [x, y] = toScreen(values[3 * row], values[3 * row + 1], width, height);
    if (x < 0 || x > width || y < 0 || y > height) continue;
    const target = values[3 * row + 2];
    const many = classes.length > 2;
    drawMark(context, x, y, many ? target % SHAPES : 0, size);
    context.fillStyle = classes.length ? css(classColour(target, classes.length)) : rampCss[place((2 * (target - low)) / (high - low) - 1)];
    context.fill();
    context.stroke();
  }
}

const axisName = (name) => ({ x1: "x₁", x2: "x₂" })[name] ?? name;

/** The ends and the middle of both axes, in small type inside the map. */
function drawAxes(context, width, height) {
  const [left, right, low, high] = domain();
  const short = (value) => tell(value, Math.abs(value) < 10 && value % 1 ? 1 : 0);
  context.font = "10.5px system-ui, sans-serif";
  context.lineWidth = 3;
  context.strokeStyle = css(colours.panel, 0.75);
  context.fillStyle = css(colours.ink);
  const [across, up] = store.data.axes.map(axisName);
  const words = (text, x, y, align) => {
    context.textAlign = align;
    context.strokeText(text, x, y);
    context.fillText(text, x, y);
  };
  context.textBaseline = "bottom";
  words(short(left), 5, height - 4, "left");
  words(short((left + right) / 2), width / 2, height - 4, "center");
  words(`${across}  ${short(right)}`, width - 5, height - 4, "right");
  context.textBaseline = "middle";
  words(short((low + high) / 2), 5, height / 2, "left");
  context.textBaseline = "top";
  words(`${short(high)}  ${up}`, 5, 4, "left");
}

function drawPoints(context, width, height) {
  context.clearRect(0, 0, width, height);
  if (!store.data || !store.state) return;
  drawSet(context, width, height, store.data.arrays.train, css(colours.panel));
  if (store.state.showTestData) drawSet(context, width, height, store.data.arrays.test, css(colours.ink));
  drawAxes(context, width, height);
  const ring = (at, colour, size) => {
    const [x, y] = toScreen(...at, width, height);
    context.beginPath();
    context.arc(x, y, size, 0, 2 * Math.PI);
    context.lineWidth = 2.5;
    context.strokeStyle = colour;
    context.stroke();
  };
  if (store.walk) ring(store.walk.point, css(colours.ink), 8);
  if (cursor && document.activeElement === $("points")) ring(cursor, css(colours.accent), 10);
}

function read() {
  const at = pointer ?? (document.activeElement === $("points") ? cursor : null);
  const { frame } = store;
  if (!at || !frame || frame.generation !== store.generation) return say($("map-read"), "");
  const { axes, classes } = store.data;
  const [left, right, low, high] = domain();
  const where = `${axisName(axes[0])} = ${tell(at[0], 2)}, ${axisName(axes[1])} = ${tell(at[1], 2)}`;
  const what = shown(frame);
  if (!what) return undefined;
  const [rows, columns] = what.shape;
  const column = Math.min(columns - 1, Math.max(0, Math.floor(((at[0] - left) / (right - left)) * columns)));
  const row = Math.min(rows - 1, Math.max(0, Math.floor(((high - at[1]) / (high - low)) * rows)));
  const index = row * columns + column;
  if (what.kind !== "classes") return say($("map-read"), `${where}: ${tell(what.values[index], 2)}`);
  const shares = classes.map((name, each) => [what.values[each * rows * columns + index], name]).sort((a, b) => b[0] - a[0]);
  return say($("map-read"), `${where}: ${shares.slice(0, 3).map(([share, name]) => `${name} ${(100 * share).toFixed(0)} %`).join(", ")}`);
}

function showLegend() {
  const { classes } = store.data;
  const count = classes.length;
  const [low, high] = span();
  const swatch = (index) => {
    const dot = make("i", { class: `swatch shape-${count > 2 ? index % SHAPES : 0}` });
    dot.style.background = css(classColour(index, count));
    return dot;
  };
  const bar = make("span", { class: "bar" });
  bar.style.background = `linear-gradient(to right, ${[0, 64, 128, 192, 255].map((at) => rampCss[at]).join(", ")})`;
  const scale = make("div", { class: "scale" }, make("span", {}, tell(low, low % 1 ? 2 : 0)), bar, make("span", {}, tell(high, high % 1 ? 2 : 0)));
  const names = make("div", { class: "names" }, ...classes.map((name, index) => make("span", {}, swatch(index), ` ${name}`)));
  const words = "Colour shows data, unit and weight values.";
  $("legend").replaceChildren(...(count > 2 ? [names] : count ? [scale, names] : [scale]), make("p", { class: "hint" }, words));
}

function showOutputs() {
  const { classes } = store.data;
  $("output-choice").hidden = !manyClasses();
  const names = ["All classes", ...classes];
  $("output-select").replaceChildren(...names.map((name, at) => make("option", { value: at }, at ? `Only ${name}` : name)));
  $("output-select").value = Math.min(store.state.output, classes.length);
}

function caption() {
  const { pointed } = store;
  say($("map-caption"), pointed ? unitName(pointed.layer, pointed.unit) : "What the network says");
}

function startKeys(area) {
  area.addEventListener("keydown", (event) => {
    const step = arrow(event.key);
    const [left, right, low, high] = domain();
    if (step) {
      cursor ??= [(left + right) / 2, (low + high) / 2];
      const size = (event.shiftKey ? 0.1 : 0.02) * (right - left);
      cursor = [Math.min(right, Math.max(left, cursor[0] + size * step[0])), Math.min(high, Math.max(low, cursor[1] - (size * step[1] * (high - low)) / (right - left)))];
    } else if ((event.key === "Enter" || event.key === " ") && cursor) pressMap(cursor);
    else return;
    event.preventDefault();
    pointsView.redraw();
    read();
  });
  for (const name of ["focus", "blur"]) {
    area.addEventListener(name, () => {
      const [left, right, low, high] = domain();
      cursor ??= [(left + right) / 2, (low + high) / 2];
      pointsView.redraw();
      read();
    });
  }
}

export function startMap() {
  mapView = fit($("map"), drawMap);
  pointsView = fit($("points"), drawPoints);
  const area = $("points");
  const readSoon = once(read);
  area.addEventListener("pointermove", (event) => {
    pointer = toPlane(event);
    if (event.buttons) pressMap(pointer, true);
    readSoon();
  });
  area.addEventListener("pointerdown", (event) => {
    cursor = toPlane(event);
    area.setPointerCapture(event.pointerId);
    pressMap(cursor);
  });
  area.addEventListener("pointerup", releaseMap);
  area.addEventListener("pointerleave", () => {
    pointer = null;
    read();
  });
  startKeys(area);
  startTools();
  $("output-select").addEventListener("change", (event) => set({ output: Number(event.target.value) }));
  on("draw", () => {
    mapView.redraw();
    if (pointer || cursor) readSoon();
  });
  on("pointed", () => {
    caption();
    mapView.redraw();
  });
  on("state data theme", () => {
    if (!store.data || !store.state) return;
    showLegend();
    showOutputs();
    mapView.redraw();
    pointsView.redraw();
  });
  on("walk", () => pointsView.redraw());
}
