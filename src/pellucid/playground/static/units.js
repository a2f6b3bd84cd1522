/* The units as buttons over the drawing: to point at, to reach by keyboard, to open for editing. */

import { editUnit, hideHover, pointAtLink, pressLink } from "./cards.js";
import { $, arrow, make } from "./dom.js";
import { point, store } from "./state.js";

let mark = "";
let current = [1, 0];

export const unitName = (layer, unit) => {
  const last = store.network.layers.length;
  if (layer === 0) return `Input ${store.network.inputs[unit]?.label ?? unit + 1}`;
  if (layer < last) return `Layer ${layer}, unit ${unit + 1}`;
  const { classes } = store.data ?? { classes: [] };
  return store.network.layers[last - 1].units > 1 ? `Output ${classes[unit] ?? unit + 1}` : "Output";
};

const buttonOf = (layer, unit) => $("units").querySelector(`[data-layer="${layer}"][data-unit="${unit}"]`);

function moveFrom(layer, unit, [right, down]) {
  const { layers } = store.network;
  const column = Math.min(layers.length, Math.max(1, layer + right));
  const row = Math.min(layers[column - 1].units - 1, Math.max(0, unit + down));
  buttonOf(column, row)?.focus();
}

/** Buttons for all units behind the inputs, made anew only where their number changed. */
export function placeUnits(layout) {
  const box = $("units");
  const shape = JSON.stringify(layout.columns.map((column) => column.count));
  if (shape !== mark) {
    mark = shape;
    const focused = box.contains(document.activeElement);
    box.replaceChildren();
    layout.columns.slice(1).forEach((column, at) => {
      for (let unit = 0; unit < column.count; unit++) {
        box.append(make("button", { type: "button", class: "unit", tabindex: -1, "data-layer": at + 1, "data-unit": unit, "aria-haspopup": "dialog" }));
      }
    });
    if (!buttonOf(...current)) current = [1, 0];
    buttonOf(...current).tabIndex = 0;
    if (focused) buttonOf(...current).focus();
  }
  for (const button of box.children) {
    const [layer, unit] = [Number(button.dataset.layer), Number(button.dataset.unit)];
    const column = layout.columns[layer];
    const size = Math.max(column.size, Math.min(24, column.pitch));
    button.style.transform = `translate(${column.x - size / 2}px, ${column.y(unit) - size / 2}px)`;
    button.style.width = button.style.height = `${size}px`;
    button.setAttribute("aria-label", unitName(layer, unit));
  }
}

const unitOf = (target) => {
  const button = target.closest?.(".unit, .input[data-unit]");
  return button ? { layer: Number(button.dataset.layer), unit: Number(button.dataset.unit) } : null;
};

export function startUnits() {
  const box = $("diagram");
  box.addEventListener("pointermove", (event) => {
    const unit = unitOf(event.target);
    point(unit);
    if (unit) hideHover();
    else pointAtLink(event);
  });
  box.addEventListener("pointerleave", () => {
    point(null);
    hideHover();
  });
  box.addEventListener("focusin", (event) => {
    const unit = unitOf(event.target);
    if (!unit) return;
    if (unit.layer > 0) {
      const before = buttonOf(...current);
      if (before) before.tabIndex = -1;
      current = [unit.layer, unit.unit];
      event.target.tabIndex = 0;
    }
    if (event.target.matches(":focus-visible")) point(unit);
  });
  box.addEventListener("focusout", () => point(null));
  $("units").addEventListener("keydown", (event) => {
    const step = arrow(event.key);
    if (!step) return;
    event.preventDefault();
    moveFrom(...current, step);
  });
  box.addEventListener("click", (event) => {
    const button = event.target.closest(".unit");
    if (button) editUnit(Number(button.dataset.layer), Number(button.dataset.unit), button);
    else if (!event.target.closest("button, input, select, label")) pressLink(event);
  });
}
