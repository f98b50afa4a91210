// The chat: lines of text, reliable on channel 0, as rtc-client's.

const maxLines = 200; // in the log; older ones go

export class Chat {
  /** @type {any} */ node = null;

  constructor() {
    this.log = /** @type {HTMLElement} */ (document.getElementById("log"));
    this.input = /** @type {HTMLInputElement} */ (document.getElementById("text"));
    document.getElementById("say").addEventListener("submit", (e) => {
      e.preventDefault();
      this.say(this.input.value.trim());
    });
  }

  /** @param {any} node */
  open(node) {
    this.node = node;
    this.log.replaceChildren();
  }

  /** @param {string} line */
  async say(line) {
    if (!line) return;
    const { node } = this;
    if (!node.peers.length) return this.note("Nobody is here to hear that yet.");
    this.input.value = "";
    this.add("you", line);
    try {
      await node.send({ data: line });
    } catch (/** @type {any} */ error) {
      if (!error.peers) return this.note(`That was not sent: ${error.message}`);
      for (const peer of error.peers) node.send({ peer, data: line }).catch(() => {}); // who has gone needs it no more
    }
  }

  /** @param {number} peer @param {Uint8Array} data */
  hear(peer, data) {
    if (!data[0]) return; // what begins with a NUL is no text, but some program's own
    const text = new TextDecoder().decode(data).replace(/\r?\n$/, "");
    for (const line of text.split(/\r?\n/, maxLines)) this.add(String(peer), line.replace(/\p{Cc}/gu, " "));
  }

  /** @param {string} text */
  note(text) {
    const p = document.createElement("p");
    p.className = "note";
    p.textContent = text;
    this.append(p);
  }

  /** @param {string} who @param {string} line */
  add(who, line) {
    const p = document.createElement("p"), b = document.createElement("b");
    b.textContent = `${who}: `;
    p.append(b, line);
    this.append(p);
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
