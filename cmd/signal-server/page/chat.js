// The chat: lines of text, reliable on channel 0, as rtc-client's.

const maxLines = 200; // in the log; older ones go
const patience = 2500; // ms after which what others have not acknowledged is marked; they do so within one second
const maxLength = 4000; // of a line, as of the input
const burst = 100, perSecond = 5; // messages and files of one peer; what is more nobody could read, and is left out

export class Chat {
  /** @type {any} */ node = null;
  /** Own lines that others have not acknowledged: by peer, the number of the packet; 0 while the line is not sent. @type {{line: HTMLElement, since: number, waits: Map<number, number>, missed: string[]}[]} */ unheard = [];
  /** @type {Map<number, {left: number, at: number, omitted: number, note?: HTMLElement}>} */ heard = new Map();
  follows = true; // whether the last line is to be seen, and the next one will be
  unread = 0; // lines and files that came while the page was not looked at

  /**
   * @param {import("./people.js").People} people @param {() => void} counted called when unread has changed
   * @param {(files: File[]) => void} pasted
   */
  constructor(people, counted, pasted) {
    this.people = people;
    this.counted = counted;
    this.log = /** @type {HTMLElement} */ (document.getElementById("log"));
    this.input = /** @type {HTMLInputElement} */ (document.getElementById("text"));
    document.getElementById("say").addEventListener("submit", (e) => {
      e.preventDefault();
      this.say(this.input.value.trim());
    });
    this.input.addEventListener("keydown", (e) => {
      if (e.key === "Escape" && !e.isComposing) this.input.value = "";
    });
    this.input.addEventListener("paste", (e) => {
      if (!e.clipboardData.files.length) return;
      e.preventDefault();
      pasted([...e.clipboardData.files]);
    });
    document.addEventListener("visibilitychange", () => document.hidden || this.count(0));
    const { log } = this;
    log.addEventListener("scroll", () => (this.follows = log.scrollHeight - log.scrollTop - log.clientHeight < 40));
    new ResizeObserver(() => this.follow()).observe(log); // files take room from it
  }

  follow() {
    if (this.follows) this.log.scrollTop = this.log.scrollHeight;
  }

  /** Something came. */
  news() {
    if (document.hidden) this.count(this.unread + 1);
  }

  /** @param {number} n */
  count(n) {
    this.unread = n;
    this.counted();
  }

  /** @param {any} node */
  open(node) {
    this.node = node;
    this.heard.clear();
    this.unheard = [];
    this.log.replaceChildren();
    this.count(0);
  }

  /** @param {string} line */
  async say(line) {
    if (!line) return;
    const { node } = this;
    if (!node.peers.length) return void this.note("Nobody is here to hear that yet.");
    this.input.value = "";
    const said = { line: this.add(node.id, line), since: performance.now(), waits: new Map([[0, Infinity]]), missed: [] };
    this.unheard.push(said);
    try {
      await node.send({ data: line });
    } catch (/** @type {any} */ error) {
      if (!error.peers) {
        said.waits.clear();
        return void this.note(`That was not sent: ${error.message}`);
      }
      for (const peer of error.peers) node.send({ peer, data: line }).catch(() => {}); // who has gone needs it no more
    }
    const { links } = await node.stats();
    said.waits = new Map(Object.entries(links).flatMap(([id, { state, lanes: [lane] }]) =>
      state === "connected" && lane.delivered < lane.sent ? [[Number(id), lane.sent]] : []));
  }

  /** @param {number} peer @param {Uint8Array} data */
  hear(peer, data) {
    if (!data[0]) return; // what begins with a NUL is no text, but some program's own
    if (!this.admits(peer)) return;
    const text = new TextDecoder().decode(data).replace(/\r?\n$/, "");
    for (const line of text.split(/\r?\n/, maxLines)) this.add(peer, line.slice(0, maxLength).replace(/\p{Cc}/gu, " "));
    this.news();
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
      const text = `${h.omitted} messages of ${this.people.name(peer)} are left out: it sends more than anybody can read.`;
      if (h.note.textContent !== text) h.note.textContent = text;
      if (!this.node.peers.includes(peer)) this.heard.delete(peer);
    }
  }

  /**
   * Marks what others have not acknowledged after a moment.
   * @param {Record<number, any>} links of a node's stats @param {(peer: number) => number[]} reached who is reached over a link
   */
  confirm(links, reached) {
    this.unheard = this.unheard.filter(({ line, since, waits, missed }) => {
      for (const [id, n] of waits) if (links[id]?.lanes[0].delivered >= n) waits.delete(id);
      line.classList.toggle("waiting", waits.size > 0 && performance.now() - since > patience);
      const names = this.people.names([...waits.keys()].filter(Boolean).flatMap(reached));
      line.dataset.to = names && ` to ${names}`;
      if (!waits.size && missed.length) {
        const mark = document.createElement("span");
        mark.className = "missed";
        mark.textContent = ` · perhaps not heard by ${missed.join(", ")}`;
        line.append(mark);
      }
      return waits.size > 0;
    });
  }

  /** A peer will not acknowledge anything more. @param {number} peer @param {number[]} reached who was reached through it, and itself */
  part(peer, reached) {
    for (const { waits, missed } of this.unheard) if (waits.delete(peer)) missed.push(this.people.names(reached));
  }

  /** @param {string} text @param {number} [peer] whose name comes before it */
  note(text, peer) {
    const p = document.createElement("p");
    p.className = "note";
    if (peer !== undefined) {
      p.dataset.peer = String(peer);
      p.append(bidi(this.people.name(peer)), " ");
    }
    p.append(span("words", text));
    this.append(p);
    return p;
  }

  /** @param {number} peer @param {string} line */
  add(peer, line) {
    const { people, node } = this, p = document.createElement("p"), b = document.createElement("b"), time = document.createElement("time");
    const who = people.of(peer), now = new Date();
    p.dataset.peer = peer === node.id ? "you" : String(peer);
    p.dataset.color = String(who.color);
    b.append(who.emoji, " ", bidi(peer === node.id ? "You" : people.name(peer)));
    time.dateTime = now.toISOString();
    time.textContent = now.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
    const words = span("words");
    words.dir = "auto";
    words.append(...linked(line));
    p.append(b, " ", time, " ", words);
    this.append(p);
    return p;
  }

  /** @param {HTMLElement} p */
  append(p) {
    const { log } = this;
    log.append(p);
    while (log.childElementCount > maxLines) log.firstElementChild.remove();
    this.follow();
  }
}

/** @param {string} name @param {string} [text] */
function span(name, text = "") {
  const element = document.createElement("span");
  element.className = name;
  element.textContent = text;
  return element;
}

/** A name that does not turn around what is beside it. @param {string} name */
function bidi(name) {
  const element = document.createElement("bdi");
  element.textContent = name;
  return element;
}

/** Addresses of the web become links, which do not tell where they come from. @param {string} line @returns {(Node | string)[]} */
function linked(line) {
  return line.split(/(https?:\/\/[^\s<>"]+[^\s<>".,;:!?)\]}'])/).map((part, i) => {
    if (i % 2 === 0 || !URL.canParse(part)) return part;
    const a = document.createElement("a");
    Object.assign(a, { href: part, textContent: part, target: "_blank", rel: "noopener noreferrer nofollow" });
    return a;
  });
}
