/* What the page knows: the server's state, network, data and latest frame, and who wants to hear of a change.

   Contract: only this file changes `store`; a control changes a value by `set`, which asks the server, and shows what comes back. */

import { Connection } from "./connection.js";

export const store = {
  catalogue: null, limits: null, exports: [], doctor: false,
  state: null, own: {}, network: null, running: false, epoch: 0, generation: -1, fragment: "",
  data: null, frame: null,
  pointed: null, // the unit that is pointed at: {layer, unit}
  walk: null, // the step of the trace that is shown
};

const GONE = "The connection was lost for so long that the session has ended: the controls are as they were, the network and your own data begin anew.";
const listeners = new Map();

/** Hear of: welcome, state, data, frame, digits, status, error, notice, pointed, walk, theme. */
export function on(name, listener) {
  for (const each of name.split(" ")) listeners.set(each, [...(listeners.get(each) ?? []), listener]);
}

export function tellAll(name, value) {
  for (const listener of listeners.get(name) ?? []) listener(value);
}

function takeState(message) {
  const { state, own, network, running, epoch, generation, fragment } = message;
  const fresh = generation !== store.generation;
  Object.assign(store, { state, own, network, running, epoch, generation, fragment });
  if (fresh) store.frame = null;
  history.replaceState(null, "", fragment ? `#${fragment}` : location.pathname);
  tellAll("state", { fresh, problems: message.problems ?? [] });
}

function heard(type, message) {
  if (type === "welcome") {
    const { catalogue, limits, exports, doctor } = message;
    Object.assign(store, { catalogue, limits, exports, doctor });
    const address = location.hash.slice(1);
    tellAll("welcome", message);
    takeState(message);
    if (!message.first && !message.resumed) tellAll("notice", { level: "warning", message: GONE });
    if (message.first && message.resumed && address && address !== message.fragment) openAddress(address);
  } else if (type === "state") takeState(message);
  else if (type === "data") {
    store.data = message;
    tellAll("data", message);
  } else if (type === "frame") {
    if (message.generation !== store.generation && store.generation > message.generation) return tellAll("stale");
    store.frame = message;
    store.epoch = message.epoch;
    store.running = message.running;
    tellAll("frame", message);
  } else tellAll(type, message);
}

export const connection = new Connection(heard, (status, code) => tellAll("status", { status, code }));

const complain = (error) => tellAll("error", { message: error.message, code: "refused", said: true });

/** Ask for something whose answer is a state; a refusal has been said as an error already. */
export const command = (type, fields) => connection.ask(type, fields).catch((error) => {
  if (!connection.ready) complain(error);
  return null;
});

/** Change controls. What is refused is shown as it was. */
export async function set(changes) {
  const answer = await command("set", { changes });
  if (!answer && store.state) tellAll("state", { fresh: false, problems: [] });
  return answer;
}

/** The state with the changes that are still on their way to the server: what the next press goes on from. */
export const wanted = () => Object.assign({}, store.state, ...[...connection.waiting.values()].map(({ fields }) => fields.changes ?? {}));

export const openAddress = (fragment) => command("open", { fragment });

export function point(unit) {
  const same = unit?.layer === store.pointed?.layer && unit?.unit === store.pointed?.unit;
  if (same) return;
  store.pointed = unit;
  tellAll("pointed", unit);
}

export function showWalk(step) {
  store.walk = step;
  tellAll("walk", step);
}

/** The problem's key of its data set. */
export const datasetKey = () => (store.state.problem === "classification" ? "dataset" : "regDataset");

/** Whether the network answers with the probability of each of several classes. */
export const manyClasses = () => (store.data?.classes.length ?? 0) > 2;
