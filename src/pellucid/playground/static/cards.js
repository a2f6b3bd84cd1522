/* The hover card over a link, and the card in which weights and biases are edited; both show the value as training changes it. */

import { currentLayout } from "./diagram.js";
import { $, make, say, tell } from "./dom.js";
import { linkAt } from "./layout.js";
import { command, on, store } from "./state.js";
import { startUnits, unitName } from "./units.js";

let link = null; // under the pointer
let edited = null; // {layer, unit, rows: [{input, read}], opener}

const weightOf = ({ layer, from, to }) => store.frame?.arrays[`weight.${layer}`]?.values[from * store.network.layers[layer].units + to];
const biasOf = (layer, unit) => store.frame?.arrays[`bias.${layer - 1}`]?.values[unit];

const placeIn = (event) => {
  const box = $("diagram").getBoundingClientRect();
  return [event.clientX - box.left, event.clientY - box.top];
};

/** Put a card beside a place of the window, wholly inside it. */
function placeCard(card, x, y) {
  card.hidden = false;
  const { width, height } = card.getBoundingClientRect();
  const left = Math.max(8, Math.min(x + 14, document.documentElement.clientWidth - width - 8));
  const top = Math.max(8, Math.min(y + 14, window.innerHeight - height - 8));
  card.style.transform = `translate(${left}px, ${top}px)`;
}

export function hideHover() {
  link = null;
  $("hover-card").hidden = true;
}

const small = (name) => name.charAt(0).toLowerCase() + name.slice(1);
const linkWords = () => `Weight from ${small(unitName(link.layer, link.from))} to ${small(unitName(link.layer + 1, link.to))} is ${tell(weightOf(link), 3)}`;

export function pointAtLink(event) {
  const layout = currentLayout();
  link = layout && store.frame && linkAt(layout, ...placeIn(event), event.pointerType === "touch" ? 14 : 6);
  $("diagram").classList.toggle("on-link", Boolean(link));
  if (!link) return hideHover();
  say($("hover-card"), linkWords());
  placeCard($("hover-card"), event.clientX, event.clientY);
}

export function pressLink(event) {
  const layout = currentLayout();
  const found = layout && linkAt(layout, ...placeIn(event), 10);
  if (found) open({ layer: found.layer + 1, unit: found.to, only: found.from, x: event.clientX, y: event.clientY });
}

export function editUnit(layer, unit, opener) {
  const box = opener.getBoundingClientRect();
  open({ layer, unit, only: null, x: box.right, y: box.top, opener });
}

function row(label, value, send) {
  const input = make("input", { type: "number", step: "any", value: value === undefined ? "" : Number(value.toFixed(4)) });
  input.addEventListener("change", () => {
    if (!Number.isNaN(input.valueAsNumber)) send(input.valueAsNumber);
  });
  return { node: make("label", {}, make("span", {}, label), input), input };
}

function open({ layer, unit, only, x, y, opener }) {
  const rows = [];
  const before = layer === 1 ? store.network.inputs.length : store.network.layers[layer - 2].units;
  const sources = only === null ? Array.from({ length: before }, (_, at) => at) : [only];
  for (const from of sources) {
    const place = { layer: layer - 1, from, to: unit };
    const made = row(`Weight from ${small(unitName(layer - 1, from))}`, weightOf(place), (value) => command("weight", { ...place, value }));
    rows.push({ ...made, now: () => weightOf(place) });
  }
  if (only === null) {
    const made = row("Bias", biasOf(layer, unit), (value) => command("bias", { layer: layer - 1, unit, value }));
    rows.unshift({ ...made, now: () => biasOf(layer, unit) });
  }
  edited = { rows, opener };
  hideHover();
  const card = $("edit-card");
  card.setAttribute("aria-label", `Edit ${unitName(layer, unit)}`);
  card.replaceChildren(
    make("header", {}, make("strong", {}, unitName(layer, unit)), make("button", { type: "button", class: "quiet icon", "aria-label": "Close", onclick: close }, "✕")),
    make("div", { class: "rows" }, ...rows.map(({ node }) => node)),
  );
  placeCard(card, x, y);
  rows[0].input.focus({ preventScroll: true });
  rows[0].input.select();
}

function close() {
  if (!edited) return;
  const { opener } = edited;
  edited = null;
  $("edit-card").hidden = true;
  opener?.focus({ preventScroll: true });
}

export function startCards() {
  startUnits();
  const card = $("edit-card");
  card.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.target.matches("input")) {
      event.preventDefault(); // or the same key would press the button that has the focus next
      event.target.dispatchEvent(new Event("change"));
      close();
    } else if (event.key === "Escape") close();
  });
  document.addEventListener("pointerdown", (event) => {
    if (edited && !card.contains(event.target)) close();
  });
  on("state", ({ fresh }) => fresh && close());
  on("draw", () => {
    if (link) say($("hover-card"), linkWords());
    for (const { input, now } of edited?.rows ?? []) {
      if (input !== document.activeElement && now() !== undefined) input.value = Number(now().toFixed(4));
    }
  });
}
