/* The one websocket: messages out, messages in, binary frames taken apart, and back again after it was lost.

   Contract: `ask` answers a promise of the server's answer; `send` expects none; listeners get what comes unasked. */

const SESSION = "pellucid-playground-session";
const KINDS = { f4: Float32Array, i1: Int8Array, u1: Uint8Array };

/** A binary message: its header, with the arrays in `arrays` as {name: {values, shape}}. Nothing is copied. */
export function decode(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  for (const part of Object.values(header.arrays)) {
    const count = part.shape.reduce((product, size) => product * size, 1);
    part.values = new KINDS[part.dtype](buffer, 4 + length + part.offset, count);
  }
  return header;
}

export class Connection {
  /** `heard(type, message)` gets every message, `changed(status)` "connecting", "open" or "lost". */
  constructor(heard, changed) {
    this.heard = heard;
    this.changed = changed;
    this.limit = Infinity;
    this.waiting = new Map();
    this.next = 1;
    this.delay = 250;
    this.first = true;
    this.failures = 0; // in a row
  }

  open() {
    clearTimeout(this.retry);
    const socket = new WebSocket(new URL("ws", location.href.replace(/[#?].*$/, "").replace(/^http/, "ws")));
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    socket.onopen = () => this.send("hello", { session: sessionStorage.getItem(SESSION), fragment: location.hash.slice(1) });
    socket.onmessage = ({ data }) => this.receive(data);
    socket.onclose = ({ code }) => this.lose(socket, code);
  }

  get ready() {
    return this.socket?.readyState === WebSocket.OPEN;
  }

  lose(socket, code) {
    if (socket !== this.socket) return;
    for (const { reject } of this.waiting.values()) reject(new Error("The connection was lost."));
    this.waiting.clear();
    this.failures += 1;
    this.changed("lost", code);
    this.retry = setTimeout(() => this.open(), this.delay);
    this.delay = Math.min(2 * this.delay, 4000);
  }

  /** Send a message; false if it cannot be sent. */
  send(type, fields = {}) {
    if (!this.ready) return false;
    const text = JSON.stringify({ type, ...fields });
    if (text.length > this.limit / 3 && new TextEncoder().encode(text).length > this.limit) {
      const megabytes = (this.limit / 1e6).toFixed(1);
      this.heard("error", { message: `This is too large to send: at most ${megabytes} MB.`, code: "refused" });
      return false;
    }
    this.socket.send(text);
    return true;
  }

  /** Send a message and wait for its answer; rejected with the server's words where it refuses. */
  ask(type, fields = {}) {
    const id = this.next++;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject, fields });
      if (!this.send(type, { id, ...fields })) {
        this.waiting.delete(id);
        reject(new Error("There is no connection now."));
      }
    });
  }

  receive(data) {
    if (typeof data !== "string") {
      const message = decode(data);
      this.heard(message.kind, message);
      return;
    }
    const message = JSON.parse(data);
    if (message.type === "welcome") {
      sessionStorage.setItem(SESSION, message.session);
      this.limit = message.limits.message_bytes;
      this.delay = 250;
      this.failures = 0;
      message.first = this.first;
      this.first = false;
      this.changed("open");
    }
    const asked = this.waiting.get(message.re);
    this.waiting.delete(message.re);
    this.heard(message.type, message);
    if (!asked) return;
    if (message.type === "error") asked.reject(new Error(message.message));
    else asked.resolve(message);
  }
}
