/* Files dropped anywhere on the page: a CSV becomes the data, a .pellucid file the network. */

import { sendFile } from "./data.js";
import { $ } from "./dom.js";
import { store } from "./state.js";
import { loadModel } from "./take_away.js";

export function startDropping() {
  let depth = 0;
  const show = () => ($("drop").hidden = depth <= 0);
  const files = (event) => event.dataTransfer?.types.includes("Files");
  document.addEventListener("dragenter", (event) => {
    if (!files(event)) return;
    depth += 1;
    show();
  });
  document.addEventListener("dragleave", (event) => {
    if (!files(event)) return;
    depth -= 1;
    show();
  });
  document.addEventListener("dragover", (event) => files(event) && event.preventDefault());
  document.addEventListener("drop", (event) => {
    if (!files(event)) return;
    event.preventDefault();
    depth = 0;
    show();
    const [file] = event.dataTransfer.files;
    if (!file || !store.limits) return;
    if (file.name.endsWith(".pellucid")) loadModel(file);
    else sendFile(file);
  });
}
