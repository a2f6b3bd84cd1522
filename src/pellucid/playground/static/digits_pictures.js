/* Grey images on canvases: ink on paper, whatever the page's colours are. */

import { make } from "./dom.js";

/** Bytes 0 (paper) to 255 (ink) put on a canvas, pixel by pixel. */
export function grey(canvas, bytes, width, height) {
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, height);
  const packed = new Uint32Array(image.data.buffer);
  for (let at = 0; at < bytes.length; at++) {
    const shade = 255 - bytes[at];
    packed[at] = (255 << 24) | (shade << 16) | (shade << 8) | shade;
  }
  context.putImageData(image, 0, 0);
  return canvas;
}

export const picture = (bytes, width, height, words) => grey(make("canvas", { class: "small-image", role: "img", "aria-label": words }), bytes, width, height);
