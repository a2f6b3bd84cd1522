/* Take it away: the network as files, the Python lines that train exactly this, the link; and a .pellucid file opened. */

import { $, base64Of, bytesOf, download, fillDialog, make } from "./dom.js";
import { command, connection, store, tellAll } from "./state.js";

/** Open a network's file: its weights and layers become the present ones. */
export async function loadModel(file) {
  if (file.size > store.limits.message_bytes * 0.7) {
    return tellAll("error", { message: `${file.name} is too large to open here: at most ${(store.limits.message_bytes * 0.7e-6).toFixed(0)} MB.` });
  }
  const base64 = base64Of(new Uint8Array(await file.arrayBuffer()));
  return command("load", { base64, name: file.name });
}

async function copy(text, button) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = make("textarea", { class: "away", value: text });
    button.after(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  const words = button.textContent;
  button.textContent = "Copied";
  setTimeout(() => (button.textContent = words), 1500);
}

async function take(name, said) {
  try {
    const file = await connection.ask("export", { format: name });
    download(file.name, file.mime, bytesOf(file.base64));
    said.textContent = `${file.name} is saved. ${file.note ?? ""}`;
  } catch (error) {
    said.textContent = error.message;
  }
}

async function showCode(box) {
  try {
    const { python, exact, note } = await connection.ask("code");
    const button = make("button", { type: "button", class: "plain", onclick: () => copy(python, button) }, "Copy");
    box.replaceChildren(
      make("p", { class: "hint" }, [exact ? "These lines train exactly this: they give the same losses." : "These lines train this.", note].filter(Boolean).join(" ")),
      make("pre", { class: "code", tabindex: "0", role: "region", "aria-label": "Python lines" }, python), button);
  } catch (error) {
    box.replaceChildren(make("p", {}, error.message));
  }
}

function show() {
  const box = fillDialog($("take-away"), "Take it away");
  const said = make("p", { class: "hint", role: "status" });
  const files = store.exports.map(({ name, label, available, reason }) => make("li", {},
    make("button", { type: "button", class: "plain", disabled: !available, "data-export": name, onclick: () => take(name, said) }, label),
    available ? null : make("span", { class: "hint" }, ` ${reason}`)));
  const code = make("div", { id: "code" });
  const link = make("input", { type: "text", readonly: true, "aria-label": "The link", value: location.href });
  const copyLink = make("button", { type: "button", class: "plain", onclick: () => copy(link.value, copyLink) }, "Copy");
  const file = make("input", { type: "file", id: "model-file", accept: ".pellucid", onchange: async () => {
    if (file.files[0] && (await loadModel(file.files[0]))) $("take-away").close();
    file.value = "";
  } });
  box.append(
    make("h3", {}, "The network"), make("ul", { class: "plain-list buttons" }, ...files), said,
    make("h3", {}, "The training, as Python"), code,
    make("h3", {}, "The link to this state"), make("div", { class: "row" }, link, copyLink),
    make("h3", {}, "Open a network"), make("label", { class: "file plain" }, file, "Choose a .pellucid file"));
  $("take-away").showModal();
  showCode(code);
}

export function startTakeAway() {
  $("open-take-away").addEventListener("click", () => store.state && show());
}
