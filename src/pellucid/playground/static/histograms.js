/* Histograms of what each layer puts out and of the gradient that comes back to it. */

import { $, fit, make, say, tell } from "./dom.js";
import { askFrame, wanted } from "./frames.js";
import { colours, css } from "./palette.js";
import { on, store } from "./state.js";

let pictures = []; // {view, histogram}

function bars(context, width, height, histogram, colour) {
  context.clearRect(0, 0, width, height);
  if (!histogram) return;
  const { counts, low, high } = histogram;
  const most = Math.max(1, ...counts);
  const wide = width / counts.length;
  context.fillStyle = css(colour, 0.85);
  counts.forEach((count, at) => {
    const tall = (height - 2) * Math.sqrt(count / most);
    context.fillRect(at * wide + 0.5, height - tall, Math.max(1, wide - 1), tall);
  });
  if (low < 0 && high > 0) {
    context.fillStyle = css(colours.ink, 0.5);
    context.fillRect((-low / (high - low)) * width, 0, 1, height);
  }
}

function build(list) {
  pictures = [];
  const last = store.network.layers.length;
  const picture = (name, colour) => {
    const canvas = make("canvas", { role: "img" });
    const words = make("small");
    const item = { name, canvas, words, histogram: null };
    item.view = fit(canvas, (context, width, height) => bars(context, width, height, item.histogram, colours[colour]));
    pictures.push(item);
    return make("div", { class: "histogram" }, canvas, words);
  };
  const rows = list.map(({ layer }) => make("div", { class: "histogram-row" },
    make("strong", {}, layer === last ? "Output" : `Layer ${layer}`), picture("output", "positive"), picture("gradient", "negative")));
  $("histograms").replaceChildren(make("div", { class: "histogram-row heads" }, make("span"), make("span", {}, "outputs"), make("span", {}, "gradients")), ...rows);
}

function show(frame) {
  const list = wanted.histograms ? frame.histograms : null;
  if (!list) return;
  if (pictures.length !== 2 * list.length || !$("histograms").firstChild) build(list);
  list.forEach(({ layer, activation, gradient }, at) => {
    [activation, gradient].forEach((histogram, part) => {
      const item = pictures[2 * at + part];
      item.histogram = histogram;
      const words = histogram ? `${tell(histogram.mean, 3)} ± ${tell(histogram.deviation, 3)}` : "–";
      say(item.words, words);
      item.canvas.setAttribute("aria-label", `${item.name} of layer ${layer}: ${words}`);
      item.view.redraw();
    });
  });
}

export function startHistograms() {
  $("show-histograms").addEventListener("change", ({ target }) => {
    wanted.histograms = target.checked;
    if (!target.checked) $("histograms").replaceChildren();
    askFrame();
  });
  on("state", ({ fresh }) => fresh && $("histograms").replaceChildren());
  on("draw", show);
}
