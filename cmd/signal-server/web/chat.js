// The chat: lines of text, reliable on channel 0, as rtc-client's.

const maxLines = 200; // in the log; older ones go
const patience = 2500; // ms after which what others have not acknowledged is marked; they do so within one second
const maxLength = 4000; // of a line, as of the input
const burst = 100, perSecond = 5; // messages of one peer; what is more nobody could read, and is left out

export class Chat {
  /** @type {any} */ node = null;
  /** Own lines that others have not acknowledged: by peer, the number of the packet. @type {{line: HTMLElement, since: number, waits: Map<number, number>, missed: number[]}[]} */ unheard = [];
  /** @type {Map<number, {left: number, at: number, omitted: number, note?: HTMLElement}>} */ heard = new Map();

  constructor() {
    this.log = /** @type {HTMLElement} */ (document.getElementById("log"));
    this.input = /** @type {HTMLInputElement} */ (document.getElementById("text"));
    document.getElementById("say").addEventListener("submit", (e) => {
      e.preventDefault();
      this.say(this.input.value.trim());
    });
    this.input.addEventListener("keydown", (e) => {
      if (e.key === "Escape" && !e.isComposing) this.input.value = "";
    });
  }

  /** @param {any} node */
  open(node) {
    this.node = node;
    this.heard.clear();
    this.unheard = [];
    this.log.replaceChildren();
  }

  /** @param {string} line */
  async say(line) {
    if (!line) return;
    const { node } = this;
    if (!node.peers.length) return void this.note("Nobody is here to hear that yet.");
    this.input.value = "";
    const added = this.add("you", line);
    try {
      await node.send({ data: line });
    } catch (/** @type {any} */ error) {
      if (!error.peers) return void this.note(`That was not sent: ${error.message}`);
      for (const peer of error.peers) node.send({ peer, data: line }).catch(() => {}); // who has gone needs it no more
    }
    const { links } = await node.stats();
    const waits = new Map(Object.entries(links).flatMap(([id, { state, lanes: [lane] }]) =>
      state === "connected" && lane.delivered < lane.sent ? [[Number(id), lane.sent]] : []));
    if (waits.size) this.unheard.push({ line: added, since: performance.now(), waits, missed: [] });
  }

  /** @param {number} peer @param {Uint8Array} data */
  hear(peer, data) {
    if (!data[0]) return; // what begins with a NUL is no text, but some program's own
    if (!this.admits(peer)) return;
    const text = new TextDecoder().decode(data).replace(/\r?\n$/, "");
    for (const line of text.split(/\r?\n/, maxLines)) this.add(String(peer), line.slice(0, maxLength).replace(/\p{Cc}/gu, " "));
  }

  /** Whether a peer may be heard once more: one that talks without end must not drown the others. @param {number} peer */
  admits(peer) {
    const at = performance.now();
    const h = this.heard.get(peer) ?? { left: burst, at, omitted: 0 };
    this.heard.set(peer, h);
    h.left = Math.min(burst, h.left + ((at - h.at) * perSecond) / 1000);
    h.at = at;
    const admitted = h.left >= 1;
    if (admitted) h.left--;
    else h.omitted++;
    return admitted;
  }

  /** Says who was not heard, once for each; called each second. */
  tell() {
    for (const [peer, h] of this.heard) {
      if (!h.omitted) continue;
      if (!h.note?.isConnected) h.note = this.note("");
      const text = `${h.omitted} messages of ${peer} are left out: it sends more than anybody can read.`;
      if (h.note.textContent !== text) h.note.textContent = text;
      if (!this.node.peers.includes(peer)) this.heard.delete(peer);
    }
  }

  /** Marks what others have not acknowledged after a moment. @param {Record<number, any>} links of a node's stats */
  confirm(links) {
    this.unheard = this.unheard.filter(({ line, since, waits, missed }) => {
      for (const [id, n] of waits) if (links[id]?.lanes[0].delivered >= n) waits.delete(id);
      line.classList.toggle("waiting", waits.size > 0 && performance.now() - since > patience);
      if (!waits.size && missed.length) {
        const mark = document.createElement("span");
        mark.className = "missed";
        mark.textContent = ` · perhaps not heard by ${missed.join(", ")}`;
        line.append(mark);
      }
      return waits.size > 0;
    });
  }

  /** Will not acknowledge anything more. @param {number} peer */
  part(peer) {
    for (const { waits, missed } of this.unheard) if (waits.delete(peer)) missed.push(peer);
  }

  /** @param {string} text */
  note(text) {
    const p = document.createElement("p");
    p.className = "note";
    p.textContent = text;
    this.append(p);
    return p;
  }

  /** @param {string} who @param {string} line */
  add(who, line) {
    const p = document.createElement("p"), b = document.createElement("b");
    b.textContent = `${who}: `;
    p.append(b, line);
    this.append(p);
    return p;
  }

  /** @param {HTMLElement} p */
  append(p) {
    const { log } = this;
    const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
    log.append(p);
    while (log.childElementCount > maxLines) log.firstElementChild.remove();
    if (atEnd) log.scrollTop = log.scrollHeight;
  }
}
