/* Under the glass: one step of training on one point, walked through layer by layer; its numbers stand in the diagram.

   Contract: the server's trace comes as numbers by layer and as words in blocks; a block is a step of the walk. */

import { $, make } from "./dom.js";
import { connection, on, showWalk, store } from "./state.js";

const PARTS = { Given: "Given", Forward: "Forward", Backward: "Backward", Step: "The step" };

let walk = null; // {steps, at, point}

/** The words in steps: what is given, each layer forward, the loss, each layer back, the update of each. */
function stepsOf({ trace, text, layers }) {
  const columnOf = new Map(layers.map(({ index, column }) => [index, column]));
  const byIndex = new Map(trace.layers.map((layer) => [layer.index, layer]));
  const last = store.network.layers.length;
  const steps = [];
  let part = "Given";
  for (const block of text.split(/\n\s*\n/)) {
    const lines = block.split("\n").filter((line) => line.trim());
    if (!lines.length) continue;
    const heading = /^(Forward|Backward|Step)\b/.exec(lines[0]);
    if (heading) part = heading[1];
    const found = /^\s*layer (\d+),/.exec(lines[0]);
    if (!steps.length && lines[0] === lines[0].trim()) continue; // the title of it all
    if (heading && lines.length === 1 && part !== "Step") continue;
    const index = found ? Number(found[1]) : null;
    const layer = byIndex.get(index);
    const gradient = part !== "Forward" && part !== "Given";
    const column = layer ? columnOf.get(index) ?? null : part === "Given" ? 0 : last;
    const values = layer ? (gradient ? layer.output_gradient : layer.output)?.[0] : part === "Given" ? trace.x[0] : null;
    const numbers = Array.isArray(values) ? values : null;
    steps.push({ part, index, column, numbers, lines, title: found ? lines[0].trim() : heading || part === "Given" ? PARTS[part] : lines[0].trim() });
  }
  return steps;
}

/** The numbers that stand in the diagram at a step: of the same direction, up to here. */
function valuesAt(at) {
  const values = new Map();
  const { part } = walk.steps[at];
  const forward = part === "Given" || part === "Forward";
  for (let before = 0; before <= at; before++) {
    const step = walk.steps[before];
    if ((step.part === "Given" || step.part === "Forward") === forward && step.numbers && step.column !== null && step.part !== "Step") values.set(step.column, step.numbers);
  }
  return values;
}

function show(at) {
  walk.at = at;
  const step = walk.steps[at];
  showWalk({ column: step.column, values: valuesAt(at), point: walk.point, part: step.part });
  const [first, ...rest] = step.lines;
  const body = first.trim() === step.title ? rest : step.lines;
  $("walk-title-now").textContent = `${PARTS[step.part]}${step.title === PARTS[step.part] ? "" : ` · ${step.title}`}`;
  $("walk-text").textContent = dedent(body).join("\n");
  $("walk-text").scrollTop = 0;
  $("walk-place").textContent = `${at + 1} of ${walk.steps.length}`;
  $("walk-previous").disabled = at === 0;
  $("walk-next").disabled = at === walk.steps.length - 1;
}

function dedent(lines) {
  const least = Math.min(...lines.map((line) => line.search(/\S/)));
  return lines.map((line) => line.slice(Math.max(0, least)));
}

function build() {
  const move = (by) => () => walk && show(Math.min(walk.steps.length - 1, Math.max(0, walk.at + by)));
  const button = (id, label, action) => make("button", { type: "button", class: "plain", id, onclick: action }, label);
  $("walk-body").replaceChildren(
    make("div", { class: "walk-bar" },
      button("walk-previous", "‹ Previous", move(-1)), make("span", { id: "walk-place", class: "label" }), button("walk-next", "Next ›", move(1)),
      button("walk-close", "Close", end)),
    make("h3", { id: "walk-title-now", "aria-live": "polite" }),
    make("pre", { id: "walk-text", tabindex: "0", "aria-label": "The step's numbers" }));
  $("walk").addEventListener("keydown", (event) => {
    if (!walk || event.target.closest("pre")) return;
    if (event.key === "ArrowRight") move(1)();
    else if (event.key === "ArrowLeft") move(-1)();
    else if (event.key === "Escape") end();
  });
}

function end() {
  walk = null;
  $("walk-body").hidden = true;
  $("walk-hint").hidden = false;
  showWalk(null);
}

/** Trace a step of training on a point of the plane. */
export async function traceAt(point, target) {
  let answer;
  try {
    answer = await connection.ask("trace", { point, target });
  } catch {
    return; // said as an error already
  }
  walk = { steps: stepsOf(answer), at: 0, point };
  if (!walk.steps.length) return end();
  $("walk-body").hidden = false;
  $("walk-hint").hidden = true;
  show(0);
  const box = $("walk").getBoundingClientRect();
  if (box.top > window.innerHeight - 120) $("walk").scrollIntoView({ block: "nearest", behavior: "auto" });
  $("walk-next").focus({ preventScroll: true });
}

export function startWalk() {
  build();
  on("state", ({ fresh }) => fresh && walk && end());
}
