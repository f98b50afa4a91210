// Shares the WebSocket among the paths of a node. Frames wait in the paths, where they can be measured, and not in the
// WebSocket, where signaling messages would have to wait behind them.

import { Connection } from "./connection.js";
import { maxPart, partHead } from "./frame.js";
import { gcmSize, headerSize } from "./keys.js";

const maxBuffered = 64 * 1024; // while more bytes wait in the WebSocket, it gets no frames
const lookAgain = 4; // ms until the next check of that
const minFrame = 4 + headerSize + gcmSize, maxFrame = minFrame + partHead + maxPart;

export class Forwarder {
  sealing = 0; // bytes that are being encrypted
  /** By the peer and the tag of their frames. @type {Map<string, Connection>} */ connections = new Map();
  /** Connections that have something to send. @type {Set<Connection>} */ turns = new Set();
  /** @type {ReturnType<typeof setTimeout> | undefined} */ timer;

  /** @param {() => WebSocket | null} socket @param {(why: string) => void} drop is told of received frames that are dropped */
  constructor(socket, drop) {
    this.socket = socket;
    this.drop = drop;
  }

  /** A connection with a peer. @param {number} peer */
  connect(peer) {
    return new Connection(this, peer);
  }

  /** Takes a frame of the server. It begins with the sender's id, for which the server vouches. @param {ArrayBuffer} frame */
  receive(frame) {
    if (frame.byteLength < minFrame || frame.byteLength > maxFrame) return this.drop("forged");
    const view = new DataView(frame);
    const connection = this.connections.get(route(view.getUint32(0), view.getUint32(4)));
    if (!connection) return this.drop("unknown");
    connection.receive(view.getUint32(8), new Uint8Array(frame, 4 + headerSize));
  }

  /** The socket is lost, and frames with it. */
  lose() {
    for (const connection of [...this.connections.values()]) connection.lose();
  }

  // ---- For the connections.

  /** @param {Connection} connection @param {number} tag */
  add(connection, tag) {
    const key = route(connection.peer, tag);
    if (this.connections.has(key)) throw new Error("there is a path with these keys");
    this.connections.set(key, connection);
  }

  /** @param {Connection} connection */
  remove(connection) {
    const { keys, peer } = connection;
    this.turns.delete(connection);
    if (keys) this.connections.delete(route(peer, keys.tag));
    if (!this.turns.size) clearTimeout(this.timer);
  }

  /** @param {Connection} connection that has something to send */
  queue(connection) {
    this.turns.add(connection);
    this.pump();
  }

  /** Sends what the connections have, in turn, as long as the socket has room. */
  pump() {
    clearTimeout(this.timer);
    for (const connection of this.turns) {
      const socket = this.socket();
      if (!socket || this.sealing > maxBuffered) return; // pump runs again after an encryption
      if (socket.bufferedAmount > maxBuffered) {
        this.timer = setTimeout(() => this.pump(), lookAgain);
        return;
      }
      this.turns.delete(connection);
      const plain = connection.next();
      if (!plain) continue;
      this.turns.add(connection); // the loop comes to it again
      connection.transmit(plain);
    }
  }

  /** @param {Uint8Array} frame */
  send(frame) {
    const socket = this.socket();
    if (socket?.readyState === 1) socket.send(/** @type {any} */ (frame));
  }
}

/** @param {number} peer @param {number} tag */
const route = (peer, tag) => peer + " " + tag;
