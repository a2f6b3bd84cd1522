/* The round of frames: ask, wait, ask for the next while this one is drawn on the screen's own beat.

   Contract: parts that draw hear "draw" once for each frame; one request stands at a time; what should be in a frame is `wanted`. */

import { connection, on, store, tellAll } from "./state.js";

/** Asked for beside what is always there: changed by the parts that need it. */
export const wanted = { histograms: false };

let since = -1;
let waiting = false; // a frame is here and not drawn yet
let behind = false; // another came meanwhile, and none is asked for
let asked = "";

/** Ask for a frame; a request that is like the standing one is not repeated. */
export function askFrame(again = false) {
  if (!store.state || store.state.tab !== "plane" || !connection.ready) return;
  const request = { since, maps: true, map_size: mapSize(), unit: store.pointed, output_size: 100, histograms: wanted.histograms, test: true };
  const text = JSON.stringify(request);
  if (!again && text === asked) return;
  asked = text;
  connection.send("frame", request);
}

/** Fewer pixels a unit where units are many. */
function mapSize() {
  const units = store.network ? store.network.layers.reduce((sum, layer) => sum + layer.units, store.network.inputs.length) : 0;
  return units > 200 ? 8 : units > 60 ? 12 : 20;
}

function draw() {
  waiting = false;
  const frame = store.frame;
  if (!frame) return;
  tellAll("draw", frame);
  if (behind) askFrame(true);
  behind = false;
}

export function startFrames() {
  on("state", ({ fresh }) => {
    if (fresh || store.epoch === 0) since = -1;
    askFrame(fresh);
  });
  on("welcome", () => {
    since = -1;
    asked = ""; // whatever was asked of the lost connection
  });
  on("pointed", () => askFrame());
  on("stale", () => askFrame(true));
  on("frame", (frame) => {
    if (frame.generation !== store.generation) return;
    const { values, shape } = frame.arrays.curve;
    if (shape[0]) since = values[3 * (shape[0] - 1)];
    if (waiting) {
      behind = true; // it takes the place of the one that is not drawn yet
      return;
    }
    waiting = true;
    askFrame(true);
    if (document.hidden) setTimeout(draw, 250);
    else requestAnimationFrame(draw);
  });
  on("theme", () => store.frame && tellAll("draw", store.frame));
}
