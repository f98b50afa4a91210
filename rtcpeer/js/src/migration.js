// migration: members of a star that outlives its host. It is an optional module, for pages that play in such rooms:
//
//   import { join } from "./rtcpeer.js";
//   import { Migration } from "./migration.js";
//
//   const migration = new Migration();
//   const node = await join(url, { topology: "star", newRoom: { migrates: true }, migration });
//
//   server: host 5, term 2 ---> Migration.follow: the link with the old host ends; "host changed"; links with the new members
//                               NextGuest: packets wait for the new host; relayed peers stay connected
//                               NextHost: this node is the new host: relayed peers get links, and stay connected
//
// The rules are those of the Go package (rtcpeer/migration.go), and PROTOCOL.md has the wire ("Another host").

import { nextGuest, nextHost } from "./moving.js";

/** @import { BroadcastError, RtcPeerError } from "./errors.js" */
/** @import { NextGuest } from "./moving.js" */
/** @import { RtcNode } from "./node.js" */
/** @import { Guest, Host } from "./routes.js" */
/** @import { Message } from "./wire.js" */

const wordTime = 5000; // ms to wait, after the old host's bye, for the server's message that names another host

/** Lets a node follow the host of a star that migrates: config.migration of join. Each node needs its own. */
export class Migration {
  /** The number of hosts that the room has had: 1 for the first. 0: the room ends with its host. Read-only. */ term = 0;
  /** @internal @type {string[]} */ features;
  /** @internal @type {any} */ error; // RtcPeerError of rtcpeer.js
  /** @internal @type {any} */ Host;
  /** @internal @type {RtcNode | undefined} */ node;
  /** The route of this node as a guest; it is kept when the node becomes the host. @internal @type {NextGuest | undefined} */ guest;

  /** neverHost: this node is never chosen as the host, for example because it is a phone on battery. @param {{neverHost?: boolean}} [options] */
  constructor({ neverHost } = {}) {
    this.features = neverHost ? ["migrate"] : ["migrate", "host"];
  }

  /**
   * Names the member that is to host the room after this one, and does not wait. It holds until the next call, and only if
   * that member can be the host when the time comes. 0 means nobody; then the server chooses the member that has been there
   * the longest. Only the host may call it. Throws not_host, unknown_peer, closed.
   * @param {number} id
   */
  setSuccessor(id) {
    /** @type {RtcNode} */ (this.node).command({ kind: "successor", id });
  }

  /**
   * Handles the messages of the server before the node does, from now on, if the room migrates.
   * @internal @param {RtcNode} node @param {typeof Guest} guest @param {typeof Host} host @param {typeof RtcPeerError} failure
   * @param {typeof BroadcastError} partly
   */
  start(node, guest, host, failure, partly) {
    const { signaling } = node, { onmessage, onend } = signaling;
    this.node = node;
    this.term = /** @type {Message} */ (signaling.welcome).term ?? 0;
    this.error = failure;
    this.Host = nextHost(host, partly);
    if (!this.term) return;
    if (node.guest) node.route = this.guest = new (nextGuest(guest))(node, this);
    signaling.onmessage = (m) => {
      if (m.kind === "host_changed") return void (m.term > this.term && this.follow(m));
      if (m.kind === "welcome" && m.term && (m.term !== this.term || m.host !== node.host)) this.follow(m);
      onmessage(m);
      if (m.kind === "left" && !node.roster.get(m.id)?.link) node.route.abandon?.(m.id, "lost");
    };
    signaling.onend = (why) => {
      // The host has said that one of the two was kicked; the server, which has not, will say which.
      if (why.code === "kicked" && !signaling.error && !signaling.socket) return this.awaitWord(() => signaling.onend(why));
      if (!node.openLinks().length) this.guest?.partAll();
      onend(why);
    };
    const openLinks = node.openLinks.bind(node);
    node.openLinks = () => (node.leaving ? [] : openLinks()); // a host whose page is left announces nothing more: its guests go on
    const close = signaling.close.bind(signaling);
    signaling.close = () => { // the last thing that a node does
      close();
      clearTimeout(node.timer);
      this.guest?.wake();
    };
  }

  /** Makes another member the host. @internal @param {Message} change */
  follow({ host, term, members = [], guests = [] }) {
    const { guest } = this, node = /** @type {RtcNode} */ (this.node), old = node.host;
    if (node.ended) return;
    if (!node.guest || !guest) return node.end(new this.error("host_replaced", `${host} hosts the room now; join it anew`));
    this.term = term;
    clearTimeout(node.timer);
    node.roster.get(old)?.link?.close("host gone");
    Object.assign(node, { host });
    node.left(old, "left");
    const hosts = node.id === host, there = [host, ...guests, ...members.map((/** @type {any} */ m) => m.id)];
    if (hosts) node.route = new this.Host(node, guest, members.map((/** @type {any} */ m) => m.id));
    node.status = hosts ? "connected" : "connecting";
    node.inbox.push({ kind: "host changed", peer: host, old, new: host, term, missed: guest.regroup(there) });
    for (const m of members) node.joined(m);
    if (!hosts) return;
    guest.wake();
    for (const id of guest.here()) if (!node.roster.get(id)?.running) node.route.abandon?.(id, "lost"); // their links were refused
  }

  /**
   * The host has ended the link. Either the server names another host, or the same one comes back, or end ends the node: the
   * host has only disconnected this guest. While the connection to the server is lost, this cannot be known.
   * @internal
   */
  awaitWord(end = () => {
    this.guest?.partAll();
    this.node?.end(new this.error("host_gone", "the host is gone: by peer"));
  }) {
    const node = /** @type {RtcNode} */ (this.node);
    clearTimeout(node.timer);
    node.timer = setTimeout(() => {
      if (node.roster.get(node.host)?.running) return; // the same host is back
      if (node.signaling.socket) end();
      else this.awaitWord(end);
    }, wordTime);
  }
}
