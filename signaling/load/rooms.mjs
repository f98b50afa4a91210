// A signaling server for Node by the rules of Godot's webrtc_signaling demo: JSON frames {type, id, data},
// random ids, a host that everybody knows as 1, lobbies in memory.
// node rooms.mjs FOLDER, where FOLDER/node_modules has ws
import { randomBytes, randomInt } from "node:crypto";
import { createRequire } from "node:module";

const { WebSocketServer } = createRequire(process.argv[2] + "/")("ws");
const [JOIN, ID, PEER_CONNECT, PEER_DISCONNECT, OFFER, ANSWER, CANDIDATE, SEAL] = [0, 1, 2, 3, 4, 5, 6, 7];
const lobbies = new Map();

class Lobby {
  peers = [];
  sealed = false;
  constructor(name, host, mesh) {
    Object.assign(this, { name, host, mesh });
  }
  idOf(peer) {
    return peer === this.host ? 1 : peer.id;
  }
  join(peer) {
    const id = this.idOf(peer);
    peer.send(ID, id, this.mesh ? "true" : "");
    for (const other of this.peers) {
      other.send(PEER_CONNECT, id);
      peer.send(PEER_CONNECT, this.idOf(other));
    }
    this.peers.push(peer);
    peer.lobby = this;
    peer.send(JOIN, 0, this.name);
  }
  leave(peer) {
    const id = this.idOf(peer);
    const over = peer === this.host;
    this.peers = this.peers.filter((other) => other !== peer);
    for (const other of this.peers) {
      if (over) other.socket.close(4000, "Room host has disconnected");
      else other.send(PEER_DISCONNECT, id);
    }
    if (over) lobbies.delete(this.name);
  }
}

class Peer {
  id = randomInt(2, 2 ** 31);
  lobby = null;
  constructor(socket) {
    this.socket = socket;
    socket.on("message", (frame) => {
      try {
        this.take(String(frame));
      } catch (e) {
        socket.close(4000, e.message);
      }
    });
    socket.on("close", () => this.lobby?.leave(this));
    socket.on("error", () => {});
  }
  send(type, id, data = "") {
    this.socket.send(JSON.stringify({ type, id, data }));
  }
  take(frame) {
    const { type, id, data } = JSON.parse(frame);
    if (!Number.isInteger(type) || !Number.isInteger(id) || typeof data !== "string") throw new Error("Invalid message format");
    if (type === JOIN) return this.enter(data, id === 0);
    const { lobby } = this;
    if (!lobby) throw new Error("Invalid message when not in a lobby");
    if (type === SEAL) return this.seal(lobby);
    if (type !== OFFER && type !== ANSWER && type !== CANDIDATE) throw new Error("Invalid command");
    const to = id === 1 ? lobby.host : lobby.peers.find((peer) => peer.id === id);
    if (!to) throw new Error("Invalid destination");
    to.send(type, lobby.idOf(this), data);
  }
  enter(name, mesh) {
    if (this.lobby) throw new Error("Already in a lobby");
    if (name === "") {
      name = randomBytes(12).toString("base64url");
      lobbies.set(name, new Lobby(name, this, mesh));
    }
    const lobby = lobbies.get(name);
    if (!lobby) throw new Error("Lobby does not exists");
    if (lobby.sealed) throw new Error("Lobby is sealed");
    lobby.join(this);
  }
  seal(lobby) {
    if (this !== lobby.host) throw new Error("Only host can seal the lobby");
    lobby.sealed = true;
    for (const peer of lobby.peers) peer.send(SEAL, 0);
    setTimeout(() => lobby.peers.forEach((peer) => peer.socket.close(1000, "Seal complete")), 10000);
  }
}

const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
server.on("connection", (socket) => new Peer(socket));
server.on("listening", () => console.error(`url=ws://127.0.0.1:${server.address().port}`));
setInterval(() => server.clients.forEach((socket) => socket.ping()), 10000);
