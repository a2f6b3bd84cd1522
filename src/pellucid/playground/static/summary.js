/* The network and its state in words: for those who do not see the drawing, and said aloud when training stops. */

import { $, percent, plainName, say, tell, whole } from "./dom.js";
import { on, store } from "./state.js";

const PAUSE = 1000; // milliseconds between two texts while training goes on

let shown = 0;
let running = false;

const list = (words) => (words.length > 1 ? `${words.slice(0, -1).join(", ")} and ${words.at(-1)}` : words[0] ?? "none");

function strongest(frame) {
  let best = { size: -1 };
  store.network.layers.forEach(({ units }, layer) => {
    frame.arrays[`weight.${layer}`].values.forEach((value, at) => {
      if (Math.abs(value) > best.size) best = { size: Math.abs(value), value, layer, from: Math.floor(at / units), to: at % units };
    });
  });
  if (best.size < 0) return "";
  const from = best.layer ? `unit ${best.from + 1} of layer ${best.layer}` : store.network.inputs[best.from].label;
  const to = best.layer + 1 === store.network.layers.length ? "the output" : `unit ${best.to + 1} of layer ${best.layer + 1}`;
  return ` The strongest weight is ${tell(best.value, 2)}, from ${from} to ${to}.`;
}

function words() {
  const { network, state, data, frame, epoch } = store;
  const hidden = network.layers.filter((layer) => !layer.output);
  const layers = hidden.map(({ units, activation, dropout }, at) => `layer ${at + 1} with ${units} ${activation} unit${units > 1 ? "s" : ""}${dropout ? ` and dropout ${dropout}` : ""}`);
  const parts = [
    `A network for ${state.problem} of ${data?.name ?? "the data"} with the inputs ${list(network.inputs.map(({ label }) => label))}; `,
    hidden.length ? `${list(layers)}; ` : "no hidden layer; ", `${whole(network.parameters)} parameters, loss ${plainName(network.loss)}. `,
    `${data ? `${whole(data.arrays.train.shape[0])} points to train, ${whole(data.arrays.test.shape[0])} to test. ` : ""}`,
  ];
  if (!frame || frame.generation !== store.generation) return parts.join("");
  const { loss, metric } = frame;
  parts.push(`Epoch ${whole(epoch)}, ${store.running ? "running" : "paused"}: training loss ${tell(loss.train)}, test loss ${tell(loss.test)}`);
  if (metric) parts.push(metric.name === "accuracy" ? `, ${percent(metric.train)} of the training points right, ${percent(metric.test)} of the test points` : `, R² ${tell(metric.test ?? metric.train)}`);
  parts.push(".", strongest(frame), frame.diverged ? ` ${frame.diverged}` : "");
  return parts.join("");
}

function announce(frame) {
  const { loss, metric, diverged, stopped } = frame;
  const score = metric?.name === "accuracy" ? `, accuracy ${percent(metric.test ?? metric.train)}` : "";
  say($("announcer"), `Paused at epoch ${whole(frame.epoch)}, test loss ${tell(loss.test)}${score}. ${diverged ?? stopped ?? ""}`);
}

function show(frame) {
  const now = performance.now();
  if (running && !frame.running) announce(frame);
  if (!running && frame.running) say($("announcer"), "Running");
  running = frame.running;
  if (running && now - shown < PAUSE) return;
  shown = now;
  $("chart").setAttribute("aria-label", `Loss by epoch, now ${tell(frame.loss.train)} in training and ${tell(frame.loss.test)} in the test`);
  say($("summary"), words());
}

export function startSummary() {
  on("draw", show);
  on("state data", () => store.state && store.network && say($("summary"), words()));
}
