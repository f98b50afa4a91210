// Files that are sent and received: one line for each, with what can be done about it.
//
//   drop, choose -> send -> Line.run -> Files.sendFile --- sign "file" ---> offered -> Line, Save -> Offer.toBlob -> download
//
// What was interrupted goes on when the other end is back: the sender offers the file again, and the receiver, who has
// kept what had arrived, takes it without asking again. If the receiver has cancelled the file, or another peer offers it, the
// receiver is asked again. It then continues from what it has, if the file begins with that.

import { fileHead, sign } from "./signs.js";
import { Files } from "../../../rtcpeer/js/transfer.js";

const maxPacket = 16 * 1024 - fileHead.length; // a member accepts packets of 16 KiB by default
const mostParts = 8; // files of which the beginning is kept
const mostLines = 50; // of files, in the list
const patience = 1000; // ms until a peer that seems to be there is tried again
const list = document.getElementById("files");

/** @param {number} n bytes */
export function size(n) {
  for (const [unit, of] of /** @type {[string, number][]} */ ([["GB", 1e9], ["MB", 1e6], ["kB", 1e3]])) {
    if (n >= of) return `${(n / of).toFixed(n < 10 * of ? 1 : 0)} ${unit}`;
  }
  return `${n} bytes`;
}

/** @param {string} name @param {string | undefined} type @param {(() => void) | undefined} act */
function button(name, type, act) {
  const b = document.createElement("button");
  b.type = "button";
  b.textContent = name;
  b.className = type ?? "";
  b.addEventListener("click", act);
  return b;
}

/** A file on its way: in the list, who and what, how far it is, and buttons. */
class Line {
  /** @param {string} file */
  constructor(file) {
    this.root = document.createElement("li");
    this.words = document.createElement("span");
    this.words.dir = "auto";
    this.progress = document.createElement("progress");
    this.progress.ariaLabel = file;
    this.buttons = document.createElement("span");
    this.buttons.className = "line";
    this.root.append(this.words, this.progress, this.buttons);
    list.append(this.root);
    for (const old of [...list.children]) if (list.childElementCount > mostLines && old.classList.contains("over")) old.remove();
  }

  /** @param {string} words @param {Record<string, () => void>} acts by the words of their buttons @param {number} [share] 0 to 1, how far it is */
  show(words, acts, share) {
    this.words.textContent = words;
    this.progress.hidden = share === undefined;
    this.progress.value = share ?? 0;
    this.buttons.replaceChildren(...Object.entries(acts).map(([name, act], i) => button(name, i ? "quiet" : undefined, act)));
    this.root.classList.remove("over");
  }

  /** The last words: the line can be put away. @param {string} words @param {Record<string, () => void>} [acts] */
  end(words, acts = {}) {
    this.show(words, { ...acts, Hide: () => this.root.remove() });
    this.root.classList.add("over");
  }
}

export class FileDesk {
  /** @type {Files | null} */ files = null;
  /** @type {any} */ node = null;
  /** Who is a page, and takes files. @type {Set<number>} */ pages = new Set();
  /** Lines that ask whether to take a file. @type {Map<Line, any>} */ asking = new Map();
  /** What goes on when a peer is back. @type {Map<number, Set<() => void>>} */ waiting = new Map();
  /** Beginnings of files that were interrupted, or cancelled here. @type {Map<string, {part: Blob, line: Line, ask: boolean}>} */ parts = new Map();

  /** @param {import("./people.js").People} people @param {(text: string) => void} note @param {(peer: number) => boolean} admits called when a file is offered: whether to ask about it */
  constructor(people, note, admits) {
    this.people = people;
    this.note = note;
    this.admits = admits;
  }

  /** @param {any} node */
  open(node) {
    this.close();
    this.node = node;
    const through = {
      get host() {
        return node.host;
      },
      send: (/** @type {any} */ packet) => node.send({ ...packet, data: sign(fileHead, packet.data) }),
    };
    this.files = new Files(through, 0, { maxPacket });
    this.take(this.files);
  }

  close() {
    this.files?.close();
    this.files = null;
    this.pages.clear();
    this.waiting.clear();
    this.parts.clear();
    this.asking.clear();
    list.replaceChildren();
  }

  /** A page is here, perhaps again. @param {number} peer */
  meet(peer) {
    this.pages.add(peer);
    const again = this.waiting.get(peer);
    this.waiting.delete(peer);
    for (const act of again ?? []) act();
  }

  /** @param {any} event any but a packet */
  handle(event) {
    this.files?.handle(event);
    if (event.kind === "disconnected") this.pages.delete(event.peer);
    this.sweep();
  }

  /** Removes the lines of offers that are over. What is offered again is asked about again. */
  sweep() {
    for (const [line, { transfer }] of this.asking) if (transfer.error) this.answered(line).remove();
  }

  /** @param {Line} line that has asked whether to take a file */
  answered(line) {
    this.asking.delete(line);
    return line.root;
  }

  /** @param {any} packet @param {Uint8Array} data the frame in it */
  receive(packet, data) {
    this.files?.handle({ kind: "packet", peer: packet.peer, packet: { ...packet, data } });
    this.sweep();
  }

  /** @param {number} to 0 is everybody @param {File[]} files */
  send(to, files) {
    const peers = this.node ? this.node.peers.filter((/** @type {number} */ id) => this.pages.has(id) && (!to || id === to)) : [];
    if (!files.length) return;
    if (!peers.length) return void this.note(to ? `${this.people.name(to)} cannot take files: there is a program at the other end, or it is not connected.` : "Nobody is here to take a file yet.");
    for (const file of files) for (const peer of peers) this.run(peer, file, new Line(file.name));
  }

  /** @param {number} peer @param {File} file @param {Line} line */
  async run(peer, file, line) {
    const { files } = this, name = this.people.name(peer), stop = new AbortController();
    const cancel = { Cancel: () => stop.abort() };
    const told = every(100);
    line.show(`${file.name} (${size(file.size)}): waiting for ${name} to take it`, cancel);
    try {
      await files.sendFile(peer, file, { signal: stop.signal, onprogress: (n) => {
        if (told() || n === file.size) line.show(`Sending ${file.name} to ${name}: ${size(n)} of ${size(file.size)}`, cancel, n / (file.size || 1));
      } });
      line.end(`${name} has ${file.name}.`);
    } catch (/** @type {any} */ error) {
      if (files !== this.files) return;
      if (error.code === "peer_gone") return this.wait(peer, line, `${file.name}: interrupted. It goes on when ${name} is back.`, () => this.run(peer, file, line));
      line.end(`${file.name}: ${forFile(error, name)}`, error.code === "refused" ? {} : { "Send again": () => this.run(peer, file, line) });
    }
  }

  /** @param {number} peer @param {Line} line @param {string} words @param {() => void} again */
  wait(peer, line, words, again) {
    const set = this.waiting.get(peer) ?? new Set();
    this.waiting.set(peer, set.add(again));
    line.show(words, { Cancel: () => (set.delete(again), line.end(words.replace(/:.*/, ": cancelled."))) });
    // It may have been back before this ended. At once, what fails for another reason would fail without end.
    setTimeout(() => this.waiting.get(peer) === set && this.pages.has(peer) && this.node.peers.includes(peer) && this.meet(peer), patience);
  }

  /** @param {Files} files */
  async take(files) {
    for await (const offer of files) {
      if (offer.transfer.error) continue; // it was withdrawn meanwhile
      const file = ` ${offer.size} ${offer.name}`, key = offer.peer + file;
      // Somebody whose page was reloaded is another peer, and asked about.
      const known = [...this.parts.keys()].filter((other) => other.endsWith(file)), found = known.includes(key) ? key : known[0];
      const begun = () => {
        const part = this.parts.get(found);
        this.parts.delete(found);
        return part;
      };
      if (found === key && !this.parts.get(key).ask) {
        const { line, part } = begun();
        this.save(offer, key, line, part);
        continue;
      }
      if (!this.admits(offer.peer)) {
        offer.refuse();
        continue;
      }
      const line = new Line(offer.name), from = this.people.name(offer.peer);
      this.asking.set(line, offer);
      line.show(`${from} wants to send you ${offer.name} (${offer.size === undefined ? "size not known" : size(offer.size)}).`, {
        Accept: () => {
          const old = begun();
          this.answered(line);
          old?.line.root.remove();
          this.save(offer, key, line, old?.part);
        },
        Refuse: () => (this.answered(line), offer.refuse(), line.end(`You did not take ${offer.name}.`)),
      });
    }
  }

  /** @param {any} offer @param {string} key @param {Line} line @param {Blob} [part] */
  async save(offer, key, line, part) {
    const { files } = this, stop = new AbortController(), name = this.people.name(offer.peer), told = every(100);
    const total = offer.size ? ` of ${size(offer.size)}` : "";
    const show = (/** @type {number} */ n) => line.show(`${offer.name} from ${name}: ${size(n)}${total}`, { Cancel: () => stop.abort() }, offer.size && n / offer.size);
    show(part?.size ?? 0);
    try {
      const blob = await offer.toBlob({ part, signal: stop.signal, onprogress: (/** @type {number} */ n) => told() && show(n) });
      const url = URL.createObjectURL(blob.slice(0, blob.size, "application/octet-stream"));
      const download = () => Object.assign(document.createElement("a"), { href: url, download: offer.name }).click();
      line.end(`${offer.name} from ${name} is here (${size(blob.size)}).`, { "Save again": download });
      download();
    } catch (/** @type {any} */ error) {
      if (files !== this.files) return;
      const back = ["peer_gone", "host_changed"].includes(error.code);
      if (error.part) this.keep(key, { part: error.part, line, ask: !back });
      if (back) line.show(`${offer.name}: interrupted. It goes on when ${name} is back.`, { Cancel: () => (this.parts.delete(key), line.end(`${offer.name}: cancelled.`)) });
      else line.end(`${offer.name}: ${forFile(error, name)}`);
    }
  }

  /** @param {string} key @param {{part: Blob, line: Line, ask: boolean}} begun */
  keep(key, begun) {
    this.parts.set(key, begun);
    if (this.parts.size > mostParts) this.parts.delete(this.parts.keys().next().value);
  }
}

/** Tells whether some time has passed since it last said so. @param {number} ms */
function every(ms) {
  let last = -Infinity;
  return () => performance.now() - last >= ms && ((last = performance.now()), true);
}

/** @param {any} error @param {string} name of the other end */
function forFile({ code, message }, name) {
  return {
    refused: `${name} did not take it.`, not_receiving: `${name} takes no files.`, cancelled: `${name} has cancelled it.`, aborted: "cancelled.",
    failed: `it could not be read or kept at the other end.`, hash_mismatch: "it arrived damaged. Send it again.", changed: "the file cannot be read any more. Choose it again.",
  }[code] ?? message;
}
