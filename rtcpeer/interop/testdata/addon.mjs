// A game that has the addon, signaling/godot/addon, in place of the demo's client: the script itself, translated, on the same
// stand-ins for the engine.

import { readFileSync } from "node:fs";
import { load } from "./gdscript.mjs";
import { CLOSED, CLOSING, CONNECTING, Game, join as joinAs, OPEN, WebRTCPeerConnection, WebSocketPeer } from "./godot.mjs";

const source = readFileSync(new URL("../../../signaling/godot/addon/rtcpeer/rtcpeer_client.gd", import.meta.url), "utf8");
const states = ["new", "connecting", "connected", "disconnected", "failed", "closed"];
const statuses = ["disconnected", "connecting", "connected"];
const OK = 0;

function signal() {
  const callables = [];
  return { connect: (callable) => void callables.push(callable), emit: (...args) => callables.forEach((callable) => callable(...args)) };
}

class Socket extends WebSocketPeer {
  /** A PackedByteArray. */
  get_packet() {
    const text = super.get_packet();
    return { get_string_from_utf8: () => text ?? "" };
  }
}

class Connection extends WebRTCPeerConnection {
  session_description_created = signal();
  ice_candidate_created = signal();

  initialize({ iceServers }) {
    this.note("ICE servers " + iceServers.flatMap(({ urls }) => urls));
    this.onDescription = (type, sdp) => this.session_description_created.emit(type, sdp);
    this.onCandidate = (mid, index, line) => this.ice_candidate_created.emit(mid, index, line);
    return OK;
  }

  create_offer() {
    this.createOffer();
  }

  set_local_description() {} // the plugin's does nothing

  set_remote_description(type, sdp) {
    this.setRemoteDescription(type, sdp);
  }

  add_ice_candidate(mid, index, line) {
    this.addIceCandidate(mid, index, line);
  }

  get_connection_state() {
    return states.indexOf(this.state);
  }
}

class AddonGame extends Game {
  begin(url) {
    const game = this, { rtc } = this;
    const peer = {
      create_mesh: (id) => (rtc.createMesh(id), OK),
      create_server: () => (rtc.createServer(), OK),
      create_client: (id) => (rtc.createClient(id), OK),
      add_peer: (connection, id) => (rtc.addPeer(connection, id), OK),
      remove_peer: (id) => rtc.removePeer(id),
      has_peer: (id) => rtc.peers.has(id),
      get_connection_status: () => statuses.indexOf(rtc.status),
      close: () => rtc.close(),
    };
    let set = null;
    const multiplayer = {
      get multiplayer_peer() {
        return set;
      },
      set multiplayer_peer(value) {
        if (value === set) return;
        set = value;
        game.multiplayer = null;
        if (value) game.play();
      },
    };
    const fault = (text) => this.fault(text);
    this.addon = load(source, {
      multiplayer,
      push_warning: fault,
      MultiplayerPeer: { CONNECTION_DISCONNECTED: statuses.indexOf("disconnected"), TRANSFER_MODE_UNRELIABLE: 0, TRANSFER_MODE_UNRELIABLE_ORDERED: 1, TRANSFER_MODE_RELIABLE: 2 },
      WebSocketPeer: { new: () => (this.socket = new Socket(this.WebSocket, fault)), STATE_CONNECTING: CONNECTING, STATE_OPEN: OPEN, STATE_CLOSING: CLOSING, STATE_CLOSED: CLOSED },
      WebRTCPeerConnection: { new: () => new Connection(this.PeerConnection, fault, (text) => this.note(text)), STATE_CONNECTED: states.indexOf("connected") },
      WebRTCMultiplayerPeer: { new: () => peer },
    });
    const { addon } = this;
    let last = { code: "stopped", text: "disconnected" };
    addon.connected.connect((id) => (this.id = id));
    addon.lobby_joined.connect((lobby) => {
      this.lobby = lobby;
      this.resolve(this);
    });
    addon.lobby_sealed.connect(() => (this.sealed = true));
    addon.failed.connect((id, code, text) => {
      this.signals.push(`failed ${id} ${code}`);
      if (id === 0) last = { code, text };
    });
    addon.peer_connected.connect((id) => this.signals.push(`member ${id} joins`));
    addon.peer_disconnected.connect((id) => this.signals.push(`member ${id} leaves`));
    for (const name of ["signaling_lost", "signaling_resumed"]) addon[name].connect(() => this.signals.push(name));
    addon.disconnected.connect(() => {
      this.signals.push("no signaling");
      if (!this.id) this.stop(last); // there is no game; in one, the links go on
    });
    addon.start(url, this.lobby, this.mesh);
  }

  signaling() {
    const at = performance.now();
    this.addon._process(((at - (this.before ?? at)) / 1000) * this.timeScale);
    this.before = at;
  }

  hangUp() {
    this.addon.stop();
  }

  async seal() {
    this.addon.seal_lobby();
  }
}

/** Returns the game when it is in its room, which is made if there is none. */
export const join = (url, config) => joinAs(url, config, AddonGame);
