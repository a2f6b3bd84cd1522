/* Where everything in the diagram stands: columns of units from the inputs to the outputs, in CSS pixels.

   Contract: `arrange` makes a layout from the network; `linkAt` finds the link at a place. Nothing is drawn here. */

import { store } from "./state.js";

export const HEAD = 70; // above the units, for the layers' own controls
const ROW = 42; // of an input, and the most that a unit gets
const LARGEST = 34;
const TALLEST = 560;
const OUTPUT = 52;

/** All inputs there are to choose from, the chosen ones with their place in the network. */
export function inputChoices() {
  const { state, network, catalogue, data } = store;
  const left = new Map(network.inputs.map((input, index) => [input.name, { ...input, index }]));
  const take = (name) => {
    const found = left.get(name);
    left.delete(name);
    return found?.index ?? -1;
  };
  const rows = catalogue.inputs.map(({ name, label, summary }) => {
    const index = state[name] ? take(summary) : -1;
    return { kind: "feature", key: name, label, formula: summary, index, active: state[name], hidden: state.hide.includes(name) };
  });
  state.formulas.forEach((formula) => rows.push({ kind: "formula", formula, label: formula, index: take(formula), active: true }));
  const own = data?.columns.length ? data : null;
  for (const { name, label, index } of left.values()) rows.push({ kind: "column", key: name, label, index, active: true });
  for (const name of own?.columns ?? []) {
    const used = network.inputs.some((input) => input.name === name) || name === own.target || own.map.includes(name);
    if (!used) rows.push({ kind: "column", key: name, label: name, index: -1, active: false });
  }
  return rows.filter((row) => !row.hidden);
}

/** Columns 0 (inputs) to L + 1 (outputs): {x, units: count, size, pitch, y(unit)}. */
export function arrange(wide) {
  const choices = inputChoices();
  const { layers } = store.network;
  const narrow = wide < 480;
  const left = narrow ? 90 : 124;
  const gap = narrow ? 78 : 88; // as wide as a layer's own controls under a finger
  const width = Math.max(wide, left + OUTPUT / 2 + 4 + gap * layers.length);
  const most = Math.max(...layers.map((layer) => layer.units), 1);
  const tall = Math.max(ROW * choices.length, Math.min(TALLEST, ROW * most));
  const step = (width - left - OUTPUT / 2 - 4) / layers.length;
  const rowOf = [];
  choices.forEach((choice, row) => {
    if (choice.index >= 0) rowOf[choice.index] = row;
  });
  const columns = [{ x: left - 20, size: LARGEST, pitch: ROW, count: store.network.inputs.length, y: (unit) => HEAD + (rowOf[unit] ?? unit) * ROW + ROW / 2 }];
  layers.forEach((layer, at) => {
    const pitch = Math.min(ROW, tall / layer.units);
    const size = Math.min(LARGEST, Math.max(3, pitch * 0.82));
    columns.push({ x: left + (at + 1) * step, size, pitch, count: layer.units, y: (unit) => HEAD + pitch * (unit + 0.5) });
  });
  return { width, height: HEAD + tall + 10, left, step, choices, columns, narrow };
}

/** The two ends of the links between column `layer` and the next: all of them share x. */
export function gapOf(layout, layer) {
  const [from, to] = [layout.columns[layer], layout.columns[layer + 1]];
  return { from, to, x0: from.x + from.size / 2 + 1, x1: to.x - to.size / 2 - 1 };
}

/** The link that passes nearest to a place, within a few pixels: {layer, from, to} or null.

    A link is a Bézier curve whose control points lie half-way across, at the height of either end. So x depends on the curve's
    parameter t alone, and all links of a gap share it: one t for the place, and then y = y₀ + (y₁ − y₀)·(3t² − 2t³). */
export function linkAt(layout, x, y, reach = 6) {
  for (let layer = 0; layer + 1 < layout.columns.length; layer++) {
    const { from, to, x0, x1 } = gapOf(layout, layer);
    if (x < x0 || x > x1) continue;
    const t = parameterAt((x - x0) / (x1 - x0));
    const share = t * t * (3 - 2 * t);
    let best = null;
    let least = reach;
    for (let i = 0; i < from.count; i++) {
      const y0 = from.y(i);
      for (let j = 0; j < to.count; j++) {
        const distance = Math.abs(y0 + (to.y(j) - y0) * share - y);
        if (distance < least) {
          least = distance;
          best = { layer, from: i, to: j };
        }
      }
    }
    return best;
  }
  return null;
}

/** t where 1.5t(1 − t)² + 1.5t²(1 − t) + t³ = share, by halving. */
function parameterAt(share) {
  let low = 0;
  let high = 1;
  for (let turn = 0; turn < 24; turn++) {
    const t = (low + high) / 2;
    if (1.5 * t * (1 - t) ** 2 + 1.5 * t * t * (1 - t) + t ** 3 < share) low = t;
    else high = t;
  }
  return (low + high) / 2;
}
