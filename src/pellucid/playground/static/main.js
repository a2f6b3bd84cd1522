/* The page's start: every part is told to begin, the connection opens, and frames are drawn as the screen asks for them. */

import { startChart } from "./chart.js";
import { startClassroom } from "./classroom.js";
import { startConfusion } from "./confusion.js";
import { startControls } from "./controls.js";
import { startData } from "./data.js";
import { startDiagram } from "./diagram.js";
import { startDigits } from "./digits.js";
import { $, make } from "./dom.js";
import { startDropping } from "./drop.js";
import { startFindings } from "./findings.js";
import { startHistograms } from "./histograms.js";
import { startInputs } from "./inputs.js";
import { startLayers } from "./layers.js";
import { startMap } from "./map.js";
import { startFrames } from "./frames.js";
import { startTheme } from "./palette.js";
import { connection, on, openAddress, set, store } from "./state.js";
import { startSummary } from "./summary.js";
import { startTakeAway } from "./take_away.js";
import { startWalk } from "./trace.js";

const LONGEST = 6;
const MANY = 4; // attempts to connect, after which it is likely that nobody is there

/** Say a sentence at the top of the page until it is dismissed; the same one is not said twice. */
function notice(level, text) {
  const box = $("notices");
  if ([...box.children].some((item) => item.dataset.text === text)) return;
  const item = make("div", { class: `notice ${level}`, "data-text": text }, make("span", {}, text),
    make("button", { type: "button", class: "quiet icon", "aria-label": "Dismiss", onclick: () => item.remove() }, "✕"));
  box.append(item);
  while (box.children.length > LONGEST) box.firstChild.remove();
  if (level === "info") setTimeout(() => item.remove(), 12_000);
}

function showStatus({ status, code }) {
  const words = {
    connecting: "Connecting …",
    open: "Connected",
    lost: code === 1009 ? "A message was too large; connecting again …" : connection.failures < MANY ? "Connection lost; trying again …" : "Connection lost: is the playground still running?",
  };
  $("connection").dataset.status = status;
  $("connection").textContent = words[status];
}

/** The address holds the state: a jump within the page must not be one in it. */
function startSkipping() {
  document.querySelector(".skip").addEventListener("click", (event) => {
    event.preventDefault();
    $(store.state?.tab === "digits" ? "digits-run" : "play").focus();
  });
}

function startTabs() {
  const tabs = [$("tab-plane"), $("tab-digits")];
  const choose = (tab) => set({ tab: tab.id.slice(4) });
  for (const tab of tabs) {
    tab.addEventListener("click", () => choose(tab));
    tab.addEventListener("keydown", (event) => {
      if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
      const other = tabs[1 - tabs.indexOf(tab)];
      other.focus();
      choose(other);
    });
  }
  on("state", () => {
    for (const tab of tabs) {
      const chosen = tab.id === `tab-${store.state.tab}`;
      tab.setAttribute("aria-selected", chosen);
      tab.tabIndex = chosen ? 0 : -1;
      $(tab.id.slice(4)).hidden = !chosen;
    }
  });
}

on("status", showStatus);
on("error", ({ message }) => notice("error", message));
on("notice", ({ level, message }) => notice(level, message));
on("state", ({ problems }) => {
  for (const { message } of problems) notice("warning", message);
});
window.addEventListener("hashchange", () => {
  const fragment = location.hash.slice(1);
  if (fragment !== store.fragment) openAddress(fragment);
});

startTheme();
startSkipping();
startTabs();
startControls();
startData();
startInputs();
startDiagram();
startLayers();
startMap();
startChart();
startConfusion();
startFindings();
startHistograms();
startWalk();
startDropping();
startTakeAway();
startClassroom();
startSummary();
startDigits();
startFrames();
connection.open();
