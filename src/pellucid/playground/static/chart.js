/* The loss by epoch: this run's two curves, frozen runs in grey behind them. Scales itself. */

import { $, fit, say, tell, whole } from "./dom.js";
import { colours, css } from "./palette.js";
import { on, store } from "./state.js";

const MOST = 8192;
const KEPT = 6;
const PAD = { left: 38, right: 8, top: 8, bottom: 18 };

/** Points (epoch, training, test) that grow; thinned to every other one where they become too many. */
class Curve {
  constructor() {
    this.points = new Float32Array(3 * MOST);
    this.count = 0;
  }

  add(values, rows) {
    for (let row = 0; row < rows; row++) {
      const epoch = values[3 * row];
      if (this.count && epoch <= this.points[3 * (this.count - 1)]) {
        if (epoch > 0) continue;
        this.count = 0;
      }
      if (this.count === MOST) this.thin();
      this.points.set(values.subarray(3 * row, 3 * row + 3), 3 * this.count++);
    }
  }

  thin() {
    for (let at = 0; at < MOST / 2; at++) this.points.copyWithin(3 * at, 6 * at, 6 * at + 3);
    this.count = MOST / 2;
  }

  get last() {
    return this.count ? this.points[3 * (this.count - 1)] : 0;
  }

  highest() {
    let most = 0;
    for (let at = 0; at < this.count; at++) {
      for (const part of [1, 2]) {
        const value = this.points[3 * at + part];
        if (Number.isFinite(value) && value > most) most = value;
      }
    }
    return most;
  }

  /** The row whose epoch is nearest, found by halving. */
  at(epoch) {
    let low = 0;
    let high = this.count - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.points[3 * middle] < epoch) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

let curve = new Curve();
let frozen = [];
let view;
let pointer = null;

function ticks(most) {
  const raw = most / 3;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((each) => each * power).find((each) => each >= raw);
  return Array.from({ length: Math.floor(most / step) + 1 }, (_, at) => at * step);
}

function line(context, of, part, scale, colour, width) {
  context.beginPath();
  let pen = false;
  const stride = Math.max(1, Math.floor(of.count / 1200));
  for (let at = 0; at < of.count; at += stride) {
    const row = at + stride >= of.count ? of.count - 1 : at;
    const value = of.points[3 * row + part];
    if (!Number.isFinite(value)) {
      pen = false;
      continue;
    }
    const x = scale.x(of.points[3 * row]);
    const y = scale.y(value);
    if (pen) context.lineTo(x, y);
    else context.moveTo(x, y);
    pen = true;
  }
  context.strokeStyle = colour;
  context.lineWidth = width;
  context.lineJoin = "round";
  context.stroke();
}

function drawn(context, width, height) {
  context.clearRect(0, 0, width, height);
  const all = [curve, ...frozen];
  const last = Math.max(1, ...all.map((each) => each.last));
  const most = 1.05 * Math.max(...all.map((each) => each.highest())) || 1;
  const scale = {
    x: (epoch) => PAD.left + (epoch / last) * (width - PAD.left - PAD.right),
    y: (value) => height - PAD.bottom - (value / most) * (height - PAD.top - PAD.bottom),
  };
  context.font = "11px system-ui, sans-serif";
  context.fillStyle = css(colours.muted);
  context.strokeStyle = css(colours.line);
  context.lineWidth = 1;
  context.textAlign = "right";
  context.textBaseline = "middle";
  context.beginPath();
  for (const tick of ticks(most)) {
    const y = Math.round(scale.y(tick)) + 0.5;
    context.moveTo(PAD.left, y);
    context.lineTo(width - PAD.right, y);
    context.fillText(tick === 0 ? "0" : tell(tick, tick < 0.01 ? 3 : tick < 1 ? 2 : 0), PAD.left - 6, y);
  }
  context.stroke();
  context.textBaseline = "alphabetic";
  context.fillText(whole(last), width - PAD.right, height - 4);
  for (const old of frozen) {
    line(context, old, 2, scale, css(colours.frozen, 0.75), 1.25);
    line(context, old, 1, scale, css(colours.frozen, 0.4), 1);
  }
  line(context, curve, 1, scale, css(colours.train), 1.5);
  line(context, curve, 2, scale, css(colours.test), 1.75);
  if (pointer !== null && curve.count) mark(context, scale, width, height, last);
}

function mark(context, scale, width, height, last) {
  const epoch = ((pointer - PAD.left) / (width - PAD.left - PAD.right)) * last;
  const row = curve.at(Math.max(0, epoch));
  const [at, train, test] = curve.points.subarray(3 * row, 3 * row + 3);
  const x = Math.round(scale.x(at)) + 0.5;
  context.strokeStyle = css(colours.muted, 0.6);
  context.beginPath();
  context.moveTo(x, PAD.top);
  context.lineTo(x, height - PAD.bottom);
  context.stroke();
  const words = Number.isNaN(test) ? "" : `, test ${tell(test)}`;
  say($("chart-read"), `epoch ${whole(at)}: training ${tell(train)}${words}`);
}

function showScores(frame) {
  const { loss, metric, diverged } = frame;
  say($("test-loss"), tell(loss.test));
  say($("train-loss"), tell(loss.train));
  const accuracy = metric?.name === "accuracy";
  say($("metric-label"), accuracy ? "Accuracy" : "R²");
  const value = metric?.test ?? metric?.train ?? null;
  say($("metric"), value === null ? "–" : accuracy ? `${(100 * value).toFixed(1)} %` : tell(value));
  $("diverged").hidden = !diverged;
  if (diverged) say($("diverged"), diverged);
}

function showThaw() {
  $("thaw").hidden = frozen.length === 0;
  say($("thaw"), frozen.length > 1 ? `Clear ${frozen.length}` : "Clear");
}

export function startChart() {
  view = fit($("chart"), drawn);
  $("freeze").addEventListener("click", () => {
    if (!curve.count) return;
    const copy = new Curve();
    copy.add(curve.points, curve.count);
    frozen = [...frozen, copy].slice(-KEPT);
    showThaw();
    view.redraw();
  });
  $("thaw").addEventListener("click", () => {
    frozen = [];
    showThaw();
    view.redraw();
    $("freeze").focus();
  });
  $("chart").addEventListener("pointermove", (event) => {
    pointer = event.offsetX;
    view.redraw();
  });
  $("chart").addEventListener("pointerleave", () => {
    pointer = null;
    say($("chart-read"), "");
    view.redraw();
  });
  on("state", ({ fresh }) => {
    if (fresh || store.epoch === 0) curve = new Curve();
    $("test-loss").parentElement.hidden = store.data?.arrays.test.shape[0] === 0;
  });
  on("frame", ({ generation, arrays }) => generation === store.generation && curve.add(arrays.curve.values, arrays.curve.shape[0]));
  on("draw", (frame) => {
    showScores(frame);
    view.redraw();
  });
}
