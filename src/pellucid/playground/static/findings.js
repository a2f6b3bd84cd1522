/* What the doctor says: asked for when the server tells that it has changed. */

import { $, make } from "./dom.js";
import { connection, on, set, store } from "./state.js";

const LABELS = { error: "Error", warning: "Warning", hint: "Hint" };
let asking = false;
let again = false; // something changed while the doctor was thinking

/** The first advice done by the page's own controls. */
function remedyButton(changes, title) {
  const words = Object.entries(changes).map(([key, value]) => `${key} ${JSON.stringify(value)}`).join(", ");
  return make("button", { type: "button", class: "plain", title: words, "aria-label": `Do that against: ${title}`, onclick: () => set(changes) }, "Do that");
}

function show({ findings, message }) {
  const items = findings.map(({ severity, title, message, advice, remedy, changes, meaning, because, epoch }) =>
    make("li", { class: `finding ${severity}` },
      make("h3", {}, make("span", { class: "severity" }, LABELS[severity] ?? severity), " ", title ?? message),
      title ? make("p", {}, message) : null,
      advice ? make("p", {}, advice) : null,
      changes ? remedyButton(changes, title) : remedy ? make("code", {}, remedy) : null,
      meaning ? make("details", {}, make("summary", {}, "What this means"), make("p", {}, meaning)) : null,
      make("small", {}, [because ? `explained by: ${because}` : "", epoch === null || epoch === undefined ? "" : `since epoch ${epoch}`].filter(Boolean).join(" · "))));
  $("findings").replaceChildren(...(items.length ? [make("ul", { class: "plain-list" }, ...items)] : [make("p", { class: "hint" }, message || "Nothing to complain of so far.")]));
}

async function ask() {
  again = asking;
  if (asking || !connection.ready) return;
  asking = true;
  try {
    show(await connection.ask("diagnose"));
  } catch {
    /* said as an error already */
  }
  asking = false;
  if (again) ask();
}

export function startFindings() {
  on("welcome", ask);
  on("state", ({ fresh }) => fresh && store.epoch === 0 && ask());
  on("frame", (frame) => frame.findings_changed && ask());
}
