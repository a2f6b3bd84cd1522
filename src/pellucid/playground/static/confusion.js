/* How many of each class are taken for which: a table for test or training rows; for regression its R². */

import { $, make, percent, tell, whole } from "./dom.js";
import { on, store } from "./state.js";

const PAUSE = 200; // milliseconds between two tables while training goes on

let part = "test";
let shown = 0;
let mark = "";

function show(frame) {
  const now = performance.now();
  if (frame.running && now - shown < PAUSE) return;
  shown = now;
  const { confusion, metric } = frame;
  const text = JSON.stringify([confusion, metric, part, store.data?.classes]);
  if (text === mark) return;
  mark = text;
  const box = $("confusion");
  if (!confusion?.train) {
    const words = metric ? `R² is ${tell(metric.train)} in training, ${tell(metric.test)} in the test: 1 is perfect, 0 no better than the mean.` : "";
    return box.replaceChildren(make("p", { class: "hint" }, words));
  }
  const table = confusion[part] ?? confusion.train;
  const names = table.length === store.data.classes.length ? store.data.classes : table.map((_, at) => String(at));
  const most = Math.max(1, ...table.flat());
  const rows = table.map((counts, at) => make("tr", {}, make("th", { scope: "row" }, names[at]), ...counts.map((count, to) => {
    const cell = make("td", { class: at === to ? "right" : count ? "wrong" : "" }, whole(count));
    cell.style.setProperty("--share", count / most);
    return cell;
  })));
  const choice = ["test", "train"].map((name) => {
    const input = make("input", { type: "radio", name: "confusion-part", value: name, onchange: () => {
      part = name;
      mark = "";
      show({ ...store.frame, running: false });
      box.querySelector(`input[value="${name}"]`).focus();
    } });
    input.checked = name === part;
    return make("label", { class: "chip" }, input, make("span", {}, `${name === "test" ? "Test" : "Training"} ${percent(metric[name])}`));
  });
  const focused = box.contains(document.activeElement) && document.activeElement.value;
  box.replaceChildren(
    make("div", { class: "map-tools", role: "radiogroup", "aria-label": "Which rows" }, ...choice),
    make("p", { class: "table-words" }, "Rows: the true class; columns: what the network says"),
    make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Confusion table" }, make("table", { class: "table confusion" },
      make("thead", {}, make("tr", {}, make("td"), ...names.map((name) => make("th", { scope: "col" }, name)))),
      make("tbody", {}, ...rows))));
  if (focused) box.querySelector(`input[value="${focused}"]`)?.focus();
}

export function startConfusion() {
  on("draw", show);
}
