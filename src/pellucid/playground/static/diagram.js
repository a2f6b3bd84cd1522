/* The network drawn: links by weight, a heat map in every unit, biases, and the numbers of a trace. One canvas, one pass a frame. */

import { startCards } from "./cards.js";
import { $, calm, fit, plainName, say, tell, whole } from "./dom.js";
import { drawInputMaps, placeInputs } from "./inputs.js";
import { arrange, gapOf } from "./layout.js";
import { colours, css, place, ramp, rampCss } from "./palette.js";
import { on, store } from "./state.js";
import { placeHeads } from "./layers.js";
import { placeUnits } from "./units.js";

const LEVELS = 16;
const MOST_LINKS = 2500;
const NOTE = "Links show weights by width and colour: blue is positive, orange negative. Point at a unit to see it large; click a link, or a unit, to edit it.";

let layout = null;
let view;
const atlas = document.createElement("canvas");
let pixels = null;

export const currentLayout = () => layout;

function relayout() {
  if (!store.network) return;
  layout = arrange($("diagram-scroll").clientWidth);
  const box = $("diagram");
  box.style.width = `${layout.width}px`;
  box.style.height = `${layout.height}px`;
  box.classList.toggle("narrow", layout.narrow);
  placeInputs(layout);
  placeUnits(layout);
  placeHeads(layout);
  showFacts();
  view.redraw();
}

function showFacts() {
  const { parameters, loss, engine, engine_note: note } = store.network;
  say($("network-facts"), `${whole(parameters)} parameters · ${plainName(loss)} · ${engine} engine`);
  $("network-facts").title = [loss, note].filter(Boolean).join("; ");
}

/** Links of one gap sorted into levels of sign and size: each level is stroked as one path. */
function drawLinks(context, layer, weights, least) {
  const { from, to, x0, x1 } = gapOf(layout, layer);
  const middle = (x0 + x1) / 2;
  const widest = Math.max(1.5, Math.min(8, 0.4 * Math.min(from.size, to.size), 30 / Math.sqrt(from.count * to.count)));
  const paths = new Array(2 * LEVELS);
  for (let i = 0; i < from.count; i++) {
    const y0 = from.y(i);
    for (let j = 0; j < to.count; j++) {
      const weight = weights[i * to.count + j];
      const size = Math.abs(weight);
      if (size < least) continue;
      const level = Math.round((LEVELS - 1) * Math.sqrt(Math.min(1, size / 5)));
      const at = weight < 0 ? level : LEVELS + level;
      const path = (paths[at] ??= new Path2D());
      const y1 = to.y(j);
      path.moveTo(x0, y0);
      path.bezierCurveTo(middle, y0, middle, y1, x1, y1);
    }
  }
  for (let level = 0; level < LEVELS; level++) {
    const share = (level / (LEVELS - 1)) ** 2;
    context.lineWidth = 0.7 + share * widest;
    for (const sign of [-1, 1]) {
      const path = paths[sign < 0 ? level : LEVELS + level];
      if (!path) continue;
      context.strokeStyle = rampCss[place(sign * (0.12 + 4.9 * share))];
      context.stroke(path);
    }
  }
}

/** The weight below which links are left out, so that no more than MOST_LINKS are drawn; 0: all. */
function leastDrawn(frame) {
  let links = 0;
  const bins = new Uint32Array(256);
  const layers = store.network.layers.map((_, at) => frame.arrays[`weight.${at}`].values);
  for (const weights of layers) links += weights.length;
  if (links <= MOST_LINKS) return [0, links];
  for (const weights of layers) for (const weight of weights) bins[Math.min(255, Math.abs(weight) * 64) | 0] += 1;
  let kept = 0;
  let bin = 255;
  while (bin > 0 && kept + bins[bin] <= MOST_LINKS) kept += bins[bin--];
  return [(bin + 1) / 64, links];
}

function drawMaps(context, maps) {
  const [units, size] = maps.shape;
  const across = Math.ceil(Math.sqrt(units));
  const wide = across * size;
  const high = Math.ceil(units / across) * size;
  if (atlas.width !== wide || atlas.height !== high || !pixels) {
    atlas.width = wide;
    atlas.height = high;
    pixels = atlas.getContext("2d").createImageData(wide, high);
  }
  const packed = new Uint32Array(pixels.data.buffer);
  const { values } = maps;
  for (let unit = 0, at = 0; unit < units; unit++) {
    const corner = Math.floor(unit / across) * size * wide + (unit % across) * size;
    for (let row = 0; row < size; row++) {
      for (let column = 0; column < size; column++) packed[corner + row * wide + column] = ramp[Math.min(255, values[at++] + 128)];
    }
  }
  atlas.getContext("2d").putImageData(pixels, 0, 0);
  context.imageSmoothingEnabled = true;
  eachUnit((column, unit, index) => {
    const half = column.size / 2;
    const [sx, sy] = [(index % across) * size, Math.floor(index / across) * size];
    context.drawImage(atlas, sx, sy, size, size, column.x - half, column.y(unit) - half, column.size, column.size);
  });
}

function eachUnit(action) {
  let index = 0;
  layout.columns.forEach((column, layer) => {
    for (let unit = 0; unit < column.count; unit++) action(column, unit, index++, layer);
  });
}

/** Frames around the units, the one pointed at stronger, and the biases as small squares. */
function drawFrames(context, frame) {
  const { pointed } = store;
  eachUnit((column, unit, _, layer) => {
    const half = column.size / 2;
    const [left, top] = [column.x - half, column.y(unit) - half];
    const here = pointed?.layer === layer && pointed.unit === unit;
    context.lineWidth = here ? 2.5 : 1;
    context.strokeStyle = here ? css(colours.accent) : css(colours.muted, 0.55);
    context.strokeRect(left, top, column.size, column.size);
    if (layer && column.size >= 16) {
      const bias = frame.arrays[`bias.${layer - 1}`].values[unit];
      context.fillStyle = rampCss[place(bias)];
      context.fillRect(left - 3, top + column.size - 4, 7, 7);
      context.lineWidth = 1;
      context.strokeStyle = css(colours.muted, 0.8);
      context.strokeRect(left - 3, top + column.size - 4, 7, 7);
    }
  });
}

/** The numbers of the trace's present step, on the units of its column. */
function drawWalk(context) {
  const { walk } = store;
  if (!walk) return;
  context.font = "600 11px system-ui, sans-serif";
  context.textAlign = "center";
  context.textBaseline = "middle";
  for (const [layer, values] of walk.values) {
    const column = layout.columns[layer];
    if (!column || column.pitch < 13) continue;
    const here = layer === walk.column;
    for (let unit = 0; unit < Math.min(column.count, values.length); unit++) {
      const value = Number(values[unit]);
      const text = Math.abs(value) < 0.005 ? "0.00" : tell(value, 2);
      const wide = context.measureText(text).width + 8;
      const [x, y] = [column.x, column.y(unit)];
      context.fillStyle = css(here ? colours.accent : colours.panel, here ? 1 : 0.9);
      context.beginPath();
      context.roundRect(x - wide / 2, y - 8, wide, 16, 4);
      context.fill();
      context.fillStyle = css(here ? colours.panel : colours.ink);
      context.fillText(text, x, y + 0.5);
    }
  }
}

function drawn(context, width, height) {
  context.clearRect(0, 0, width, height);
  if (!layout) return;
  drawInputMaps(context, layout);
  const { frame } = store;
  if (!frame || frame.generation !== store.generation) return;
  const [least, links] = leastDrawn(frame);
  say($("diagram-note"), least ? `Of ${whole(links)} links the strongest are drawn. ${NOTE}` : NOTE);
  const flow = frame.running && links < 400 && !calm();
  context.lineCap = "butt";
  context.setLineDash(flow ? [9, 1.5] : []);
  context.lineDashOffset = flow ? -((performance.now() / 60) % 10.5) : 0;
  for (let layer = 0; layer + 1 < layout.columns.length; layer++) drawLinks(context, layer, frame.arrays[`weight.${layer}`].values, least);
  context.setLineDash([]);
  if (frame.arrays.maps) drawMaps(context, frame.arrays.maps);
  drawFrames(context, frame);
  drawWalk(context);
}

export function startDiagram() {
  view = fit($("diagram-canvas"), drawn);
  on("state data", relayout);
  on("draw pointed walk", () => view.redraw());
  let wide = 0;
  new ResizeObserver(([entry]) => {
    if (Math.abs(entry.contentRect.width - wide) < 1) return;
    wide = entry.contentRect.width;
    relayout();
  }).observe($("diagram-scroll"));
  startCards();
}
