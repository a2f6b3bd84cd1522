/* The paper to draw on, with mouse, finger or keys; `ink()` is the drawing as bytes. */

import { arrow, base64Of, make } from "./dom.js";

const SIZE = 224; // pixels of the drawing, whatever its size on the screen
const PEN = 18;

export class Pad {
  constructor(box, changed) {
    this.changed = changed;
    this.drawn = false;
    this.pen = null;
    this.cursor = [SIZE / 2, SIZE / 2];
    this.canvas = make("canvas", { class: "pad", tabindex: "0", role: "application", width: SIZE, height: SIZE, "aria-roledescription": "drawing area",
      "aria-label": "Draw a digit: with the pointer, or with the arrow keys; Space lifts and lowers the pen, Delete clears" });
    this.context = this.canvas.getContext("2d", { willReadFrequently: true });
    this.dot = make("i", { class: "pen", "aria-hidden": "true" });
    box.append(this.canvas, this.dot);
    this.wipe();
    this.canvas.addEventListener("pointerdown", (event) => this.press(event));
    this.canvas.addEventListener("pointermove", (event) => this.move(event));
    for (const name of ["pointerup", "pointercancel"]) this.canvas.addEventListener(name, () => (this.pen = null));
    this.canvas.addEventListener("keydown", (event) => this.key(event));
    this.down = false;
    this.placeDot();
  }

  wipe() {
    this.context.fillStyle = "#fff";
    this.context.fillRect(0, 0, SIZE, SIZE);
    this.drawn = false;
  }

  clear() {
    this.wipe();
    this.changed();
  }

  at(event) {
    const scale = SIZE / this.canvas.clientWidth;
    return [event.offsetX * scale, event.offsetY * scale];
  }

  press(event) {
    this.canvas.setPointerCapture(event.pointerId);
    this.pen = this.at(event);
    this.line(this.pen, this.pen);
  }

  move(event) {
    if (!this.pen) return;
    const rect = this.canvas.getBoundingClientRect();
    for (const each of event.getCoalescedEvents?.() ?? [event]) {
      const scale = SIZE / rect.width;
      const to = [(each.clientX - rect.left) * scale, (each.clientY - rect.top) * scale];
      this.line(this.pen, to);
      this.pen = to;
    }
  }

  line(from, to) {
    const { context } = this;
    context.strokeStyle = "#000";
    context.lineWidth = PEN;
    context.lineCap = context.lineJoin = "round";
    context.beginPath();
    context.moveTo(...from);
    context.lineTo(to[0] + 0.01, to[1]);
    context.stroke();
    this.drawn = true;
    this.changed();
  }

  key(event) {
    const step = arrow(event.key);
    if (step) {
      const to = this.cursor.map((value, part) => Math.min(SIZE, Math.max(0, value + 8 * step[part])));
      if (this.down) this.line(this.cursor, to);
      this.cursor = to;
    } else if (event.key === " ") this.down = !this.down;
    else if (event.key === "Delete" || event.key === "Backspace") this.clear();
    else return;
    event.preventDefault();
    this.placeDot();
  }

  placeDot() {
    this.dot.style.left = `${(100 * this.cursor[0]) / SIZE}%`;
    this.dot.style.top = `${(100 * this.cursor[1]) / SIZE}%`;
    this.dot.classList.toggle("down", this.down);
  }

  /** The drawing, half as large, 0 paper to 255 ink: as `digits.draw` takes it. */
  ink() {
    const { data } = this.context.getImageData(0, 0, SIZE, SIZE);
    const half = SIZE / 2;
    const bytes = new Uint8Array(half * half);
    for (let row = 0; row < half; row++) {
      for (let column = 0; column < half; column++) bytes[row * half + column] = 255 - data[4 * (2 * row * SIZE + 2 * column)];
    }
    return { width: half, height: half, base64: base64Of(bytes) };
  }
}
