// How peers are reached. In a mesh every member has a link with every other, and packets go over it with or without frames.

import { byeOf, goneFor } from "./control.js";
import { BroadcastError, unknownPeer } from "./errors.js";
import { addPeer, authenticate, authFrame, decodeFrame, delPeer, rawFrame, relay, sysFrame } from "./frames.js";

/** @import { RtcPeerError } from "./errors.js" */
/** @import { Frame } from "./frames.js" */
/** @import { Presence } from "./inbox.js" */
/** @import { Lane } from "./lane.js" */
/** @import { Link } from "./link.js" */
/** @import { RtcNode } from "./node.js" */
/** @import { Command, Reason } from "./types.js" */

const maxGone = 1024; // relayed peers that are gone and still remembered
const maxRelayed = 16384; // relayed peers, and events about them that the program has not taken

/**
 * The methods that a route has in addition in a star that migrates, see migration.js. abandon ends a peer that is shown as
 * connected but got no link. parts reports whether a guest goes on after its link with the host.
 * @typedef {{abandon?: (id: number, reason: Reason) => void, parts?: (link: Link, again: boolean) => boolean}} Moving
 */

export class Mesh {
  /** @param {RtcNode} node */
  constructor(node) {
    this.node = node;
  }

  /** A packet as it is on the wire. @param {Uint8Array} data @param {Command} [command] */
  frame(data, command) {
    return this.node.framed ? rawFrame(data, command) : data;
  }

  /** @param {number} peer @param {number} i @param {Uint8Array} data @param {boolean} wait @param {Command} [command] @returns {Promise<void> | undefined} */
  send(peer, i, data, wait, command) {
    const bytes = this.frame(data, command);
    if (peer > 0) return this.node.link(peer).lanes[i].send(bytes, wait);
    const full = [];
    let tooLarge;
    for (const link of this.node.openLinks()) {
      if (link.peer === -peer) continue;
      try {
        if (!link.lanes[i].put(bytes)) full.push(link.peer);
      } catch (e) {
        if (/** @type {RtcPeerError} */ (e).code === "packet_too_large") tooLarge = e;
      } // any other error says that the peer has just gone, and a broadcast does not need it
    }
    if (full.length) throw new BroadcastError(full);
    if (tooLarge) throw tooLarge;
    return undefined;
  }

  /** @param {Lane} lane @param {Uint8Array} bytes */
  receive(lane, bytes) {
    const { node } = this;
    const f = node.framed ? decodeFrame(bytes) : { peer: 0, body: bytes, whole: bytes };
    if (f && f.sub === undefined) node.deliver(lane.link.presence, lane, f);
    else if (f?.sub === authenticate && !node.config.auth) this.asked(lane.link, f);
    // Both ends have accepted each other. The frame that says so may come after a packet; one with data is malformed.
    else if (f?.sub === authenticate ? f.body.length : !f || !this.told(lane, f)) node.drop("malformed");
  }

  /** The other end demands authentication. @param {Link} link @param {Frame} f */
  asked(link, f) {
    link.asked = true;
    link.end("unauthorized");
  }

  /** Takes a frame of the relay, if it is one that comes here. Nobody relays in a mesh. @param {Lane} lane @param {Frame} f */
  told(lane, f) {
    return false;
  }

  /** @param {Link} link */
  up(link) {
    this.node.inbox.connected(link.presence);
  }

  /** @param {Link} link @param {Reason} reason */
  down(link, reason) {
    this.node.inbox.disconnected(link.presence, reason, link.parting);
  }

  peers() {
    return this.node.openLinks().map((link) => link.peer);
  }
}

// A star's host has a link with every guest, and relays among them on the channel and mode of the sender.
export class Host extends Mesh {
  /**
   * A guest authenticates although this end demands no authentication. In Godot such a guest waits until its time is over,
   * unless the host happens to send something: this answer lets it in.
   * @param {Link} link @param {Frame} f
   */
  asked({ lanes: [lane] }, f) {
    if (f.body.length) return this.node.drop("malformed");
    try {
      lane.put(authFrame());
    } catch {} // it has just gone
  }

  /** @param {Lane} lane @param {Frame} f */
  told(lane, f) {
    if (f.sub !== relay) return false;
    this.relay(lane, f);
    return true;
  }

  /**
   * The host is one of "everybody"; to reach it alone a guest sends to it. A guest that names itself gets its packet
   * back, as from Godot's host.
   * @param {Lane} from @param {Frame} f
   */
  relay(from, f) {
    const { node } = this;
    const source = from.link.peer;
    const bytes = sysFrame(relay, source, f.whole);
    const targets = node.openLinks().filter((l) => (f.peer > 0 ? l.peer === f.peer : l.peer !== source && l.peer !== -f.peer));
    if (f.peer > 0 && !targets.length) node.drop("no_target");
    for (const target of targets) {
      try {
        target.lanes[from.index].forward(bytes);
      } catch {
        node.drop("no_target"); // it has just gone, or takes only smaller packets
      }
    }
    if (f.peer <= 0 && f.peer !== -1) node.deliver(from.link.presence, from, f);
  }

  /** @param {Link} link */
  up(link) {
    for (const other of this.node.openLinks()) {
      if (other === link) continue;
      link.lanes[0].announce(sysFrame(addPeer, other.peer));
      other.lanes[0].announce(sysFrame(addPeer, link.peer));
    }
    super.up(link);
  }

  /** @param {Link} link @param {Reason} reason */
  down(link, reason) {
    const others = this.node.ended ? [] : this.node.openLinks(); // else it is the host that goes, and every link with it
    for (const other of others) {
      // A game of Godot's gets the engine's bytes, without a reason.
      other.lanes[0].announce(sysFrame(delPeer, link.peer, other.id ? [byeOf(reason)] : []));
    }
    super.down(link, reason);
  }
}

// A guest of a star has one link, with the host, and reaches the other guests through it.
export class Guest extends Mesh {
  /** Those that are connected. @type {Map<number, Presence>} */ relayed = new Map();
  /** The last ones that are gone: a late packet must not bring them back. @type {Map<number, Presence>} */ gone = new Map();

  /** @param {number} peer @param {number} i @param {Uint8Array} data @param {boolean} wait @param {Command} [command] */
  send(peer, i, data, wait, command) {
    const host = this.node.openLinks()[0];
    if (peer > 0 && (!host || (peer !== host.peer && !this.relayed.has(peer)))) throw unknownPeer(peer);
    if (!host) return undefined; // a broadcast to nobody yet
    const frame = this.frame(data, command);
    return host.lanes[i].send(peer === host.peer ? frame : sysFrame(relay, peer, frame), wait);
  }

  /** @param {Lane} lane @param {Frame} f */
  told(lane, f) {
    const { node } = this;
    if (f.peer < 1 || f.peer === node.id || f.peer === node.host) return false;
    if (f.sub === addPeer) this.meet(f.peer, true);
    else if (f.sub === delPeer) this.part(f.peer, goneFor(f.body[6] ?? 0));
    // The announcement and the packet may come on different channels, in either order: the packet itself
    // says as well that its source is there.
    else node.deliver(this.meet(f.peer, false), lane, f);
    return true;
  }

  /** Returns the presence of a relayed peer, and makes it connected. A peer that is gone stays so until it is announced again. @param {number} id @param {boolean} announced */
  meet(id, announced) {
    const known = this.relayed.get(id) || (!announced && this.gone.get(id));
    if (known) return known;
    if (this.relayed.size + this.node.inbox.control > maxRelayed) this.node.openLinks()[0]?.misbehaves("it announces too many peers");
    const p = /** @type {Presence} */ ({ id, state: "new" });
    this.relayed.set(id, p);
    this.node.inbox.connected(p);
    return p;
  }

  /** @param {number} id @param {Reason} reason */
  part(id, reason) {
    const p = this.relayed.get(id);
    if (!p) return;
    this.relayed.delete(id);
    this.node.inbox.disconnected(p, reason);
    this.gone.set(id, p);
    if (this.gone.size > maxGone) this.gone.delete(/** @type {number} */ (this.gone.keys().next().value));
  }

  /**
   * Ends all relayed peers, and forgets them: nothing more comes over the link with the host, and over the next one a packet
   * may come before the announcement of its source.
   */
  partAll() {
    for (const id of this.relayed.keys()) this.part(id, "host gone");
    this.gone.clear();
  }

  /** @param {Link} link @param {Reason} reason */
  down(link, reason) {
    this.partAll();
    super.down(link, reason);
  }

  peers() {
    return [...super.peers(), ...this.relayed.keys()];
  }
}
