/* Colours of the canvases, from the style sheet's variables; ramps as tables of packed pixels; light and dark. */

import { $ } from "./dom.js";
import { tellAll } from "./state.js";

const NAMES = ["positive", "negative", "neutral", "ink", "muted", "line", "panel", "train", "test", "frozen", "accent"];
export const CLASSES = 8;
const MODES = { auto: "as the system has them", light: "light", dark: "dark" };
const KEPT = "pellucid-playground-theme";

/** The colours now: names as above to [r, g, b], `classes` the classes' own; `css(name)` for canvases. */
export const colours = { classes: [] };

/** 256 packed pixels from the negative over the neutral to the positive colour. */
export const ramp = new Uint32Array(256);
export const rampCss = [];

export const pack = (r, g, b) => (255 << 24) | (b << 16) | (g << 8) | r;
export const mix = (a, b, share) => a.map((part, at) => Math.round(part + (b[at] - part) * share));
export const css = (colour, alpha = 1) => `rgb(${colour[0]} ${colour[1]} ${colour[2]} / ${alpha})`;

/** A value from −1 to 1 as its place in the ramp. */
export const place = (value) => (value <= -1 ? 0 : value >= 1 ? 255 : (value * 127.5 + 127.5) | 0);

/** The colour of a class: two classes have the ends of the ramp, more have their own. */
export function classColour(index, count) {
  if (count <= 2) return index === 1 ? colours.positive : colours.negative;
  return colours.classes[index % CLASSES];
}

function resolve(name) {
  const probe = $("foot");
  probe.style.color = `var(--${name})`;
  const parts = getComputedStyle(probe).color.match(/[\d.]+/g).slice(0, 3).map(Number);
  probe.style.color = "";
  return parts;
}

export function readColours() {
  for (const name of NAMES) colours[name] = resolve(name);
  colours.classes = Array.from({ length: CLASSES }, (_, index) => resolve(`class-${index}`));
  for (let at = 0; at < 256; at++) {
    const value = (at - 127.5) / 127.5;
    const colour = mix(colours.neutral, value < 0 ? colours.negative : colours.positive, Math.abs(value));
    ramp[at] = pack(...colour);
    rampCss[at] = css(colour);
  }
  tellAll("theme");
}

function show(mode) {
  if (mode === "auto") document.documentElement.removeAttribute("data-theme");
  else document.documentElement.dataset.theme = mode;
  $("theme").setAttribute("aria-label", `Colours: ${MODES[mode]}`);
  $("theme").title = `Colours: ${MODES[mode]}`;
  $("theme").firstElementChild.textContent = { auto: "◐", light: "☀", dark: "☾" }[mode];
  readColours();
}

/** Follow the system, or what was chosen here before. */
export function startTheme() {
  let mode = localStorage.getItem(KEPT) in MODES ? localStorage.getItem(KEPT) : "auto";
  show(mode);
  $("theme").addEventListener("click", () => {
    const names = Object.keys(MODES);
    mode = names[(names.indexOf(mode) + 1) % names.length];
    localStorage.setItem(KEPT, mode);
    show(mode);
  });
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", readColours);
}
