/* What the doctor says: asked for when the server tells that it has changed. */

import { $, make } from "./dom.js";
import { connection, on, store } from "./state.js";

const LABELS = { error: "Error", warning: "Warning", hint: "Hint" };
let asking = false;

function show({ findings, message }) {
  const items = findings.map(({ severity, title, said, advice, remedy, meaning, epoch }) =>
    make("li", { class: `finding ${severity}` },
      make("h3", {}, make("span", { class: "severity" }, LABELS[severity] ?? severity), " ", title ?? said),
      title ? make("p", {}, said) : null,
      advice ? make("p", {}, advice) : null,
      remedy ? make("code", {}, remedy) : null,
      meaning ? make("details", {}, make("summary", {}, "What this means"), make("p", {}, meaning)) : null,
      epoch === null || epoch === undefined ? null : make("small", {}, `since epoch ${epoch}`)));
  $("findings").replaceChildren(...(items.length ? [make("ul", { class: "plain-list" }, ...items)] : [make("p", { class: "hint" }, message || "Nothing to complain of so far.")]));
}

async function ask() {
  if (asking || !connection.ready) return;
  asking = true;
  try {
    show(await connection.ask("diagnose"));
  } catch {
    /* said as an error already */
  }
  asking = false;
}

export function startFindings() {
  on("welcome", ask);
  on("state", ({ fresh }) => fresh && store.epoch === 0 && ask());
  on("frame", (frame) => frame.findings_changed && ask());
}
