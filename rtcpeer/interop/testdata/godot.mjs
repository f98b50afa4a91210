// A stand-in for a Godot 4 game, where no engine runs: the client of Godot's signaling demo, with the
// classes of the engine that it stands on, over libdatachannel, which Godot's native plugin uses as well.
//
//   Game                      the demo's ws_webrtc_client.gd and multiplayer_client.gd: signaling
//     SceneMultiplayer        relay, authentication, the signals of the game      (not in a bare mesh)
//       WebRTCMultiplayerPeer ids, targets, modes, poll
//         WebRTCPeerConnection, WebRTCDataChannel   the native plugin's
//
// It follows their rules also where those are odd, because that is what real games do to others: nothing
// happens but in a frame of the game, 60 times a second; a candidate that comes before its description is
// lost; what ICE calls disconnected is the end; the modes called unreliable are reliable, because the key
// that the engine writes is not the one that its plugin reads. What the engine would print as an error is
// in errors, by which a test knows that its peers give a game no cause for one.
//
// A game that has the addon in place of the demo's client is in addon.mjs.
//
// join returns what player.mjs plays with, as rtcpeer.js does.

const frameTime = 1000 / 60;

// ---- The native plugin: webrtc-native's WebRTCLibPeerConnection and WebRTCLibDataChannel ----

/** libdatachannel speaks from threads of its own; the plugin keeps what it says for the next poll. */
export class WebRTCPeerConnection {
  state = "new";
  signals = [];

  constructor(PeerConnection, fault, note) {
    this.fault = fault;
    this.note = note;
    // The demo names a public STUN server, which here would only wait for a network.
    this.pc = new PeerConnection("game", { iceServers: [], disableAutoNegotiation: true });
    this.pc.onStateChange((state) => note((this.state = state)));
    this.pc.onIceStateChange((state) => note("ice " + state));
    this.pc.onLocalDescription((sdp, type) => this.signals.push(() => this.onDescription(type, sdp)));
    // The plugin's index is always 0; its text has no "a=".
    this.pc.onLocalCandidate((line, mid) => this.signals.push(() => this.onCandidate(mid, 0, line.replace(/^a=/, ""))));
  }

  poll() {
    for (const signal of this.signals.splice(0)) signal();
  }

  /** Only the keys that the plugin knows have an effect: maxPacketLifetime, as the engine writes it, has none. */
  createDataChannel(label, { negotiated, id, ordered }) {
    return new WebRTCDataChannel(this.pc.createDataChannel(label, { negotiated, id, unordered: !ordered }), label, this.fault);
  }

  createOffer() {
    if (this.state !== "new") return this.fault(`create_offer: FAILED: state ${this.state}`);
    this.attempt("create_offer", () => this.pc.setLocalDescription("offer"));
  }

  /** The answer to an offer makes itself. */
  setRemoteDescription(type, sdp) {
    this.attempt("set_remote_description " + type, () => {
      this.pc.setRemoteDescription(sdp, type);
      if (type === "offer") this.pc.setLocalDescription("answer");
    });
  }

  /** Before the remote description libdatachannel throws, and nobody keeps the candidate. */
  addIceCandidate(mid, index, line) {
    this.attempt("add_ice_candidate", () => this.pc.addRemoteCandidate(line, mid));
  }

  attempt(what, deed) {
    try {
      deed();
    } catch (e) {
      this.fault(`${what}: FAILED: ${e.message}`);
    }
  }

  /** Also the destructor's: the engine closes a connection when nobody holds it any more. */
  close() {
    this.pc.close();
    this.state = "closed";
  }
}

class WebRTCDataChannel {
  state = "connecting";
  packets = [];

  constructor(dc, label, fault) {
    this.dc = dc;
    this.label = label;
    dc.onOpen(() => (this.state = "open"));
    dc.onClosed(() => (this.state = "closed"));
    dc.onError((e) => fault(`channel ${label}: ${e}`));
    dc.onMessage((message) => {
      if (typeof message === "string") return fault(`channel ${label}: a text message, which no engine sends: ${message}`);
      this.packets.push(new Uint8Array(message)); // a copy
    });
  }

  /** Returns "" or the engine's error. libdatachannel refuses what the other end's description does not allow. */
  put(bytes) {
    try {
      this.dc.sendMessageBinary(bytes);
      return "";
    } catch (e) {
      return "FAILED: " + e.message;
    }
  }
}

// ---- The engine: modules/websocket/wsl_peer.cpp, over wslay ----

export const CONNECTING = 0, OPEN = 1, CLOSING = 2, CLOSED = 3;

/** wslay takes a close frame with any other code for a breach of the protocol. */
const isCloseCode = (code) => (code >= 1000 && code <= 1011 && (code < 1004 || code > 1006)) || (code >= 3000 && code <= 4999);

/**
 * A poll reads all that has come since the one before, into a buffer of so many bytes and packets; what does not fit is
 * dropped. If the close frame is among it, all of that is dropped.
 */
export class WebSocketPeer {
  supported_protocols = [];
  inbound_buffer_size = 65535;
  max_queued_packets = 4096;
  state = CLOSED;
  arrived = []; // since the last poll
  packets = [];
  size = 0; // bytes of packets
  code = -1;
  reason = "";

  constructor(WebSocket, fault) {
    this.WebSocket = WebSocket;
    this.fault = fault;
  }

  connect_to_url(url) {
    this.state = CONNECTING;
    this.socket = new this.WebSocket(url, this.supported_protocols);
    this.socket.on("open", () => this.arrived.push({ opens: true }));
    this.socket.on("message", (data, binary) => this.arrived.push({ data, binary }));
    this.socket.on("error", () => {}); // the close follows
    this.socket.on("close", (code, reason) => this.arrived.push({ closes: true, code, reason: String(reason) }));
    return 0; // OK
  }

  poll() {
    for (const { opens, closes, code, reason, data, binary } of this.arrived.splice(0)) {
      if (this.state === CLOSED) return;
      if (opens) this.state = OPEN;
      else if (closes) this.closed(code, reason);
      else if (data.length > this.inbound_buffer_size) this.close(1009);
      else if (this.size + data.length > this.inbound_buffer_size || this.packets.length >= this.max_queued_packets) this.fault("WebSocket: Buffer payload full! Dropping data");
      else {
        this.packets.push(binary ? null : String(data));
        this.size += data.length;
      }
    }
  }

  closed(code, reason) {
    this.state = CLOSED;
    this.packets = [];
    if (code !== 1006 && code !== 1005 && !isCloseCode(code)) return this.fault(`WebSocket: Protocol error: close code ${code}`);
    Object.assign(this, { code, reason });
  }

  get_ready_state() {
    return this.state;
  }

  get_available_packet_count() {
    return this.packets.length;
  }

  get_packet() {
    const text = this.packets.shift();
    this.size -= Buffer.byteLength(text ?? "");
    return text;
  }

  send_text(text) {
    this.socket.send(text);
    return 0; // OK
  }

  close(code = 1000) {
    if (this.state !== CLOSED) this.state = CLOSING;
    this.socket?.close(code);
  }

  get_close_code() {
    return this.code;
  }

  get_close_reason() {
    return this.reason;
  }
}

// ---- The engine: modules/webrtc/webrtc_multiplayer_peer.cpp ----

const UNRELIABLE = 0, UNRELIABLE_ORDERED = 1, RELIABLE = 2;

/** The channels in the order of the engine's, which is also that in which they are read. */
const channels = [
  { label: "reliable", id: 1, ordered: true, mode: RELIABLE },
  { label: "ordered", id: 2, ordered: true, mode: UNRELIABLE_ORDERED },
  { label: "unreliable", id: 3, ordered: false, mode: UNRELIABLE },
];

class WebRTCMultiplayerPeer {
  mode = "none"; // server, client, mesh
  status = "disconnected";
  id = 0;
  targetPeer = 0;
  transferMode = RELIABLE;
  peers = new Map(); // id to {connection, channels, connected}, in the order of their coming, as the engine's
  nextPeer = 0;

  constructor(game) {
    this.game = game;
  }

  createServer() {
    Object.assign(this, { id: 1, mode: "server", status: "connected" });
  }

  createClient(id) {
    Object.assign(this, { id, mode: "client", status: "connecting" });
  }

  createMesh(id) {
    Object.assign(this, { id, mode: "mesh", status: "connected" });
  }

  get serverRelay() {
    return this.mode === "server" || this.mode === "client";
  }

  /** A peer of the same id is overwritten, without a word. */
  addPeer(connection, id) {
    const invalid = (this.mode === "client" && id !== 1) || (this.mode === "server" && id === 1) || id < 1 || id > 0x7fffffff;
    if (this.mode === "none") return this.game.fault(`add_peer ${id}: ERR_UNCONFIGURED`);
    if (invalid || connection.state !== "new") return this.game.fault(`add_peer ${id}: ERR_INVALID_PARAMETER`);
    const list = channels.map(({ label, id, ordered }) =>
      connection.createDataChannel(label, { negotiated: true, id, ordered, ...(label !== "reliable" && { maxPacketLifetime: 1 }) }));
    this.peers.set(id, { connection, channels: list, connected: false });
  }

  removePeer(id) {
    const peer = this.peers.get(id);
    if (!peer) return this.game.fault(`remove_peer ${id}: unknown`);
    this.peers.delete(id);
    peer.connection.close();
    if (!peer.connected) return; // and a client stays connecting, for ever
    peer.connected = false;
    this.onDisconnected(id);
    if (this.mode === "client" && id === 1) this.status = "disconnected";
  }

  poll() {
    const gone = [], come = [];
    for (const [id, peer] of [...this.peers]) {
      peer.connection.poll();
      if (peer.connection.state === "new" || peer.connection.state === "connecting") continue;
      if (peer.connection.state !== "connected") { // disconnected, failed, closed: all the same
        gone.push(id);
        continue;
      }
      const open = peer.channels.filter((c) => c.state === "open").length;
      if (peer.channels.some((c) => c.state === "closed")) gone.push(id);
      else if (open === channels.length && !peer.connected) {
        peer.connected = true;
        come.push(id);
      }
    }
    for (const id of gone) {
      if (!this.peers.has(id)) continue;
      if (!this.peers.get(id).connected) this.game.tell({ kind: "failed", peer: id, error: new Error("the connection failed before it opened") }); // the engine says nothing
      this.removePeer(id);
    }
    for (const id of come) {
      if (!this.peers.has(id)) continue;
      if (this.mode === "client") this.status = "connected";
      this.onConnected(id);
    }
  }

  /** One packet of each peer in turn; within a peer those of the first channel go first. */
  getPacket() {
    const ids = [...this.peers.keys()];
    const after = ids.indexOf(this.nextPeer) + 1;
    for (const id of [...ids.slice(after), ...ids.slice(0, after)]) {
      const peer = this.peers.get(id);
      const index = peer.connected ? peer.channels.findIndex((c) => c.packets.length) : -1;
      if (index < 0) continue;
      this.nextPeer = id;
      const bytes = peer.channels[index].packets.shift();
      this.game.trace("<", id, index, bytes);
      return { from: id, mode: channels[index].mode, bytes };
    }
  }

  /** put_packet: "" or the error. A client's targets are not rewritten. An empty packet is sent nowhere. */
  putPacket(bytes) {
    if (bytes.length === 0) return "";
    if (this.status === "disconnected") return "ERR_UNCONFIGURED";
    const index = channels.findIndex((c) => c.mode === this.transferMode);
    if (this.targetPeer > 0) {
      if (!this.peers.has(this.targetPeer)) return "ERR_INVALID_PARAMETER: Invalid target peer: " + this.targetPeer;
      return this.put(this.targetPeer, index, bytes);
    }
    // Also to those that are not connected yet; their errors are printed and no more.
    for (const id of this.peers.keys()) {
      const error = id !== -this.targetPeer && this.put(id, index, bytes);
      if (error) this.game.fault(`put_packet to ${id}: ${error}`);
    }
    return "";
  }

  put(id, index, bytes) {
    this.game.trace(">", id, index, bytes);
    return this.peers.get(id).channels[index].put(bytes);
  }

  /** At a later poll the peer is seen to be gone. */
  disconnectPeer(id) {
    this.peers.get(id)?.connection.close();
  }

  /** Nobody is told: the connections go as they are dropped. */
  close() {
    for (const { connection } of this.peers.values()) connection.close();
    this.peers.clear();
    Object.assign(this, { mode: "none", status: "disconnected", id: 0 });
  }
}

// ---- The engine: modules/multiplayer/scene_multiplayer.cpp ----

const RAW = 3, SYS = 7, commandMask = 7;
const AUTH = 0, ADD_PEER = 1, DEL_PEER = 2, RELAY = 3;
const sysSize = 6;
const authTimeout = 3000;

function sys(sub, id, inner = new Uint8Array()) {
  const bytes = new Uint8Array(sysSize + inner.length);
  bytes.set([SYS, sub]);
  new DataView(bytes.buffer).setInt32(2, id, true);
  bytes.set(inner, sysSize);
  return bytes;
}

export class SceneMultiplayer {
  connected = new Set();
  pending = new Map(); // id to {local, remote, since}
  lastStatus = "connecting";

  /** auth is the game's auth_callback with what it needs, or undefined: see Game. */
  constructor(peer, game, auth) {
    this.peer = peer;
    this.game = game;
    this.auth = auth;
    peer.onConnected = (id) => this.addPeer(id);
    peer.onDisconnected = (id) => this.delPeer(id);
    this.lastStatus = peer.status;
  }

  poll() {
    if (this.updateStatus()) return;
    this.peer.poll();
    if (this.updateStatus()) return;
    for (let packet; (packet = this.peer.getPacket()); ) this.take(packet);
    for (const [id, { since }] of [...this.pending]) {
      if (performance.now() < since + authTimeout) continue;
      this.pending.delete(id);
      this.peer.disconnectPeer(id);
      this.game.signal("peer_authentication_failed", id);
    }
    this.updateStatus();
  }

  /** Reports whether it is all over. Those who were reached through the host go without a signal. */
  updateStatus() {
    const { status } = this.peer, before = this.lastStatus;
    this.lastStatus = status;
    if (status !== "disconnected") return false;
    if (before !== "disconnected") {
      this.game.signal(before === "connecting" ? "connection_failed" : "server_disconnected");
      this.connected.clear();
      this.pending.clear();
    }
    return true;
  }

  addPeer(id) {
    if (!this.auth) return this.admit(id);
    this.pending.set(id, { local: false, remote: false, since: performance.now() });
    this.game.signal("peer_authenticating", id);
  }

  admit(id) {
    if (this.peer.serverRelay && this.peer.id === 1) {
      for (const other of this.connected) {
        this.command(sys(ADD_PEER, id), other);
        this.command(sys(ADD_PEER, other), id);
      }
    }
    this.connected.add(id);
    if (id === 1) this.game.signal("connected_to_server");
    this.game.signal("peer_connected", id);
  }

  delPeer(id) {
    if (this.pending.delete(id)) return this.game.signal("peer_authentication_failed", id);
    if (!this.connected.delete(id)) return;
    if (this.peer.serverRelay && this.peer.id === 1) {
      for (const other of this.connected) this.command(sys(DEL_PEER, id), other);
    }
    this.game.signal("peer_disconnected", id);
  }

  /** A frame to one peer, with whom there is a connection. */
  command(bytes, id, mode = RELIABLE) {
    Object.assign(this.peer, { targetPeer: id, transferMode: mode });
    const error = this.peer.putPacket(bytes);
    if (error) this.game.fault(`send to ${id}: ${error}`);
    return error;
  }

  sendBytes(bytes, id, mode) {
    if (bytes.length === 0) return "ERR_INVALID_DATA";
    return this.sendCommand(Uint8Array.of(RAW, ...bytes), id, mode);
  }

  /** A client sends to all but the server through the server, in one packet. */
  sendCommand(bytes, id, mode) {
    if (this.peer.status !== "connected") return "ERR_UNCONFIGURED";
    if (this.peer.serverRelay && this.peer.id !== 1 && id !== 1) return this.command(sys(RELAY, id, bytes), 1, mode);
    if (id > 0) return this.connected.has(id) ? this.command(bytes, id, mode) : "ERR_BUG";
    for (const other of this.connected) if (other !== -id) this.command(bytes, other, mode);
    return "";
  }

  sendAuth(id, data) {
    if (!this.pending.has(id)) return this.game.fault(`send_auth ${id}: ERR_INVALID_PARAMETER`);
    this.command(Uint8Array.of(SYS, AUTH, ...data), id);
  }

  completeAuth(id) {
    const p = this.pending.get(id);
    if (!p || p.local) return this.game.fault(`complete_auth ${id}: not pending`);
    p.local = true;
    this.command(Uint8Array.of(SYS, AUTH), id);
    this.authenticated(id, p);
  }

  authenticated(id, { local, remote }) {
    if (!local || !remote) return;
    this.pending.delete(id);
    this.admit(id);
  }

  take({ from, mode, bytes }) {
    const isAuth = (bytes[0] & commandMask) === SYS && bytes.length >= 2 && bytes[1] === AUTH;
    const p = this.pending.get(from);
    if (p && isAuth) {
      if (bytes.length > 2) return this.game.authCallback(from, bytes.subarray(2));
      p.remote = true;
      return this.authenticated(from, p);
    }
    if (p) return this.game.fault(`packet of ${from}, which is not authenticated: ${hex(bytes)}`);
    if (!this.connected.has(from)) return this.game.fault(`packet of ${from}, which is not connected: ${hex(bytes)}`);
    if (!isAuth) return this.process(from, mode, bytes);
    if (bytes.length !== 2) this.game.fault(`authentication of ${from}, which is connected: ${hex(bytes)}`);
  }

  process(from, mode, bytes) {
    switch (bytes[0] & commandMask) {
      case SYS:
        return this.processSys(from, mode, bytes);
      case RAW:
        if (bytes.length < 2) return this.game.fault(`RAW of ${from} is empty`);
        return this.game.packet(from, mode, bytes.subarray(1));
    }
    this.game.packet(from, mode, bytes, true); // for the scene, which is not here
  }

  processSys(from, mode, bytes) {
    if (bytes.length < sysSize) return this.game.fault(`SYS of ${from} is short: ${hex(bytes)}`);
    const sub = bytes[1], id = new DataView(bytes.buffer, bytes.byteOffset).getInt32(2, true), inner = bytes.subarray(sysSize);
    const isServer = this.peer.id === 1;
    if (!this.peer.serverRelay || sub > RELAY) return this.game.fault(`SYS of ${from} is not for this peer: ${hex(bytes)}`);
    if (!isServer && from !== 1) return this.game.fault(`SYS of ${from}, which is no server: ${hex(bytes)}`);
    if (sub !== RELAY) {
      if (isServer) return this.game.fault(`SYS ${sub} of ${from} to a server`);
      return sub === ADD_PEER ? this.admit(id) : this.delPeer(id);
    }
    if (inner.length < 1 || (inner[0] & commandMask) === SYS) return this.game.fault(`RELAY of ${from}: ${hex(bytes)}`);
    if (!isServer) return this.process(id, mode, inner);
    this.relay(from, mode, id, inner);
  }

  /** The server's part: it writes the source in place of the target, and is one of "all" itself. */
  relay(from, mode, target, inner) {
    const bytes = sys(RELAY, from, inner);
    if (target > 0) {
      if (this.connected.has(target)) this.command(bytes, target, mode);
      return;
    }
    for (const other of this.connected) if (other !== from && other !== -target) this.command(bytes, other, mode);
    if (target !== -1) this.process(from, mode, inner);
  }
}

// ---- The demo: ws_webrtc_client.gd and multiplayer_client.gd ----

const JOIN = 0, ID = 1, PEER_CONNECT = 2, PEER_DISCONNECT = 3, OFFER = 4, ANSWER = 5, CANDIDATE = 6, SEAL = 7;

const modes = { unreliable: UNRELIABLE, unreliable_ordered: UNRELIABLE_ORDERED, reliable: RELIABLE };
const words = Object.keys(modes); // by number
/** The words of rtcpeer.js for whole commands, by number. */
const commands = ["remote_call", "simplify_path", "confirm_path", "raw", "spawn", "despawn", "sync"];
const hex = (bytes) => Buffer.from(bytes).toString("hex");

export class Game {
  sealed = false;
  lobby = "";
  errors = []; // what the engine would print as an error
  signals = []; // of SceneMultiplayer, besides those about peers that are events
  wire = []; // short messages of data channels, as "< 7 reliable 03ab"
  diary = []; // frames of the signaling and states of connections, for the message of a failure
  closed = null; // {code, reason} of the signaling's socket
  events = [];
  ended = null;

  /**
   * mesh, or a star. scene: packets in SceneMultiplayer's frames, as always in a star. auth: an
   * auth_callback; a client sends the text and completes, a server completes for those who send it and
   * disconnects the others. mute: an auth_callback of a game that does neither.
   * timeScale: the engine's time_scale, by which a frame of the addon takes longer.
   */
  constructor(url, { topology, scene = topology === "star", auth, mute = false, timeScale = 1, WebSocket, PeerConnection }) {
    Object.assign(this, { mesh: topology !== "star", scene, auth, mute, timeScale, PeerConnection });
    this.rtc = new WebRTCMultiplayerPeer(this);
    this.rtc.onConnected = (id) => this.signal("peer_connected", id);
    this.rtc.onDisconnected = (id) => this.signal("peer_disconnected", id);
    this.WebSocket = WebSocket;
    const { origin, pathname } = new URL(url.replace(/^ws/, "http"));
    this.lobby = pathname.slice(1);
    this.joined = new Promise((resolve, reject) => Object.assign(this, { resolve, reject }));
    this.begin(origin.replace(/^http/, "ws") + "/");
    this.clock = setInterval(() => this.frame(), frameTime);
  }

  begin(url) {
    this.oldState = CONNECTING;
    this.socket = new WebSocketPeer(this.WebSocket, (text) => this.fault(text));
    this.socket.connect_to_url(url); // without a subprotocol
  }

  /** One frame of the game: the engine polls its multiplayer, and then the client its socket. */
  frame() {
    if (this.multiplayer) this.multiplayer.poll();
    else {
      this.rtc.poll();
      for (let packet; (packet = this.rtc.getPacket()); ) this.packet(packet.from, packet.mode, packet.bytes);
    }
    this.signaling();
  }

  signaling() {
    const { socket } = this;
    socket.poll();
    const state = socket.get_ready_state();
    if (state !== this.oldState && state === OPEN) this.sendMessage(JOIN, this.mesh ? 0 : 1, this.lobby);
    while (state === OPEN && socket.get_available_packet_count()) {
      const text = socket.get_packet();
      if (!this.parse(text)) this.fault("Error parsing message from server: " + text);
    }
    if (state !== this.oldState && state === CLOSED) this.disconnected();
    this.oldState = state;
  }

  /** JSON.stringify of the engine sorts the keys. */
  sendMessage(type, id, data = "") {
    if (this.socket.get_ready_state() === OPEN) this.socket.send_text(JSON.stringify({ data, id, type }));
    this.note(`> ${type} ${id} ${data.trim()}`);
  }

  parse(text) {
    let message;
    try {
      message = JSON.parse(text);
    } catch {
      return false;
    }
    const { type, id, data } = message ?? {};
    this.note(`< ${type} ${id} ${data.trim()}`);
    if (!Number.isInteger(type) || !Number.isInteger(id) || typeof data !== "string") return false;
    switch (type) {
      case ID:
        this.identified(id, data === "true");
        return true;
      case JOIN:
        this.lobby = data;
        this.resolve(this);
        return true;
      case SEAL:
        this.sealed = true;
        return true;
      case PEER_CONNECT:
        this.createPeer(id);
        return true;
      case PEER_DISCONNECT:
        if (this.rtc.peers.has(id)) this.rtc.removePeer(id);
        return true;
      case OFFER:
        this.rtc.peers.get(id)?.connection.setRemoteDescription("offer", data);
        return true;
      case ANSWER:
        this.rtc.peers.get(id)?.connection.setRemoteDescription("answer", data);
        return true;
      case CANDIDATE: {
        const parts = data.split("\n").filter((part) => part !== "");
        if (parts.length !== 3 || !/^[+-]?\d+$/.test(parts[1])) return false;
        this.rtc.peers.get(id)?.connection.addIceCandidate(parts[0], Number(parts[1]), parts[2]);
        return true;
      }
    }
    return false;
  }

  identified(id, mesh) {
    this.id = id;
    if (mesh) this.rtc.createMesh(id);
    else if (id === 1) this.rtc.createServer();
    else this.rtc.createClient(id);
    this.play();
  }

  play() {
    if (this.scene) this.multiplayer = new SceneMultiplayer(this.rtc, this, this.auth !== undefined || this.mute);
  }

  createPeer(id) {
    const connection = new WebRTCPeerConnection(this.PeerConnection, (text) => this.fault(`peer ${id}: ${text}`), (text) => this.note(`peer ${id}: ${text}`));
    connection.onDescription = (type, sdp) => {
      if (this.rtc.peers.has(id)) this.sendMessage(type === "offer" ? OFFER : ANSWER, id, sdp);
    };
    connection.onCandidate = (mid, index, line) => this.sendMessage(CANDIDATE, id, `\n${mid}\n${index}\n${line}`);
    this.rtc.addPeer(connection, id);
    if (id < this.rtc.id) connection.createOffer(); // so who has made the lobby never offers
  }

  /** After the seal the game goes on without a server; before it there is no game without one. */
  disconnected() {
    const { code, reason } = (this.closed = { code: this.socket.get_close_code(), reason: this.socket.get_close_reason() });
    if (!this.sealed) this.stop({ code: "stopped", text: `the socket was closed with ${code} ${reason}` });
  }

  stop(why) {
    this.multiplayer = null;
    this.rtc.close();
    this.hangUp();
    clearInterval(this.clock);
    this.ended ??= Object.assign(new Error(why.text), { code: why.code });
    this.reject(this.ended);
    this.wake?.();
  }

  hangUp() {
    this.socket.close(1000);
  }

  // What SceneMultiplayer and its peer tell the game.

  signal(name, id) {
    const kind = { peer_connected: "connected", peer_disconnected: "disconnected" }[name];
    if (kind) this.tell({ kind, peer: id });
    else this.signals.push([name, id].join(" ").trim());
    if (name !== "peer_authenticating" || this.mute || this.rtc.id === 1) return;
    this.multiplayer.sendAuth(id, Buffer.from(this.auth));
    this.multiplayer.completeAuth(id);
  }

  authCallback(id, data) {
    if (this.mute) return;
    if (Buffer.from(data).equals(Buffer.from(this.auth))) this.multiplayer.completeAuth(id);
    else this.rtc.disconnectPeer(id);
  }

  packet(peer, mode, data, whole = false) {
    const command = whole && { command: commands[data[0] & 7] };
    this.tell({ kind: "packet", peer, packet: { peer, channel: 0, mode: words[mode], data, ...command } });
  }

  tell(event) {
    this.events.push(event);
    this.wake?.();
  }

  fault(text) {
    this.errors.push(text);
    this.note(text);
  }

  note(text) {
    if (this.diary.length < 1000) this.diary.push(`${Math.round(performance.now())} ${text.replace(/\s+/g, " ").slice(0, 100)}`);
  }

  /** Keeps as many of the short messages as a test looks at. */
  trace(way, id, index, bytes) {
    if (bytes.length <= 128 && this.wire.length < 4096) this.wire.push(`${way} ${id} ${channels[index].label} ${hex(bytes)}`);
  }

  // What player.mjs asks for.

  get room() {
    return this.lobby;
  }

  async send({ peer, mode, data, command }) {
    const error = this.put(peer, modes[mode], data, command);
    if (error) throw Object.assign(new Error(error), { code: error.split(":")[0] });
  }

  put(peer, mode, data, command) {
    if (command) return this.multiplayer.sendCommand(data, peer, mode);
    if (this.multiplayer) return this.multiplayer.sendBytes(data, peer, mode);
    Object.assign(this.rtc, { targetPeer: peer, transferMode: mode });
    return this.rtc.putPacket(data);
  }

  /** The next event: peer_connected, peer_disconnected or peer_packet. */
  async next() {
    while (!this.events.length) {
      if (this.ended) throw this.ended;
      await new Promise((resolve) => (this.wake = resolve));
    }
    return { done: false, value: this.events.shift() };
  }

  async seal() {
    this.sendMessage(SEAL, 0);
  }

  async stats() {
    const { lobby, sealed, errors, signals, wire, diary, closed } = this;
    return { room: lobby, resumed: 0, dropped: {}, links: {}, game: { sealed, errors, signals, wire, diary, closed } };
  }

  /** The player quits the game. */
  async close() {
    this.stop({ code: "closed", text: "closed" });
  }
}

/** Returns the game when it is in its lobby, which is the URL's; without one it makes a lobby. */
export const join = (url, config, kind = Game) => {
  const game = new kind(url, config);
  game.joined.catch(() => {}); // a stop before the game is in its lobby is no unhandled rejection
  return game.joined;
};
