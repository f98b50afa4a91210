// The routes of a member of a star that outlives its host: of a guest, and of a guest that has become the host. The classes of the
// node are parameters, because each bundled module has copies of its own.

import { eventCost, MiB, now, resolve } from "./basics.js";
import { byeOf } from "./control.js";
import { delPeer, relay, sysFrame } from "./frames.js";

/** @import { BroadcastError } from "./errors.js" */
/** @import { Frame } from "./frames.js" */
/** @import { Presence } from "./inbox.js" */
/** @import { Lane } from "./lane.js" */
/** @import { Link } from "./link.js" */
/** @import { Migration } from "./migration.js" */
/** @import { RtcNode } from "./node.js" */
/** @import { Guest, Host } from "./routes.js" */
/** @import { Command, Reason } from "./types.js" */

const slowAfter = 5000; // ms for which a host keeps packets that a guest does not take
const waitLimit = 4 * MiB; // bytes that may wait for the next host, and that the next host may keep for each guest without a link

/** @typedef {InstanceType<ReturnType<typeof nextGuest>>} NextGuest */

// A guest whose relayed peers outlive the link with the host. What is sent between two hosts waits.
/** @param {typeof Guest} Base */
export const nextGuest = (Base) => class extends Base {
  /** The host whose link is over, while the relayed peers wait for the next one. */ parted = 0;
  /** When that host was last heard. */ heard = Infinity;
  /** The term whose host was reported as lost. */ reported = 0;
  /** When a reliable packet was last sent to several. */ sent = 0;
  /** When one was last sent to each peer. @type {Map<Presence, number>} */ sentTo = new Map();
  /** Sends that wait for the next host. @type {(() => void)[]} */ waiting = [];
  /** Bytes of the packets in waiting. */ size = 0;

  /** @param {RtcNode} node @param {Migration} migration */
  constructor(node, migration) {
    super(node);
    this.migration = migration;
  }

  /** @param {number} peer @param {number} i @param {Uint8Array} data @param {boolean} wait @param {Command} [command] @returns {Promise<void> | undefined} */
  send(peer, i, data, wait, command) {
    const { node } = this, to = resolve(node, peer);
    const reliable = node.layout[i] === "reliable";
    if (this.waits(to)) {
      if (reliable) return this.later(peer, i, data, wait, command);
      node.drop("interrupted");
      return undefined;
    }
    const sent = super.send(to, i, data, wait, command);
    if (reliable && to !== node.host) this.note(to);
    return sent?.catch((why) => {
      if (!this.waits(resolve(node, peer)) && node.id !== node.host) throw why; // no change of the host is the cause
      return this.later(peer, i, data, wait, command);
    });
  }

  /** @param {number} to */
  note(to) {
    const p = this.relayed.get(to);
    if (p) this.sentTo.set(p, now());
    else this.sent = now();
  }

  /** Whether a packet waits for the next host. @param {number} to */
  waits(to) {
    return this.parted > 0 && !this.node.ended && (to <= 0 || to === this.node.host || this.relayed.has(to));
  }

  /** Sends a reliable packet at the next wake. @param {number} peer @param {number} i @param {Uint8Array} data @param {boolean} wait @param {Command} [command] @returns {Promise<void>} */
  later(peer, i, data, wait, command) {
    if (!wait || this.size + data.length > waitLimit) throw new this.migration.error("buffer_full", `peer ${peer} waits for the next host; ${wait ? "await it" : "or use send"}`);
    const own = data.slice();
    this.size += own.length;
    return new Promise((done, fail) => {
      this.waiting.push(async () => {
        this.size -= own.length;
        try {
          if (this.node.ended) throw this.node.ended;
          done(await this.node.route.send(peer, i, own, true, command));
        } catch (e) {
          fail(e);
        }
      });
    });
  }

  /** Tries again what waits, in the order in which it was sent. */
  wake() {
    for (const send of this.waiting.splice(0)) send();
  }

  /** Tells the server that the link with the host of a term is lost, or there again. @param {number} term @param {boolean} [back] */
  report(term, back) {
    this.node.signaling.send({ kind: "host_lost", term, back });
  }

  /** @param {Link} link */
  up(link) {
    if (this.reported === this.migration.term) this.report(this.reported, true);
    this.reported = 0;
    if (this.parted === link.peer) this.partAll(); // it is the same host, which announces its guests anew
    this.parted = 0;
    this.adopt(link);
    this.wake();
    super.up(link);
  }

  /** A relayed peer gets a link, and stays connected. @param {Link} link */
  adopt(link) {
    const p = this.relayed.get(link.peer);
    if (!p) return;
    link.presence = p;
    this.relayed.delete(link.peer);
  }

  /** @param {Link} link @param {Reason} reason */
  down(link, reason) {
    const { node } = this;
    if (node.ended || node.signaling.error) return super.down(link, reason);
    this.parted = link.peer;
    this.heard = link.heardAt;
    node.inbox.disconnected(link.presence, reason, link.parting);
  }

  /** Ends the relayed peer that could not become the host of this guest. @param {number} id @param {Reason} reason */
  abandon(id, reason) {
    this.part(id, reason);
  }

  /** Whether the node goes on after its link with the host. @param {Link} link @param {boolean} again another link follows */
  parts(link, again) {
    const { reason, failure, published } = link;
    // A page that is put away ends its links itself, which says nothing about the host.
    if (again && published && reason === "lost" && !this.node.leaving) this.report((this.reported = this.migration.term));
    if (again || reason === "host gone") return true;
    const waits = !failure && (reason === "by peer" || reason === "kicked");
    if (waits) this.migration.awaitWord();
    else this.partAll();
    return waits;
  }

  /**
   * Ends the relayed peers that are not there any more, at a change of the host, and forgets those that are gone. Returns those
   * of the others that may have missed reliable packets. Older packets were passed on, or their targets are gone.
   * @param {number[]} there
   */
  regroup(there) {
    const { lostAfter } = this.node.config;
    const since = lostAfter > 0 ? this.heard - lostAfter - slowAfter : 0;
    const missed = [];
    for (const [id, p] of this.relayed) {
      if (!there.includes(id)) this.part(id, "host gone");
      else if (Math.max(this.sentTo.get(p) ?? 0, this.sent) > Math.max(since, 0)) missed.push(id);
    }
    this.sent = 0;
    this.sentTo.clear();
    this.gone.clear();
    return missed.sort((a, b) => a - b);
  }

  /** Relayed peers that are connected. */
  here() {
    return [...this.relayed.keys()];
  }
};

// A host that was a guest before: peers that were relayed stay connected, and get links one after the other.
/** @param {typeof Host} Base @param {typeof BroadcastError} Partly */
export const nextHost = (Base, Partly) => class extends Base {
  /** Reliable frames for peers that have no link yet, and what they count. @type {Map<number, {frames: {i: number, bytes: Uint8Array}[], size: number}>} */ held = new Map();
  /** Members at the time of the change that got no link, with the reasons. @type {Map<number, Reason>} */ gone = new Map();

  /** @param {RtcNode} node @param {NextGuest} before @param {number[]} members when this node became the host: guests may know members that it does not know */
  constructor(node, before, members) {
    super(node);
    this.before = before;
    /** Members that have not been linked since. */ this.expected = new Set(members);
  }

  /** Targets that have no link yet. @param {number} to */
  unlinked(to) {
    return this.before.here().filter((id) => (to > 0 ? id === to : id !== -to));
  }

  /** @param {number} peer @param {number} i @param {Uint8Array} data @param {boolean} wait @param {Command} [command] @returns {Promise<void> | undefined} */
  send(peer, i, data, wait, command) {
    const { node, before } = this, to = resolve(node, peer), reliable = node.layout[i] === "reliable";
    let full = this.unlinked(to);
    if (!full.length) return super.send(to, i, data, wait, command);
    if (!reliable) node.drop("interrupted");
    if (to > 0) return reliable ? before.later(to, i, data, wait, command) : undefined;
    try {
      super.send(to, i, data, wait, command);
    } catch (e) {
      if (!(e instanceof Partly)) throw e;
      full = [...e.peers, ...full];
    }
    if (reliable) throw new Partly(full);
    return undefined;
  }

  /** @param {Lane} from @param {Frame} f */
  relay(from, f) {
    const source = from.link.peer, waiting = this.unlinked(f.peer);
    for (const id of waiting) if (id !== source) this.hold(id, from, sysFrame(relay, source, f.whole));
    if (f.peer <= 0 || !waiting.length) super.relay(from, f);
  }

  /** Keeps a reliable frame for a peer that has no link yet. @param {number} id @param {Lane} from @param {Uint8Array} bytes */
  hold(id, from, bytes) {
    if (!from.reliable) return this.node.drop("interrupted");
    const held = this.held.get(id) ?? { frames: [], size: 0 };
    this.held.set(id, held);
    held.frames.push({ i: from.index, bytes });
    held.size += bytes.length + eventCost;
    if (held.size > waitLimit) this.abandon(id, "slow");
  }

  /** @param {Link} link */
  up(link) {
    const { peer, lanes } = link, frames = this.held.get(peer)?.frames ?? [];
    this.before.adopt(link);
    this.gone.delete(peer);
    this.expected.delete(peer);
    this.held.delete(peer);
    super.up(link);
    for (const [id, reason] of this.gone) lanes[0].announce(sysFrame(delPeer, id, [byeOf(reason)]));
    for (const { i, bytes } of frames) lanes[i].forward(bytes);
    this.before.wake();
  }

  /** Ends a peer that was or may have been connected through the host before, and tells the others. @param {number} id @param {Reason} reason */
  abandon(id, reason) {
    this.before.part(id, reason);
    if (!this.expected.delete(id)) return;
    this.held.delete(id);
    this.gone.set(id, reason);
    for (const link of this.node.openLinks()) link.lanes[0].announce(sysFrame(delPeer, id, [byeOf(reason)]));
    this.before.wake();
  }

  peers() {
    return [...super.peers(), ...this.before.here()];
  }
};
