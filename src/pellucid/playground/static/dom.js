/* Small helpers: elements, numbers, canvases that fit their boxes. */

export const $ = (id) => document.getElementById(id);

/** An element; attributes that begin with "on" are listeners, true stands for an empty attribute, false and null for none. */
export function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "class") node.className = value;
    else if (name === "value") node.value = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

/** A number for people: a true minus sign, no more digits than are of use. */
export function tell(value, digits = 3) {
  if (value === null || value === undefined) return "–";
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  const size = Math.abs(value);
  const text = size >= 1e5 || (size > 0 && size < 10 ** -digits) ? value.toExponential(1) : value.toFixed(digits);
  return text.replace("e+", "e").replaceAll("-", "−");
}

const grouped = new Intl.NumberFormat("en");
export const whole = (value) => grouped.format(value);
export const percent = (value) => (value === null || value === undefined ? "–" : `${(100 * value).toFixed(1)} %`);

/** "SquaredError()" as "squared error". */
export const plainName = (form) => form.replace(/\(.*/s, "").replace(/(?<=[a-z])(?=[A-Z])/g, " ").toLowerCase();

/** Put text into a node only where it differs: no needless layout. */
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Keep a canvas as large as its box in device pixels; `drawn(context, width, height)` is called in CSS pixels. */
export function fit(canvas, drawn) {
  const context = canvas.getContext("2d");
  const view = { width: 0, height: 0, context, redraw };
  function redraw() {
    if (!view.width || !view.height) return;
    const scale = window.devicePixelRatio || 1;
    context.setTransform(scale, 0, 0, scale, 0, 0);
    drawn(context, view.width, view.height);
  }
  new ResizeObserver(([entry]) => {
    const { width, height } = entry.contentRect;
    const scale = window.devicePixelRatio || 1;
    view.width = width;
    view.height = height;
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
    redraw();
  }).observe(canvas);
  return view;
}

export const calm = () => window.matchMedia("(prefers-reduced-motion: reduce)").matches;

/** Several events of one moment come to one call, at the next frame. */
export function once(action) {
  let waiting = false;
  return () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      action();
    });
  };
}

/** The arrow keys as steps [right, down], or null. */
export const arrow = (key) => ({ ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] })[key] ?? null;

/** Base64 text as bytes, and back. */
export const bytesOf = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
export function base64Of(bytes) {
  let text = "";
  for (let at = 0; at < bytes.length; at += 0x8000) text += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  return btoa(text);
}

/** Give the person a file. */
export function download(name, mime, bytes) {
  const address = URL.createObjectURL(new Blob([bytes], { type: mime }));
  make("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

/** A dialog with a title and a closing button; answers the box to fill. */
export function fillDialog(dialog, title) {
  const box = make("div", { class: "dialog-body" });
  const close = make("button", { type: "button", class: "quiet icon", "aria-label": "Close", onclick: () => dialog.close() }, "✕");
  dialog.replaceChildren(make("header", {}, make("h2", { id: `${dialog.id}-title` }, title), close), box);
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  return box;
}
