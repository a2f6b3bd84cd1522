/* How training on digits goes: loss and accuracy by epoch, the confusion table, and the present mistakes as images. */

import { fit, make, percent, say, tell } from "./dom.js";
import { picture } from "./digits_pictures.js";
import { colours, css } from "./palette.js";

const PAUSE = 250; // milliseconds between two sets of mistakes

export class Learning {
  constructor(box) {
    this.points = [];
    this.scores = make("p", { class: "digits-scores" });
    this.mistakes = make("div", { class: "images", id: "digits-mistakes" });
    this.table = make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Confusion table" });
    const canvases = ["Loss", "Accuracy"].map((words) => make("canvas", { class: "learning-curve", role: "img", "aria-label": `${words} by epoch` }));
    box.append(
      make("div", {}, make("h2", {}, "Learning"), this.scores,
        make("div", { class: "curves" }, ...canvases.map((canvas, at) => make("figure", {}, canvas, make("figcaption", { class: "label" }, at ? "Accuracy: " : "Loss: ", make("span", { class: "line-of-train" }, "training"), " and ", make("span", { class: "line-of-test" }, "test")))))),
      make("div", {}, make("h2", {}, "Current mistakes"), this.mistakes),
      make("div", {}, make("h2", {}, "Right and wrong"), make("p", { class: "table-words" }, "Rows: the true digit; columns: what the network says"), this.table));
    this.views = canvases.map((canvas, at) => fit(canvas, (context, width, height) => this.draw(context, width, height, 1 + 2 * at, at === 1)));
    this.shown = 0;
    this.clear();
  }

  clear() {
    this.points = [];
    this.shown = 0;
    say(this.scores, "Not trained yet.");
    this.mistakes.replaceChildren(make("p", { class: "hint" }, "Test images that the network gets wrong appear here."));
    this.table.replaceChildren(make("p", { class: "hint" }, "Train first."));
    this.redraw();
  }

  redraw() {
    for (const view of this.views ?? []) view.redraw();
  }

  draw(context, width, height, part, fromZeroToOne) {
    context.clearRect(0, 0, width, height);
    const { points } = this;
    const pad = { left: 42, right: 6, top: 6, bottom: 16 };
    const last = Math.max(1, points.at(-1)?.[0] ?? 1);
    const values = points.flatMap((point) => [point[part], point[part + 1]]).filter(Number.isFinite);
    const high = fromZeroToOne ? 1 : 1.05 * Math.max(0.1, ...values);
    const low = fromZeroToOne ? Math.min(0.9, Math.floor(10 * Math.min(1, ...values)) / 10) : 0;
    const x = (epoch) => pad.left + (epoch / last) * (width - pad.left - pad.right);
    const y = (value) => height - pad.bottom - ((value - low) / (high - low)) * (height - pad.top - pad.bottom);
    context.font = "11px system-ui, sans-serif";
    context.fillStyle = css(colours.muted);
    context.strokeStyle = css(colours.line);
    context.textAlign = "right";
    context.lineWidth = 1;
    for (const value of [low, (low + high) / 2, high]) {
      context.beginPath();
      context.moveTo(pad.left, Math.round(y(value)) + 0.5);
      context.lineTo(width - pad.right, Math.round(y(value)) + 0.5);
      context.stroke();
      context.fillText(fromZeroToOne ? `${Math.round(100 * value)} %` : tell(value, 2), pad.left - 4, y(value) + 4);
    }
    context.fillText(String(last), width - pad.right, height - 3);
    for (const [which, colour] of [[part, colours.train], [part + 1, colours.test]]) {
      context.beginPath();
      points.forEach((point, at) => (at ? context.lineTo(x(point[0]), y(point[which])) : context.moveTo(x(point[0]), y(point[which]))));
      context.strokeStyle = css(colour);
      context.lineWidth = 1.75;
      context.stroke();
      if (points.length === 1) {
        context.fillStyle = css(colour);
        context.fillRect(x(points[0][0]) - 2, y(points[0][which]) - 2, 4, 4);
      }
    }
  }

  show(frame, { image }) {
    const { curve, mistakes } = frame.arrays;
    const rows = Array.from({ length: curve.shape[0] }, (_, row) => [...curve.values.subarray(5 * row, 5 * row + 5)]);
    if (rows.length) this.points = rows;
    this.redraw();
    if (frame.epoch > 0) say(this.scores, `Accuracy ${percent(frame.accuracy.train)} in training, ${percent(frame.accuracy.test)} in the test; loss ${tell(frame.loss.train)} and ${tell(frame.loss.test)}.`);
    const now = performance.now();
    if (frame.epoch === 0 || (frame.running && now - this.shown < PAUSE)) return;
    this.shown = now;
    this.showMistakes(frame, mistakes, image);
    this.showTable(frame.confusion);
  }

  showMistakes(frame, images, [high, wide]) {
    const size = wide * high;
    const figures = frame.mistakes.map(({ true: right, predicted, probability }, at) =>
      make("figure", {}, picture(images.values.subarray(at * size, (at + 1) * size), wide, high, `A ${right} taken for a ${predicted}`),
        make("figcaption", { title: `${(100 * probability).toFixed(0)} % sure` }, `${right} → ${predicted}`)));
    this.mistakes.replaceChildren(...(figures.length ? figures : [make("p", { class: "hint" }, "None: every test image is recognised.")]));
  }

  showTable(confusion) {
    if (!confusion) return;
    const most = Math.max(1, ...confusion.flat());
    const digits = confusion.map((_, digit) => make("th", { scope: "col" }, String(digit)));
    const rows = confusion.map((counts, at) => make("tr", {}, make("th", { scope: "row" }, String(at)), ...counts.map((count, to) => {
      const cell = make("td", { class: at === to ? "right" : count ? "wrong" : "" }, String(count));
      cell.style.setProperty("--share", count / most);
      return cell;
    })));
    this.table.replaceChildren(make("table", { class: "table confusion" },
      make("thead", {}, make("tr", {}, make("td"), ...digits)), make("tbody", {}, ...rows)));
  }
}
