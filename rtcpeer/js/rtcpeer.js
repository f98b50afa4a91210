// rtcpeer: the members of a room, connected over WebRTC data channels; the browser's peer.
//
//   join -> Signaling ==== WebSocket ==== signal-server
//             |
//   send -> RtcNode -> route (Mesh, Host, Guest) -> Lane -> RTCDataChannel
//               |                                                |
//   events <- Inbox <--------------- route <---------------- Lane
//
// Words, numbers and rules are those of the Go package of the same name, which is at the other end as
// often as not; the wire of the WebSocket is signaling/PROTOCOL.md, that of a star Godot's
// SceneMultiplayer. One queue holds connected, packet, disconnected and failed events in one order: no
// packet of a peer comes before its connected or after its disconnected, and each connected has exactly
// one disconnected. Losing the WebSocket ends no link.
//
// Needs nothing but RTCPeerConnection and WebSocket, which Node gets by config.

/**
 * @typedef {"reliable" | "unreliable_ordered" | "unreliable"} Mode
 * @typedef {"mesh" | "star"} Topology
 * @typedef {{urls: string | string[], username?: string, credential?: string}} IceServer
 * @typedef {"by peer" | "by us" | "lost" | "slow" | "host gone" | "misbehaved" | "unauthorized" | "kicked"} Reason
 *   by peer: the other end closed, or the host says it has left. by us: disconnect was called here.
 *   lost: the path stopped working. slow: it, or this program, reads too slowly. host gone: it was reached
 *   through a host that is gone. misbehaved: it sent what the contract forbids. unauthorized: it demands
 *   authentication, and there is no config.auth here. kicked: it was taken out of the room.
 * @typedef {"remote_call" | "simplify_path" | "confirm_path" | "spawn" | "despawn" | "sync"} Command
 *   what a packet that is no ordinary one means to Godot's SceneMultiplayer: its data is the whole command,
 *   with its first byte
 */

/**
 * The other end of a link that is open and not yet authenticated, as config.auth sees it until it returns.
 * @typedef {object} PendingPeer
 * @property {number} id which the signaling server vouches for
 * @property {(data: Uint8Array | ArrayBuffer | ArrayBufferView | string) => void} send sends data, of which there
 *   must be some, to the other end's config.auth, Config.Auth or auth_callback
 * @property {() => Promise<Uint8Array | null>} receive waits, one call at a time, for what that sends next; null: it
 *   has accepted this end, and sends nothing more. Rejects when the link or authTimeout is over
 */

/**
 * How a node takes part. Everything may be left out. Sizes are in bytes, times in milliseconds.
 * @typedef {object} Config
 * @property {Topology} [topology] that the room must have, and that a new one gets; else the room's, a mesh if new
 * @property {Mode[]} [channels] modes of the channels 1, 2, ...; at most 255, the same for all members
 * @property {boolean} [framed] puts packets of a mesh into the frames of Godot's SceneMultiplayer, as they are in every
 *   star: for rooms shared with Godot games that use MultiplayerAPI; the same for all members
 * @property {number} [maxRetransmits] how often a lost packet of the unreliable modes is sent again (0)
 * @property {number} [maxPacket] the largest packet sent or accepted (16384, at most 262144)
 * @property {number} [connectTimeout] how long a link may take to open (20000; negative: no limit)
 * @property {(peer: PendingPeer) => void | Promise<void>} [auth] talks to the other end of a link that is open, and
 *   returns to accept it; an error refuses it at once. The link is connected when both ends have accepted each other;
 *   until then nothing else goes over it, and nobody is told of it. Both ends need one, but that a star's host without
 *   lets everybody in. In a star, or with framed. See sharedSecret
 * @property {number} [authTimeout] how long that may take (3000; negative: no limit)
 * @property {number} [linger] how long close and disconnect wait for reliable packets to arrive (500; negative: not at all)
 * @property {IceServer[]} [iceServers] STUN and TURN servers besides those that the server tells
 * @property {"all" | "relay"} [iceTransportPolicy] "relay" goes through TURN servers alone
 * @property {any} [metadata] shown to the other members: any JSON, at most 1 KiB
 * @property {string} [token] for signaling servers that admit only members who hold one
 * @property {string} [password] of the room, and of one that join creates: at most 128 bytes
 * @property {NewRoom} [newRoom] how the room shall be if join creates it
 * @property {boolean} [refuse] node.refuse from the beginning
 * @property {number} [maxPeers] the largest number of links, with those that are still being made: new ones beyond it
 *   are refused (0: no limit). In a star it is for the host
 * @property {AbortSignal} [signal] gives up the joining; without effect afterwards
 * @property {(text: string, detail?: any) => void} [log] gets what an operator would want to know
 * @property {new (config?: any) => any} [RTCPeerConnection] instead of the browser's
 * @property {new (url: string, protocols: string[]) => any} [WebSocket] instead of the browser's
 */

/**
 * @typedef {object} NewRoom
 * @property {boolean} [public] whether list shows it
 * @property {any} [metadata] describes it there: any JSON, at most 1 KiB; of an object the strings, numbers and booleans
 *   can be asked for
 * @property {number} [maxMembers] the most members it may have (0: as many as the server allows)
 *
 * What list asks for; of the Config, token, WebSocket and signal count here.
 * @typedef {Config & {filter?: Record<string, string | number | boolean>, limit?: number, after?: string}} Query filter:
 *   at most 16 fields that a room's metadata must have, with the same values. limit: of a page (50, at most 100). after:
 *   next of the page before
 *
 * A room as it was at the moment of a list. url is for join, members how many there are, maxMembers missing if that is
 * up to the server; password: it wants one.
 * @typedef {{room: string, url: string, topology: Topology, members: number, maxMembers?: number, locked?: boolean, password?: boolean, metadata?: any}} PublicRoom
 */

/**
 * A packet as it is sent. peer is the target: 0 everybody (the default), N that peer, -N all but N. The
 * mode (reliable) is for channel 0 (the default); the others have one of their own. A string is sent as
 * UTF-8. A command goes only where packets are framed: in a star, and with config.framed.
 * @typedef {{peer?: number, channel?: number, mode?: Mode, data: Uint8Array | ArrayBuffer | ArrayBufferView | string, command?: Command}} Outgoing
 *
 * A packet as it was received: peer is its source, and data belongs to whoever takes the event.
 * @typedef {{peer: number, channel: number, mode: Mode, data: Uint8Array, command?: Command}} Packet
 *
 * @typedef {{kind: "connected", peer: number}} ConnectedEvent the link is up, and packets can be sent
 * @typedef {{kind: "packet", peer: number, packet: Packet}} PacketEvent
 * @typedef {{kind: "disconnected", peer: number, reason: Reason, error?: RtcPeerError}} DisconnectedEvent
 *   nothing more of this peer will come
 * @typedef {{kind: "failed", peer: number, error: RtcPeerError}} FailedEvent there will be no link with this member
 * @typedef {ConnectedEvent | PacketEvent | DisconnectedEvent | FailedEvent} Event
 *
 * @typedef {{channel: number, mode: Mode, sent: number, received: number, buffered: number, unread: number}} LaneStats
 *   sent and received are packets; buffered bytes wait to be sent, unread ones for the program
 * @typedef {object} LinkStats
 * @property {"connecting" | "connected"} state
 * @property {number} connectTime from the first step to every channel open; 0 before that
 * @property {number} rtt of the path; 0 if not known
 * @property {string} local kind of this end's candidate: host, srflx, prflx, relay; "" if not known
 * @property {string} remote kind of the other end's
 * @property {number} bytesSent on the wire, as far as the browser tells
 * @property {number} bytesReceived
 * @property {LaneStats[]} lanes channel 0 in its three modes, then channels 1, 2, ...
 *
 * @typedef {object} Stats
 * @property {number} id
 * @property {string} room
 * @property {Topology} topology
 * @property {number} host
 * @property {boolean} sealed
 * @property {boolean} signaling whether there is a connection to the signaling server at this moment
 * @property {RtcPeerError | null} signalingError why signaling has ended for good, which ends no link
 * @property {number} resumed how often that connection was lost and resumed
 * @property {number} waiting events that wait to be taken
 * @property {Record<string, number>} dropped packets by the word for why: buffer_full, no_credit, peer_gone,
 *   no_target, malformed, pending (not authenticated)
 * @property {Record<number, LinkStats>} links by peer; peers behind a star's host have none
 */

/** @typedef {{type: string, attempt?: number, sdp?: string, candidate?: string, sdpMid?: string, sdpMLineIndex?: number, text?: string}} Signal */
/** @typedef {{kind: string, [field: string]: any}} Message */

const protocol = "rtcpeer.v1";
const modes = /** @type {Mode[]} */ (["reliable", "unreliable_ordered", "unreliable"]);
const KiB = 1024, MiB = 1024 * KiB;
const maxId = 2 ** 31 - 1;

const sendBuffer = MiB; // bytes a lane may hold unsent; Chrome closes a channel at 16 MiB
const sendQueue = 4 * MiB; // bytes that may wait for room in a reliable lane
const lossyFloor = 64 * KiB; // bytes an unreliable lane may always hold: one frame of a busy game loop
const maxLag = 100; // ms an unreliable packet may wait, by the lane's recent rate, above that floor
const receiveBuffer = 256 * KiB; // bytes of one lane that may wait for the program, see Inbox
const receiveLimit = 4 * MiB;
const eventCost = 128; // what an event takes besides its bytes, so that tiny packets are bounded as well
const maxControl = 4096; // events other than packets that may wait before no new links are made
const maxEarly = 64; // candidates that may wait for a description
const signalBacklog = 128; // signals of one peer that may wait to be used
const maxGone = 1024; // relayed peers that are gone and still remembered
const attemptTimeout = 7000; // how long the offering end gives an attempt that makes no progress
const hintAfter = 5000; // how young a link is whose silent end may mean a demand of authentication
const slowAfter = 5000; // how long a star's host lets a guest take nothing
const dialTimeout = 10000;
const backoffMin = 200, backoffMax = 15000;
const mostAsked = 300000; // ms that a server may ask to wait besides
const probeAfter = 30000, probeFor = 15000; // see Signaling.watch
const frameOverhead = 7; // bytes the relay adds at most: SYS, RELAY, an id, RAW

const now = () => performance.now();
const text = new TextEncoder();
const nothing = () => {};
/** Not every stack has the on... properties. @param {any} target @param {string} name @param {(e: any) => void} take */
const listen = (target, name, take) => target.addEventListener(name, take);

// Codes of the server, and of ours: those that do not end the session, and those after which trying
// again may help. Any other ends it for good.
const passing = ["unknown_kind", "not_host", "unknown_peer"];
const retried = ["join_timeout", "room_full", "server_full", "slow", "shutting_down", "internal", "unreachable", "rate_limited", "locked"];

/**
 * What goes wrong here. Programs branch on code: bad_config, bad_url, unreachable, aborted, closed, unknown_peer,
 * unknown_channel, packet_too_large, buffer_full, no_credit, refused, deadline, channel_mismatch, negotiation,
 * not_host, host_gone, bad_command, unauthorized, auth_required, and the server's (PROTOCOL.md). The message is
 * for people and says what to do.
 */
export class RtcPeerError extends Error {
  /** The peer it is about. @type {number | undefined} */ peer;
  /** deadline: what the link was waiting for. @type {"signaling" | "path" | "security" | "lanes" | undefined} */ stage;
  /** deadline: how far it came. @type {string | undefined} */ detail;
  /** channel_mismatch: the two lists. @type {Mode[] | undefined} */ ours;
  /** @type {Mode[] | undefined} */ theirs;
  /** Whether the same may succeed later. */ retry = false;
  /** If so: after how many ms at least. */ retryAfter = 0;

  /** @param {string} code @param {string} message @param {object} [more] */
  constructor(code, message, more) {
    super(message);
    this.name = "RtcPeerError"; // the class has another one when minified
    this.code = code;
    this.retry = retried.includes(code);
    Object.assign(this, more);
  }
}

/** A reliable broadcast for which some peers had no room; all others have it. Send it to each of peers to wait. */
export class BroadcastError extends RtcPeerError {
  /** @param {number[]} peers */
  constructor(peers) {
    super("buffer_full", `peers ${peers} read too slowly; send to each to wait`);
    this.name = "BroadcastError";
    this.peers = peers;
  }
}

const unknownPeer = (/** @type {number} */ id, why = "not connected") =>
  new RtcPeerError("unknown_peer", `peer ${id}: ${why}; wait for its connected event`, { peer: id });

// ---- The wire of the WebSocket. Decoding checks everything, so the code behind it may trust.

/** @param {string} why @returns {never} */
const bad = (why, code = "bad_message") => {
  throw new RtcPeerError(code, why.slice(0, 200));
};

/** @typedef {(value: any, name: string) => any} Check */
/** @type {(test: (value: any) => boolean, want: string) => Check} */
const want = (test, what) => (value, name) => (test(value) ? value : bad(`${name}: want ${what}`));
/** Zero values are nothing, as in the server's language. @type {(check: Check) => Check} */
const optional = (check) => (value, name) => (value ? check(value, name) : undefined);
/** @type {(check: Check, most?: number) => Check} */
const listOf = (check, most = Infinity) => (value, name) => {
  if (!Array.isArray(value) || value.length > most) bad(`${name}: want a list of at most ${most}`);
  return value.map((/** @type {any} */ item) => check(item, name));
};
/** Fields that are not named are left out. @type {(fields: Record<string, Check>) => Check} */
const record = (fields) => (value, name) => {
  if (value === null || typeof value !== "object" || Array.isArray(value)) bad(`${name}: want an object`);
  const result = /** @type {Record<string, any>} */ ({});
  for (const [field, check] of Object.entries(fields)) {
    const checked = check(value[field], `${name}: ${field}`);
    if (checked !== undefined) result[field] = checked;
  }
  return result;
};

const oneOf = (/** @type {string[]} */ ...words) => want((v) => words.includes(v), words.join(", "));
const whole = (/** @type {number} */ least, most = Infinity) =>
  want((v) => Number.isInteger(v) && v >= least && v <= most, `${least} to ${most}`);
const id = whole(1, maxId), count = whole(0);
const bytes = (/** @type {number} */ least, most = Infinity) =>
  want((v) => typeof v === "string" && v.length >= least && text.encode(v).length <= most, `a string, ${least} to ${most}`);
const string = bytes(0), token = bytes(0, 4096);
/** @type {Check} */ const any = (v) => v;
const flag = optional(any);
const topology = oneOf("mesh", "star");
const channelList = listOf(oneOf(...modes), 255);
/** @type {Check} */
const metadata = (v) => (v !== undefined && text.encode(JSON.stringify(v)).length > 1024 ? bad("metadata: at most 1024 bytes of JSON") : v);
/** @type {Check} */
const roomName = (v = "", name) =>
  /^[A-Za-z0-9_-]{1,64}$/.test(string(v, name)) ? v : bad(`room name ${JSON.stringify(v)}: want 1 to 64 letters, digits, - and _`, "bad_room");
const iceServers = optional(listOf(record({ urls: listOf(string), username: optional(string), credential: optional(string) })));
const member = record({ id, channels: optional(channelList), metadata, one_attempt: flag });

/** @type {Record<string, Check>} */
const kinds = {
  join: record({
    room: optional(roomName), topology: optional(topology), channels: optional(channelList),
    resume: optional(token), token: optional(token), metadata, one_attempt: flag, password: optional(bytes(0, 128)),
    new_room: optional(record({ public: flag, metadata, max_members: optional(count) })),
    match: optional(record({ key: bytes(1, 128), size: whole(2, 64) })),
  }),
  list: record({
    filter: optional(want((v) => Object.keys(v).length <= 16 && Object.values(v).every((x) => /^[bns]/.test(typeof x)),
      "strings, numbers, booleans")),
    limit: optional(whole(0, 100)), after: optional(string), token: optional(token),
  }),
  signal: record({ to: optional(id), from: optional(id), data: any }),
  seal: record({}),
  lock: record({ open: flag }),
  kick: record({ id, text: optional(bytes(0, 256)) }),
  leave: record({}),
  welcome: record({
    id, room: roomName, topology, host: id, members: optional(listOf(member)), resume: string,
    resumed: flag, sealed: flag, locked: flag, ice_servers: iceServers,
    limits: (v = {}) => v,
  }),
  joined: record({ member }),
  left: record({ id, reason: string }),
  sealed: record({}),
  ice_servers: record({ ice_servers: iceServers }),
  rooms: record({
    rooms: optional(listOf(record({
      room: roomName, topology, members: count, max_members: optional(count), locked: flag, password: flag, metadata,
    }))),
    next: optional(string),
  }),
  error: record({ code: bytes(1), text: string, retry_after_ms: optional(count) }),
};

/** @param {any} m @returns {Message} */
function checked(m) {
  if (typeof m?.kind !== "string") bad("no kind");
  if (!Object.hasOwn(kinds, m.kind)) bad(m.kind, "unknown_kind");
  const message = { kind: m.kind, ...kinds[m.kind](m, m.kind) };
  const { match, new_room: newRoom, members } = message;
  if (match && (message.room || message.resume || message.password)) bad("match: room, password");
  if (newRoom && !Object.keys(newRoom).length) delete message.new_room;
  if (m.kind === "signal") {
    if (!message.to === !message.from) bad("signal: to, from");
    if (message.data === undefined) bad("signal: data");
  }
  if (m.kind === "welcome" && members?.some((/** @type {any} */ other) => other.id === m.id)) bad("welcome: members");
  return message;
}

/** @param {any} frame @returns {Message} */
function decodeMessage(frame) {
  if (typeof frame !== "string") bad("a binary frame");
  if (frame.length > 256 * KiB) bad(`${frame.length} bytes`, "too_large");
  let value;
  try {
    value = JSON.parse(frame);
  } catch {
    bad("no JSON: " + frame);
  }
  return checked(value);
}

/** @param {Message} message */
const encodeMessage = (message) => JSON.stringify(checked(message));

const signalFields = record({
  type: oneOf("offer", "answer", "candidate", "refuse"),
  attempt: optional(count), sdp: optional(string), candidate: optional(string),
  sdpMid: optional(string), sdpMLineIndex: optional(count), text: optional(string),
});

/** @param {any} data @returns {Signal} */
function decodeSignal(data) {
  const signal = signalFields(data, "signal");
  if ((signal.type === "offer" || signal.type === "answer") && !signal.sdp) bad(`signal: ${signal.type} without sdp`);
  return signal;
}

/**
 * The last part of the path is the room, if one is named; http stands for ws. In a page a URL may be relative.
 * @param {string} raw @param {boolean} [named]
 */
function parseUrl(raw, named) {
  let url, room;
  try {
    url = new URL(raw, globalThis.location?.href);
    url.protocol = url.protocol.replace(/^http/, "ws");
    url.hash = "";
    room = decodeURIComponent(url.pathname.slice(url.pathname.lastIndexOf("/") + 1));
  } catch {}
  if (!url?.host || !/^wss?:$/.test(url.protocol)) throw new RtcPeerError("bad_url", `${raw}: want ws://host:port/room`);
  const bare = url.origin + url.pathname;
  return { url: url.href, room: named && room && roomName(room, "room"), roomUrl: (/** @type {string} */ name) => new URL(name, bare).href };
}

// ---- The frames of a star, and of a mesh with config.framed, which are SceneMultiplayer's: the first byte's low
// three bits are the command, ids are little-endian int32.
//
//   03 payload            a packet
//   07 00 data            authentication: data for the other end, which is not admitted yet
//   07 00                 authentication: the other end is accepted
//   07 01 id, 07 02 id    host to guest: id is connected, is gone
//   07 03 target inner    guest to host: relay inner to the target (0 all, N, -N all but N)
//   07 03 source inner    host to guest: inner comes from the source
//
// inner is a packet or another command of the engine, but no 07. In a mesh there are no 07 but 07 00.

const authenticate = 0, addPeer = 1, delPeer = 2, relay = 3;
/** By their numbers on the wire. 3 is an ordinary packet, 7 no program's. @type {(Command | undefined)[]} */
const commands = ["remote_call", "simplify_path", "confirm_path", undefined, "spawn", "despawn", "sync"];

/** Without sub it is a packet. @typedef {{sub?: number, peer: number, command?: Command, body: Uint8Array, whole: Uint8Array}} Frame */

/** Returns null for what is no frame. @param {Uint8Array} b @returns {Frame | null} */
function decodeFrame(b) {
  if ((b[0] & 7) !== 7) return decodeInner(b);
  const sub = b[1];
  if (sub === authenticate) return { sub, peer: 0, body: b.subarray(2), whole: b };
  if (b.length < 6) return null;
  const peer = b[2] | (b[3] << 8) | (b[4] << 16) | (b[5] << 24);
  if (sub === relay) {
    const inner = decodeInner(b.subarray(6));
    return inner && { ...inner, sub, peer };
  }
  if ((sub !== addPeer && sub !== delPeer) || peer < 1) return null;
  return { sub, peer, body: b, whole: b };
}

/** @param {Uint8Array} b @returns {Frame | null} */
function decodeInner(b) {
  if (!b.length || (b[0] & 7) === 7) return null;
  const command = commands[b[0] & 7];
  if (command) return { peer: 0, command, body: b, whole: b };
  return b.length === 1 ? null : { peer: 0, body: b.subarray(1), whole: b };
}

/** Data for the other end, or with none the word that the other end is accepted. @param {Uint8Array} [data] */
const authFrame = (data) => new Uint8Array([7, authenticate, ...(data ?? [])]);

/** @param {number} sub @param {number} peer @param {Uint8Array} [inner] */
function sysFrame(sub, peer, inner) {
  const b = new Uint8Array(6 + (inner?.length ?? 0));
  b.set([7, sub, peer, peer >> 8, peer >> 16, peer >> 24]);
  if (inner) b.set(inner, 6);
  return b;
}

/** @param {Uint8Array} data @param {Command} [command] */
function rawFrame(data, command) {
  if (command) return data;
  const b = new Uint8Array(1 + data.length);
  b[0] = 3;
  b.set(data, 1);
  return b;
}

// ---- What one end knows of how a link is being made. Each method takes what happened and returns what to
// do; Link does it. Of two members the one with the larger id offers. A signal can be lost with the server
// that carried it, so the offering end tries again with the next attempt, and what belongs to an earlier
// one is passed over.

/** @typedef {{act: "offer" | "answer" | "accept" | "candidate", data?: Signal}} Step */

class Negotiation {
  attempt = 0; // of the current offer; 0 before the first
  described = false; // the other end's description of this attempt is here
  /** @type {Signal[]} */
  early = []; // candidates that came before it

  /** @param {boolean} offers */
  constructor(offers) {
    this.offers = offers;
  }

  /** Begins the first or the next attempt. @returns {Step[]} */
  retry() {
    if (!this.offers) return [];
    this.attempt++;
    this.described = false;
    this.early = [];
    return [{ act: "offer" }];
  }

  /** @param {Signal} s @returns {Step[]} */
  receive(s) {
    const current = !s.attempt || s.attempt === this.attempt || (!this.offers && this.attempt === 0);
    switch (s.type) {
      case "offer": {
        const attempt = s.attempt || 1;
        if (this.offers || attempt <= this.attempt) return []; // not its part, or replaced by a later one
        if (this.attempt > 0) this.early = [];
        this.attempt = attempt;
        return this.describe({ act: "answer", data: s });
      }
      case "answer":
        if (!this.offers || this.described || !current) return [];
        return this.describe({ act: "accept", data: s });
      case "candidate":
        if (!s.candidate || !current) return []; // the end of the list, or of an attempt that is over
        if (this.described) return [{ act: "candidate", data: s }];
        if (this.early.length < maxEarly) this.early.push(s);
    }
    return [];
  }

  /** @param {Step} first @returns {Step[]} */
  describe(first) {
    const steps = [first, ...this.early.map((data) => ({ act: /** @type {const} */ ("candidate"), data }))];
    this.described = true;
    this.early = [];
    return steps;
  }
}

// ---- One membership of a signaling server: one WebSocket after the other. While there is none, at most 1024
// messages wait; a further one is lost, as it would be with the server, and the next attempt makes up for it.

class Signaling {
  /** @type {any} */ socket = null; // that which was welcomed
  /** @type {string[]} */ outbox = [];
  /** @type {Message | null} */ welcome = null;
  /** @type {RtcPeerError | null} */ error = null; // why it has ended for good
  closed = false;
  bound = backoffMin; // of the next wait
  garbage = 0; // malformed answers in a row
  /** @type {() => void} */ wake = nothing; // ends a wait, or the present socket
  /** That came before there was a node. @type {Message[]} */ held = [];
  /** @type {(m: Message) => void} */ onmessage = (m) => this.held.push(m);
  /** @type {(why: RtcPeerError) => void} */ onend = nothing;

  /** @param {string} url @param {Message} join @param {Config} config */
  constructor(url, join, config) {
    this.url = url;
    this.shown = url.split("?")[0].replace(/\/\/[^/]*@/, "//");
    this.join = join;
    this.config = config;
  }

  /** Connects the first time, unless config.signal gives it up. @param {string} [answer] */
  async first(answer) {
    const { signal } = this.config;
    const abort = () => this.wake();
    signal?.addEventListener("abort", abort);
    try {
      const answered = this.connect(answer);
      if (signal?.aborted) abort();
      return await answered;
    } finally {
      signal?.removeEventListener("abort", abort);
    }
  }

  /** Connects once, and resolves with the answer. @returns {Promise<Message>} */
  connect(answer = "welcome") {
    return new Promise((resolve, reject) => {
      /** @type {any} */ let socket;
      try {
        socket = new /** @type {any} */ (this.config).WebSocket(this.url, [protocol]);
      } catch (e) {
        throw new RtcPeerError("unreachable", `${this.shown}: ${message(e)}; a page over https needs wss://`, { retry: false });
      }
      const began = now();
      const over = (/** @type {RtcPeerError} */ why) => {
        clearTimeout(timer);
        clearInterval(watch);
        if (socket.over) return;
        socket.over = true;
        socket.close(1000);
        if (this.socket !== socket) return reject(why);
        this.socket = null;
        // A server that welcomes and then fails at once must not be asked ten times a second.
        if (now() - began >= backoffMax) this.bound = backoffMin;
        this.config.log?.("signaling lost", why);
        this.redial(why);
      };
      const fail = (/** @type {string} */ why) => over(new RtcPeerError("unreachable", `${this.shown}: ${why}`));
      const timer = setTimeout(() => fail("no welcome within 10 s"), dialTimeout);
      this.wake = () => {
        if (socket.readyState === 1 && answer === "welcome") socket.send('{"kind":"leave"}'); // the server may have given a place already
        over(new RtcPeerError("aborted", "given up"));
      };

      // A browser cannot ping. After half a minute of silence a kind that no server knows asks for its
      // unknown_kind, which ends nothing; a connection without any answer is lost.
      let heard = now(), probed = 0;
      const watch = setInterval(() => {
        if (this.socket !== socket || now() - heard < probeAfter) return;
        if (probed < heard) {
          probed = now();
          socket.send('{"kind":"ping"}');
        } else if (now() - probed >= probeFor) fail("nothing came for 45 s");
      }, probeFor);

      socket.onerror = nothing; // close follows, and says as much as a browser will
      socket.onclose = (/** @type {any} */ e) => {
        if (passing.includes(e.reason) || !/^[a-z_]+$/.test(e.reason)) fail("no signal-server for " + protocol + ", or do proxies stop WebSockets?");
        else over(new RtcPeerError(e.reason, `${this.shown}: closed: ${e.reason}`));
      };
      socket.onopen = () => {
        if (socket.protocol !== protocol) fail(`subprotocol "${socket.protocol}": want ${protocol}; is it of another version?`);
        else socket.send(encodeMessage(this.join));
        if (this.join.match) clearTimeout(timer); // others may take their time
      };
      socket.onmessage = (/** @type {any} */ e) => {
        if (socket.over) return;
        heard = now();
        try {
          const m = decodeMessage(e.data);
          if (m.kind === "error" && !passing.includes(m.code)) over(new RtcPeerError(m.code, `${m.code}: ${m.text}`, { retryAfter: m.retry_after_ms ?? 0 }));
          else if (this.socket === socket) this.onmessage(m);
          else if (m.kind !== answer) bad(`${m.kind} instead of an answer`);
          else if (m.kind === "rooms") {
            resolve(m);
            this.wake();
          } else {
            this.adopt(m);
            clearTimeout(timer);
            this.socket = socket;
            for (const frame of this.outbox.splice(0)) socket.send(frame);
            // Now, not when the promise is taken: a stack may bring the next message in the same task.
            this.onmessage(m);
            resolve(m);
          }
        } catch (error) {
          if (!(error instanceof RtcPeerError)) throw error;
          if (error.code === "unknown_kind") return; // of a newer server
          error.message = `${this.shown}: not understood: ${error.message}; give both one version`;
          over(error);
        }
      };
    });
  }

  /** @param {Message} w */
  adopt(w) {
    if (this.welcome && (w.id !== this.welcome.id || w.room !== this.welcome.room)) {
      bad(`came back as ${w.id}`, "resume_refused");
    }
    this.welcome = w;
    this.garbage = 0;
    // Who comes back needs nothing else.
    Object.assign(this.join, { room: w.room, resume: w.resume, password: "", new_room: null, match: null });
  }

  /** Tries until there is a connection, or the reason is final. @param {RtcPeerError} why */
  async redial(why) {
    while (!this.closed) {
      if (why.code === "bad_message" && ++this.garbage < 3) why.retry = true; // a proxy's bad moment
      if (!why.retry) {
        this.error = why;
        return this.onend(why);
      }
      // The whole wait is random: members of a server that restarts lose it in the same moment.
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, Math.min(why.retryAfter, mostAsked) + Math.random() * this.bound);
        this.wake = () => (clearTimeout(timer), resolve(0));
      });
      this.bound = Math.min(2 * this.bound, backoffMax);
      if (this.closed) return;
      try {
        await this.connect();
        return;
      } catch (error) {
        why = /** @type {RtcPeerError} */ (error);
      }
    }
  }

  /** @param {Message} message */
  send(message) {
    const frame = encodeMessage(message);
    if (this.socket) this.socket.send(frame);
    else if (this.outbox.length < 1024) this.outbox.push(frame);
  }

  /** Gives up the place. */
  close() {
    if (this.closed) return;
    this.closed = true;
    this.socket = null;
    this.wake();
  }
}

// ---- What waits for the program. The bound is a credit for each lane of each link: over 256 KiB an
// unreliable packet is dropped ("no_credit"). A browser cannot stop reading one channel, so that SCTP would
// push back: a reliable lane goes on to 4 MiB, and over that its link ends as slow.

/** @typedef {{id: number, state: "new" | "here" | "gone"}} Presence a peer as the program has been shown it */

class Inbox {
  /** @type {{event: Event, lane?: Lane, size: number}[]} */ queue = [];
  head = 0; // of queue
  control = 0; // entries that are no packets
  closed = false; // nothing is pushed any more; what is there can still be taken, unless close was called
  /** @type {RtcPeerError | null} */ error = null; // why, for next to throw once
  /** @type {{resolve: (r: IteratorResult<Event, undefined>) => void, reject: (why: RtcPeerError) => void}[]} */ waiters = [];

  get waiting() {
    return this.queue.length - this.head;
  }

  /** @param {Event} event @param {Lane} [lane] @param {number} [size] */
  push(event, lane, size = 0) {
    if (this.closed) return;
    const waiter = this.waiters.shift();
    if (waiter) return waiter.resolve({ done: false, value: event });
    if (lane) lane.unread += size;
    else this.control++;
    this.queue.push({ event, lane, size });
  }

  /** @returns {Event | undefined} */
  take() {
    const entry = this.queue[this.head];
    if (!entry) return undefined;
    if (++this.head > 1024 && 2 * this.head > this.queue.length) {
      this.queue.splice(0, this.head);
      this.head = 0;
    }
    if (entry.lane) entry.lane.unread -= entry.size;
    else this.control--;
    return entry.event;
  }

  /** @returns {Promise<IteratorResult<Event, undefined>>} */
  next() {
    const value = this.take();
    if (value) return Promise.resolve({ done: false, value });
    return new Promise((resolve, reject) => {
      this.waiters.push({ resolve, reject });
      if (this.closed) this.release();
    });
  }

  /** @param {Presence} p */
  connected(p) {
    if (p.state !== "new") return;
    p.state = "here";
    this.push({ kind: "connected", peer: p.id });
  }

  /** @param {Presence} p @param {Reason} reason @param {RtcPeerError} [error] */
  disconnected(p, reason, error) {
    const was = p.state;
    p.state = "gone";
    if (was === "here") this.push({ kind: "disconnected", peer: p.id, reason, ...(error && { error }) });
    return was === "here";
  }

  /** Returns the word for the drop, or "". @param {Presence} p @param {Lane} lane @param {Packet} packet */
  packet(p, lane, packet) {
    if (p.state !== "here" || this.closed) return "peer_gone";
    const size = packet.data.length + eventCost;
    if (lane.unread > 0 && lane.unread + size > (lane.reliable ? receiveLimit : receiveBuffer)) {
      if (lane.reliable) {
        lane.link.end("slow", new RtcPeerError("no_credit", `4 MiB of channel ${lane.channelNumber} wait unread; take events faster`));
      }
      return "no_credit";
    }
    this.push({ kind: "packet", peer: p.id, packet }, lane, size);
    return "";
  }

  /** @param {RtcPeerError | null} error */
  end(error) {
    if (this.closed) return;
    this.closed = true;
    this.error = error;
    this.release();
  }

  close() {
    this.end(null);
    this.error = null;
    this.queue = [];
    this.head = 0;
  }

  release() {
    for (const { resolve, reject } of this.waiters.splice(0)) {
      if (this.error) reject(this.error);
      else resolve({ done: true, value: undefined });
      this.error = null;
    }
  }
}

// ---- One data channel of a link, and the bounds of sending. queue holds what waits for room in a reliable
// lane, at most 4 MiB: a send beyond that is buffer_full, a guest of a star's host beyond it is slow.

class Lane {
  sent = 0;
  received = 0;
  unread = 0; // bytes in the inbox
  written = 0; // bytes
  fresh = 0; // see burst
  lastWrite = 0;
  /** @type {{bytes: Uint8Array, done?: () => void, fail?: (why: RtcPeerError) => void}[]} */ queue = [];
  queued = 0; // bytes
  rate = 0; // bytes/ms that left lately
  sample = { at: 0, left: 0 };
  /** @type {ReturnType<typeof setInterval> | undefined} */ watching;

  /** @param {Link} link @param {number} index @param {RTCDataChannel} channel */
  constructor(link, index, channel) {
    this.link = link;
    this.index = index;
    this.channelNumber = Math.max(index - 2, 0);
    this.mode = link.node.layout[index];
    this.reliable = this.mode === "reliable";
    this.channel = channel;
    channel.binaryType = "arraybuffer";
    channel.bufferedAmountLowThreshold = sendBuffer / 2;
    listen(channel, "open", () => link.laneOpened(this));
    listen(channel, "close", () => link.laneClosed(this));
    listen(channel, "message", (e) => link.received(this, toBytes(e.data, true)));
    listen(channel, "bufferedamountlow", () => this.drain());
  }

  /** Bytes that have left. */
  get left() {
    return this.written - this.channel.bufferedAmount;
  }

  /** Bytes that a path of 64 KB/s would not have taken yet. */
  get burst() {
    return Math.max(0, this.fresh - 64 * (now() - this.lastWrite));
  }

  /** Sends, or drops what is unreliable; false means a reliable packet found no room. @param {Uint8Array} bytes */
  put(bytes) {
    const { link } = this;
    if (!link.open || this.channel.readyState !== "open") throw unknownPeer(link.peer);
    if (bytes.length > link.maxMessage) {
      throw new RtcPeerError("packet_too_large", `${bytes.length} bytes: at most ${link.maxMessage} for peer ${link.peer}; split it`);
    }
    const total = this.channel.bufferedAmount + bytes.length;
    if (this.reliable ? this.queue.length || total > sendBuffer : total > lossyFloor && this.lags(total)) {
      if (this.reliable) return false;
      link.node.drop("buffer_full");
      return true;
    }
    this.write(bytes);
    return true;
  }

  /** Whether the buffer stands for more than maxLag at the rate at which it empties. @param {number} total */
  lags(total) {
    const { at, left } = this.sample;
    if (now() - at >= 50) {
      this.sample = { at: now(), left: this.left };
      if (at) this.rate = (this.left - left) / (now() - at);
    }
    return total > Math.min(sendBuffer, Math.max(lossyFloor, this.rate * maxLag));
  }

  /** put, and if there is no room: wait, or throw. @param {Uint8Array} bytes @param {boolean} wait */
  send(bytes, wait) {
    if (this.put(bytes)) return undefined;
    if (!wait || this.queued + bytes.length > sendQueue) {
      throw new RtcPeerError("buffer_full", `peer ${this.link.peer} reads too slowly; ${wait ? "await it" : "or use send"}`);
    }
    return new Promise((/** @type {(v?: any) => void} */ done, fail) => this.enqueue({ bytes: bytes.slice(), done, fail }));
  }

  /** put for a relay, which cannot wait: what finds no room in time ends the link. @param {Uint8Array} bytes */
  forward(bytes) {
    if (this.put(bytes)) return;
    if (this.queued + bytes.length > sendQueue) this.link.end("slow");
    else this.enqueue({ bytes });
  }

  /** For few and small frames, whatever is buffered; behind those that wait. Who is gone needs none. @param {Uint8Array} bytes */
  announce(bytes) {
    try {
      if (this.queue.length) this.enqueue({ bytes });
      else if (this.channel.readyState === "open") this.write(bytes);
    } catch {}
  }

  /** @param {Lane["queue"][0]} entry */
  enqueue(entry) {
    this.queue.push(entry);
    this.queued += entry.bytes.length;
    this.watching ??= this.watch();
  }

  /** Each quarter second (a second in a tab in the background) sees whether the lane moves. */
  watch() {
    let { left } = this, last = now(), stalled = 0;
    return setInterval(() => {
      this.drain();
      stalled = this.left > left ? 0 : stalled + Math.min(now() - last, 1000);
      left = this.left;
      last = now();
      const relays = this.queue.some((entry) => !entry.done);
      if (stalled >= slowAfter && relays) this.link.end("slow");
    }, 250);
  }

  drain() {
    while (this.queue.length && this.channel.readyState === "open" && this.channel.bufferedAmount + this.queue[0].bytes.length <= sendBuffer) {
      const { bytes, done, fail } = /** @type {Lane["queue"][0]} */ (this.queue.shift());
      this.queued -= bytes.length;
      try {
        this.write(bytes);
        done?.();
      } catch (e) {
        fail?.(/** @type {RtcPeerError} */ (e));
      }
    }
    if (!this.queue.length) this.rest();
  }

  rest() {
    clearInterval(this.watching);
    this.watching = undefined;
  }

  /** @param {Uint8Array} bytes */
  write(bytes) {
    try {
      this.channel.send(/** @type {any} */ (bytes));
    } catch (e) {
      throw unknownPeer(this.link.peer, message(e));
    }
    this.written += bytes.length;
    this.fresh = this.burst + bytes.length;
    this.lastWrite = now();
    this.sent++;
  }

  /** Ends the waiting to send. */
  over() {
    this.rest();
    for (const { fail } of this.queue.splice(0)) fail?.(unknownPeer(this.link.peer, "disconnected"));
    this.queued = 0;
  }
}

// ---- This node's side of one connection to one peer: negotiates, opens, and ends once.

class Link {
  /** pending: every lane is open, and it is being authenticated. @type {"connecting" | "pending" | "connected" | "ending" | "over"} */ state = "connecting";
  /** @type {any} */ pc = null; // of the current attempt
  /** @type {Lane[]} */ lanes = [];
  maxMessage = 64 * KiB; // that the other end accepts
  connectTime = 0;
  started = now();
  pending = 0; // signals that wait
  work = Promise.resolve(); // the steps of the negotiation, one after the other
  /** @type {any[]} */ timers = [];
  /** @type {{lane: Lane, bytes: Uint8Array}[]} */ early = []; // packets that came before the link was connected
  earlyBytes = 0; // and what they take besides
  /** Wakes who waits for one of them. @type {(v?: any) => void} */ heard = nothing;
  asked = false; // the other end demands authentication, and there is none here
  /** @type {Signal[] | null} */ held = null; // own candidates, until the description is sent
  /** @type {string[]} */ local = []; // kinds of candidates
  /** @type {string[]} */ remote = [];
  furthest = { stage: 0, detail: "no signal of the other end" };
  /** @type {(v?: any) => void} */ finished = nothing;
  done = new Promise((resolve) => (this.finished = resolve));

  /** @param {RtcNode} node @param {number} peer */
  constructor(node, peer) {
    this.node = node;
    this.peer = peer;
    /** @type {Presence} */ this.presence = { id: peer, state: "new" };
    this.negotiation = new Negotiation(node.id > peer);
    const { connectTimeout } = node.config;
    if (connectTimeout > 0) this.timers.push(setTimeout(() => this.deadline(), connectTimeout));
    this.then(() => this.negotiation.retry());
  }

  /** Whether every lane is open. */
  get open() {
    return this.state === "pending" || this.state === "connected";
  }

  /** Whether the program, and the others of a star, have been told of it. */
  get published() {
    return this.presence.state !== "new";
  }

  /** Takes a signal of the other end. @param {Signal} s */
  signal(s) {
    if (s.type === "refuse") {
      this.fail(new RtcPeerError("refused", `peer ${this.peer} refuses: ${s.text}`));
    } else if (this.pending >= signalBacklog) {
      this.end("misbehaved");
    } else if (this.open && s.type === "offer" && (s.attempt || 1) > this.negotiation.attempt) {
      this.over("lost"); // the other end has given this link up
      this.node.signaled(this.peer, s);
    } else {
      this.pending++;
      this.then(() => (this.pending--, this.negotiation.receive(s)));
    }
  }

  /** Takes steps when those before them are taken. @param {() => Step[]} steps */
  then(steps) {
    this.work = this.work.then(async () => {
      for (const step of steps()) if (this.state === "connecting" || (this.open && step.act === "candidate")) await this.take(step);
    });
  }

  /** What cannot be used fails the link; a candidate that cannot be is one path less. @param {Step} step */
  async take({ act, data = { type: act } }) {
    try {
      if (act === "candidate") {
        this.remote.push(kindOf(data.candidate));
        await this.pc.addIceCandidate({ candidate: data.candidate, sdpMid: data.sdpMid, sdpMLineIndex: data.sdpMLineIndex ?? 0 });
        return;
      }
      if (act !== "accept") this.begin();
      const { pc } = this;
      if (act !== "offer") {
        await pc.setRemoteDescription({ type: data.type, sdp: data.sdp });
        this.maxMessage = Number(/a=max-message-size:(\d+)/.exec(data.sdp ?? "")?.[1] ?? this.maxMessage) || Infinity;
        this.remote.push(...(data.sdp?.match(/a=candidate:.*/g) ?? []).map(kindOf));
      }
      if (act !== "accept") {
        await pc.setLocalDescription(act === "offer" ? await pc.createOffer() : await pc.createAnswer());
        this.tell({ type: act, sdp: pc.localDescription.sdp });
        for (const candidate of this.held?.splice(0) ?? []) this.tell(candidate);
        this.held = null;
      }
    } catch (e) {
      const { attempt } = this.negotiation;
      if (act === "candidate" || act === "accept") this.node.config.log?.(act + " not used", e);
      // libdatachannel refuses a good answer if the path and the certificate are there before it.
      if (act === "accept" && attempt < 3 && this.retry(1000 * attempt)) return;
      if (act !== "candidate") this.fail(new RtcPeerError("negotiation", `peer ${this.peer}: ${act}: ${message(e)}`));
    }
  }

  /** Replaces the connection by a new one. */
  begin() {
    const { config, layout, iceServers } = this.node;
    this.furthest = this.progress();
    this.pc?.close();
    this.held = [];
    this.local = [];
    this.remote = [];
    this.early = [];
    this.earlyBytes = 0;
    const pc = (this.pc = new config.RTCPeerConnection({
      iceServers: [...config.iceServers, ...iceServers].map((server) => ({ ...server })),
      iceTransportPolicy: config.iceTransportPolicy,
    }));
    listen(pc, "icecandidate", ({ candidate: c }) => {
      if (!c?.candidate || pc !== this.pc) return;
      this.local.push(kindOf(c.candidate));
      const signal = { type: "candidate", candidate: c.candidate, sdpMid: c.sdpMid ?? undefined, sdpMLineIndex: c.sdpMLineIndex ?? undefined };
      if (this.held) this.held.push(signal);
      else this.tell(signal);
    });
    const check = () => pc === this.pc && this.stateChanged();
    listen(pc, "connectionstatechange", check);
    listen(pc, "iceconnectionstatechange", check);
    // The channels exist before any description is set, on both ends: Godot's layout.
    this.lanes = layout.map((mode, i) => new Lane(this, i, pc.createDataChannel(["reliable", "ordered", "unreliable"][i] ?? String(i + 1), {
      negotiated: true, id: i + 1, ordered: mode !== "unreliable",
      ...(mode !== "reliable" && { maxRetransmits: config.maxRetransmits }),
    })));
    this.retry(attemptTimeout, 1);
  }

  /**
   * The offering end begins anew after ms, unless this attempt has come further by then: on a busy machine or
   * a long path giving up what advances would make it all begin again. False if the other end takes one offer
   * alone, as a Godot game does.
   * @param {number} ms @param {number} [reached]
   */
  retry(ms, reached = 3) {
    const { negotiation } = this;
    const { attempt } = negotiation;
    return !this.node.members.get(this.peer)?.one_attempt && this.timers.push(setTimeout(() => this.then(() => {
      if (this.state !== "connecting" || attempt !== negotiation.attempt) return [];
      const { stage } = this.progress({ stage: reached, detail: "" });
      if (stage === reached) return negotiation.retry();
      this.retry(ms, stage);
      return [];
    }), ms));
  }

  /** @param {Signal} signal */
  tell(signal) {
    this.node.tell(this.peer, { ...signal, attempt: this.negotiation.attempt });
  }

  /** How far this attempt has come, or least. */
  progress(least = this.furthest) {
    const { pc } = this;
    if (!pc) return least;
    const ice = pc.iceConnectionState;
    let p = { stage: 3, detail: "SCTP" };
    if (!this.negotiation.described) p = { stage: 0, detail: "no description" };
    else if (ice !== "connected" && ice !== "completed") {
      p = { stage: 1, detail: `ICE ${ice}, own candidates ${tally(this.local)}, the other's ${tally(this.remote)}` };
      if (!/relay/.test(p.detail)) p.detail += "; UDP may be blocked or the NATs too strict: a TURN server would help";
    } else if (pc.connectionState !== "connected") p = { stage: 2, detail: `DTLS: connection ${pc.connectionState}` };
    return p.stage >= least.stage ? p : least;
  }

  deadline() {
    const { stage: i, detail } = this.progress();
    const stage = ["signaling", "path", "security", "lanes"][i];
    const seconds = this.node.config.connectTimeout / 1000;
    this.fail(new RtcPeerError("deadline", `peer ${this.peer}: not connected after ${seconds} s: waiting for ${stage}: ${detail}`, { stage, detail }));
  }

  /** "disconnected" is no end: ICE comes back from it when the path does. */
  stateChanged() {
    const { connectionState, iceConnectionState } = this.pc;
    const failed = connectionState === "failed" || iceConnectionState === "failed";
    if (!failed && connectionState !== "closed") return;
    if (this.state === "connecting") this.retry(1000 * this.negotiation.attempt); // not at once: what fails fast fails often
    else this.end(failed ? "lost" : "by peer");
  }

  /** @param {Lane} lane */
  laneOpened(lane) {
    if (this.state !== "connecting" || !this.lanes.includes(lane) || this.lanes.some((l) => l.channel.readyState !== "open")) return;
    this.clearTimers();
    this.maxMessage = Math.min(this.maxMessage, this.pc.sctp?.maxMessageSize || Infinity); // what this browser can send
    this.connectTime = now() - this.started;
    this.state = "pending";
    if (this.node.config.auth) this.authenticate();
    else this.admit();
  }

  /** Has config.auth accept the other end, and waits until that has accepted this one. */
  async authenticate() {
    const { auth, authTimeout } = this.node.config;
    const peer = new Pending(this);
    if (authTimeout > 0) this.timers.push(setTimeout(() => this.late(peer), authTimeout));
    try {
      await /** @type {Function} */ (auth)(peer);
      if (this.state === "pending") this.lanes[0].announce(authFrame());
      while (!peer.accepted) {
        const { entry, f } = await peer.next();
        peer.accepted = f.sub !== authenticate || !f.body.length;
        if (!peer.accepted) this.node.drop("pending"); // it was accepted before it had said all
        // Only an end that has admitted this one sends anything else, as one does that has no callback and will
        // never say so: in Godot such a frame admits it, and counts.
        if (f.sub !== authenticate) this.early.unshift(entry);
      }
    } catch (e) {
      this.fail(this.unauthorized(message(e), e));
    }
    if (this.state === "pending") this.admit();
  }

  /**
   * Ends an authentication that is not done in time. An end that never said a word of it learns what it was missing,
   * by one that Godot takes without harm: it means "you are accepted".
   * @param {Pending} peer
   */
  late({ silent }) {
    if (silent) this.lanes[0].announce(authFrame());
    this.fail(this.unauthorized(`not done after ${this.node.config.authTimeout / 1000} s: both ends need config.auth, or auth_callback`), silent);
  }

  /** @param {string} [why] @param {any} [cause] */
  unauthorized(why = "the other end ended the link", cause) {
    return new RtcPeerError("unauthorized", `peer ${this.peer}: not authenticated: ${why}`, { cause });
  }

  admit() {
    this.state = "connected";
    this.clearTimers();
    this.node.linkUp(this);
    for (const { lane, bytes } of this.early.splice(0)) this.node.route.receive(lane, bytes);
  }

  /** The other end closes its reliable lanes when what it sent has arrived. @param {Lane} lane */
  laneClosed(lane) {
    if (this.state === "connecting" || !this.lanes.includes(lane)) return;
    if (this.pc.connectionState === "failed") this.end("lost");
    else this.end("by peer");
    if (this.lanes.every((l) => !l.reliable || l.channel.readyState === "closed")) this.drained?.();
  }

  /** @param {Lane} lane @param {Uint8Array} bytes */
  received(lane, bytes) {
    if (this.state === "over" || !this.lanes.includes(lane)) return;
    lane.received++;
    if (!this.published) this.earlyBytes += bytes.length + eventCost;
    if (bytes.length > this.node.config.maxPacket + frameOverhead || this.earlyBytes > receiveLimit) return this.end("misbehaved");
    if (!bytes.length) return; // an empty packet means nothing in the contract
    if (this.published) return this.node.route.receive(lane, bytes);
    this.early.push({ lane, bytes });
    this.heard();
  }

  /** There will be no link. @param {RtcPeerError} error @param {boolean} [gently] so that what was sent arrives */
  fail(error, gently) {
    if (this.state !== "connecting" && this.state !== "pending") return;
    error.peer = this.peer;
    this.node.failed(this.peer, error);
    if (gently) this.end("by us", error);
    else this.over("lost", error);
  }

  /**
   * Ends the link; the first reason stays. What the other end's program would miss is waited for, up to config.linger.
   * @param {Reason} reason @param {RtcPeerError} [error] @param {boolean} [atOnce]
   */
  end(reason, error, atOnce) {
    if (this.state === "over" || (this.state === "ending" && !atOnce)) return;
    const { open } = this;
    if (this.state === "pending" && reason !== "by us" && reason !== "kicked") return this.fail(this.unauthorized(reason === "misbehaved" ? "too much" : undefined));
    this.state = "ending";
    if (atOnce || !open || (reason !== "by us" && reason !== "by peer")) return this.over(reason, error);
    const { linger } = this.node.config;
    if (linger < 0) return this.over(reason, error);
    this.timers.push(setTimeout(() => this.over(reason, error), linger));
    if (reason === "by us") this.flush();
    this.drained = () => this.over(reason, error);
  }

  /**
   * Sends what was accepted, and then closes the reliable lanes, which is acknowledged. bufferedAmount is no
   * measure for the first: older libwebrtc counts only what SCTP has not taken yet, and a channel that closes
   * forgets the rest. What is still being sent shows in the bytes on the wire. After much of it they must rest
   * for a second, because they also do when a full window is lost, until SCTP sends it again.
   */
  async flush() {
    const reliable = this.lanes.filter((l) => l.reliable);
    for (let before = NaN, quiet = 0, enough = 1; this.state === "ending" && reliable.some((l) => l.sent || l.queue.length); ) {
      for (const lane of reliable) lane.drain();
      const { bytesSent, rtt } = await this.stats();
      const moves = bytesSent - before > 1200;
      if (moves || reliable.some((l) => l.burst > 64 * KiB)) enough = 16;
      quiet = moves || reliable.some((l) => l.queue.length || l.channel.bufferedAmount) ? 0 : quiet + 1;
      if (quiet > enough) break;
      before = bytesSent;
      await new Promise((resolve) => setTimeout(resolve, Math.min(60 + 2 * rtt, 250)));
    }
    if (this.state === "ending") for (const lane of reliable) lane.channel.close();
  }

  /** @param {Reason} reason @param {RtcPeerError} [error] */
  over(reason, error) {
    if (this.state === "over") return;
    this.state = "over";
    this.clearTimers();
    this.heard();
    for (const lane of this.lanes) lane.over();
    // That authentication was demanded explains the closing right after, which another lane may have seen first.
    this.node.linkOver(this, this.asked ? "unauthorized" : reason, error);
    this.pc?.close();
    this.finished();
  }

  clearTimers() {
    for (const timer of this.timers.splice(0)) clearTimeout(timer);
  }

  /** @returns {Promise<LinkStats>} */
  async stats() {
    const { connectTime } = this;
    /** @type {Map<string, any>} */ let report = new Map();
    try {
      report = await this.pc.getStats();
    } catch {}
    const all = [...report.values()];
    const transport = all.find((s) => s.type === "transport" && s.selectedCandidatePairId);
    const pair = report.get(transport?.selectedCandidatePairId) ?? all.find((s) => s.type === "candidate-pair" && s.nominated && s.state === "succeeded");
    return {
      state: this.published ? "connected" : "connecting",
      connectTime,
      rtt: 1000 * (pair?.currentRoundTripTime ?? 0),
      local: report.get(pair?.localCandidateId)?.candidateType ?? "",
      remote: report.get(pair?.remoteCandidateId)?.candidateType ?? "",
      bytesSent: pair?.bytesSent ?? 0,
      bytesReceived: pair?.bytesReceived ?? 0,
      lanes: this.lanes.map((l) => ({
        channel: l.channelNumber, mode: l.mode, sent: l.sent, received: l.received, buffered: l.channel.bufferedAmount + l.queued, unread: l.unread,
      })),
    };
  }
}

/** The PendingPeer of a link: what comes on the lane of authentication. The other lanes wait until it is admitted. */
class Pending {
  accepted = false; // the other end has accepted this one
  /** Whether it was listened to and has sent nothing of authentication. @type {boolean | undefined} */ silent;

  /** @param {Link} link */
  constructor(link) {
    this.id = link.peer;
    this.link = link;
  }

  /** @param {Outgoing["data"]} data */
  send(data) {
    const { link } = this;
    const bytes = toBytes(data);
    if (!bytes.length) throw link.unauthorized("no data");
    link.node.checkSize(bytes);
    link.lanes[0].send(authFrame(bytes), false);
  }

  async receive() {
    while (!this.accepted) {
      const { f } = await this.next();
      if (f.sub !== authenticate) this.link.node.drop("pending");
      else if (f.body.length) return f.body;
      else this.accepted = true;
    }
    return null;
  }

  /** @returns {Promise<{entry: Link["early"][0], f: Frame}>} */
  async next() {
    const { link } = this;
    this.silent ??= true;
    for (;;) {
      if (link.state !== "pending") throw link.unauthorized();
      const i = link.early.findIndex(({ lane }) => !lane.index);
      if (i < 0) {
        await new Promise((resolve) => (link.heard = resolve));
        continue;
      }
      const [entry] = link.early.splice(i, 1);
      link.earlyBytes -= entry.bytes.length + eventCost;
      const f = decodeFrame(entry.bytes);
      if (f?.sub === authenticate) this.silent = false;
      if (f) return { entry, f };
      link.node.drop("malformed");
    }
  }
}

/**
 * The config.auth of a star whose members all hold the same secret: the guests send it, and the host accepts nobody
 * else. The host must be trusted with it. A Godot guest calls send_auth(1, secret) and complete_auth(1).
 * @param {Uint8Array | ArrayBuffer | ArrayBufferView | string} secret
 * @returns {(peer: PendingPeer) => Promise<void>}
 */
export function sharedSecret(secret) {
  const ours = toBytes(secret, true);
  return async (peer) => {
    if (peer.id === 1) return peer.send(ours);
    const got = await peer.receive();
    // Takes the same time wherever the two differ.
    if (!got || ours.reduce((sum, b, i) => sum | (b ^ got[i]), ours.length ^ got.length)) throw new Error("wrong secret");
  };
}

// ---- Who is reached how. In a mesh each has a link with each, and packets go over it bare, or framed.

class Mesh {
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
    for (const link of this.node.open()) {
      if (link.peer === -peer) continue;
      try {
        if (!link.lanes[i].put(bytes)) full.push(link.peer);
      } catch (e) {
        if (/** @type {RtcPeerError} */ (e).code === "packet_too_large") tooLarge = e;
      } // any other has just disconnected, and a broadcast is for those who are there
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
    // After both have accepted each other: that may come after a packet that said as much, and data is nonsense.
    else if (f?.sub === authenticate ? f.body.length : !f || !this.told(lane, f)) node.drop("malformed");
  }

  /** The other end demands authentication. @param {Link} link @param {Frame} f */
  asked(link, f) {
    this.node.config.log?.(`peer ${link.peer} demands authentication: set config.auth`);
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

  /** @param {Link} link @param {Reason} reason @param {RtcPeerError} [error] */
  down(link, reason, error) {
    this.node.inbox.disconnected(link.presence, reason, error);
  }

  peers() {
    return this.node.open().map((link) => link.peer);
  }
}

// A star's host has a link with every guest, and relays among them on the channel and mode of the sender.
class Host extends Mesh {
  /**
   * A guest authenticates although nobody asks here. In Godot it waits until its time is over, unless the host happens
   * to send something: the answer is what lets it in.
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
    const targets = node.open().filter((l) => (f.peer > 0 ? l.peer === f.peer : l.peer !== source && l.peer !== -f.peer));
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
    for (const other of this.node.open()) {
      if (other === link) continue;
      link.lanes[0].announce(sysFrame(addPeer, other.peer));
      other.lanes[0].announce(sysFrame(addPeer, link.peer));
    }
    super.up(link);
  }

  /** @param {Link} link @param {Reason} reason @param {RtcPeerError} [error] */
  down(link, reason, error) {
    const others = this.node.ended ? [] : this.node.open(); // else it is the host that goes, and every link with it
    for (const other of others) other.lanes[0].announce(sysFrame(delPeer, link.peer));
    super.down(link, reason, error);
  }
}

// All others in a star have one link, with the host, through which they reach the rest.
class Guest extends Mesh {
  /** @type {Map<number, Presence>} */ relayed = new Map();
  /** @type {number[]} */ gone = []; // the last few, which a late packet must not bring back

  /** @param {number} peer @param {number} i @param {Uint8Array} data @param {boolean} wait @param {Command} [command] */
  send(peer, i, data, wait, command) {
    const host = this.node.open()[0];
    if (peer > 0 && (!host || (peer !== host.peer && this.relayed.get(peer)?.state !== "here"))) throw unknownPeer(peer);
    if (!host) return undefined; // a broadcast to nobody yet
    const frame = this.frame(data, command);
    return host.lanes[i].send(peer === host.peer ? frame : sysFrame(relay, peer, frame), wait);
  }

  /** @param {Lane} lane @param {Frame} f */
  told(lane, f) {
    const { node } = this;
    if (f.peer < 1 || f.peer === node.id || f.peer === node.host) return false;
    if (f.sub === addPeer) this.meet(f.peer, true);
    else if (f.sub === delPeer) this.part(f.peer);
    // The announcement and the packet may come on different channels, in either order: the packet itself
    // says as well that its source is there.
    else node.deliver(this.meet(f.peer, false), lane, f);
    return true;
  }

  /** One that is gone stays so until it is announced again. @param {number} id @param {boolean} announced */
  meet(id, announced) {
    let p = this.relayed.get(id);
    if (p && (!announced || p.state === "here")) return p;
    p = { id, state: "new" };
    this.relayed.set(id, p);
    this.node.inbox.connected(p);
    return p;
  }

  /** @param {number} id */
  part(id) {
    const p = this.relayed.get(id);
    if (!p || !this.node.inbox.disconnected(p, "by peer") || this.gone.push(id) <= maxGone) return;
    const oldest = /** @type {number} */ (this.gone.shift());
    if (this.relayed.get(oldest)?.state === "gone") this.relayed.delete(oldest);
  }

  /** @param {Link} link @param {Reason} reason @param {RtcPeerError} [error] */
  down(link, reason, error) {
    for (const p of this.relayed.values()) this.node.inbox.disconnected(p, "host gone");
    super.down(link, reason, error);
  }

  peers() {
    const here = [...this.relayed.values()].filter((p) => p.state === "here");
    return [...super.peers(), ...here.map((p) => p.id)];
  }
}

// ---- The node: members, links and why it all ends. What is not part of the contract is marked internal,
// and left out of rtcpeer.d.ts.

/** This participant of a room, made by join. To iterate over it is to take its events; stopping ends nothing. */
export class RtcNode {
  /** 1 to 2147483647; 1 is the creator of the room, and a star's host. @readonly @type {number} */ id;
  /** @readonly @type {string} */ room;
  /** At which others join. @readonly @type {string} */ url;
  /** @readonly @type {Topology} */ topology;
  /** The id of the room's host. In a mesh it has no part in the packets. @readonly @type {number} */ host;
  /** "connecting" is a star's guest that waits for its host. @type {"disconnected" | "connecting" | "connected"} */ status;
  /** Why the node has ended, if close was not called. @type {RtcPeerError | null} */ error = null;
  /** Whether the room takes nobody new. */ sealed = false;
  /** Whether it takes nobody new until the host opens it. */ locked = false;
  /** Whether new links are refused, which the other side learns at once; open ones stay. @type {boolean} */ refuse;

  /** @internal @type {Signaling} */ signaling;
  /** @internal @type {ReturnType<typeof withDefaults>} */ config;
  /** @internal @type {Mesh} */ route;
  /** Of the lanes. @internal @type {Mode[]} */ layout;
  /** Whether packets are. @internal @type {boolean} */ framed;
  /** @internal */ goodbye = () => this.closeAll(true);
  /** @internal */ inbox = new Inbox();
  /** Every link that is not over. @internal @type {Map<number, Link>} */ running = new Map();
  /** Peers whose link was lost, and is not running again. @internal @type {Set<number>} */ lost = new Set();
  /** @internal @type {Map<number, any>} */ members = new Map();
  /** @internal @type {Record<string, number>} */ dropped = {};
  /** Who waits for the server to have done something. @internal @type {{done: () => boolean, resolve: () => void, reject: (why: any) => void}[]} */ asking = [];
  /** @internal */ resumed = -1;
  /** @internal @type {IceServer[]} */ iceServers = [];
  /** @internal @type {Promise<void> | null} */ closing = null;

  /** @internal @param {Signaling} signaling @param {Message} welcome @param {ReturnType<typeof withDefaults>} config @param {string} url */
  constructor(signaling, welcome, config, url) {
    this.signaling = signaling;
    this.config = config;
    this.url = url;
    this.refuse = config.refuse;
    ({ id: this.id, host: this.host, room: this.room, topology: this.topology } = welcome);
    this.layout = [...modes, ...config.channels];
    this.framed = config.framed || this.topology === "star";
    const Route = this.topology === "mesh" ? Mesh : this.id === this.host ? Host : Guest;
    this.route = new Route(this);
    this.status = Route === Guest ? "connecting" : "connected";
    globalThis.addEventListener?.("pagehide", this.goodbye);
    signaling.onmessage = (m) => this.take(m);
    signaling.onend = (why) => {
      config.log?.("signaling ended", why);
      this.unanswered(why);
      if (!this.running.size || why.code === "kicked") this.end(why);
    };
    for (const m of signaling.held.splice(0)) this.take(m); // the welcome first
    if (signaling.error) signaling.onend(signaling.error);
  }

  /** The ids of all connected peers, ascending. */
  get peers() {
    return this.route.peers().sort((a, b) => a - b);
  }

  /**
   * Sends a packet; resolves when it was accepted. To one peer a reliable packet waits for room: await
   * each. An unreliable one without room is dropped, which stats counts. A broadcast never waits. An empty
   * packet sends nothing. Rejects with an RtcPeerError: closed, unknown_peer, unknown_channel,
   * packet_too_large, bad_command, buffer_full (a BroadcastError, or 4 MiB wait already).
   * @param {Outgoing} packet
   * @returns {Promise<void>}
   */
  async send(packet) {
    await this.put(packet, true);
  }

  /** Is like send, but throws at once, and buffer_full instead of waiting. @param {Outgoing} packet @returns {void} */
  trySend(packet) {
    this.put(packet);
  }

  /** All events there are, without waiting: for a game loop. When there will be no more, see error. */
  poll() {
    /** @type {Event[]} */ const events = [];
    for (let event; (event = this.inbox.take()); ) events.push(event);
    return events;
  }

  /**
   * The next event. Done after close; after the node ended by itself, rejects once with the reason.
   * @returns {Promise<IteratorResult<Event, undefined>>}
   */
  next() {
    return this.inbox.next();
  }

  [Symbol.asyncIterator]() {
    return this;
  }

  /** Ends the link with a peer; its disconnected follows. Throws unknown_peer, not_host. @param {number} id */
  disconnect(id) {
    if (this.running.get(id)?.state !== "connected" && this.route.peers().includes(id)) throw new RtcPeerError("not_host", `only the host can disconnect ${id}`);
    this.link(id).end("by us");
  }

  /** Closes the room for newcomers. Rejects with not_host, closed. @returns {Promise<void>} */
  seal() {
    return this.ask({ kind: "seal" }, () => this.sealed);
  }

  /** Closes the room for newcomers, or opens it again. Rejects with not_host, closed. @param {boolean} locked @returns {Promise<void>} */
  setLocked(locked) {
    return this.ask({ kind: "lock", open: !locked }, () => this.locked === locked);
  }

  /**
   * Asks the server to take a member out of the room, and does not wait. Its node ends with an error of code kicked and
   * the reason, at most 256 bytes; all others disconnect it: kicked, or by peer where it was faster. It may join anew
   * where a newcomer may: setLocked prevents that. Throws not_host, unknown_peer, closed, bad_message.
   * @param {number} id @param {string} [reason]
   */
  kick(id, reason) {
    this.command({ kind: "kick", id, text: reason });
  }

  /** @internal Sends what only a host may. @param {Message} message */
  command(message) {
    const why = this.ended ?? this.signaling.error;
    if (why) throw why;
    if (this.id !== this.host) throw new RtcPeerError("not_host", `only the host can ${message.kind}`);
    if (message.id && !this.members.has(message.id)) throw unknownPeer(message.id, "no member");
    this.signaling.send(message);
  }

  /** @internal And waits until it is done. @param {Message} message @param {() => boolean} done @returns {Promise<void>} */
  async ask(message, done) {
    this.command(message);
    return new Promise((resolve, reject) => this.asking.push({ done, resolve, reject }));
  }

  /** Figures at this moment, for people. @returns {Promise<Stats>} */
  async stats() {
    const { id, room, topology, host, sealed, signaling, resumed, inbox, dropped, running } = this;
    const links = await Promise.all([...running.values()].map(async (link) => [link.peer, await link.stats()]));
    return {
      id, room, topology, host, sealed, signaling: !!signaling.socket, signalingError: signaling.error, resumed,
      waiting: inbox.waiting, dropped: { ...dropped }, links: Object.fromEntries(links),
    };
  }

  /** Why nothing goes on. @internal */
  get ended() {
    return this.error ?? (this.closing && new RtcPeerError("closed", "the node is closed; join again"));
  }

  /** Leaves: the others learn of it at once, and no more events come here. Waits at most config.linger for what was sent. */
  close() {
    return this.closeAll();
  }
  /** @internal @param {Message} m */
  take(m) {
    switch (m.kind) {
      case "welcome":
        return this.welcomed(m);
      case "joined":
        return this.joined(m.member);
      case "left":
        return this.left(m.id, m.reason);
      case "ice_servers":
        this.iceServers = m.ice_servers ?? [];
        return;
      case "sealed":
      case "lock":
        if (m.kind === "lock") this.locked = !m.open;
        else this.sealed = true;
        this.asking = this.asking.filter(({ done, resolve }) => !done() || resolve());
        return;
      case "signal":
        try {
          return this.signaled(m.from, decodeSignal(m.data));
        } catch (e) {
          return this.config.log?.(`signal of ${m.from} not understood`, e);
        }
    }
  }

  /** @internal The state of the room, the first time or anew after the connection was resumed. @param {Message} w */
  welcomed(w) {
    this.resumed++;
    this.take({ kind: "ice_servers", ice_servers: w.ice_servers });
    const known = new Set(this.members.keys());
    for (const m of w.members ?? []) {
      known.delete(m.id);
      this.joined(m);
    }
    for (const id of known) this.left(id);
    // A server that restarted has forgotten what its host did.
    const hosts = this.id === this.host;
    if (w.sealed) this.take({ kind: "sealed" });
    else if (hosts && this.sealed) this.signaling.send({ kind: "seal" });
    if (hosts && this.locked && !w.locked) this.signaling.send({ kind: "lock" });
    else this.take({ kind: "lock", open: !w.locked });
  }

  /** @internal @param {any} m */
  joined(m) {
    const known = this.members.has(m.id);
    this.members.set(m.id, m);
    // When this node was away for so long that its links were lost, the others wait for its offers.
    if (!known || (this.lost.has(m.id) && this.id > m.id)) this.connect(m);
  }

  /** @internal Makes a link, unless there is a reason against it. @param {any} m @param {Signal} [first] */
  connect(m, first) {
    const { channels: ours, maxPeers } = this.config;
    if (this.ended || this.running.has(m.id)) return;
    const refusal = this.refuse ? "new connections are refused"
      : maxPeers && this.running.size >= maxPeers ? `no more than ${maxPeers} peers are admitted`
      : this.inbox.control >= maxControl ? "it takes no events" : "";
    if (refusal) {
      this.tell(m.id, { type: "refuse", text: refusal });
    } else if (m.channels && m.channels.join() !== ours.join()) {
      this.failed(m.id, new RtcPeerError("channel_mismatch", `config.channels: ours [${ours}], theirs [${m.channels}]`, { peer: m.id, ours, theirs: m.channels }));
    } else {
      const link = new Link(this, m.id);
      this.running.set(m.id, link);
      this.lost.delete(m.id);
      if (first) link.signal(first);
    }
  }

  /** @internal An open link ends on its own account, if it was not kicked: the member may only have lost the server. @param {number} id @param {string} [reason] */
  left(id, reason) {
    this.members.delete(id);
    this.lost.delete(id);
    const link = this.running.get(id);
    if (link && reason === "kicked") link.end(reason);
    else if (link && !link.published) link.end("by peer");
    else if (!link && this.topology === "star" && id === this.host) this.end(hostGone("by peer"));
  }

  /** @internal An offer may ask for a new link. @param {number} from @param {Signal} s */
  signaled(from, s) {
    const link = this.running.get(from);
    if (link) link.signal(s);
    else if (s.type === "offer" && this.members.has(from)) this.connect(this.members.get(from), s);
  }

  /** @internal @param {number} to @param {Signal} data */
  tell(to, data) {
    this.signaling.send({ kind: "signal", to, data });
  }

  /** @internal */
  open() {
    return [...this.running.values()].filter((link) => link.state === "connected");
  }

  /** @internal @param {number} id */
  link(id) {
    const link = this.running.get(id);
    if (link?.state !== "connected") throw unknownPeer(id);
    return link;
  }

  /** @internal @param {Link} link */
  linkUp(link) {
    if (link.peer === this.host && this.status === "connecting") this.status = "connected";
    this.route.up(link);
  }

  /** @internal @param {Link} link @param {Reason} reason @param {RtcPeerError} [error] */
  linkOver(link, reason, error) {
    this.running.delete(link.peer);
    if (link.published) this.route.down(link, reason, error);
    if (link.published && reason === "lost") this.lost.add(link.peer);
    if (this.topology === "star" && this.id !== this.host) this.end(error ?? hostGone(reason, link));
    else if (!this.running.size && this.signaling.error) this.end(this.signaling.error);
  }

  /** @internal @param {number} peer @param {RtcPeerError} error */
  failed(peer, error) {
    this.inbox.push({ kind: "failed", peer, error });
  }

  /** @internal @param {string} why */
  drop(why) {
    this.dropped[why] = (this.dropped[why] ?? 0) + 1;
  }

  /** @internal @param {Presence} p @param {Lane} lane @param {Frame} f */
  deliver(p, lane, { body: data, command }) {
    const why = this.inbox.packet(p, lane, { peer: p.id, channel: lane.channelNumber, mode: lane.mode, data, ...(command && { command }) });
    if (why) this.drop(why);
  }

  /** @internal @param {Outgoing} packet @param {boolean} [wait] */
  put({ peer = 0, channel = 0, mode = "reliable", data, command }, wait = false) {
    const i = channel === 0 ? modes.indexOf(mode) : channel + 2;
    const bytes = toBytes(data);
    if (this.ended) throw this.ended;
    if (!Number.isInteger(channel) || channel < 0 || !this.layout[i]) {
      throw new RtcPeerError("unknown_channel", channel === 0 ? `mode ${mode}: want ${modes.join(", ")}` : `channel ${channel}: want 0 to ${this.config.channels.length} (config.channels)`);
    }
    if (!Number.isInteger(peer) || Math.abs(peer) > maxId) throw unknownPeer(peer, "no id");
    this.checkSize(bytes);
    if (!bytes.length) return undefined;
    if (command) this.checkCommand(command, bytes);
    return this.route.send(peer, i, bytes, wait, command);
  }

  /** @internal @param {Uint8Array} bytes */
  checkSize({ length }) {
    const { maxPacket } = this.config;
    if (length > maxPacket) throw new RtcPeerError("packet_too_large", `${length} bytes: at most ${maxPacket} (config.maxPacket); split it`);
  }

  /** A program cannot pass off its bytes as the relay's. @internal @param {Command} command @param {Uint8Array} bytes */
  checkCommand(command, [first]) {
    if (!this.framed) throw new RtcPeerError("bad_command", "a mesh of bare packets has no commands: it needs a star, or config.framed");
    if (commands[first & 7] !== command) throw new RtcPeerError("bad_command", `data is no ${command}: it begins with ${first}`);
  }

  /** @internal @param {RtcPeerError | null} why */
  unanswered(why) {
    for (const { reject } of this.asking.splice(0)) reject(why);
  }

  /** @internal Ends the node from inside; its events can still be taken, and then the reason. @param {RtcPeerError} why */
  end(why) {
    if (this.ended) return;
    this.error = why;
    this.inbox.end(why);
    this.closeAll();
  }

  /** @internal Ends, in this order: the events, the links, the membership. @param {boolean} [atOnce] */
  closeAll(atOnce) {
    if (!this.error) this.inbox.close();
    this.status = "disconnected";
    globalThis.removeEventListener?.("pagehide", this.goodbye);
    const links = [...this.running.values()];
    this.closing ??= Promise.all(links.map((link) => link.done)).then(() => this.signaling.close());
    this.unanswered(this.ended);
    for (const link of links) link.end("by us", undefined, atOnce);
    if (atOnce) this.signaling.close(); // in a page that is going, nothing runs later
    return this.closing;
  }
}

/**
 * Why a star's guest ends. A Godot host that demands authentication is silent until its time is over, three seconds by
 * default, and then closes without a word.
 * @param {Reason} why @param {Link} [link]
 */
function hostGone(why, link) {
  if (why === "unauthorized") return new RtcPeerError("auth_required", "the host demands authentication: set config.auth");
  const silent = link && why === "by peer" && now() - link.started - link.connectTime < hintAfter && link.lanes.every((l) => !l.received);
  const hint = silent ? "; it never sent anything: see config.auth" : "";
  return new RtcPeerError("host_gone", `the host is gone: ${why}${hint}`);
}

const message = (/** @type {any} */ e) => e?.message ?? String(e);

/** @param {any} data @param {boolean} [own] whether the result must not share memory @returns {Uint8Array} */
function toBytes(data, own) {
  if (typeof data === "string") return text.encode(data);
  if (ArrayBuffer.isView(data)) {
    const view = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    return own ? view.slice() : view;
  }
  return new Uint8Array(data);
}

/** The kind of a candidate line: "... typ host ...". @param {string | undefined} line */
const kindOf = (line = "") => (/ typ (\w+)/.exec(line)?.[1] ?? "?") + (/\.local /.test(line) ? " (mDNS)" : "");

/** Is like "2 host, 1 srflx", or "none". @param {string[] | undefined} kinds */
function tally(kinds = []) {
  const counts = [...new Set(kinds)].map((kind) => `${kinds.filter((k) => k === kind).length} ${kind}`);
  return counts.join(", ") || "none";
}

/** @param {Config} config */
function withDefaults(config) {
  const given = Object.entries(config).filter(([, value]) => value !== undefined);
  const c = {
    RTCPeerConnection: globalThis.RTCPeerConnection, WebSocket: globalThis.WebSocket,
    channels: /** @type {Mode[]} */ ([]), framed: false, maxRetransmits: 0, maxPacket: 16 * KiB, connectTimeout: 20000, authTimeout: 3000,
    linger: 500, iceServers: /** @type {IceServer[]} */ ([]), refuse: false, maxPeers: 0, .../** @type {Config} */ (Object.fromEntries(given)),
  };
  const { maxPacket, maxPeers } = c;
  const wrong = (/** @type {string} */ why) => new RtcPeerError("bad_config", `config.${why}`);
  if (!c.RTCPeerConnection || !c.WebSocket) throw wrong("RTCPeerConnection, WebSocket: none here; give both");
  if (!(maxPacket >= 1 && maxPacket <= 256 * KiB)) throw wrong(`maxPacket ${maxPacket}: want 1 to ${256 * KiB}`);
  if (!(maxPeers >= 0)) throw wrong(`maxPeers ${maxPeers}: want 0 or more`);
  return c;
}

/**
 * Enters a room, at ws://host:port/room, and resolves when the server has welcomed this node: links with the
 * members there follow, as events. A URL without a room makes a new one; node.url has its name. Rejects with
 * an RtcPeerError: unreachable, or the server's code (sealed, room_full, topology_mismatch, ...).
 * @param {string} url
 * @param {Config} [config]
 * @returns {Promise<RtcNode>}
 */
export async function join(url, config = {}) {
  return enter(url, withDefaults(config));
}

/**
 * Waits until size peers, 2 to 64, ask the server at url for the same key, topology and size, and joins the new, sealed
 * room that they get for themselves. Who waited longest is its host. What the key says, in 1 to 128 bytes, is up to the
 * program: the game, its version, the map. A room in the url counts for nothing. config.signal gives it up; otherwise it
 * is like join.
 * @param {string} url
 * @param {string} key
 * @param {number} size
 * @param {Config} [config]
 * @returns {Promise<RtcNode>}
 */
export async function match(url, key, size, config = {}) {
  return enter(url, withDefaults(config), { key, size });
}

/** @param {string} url @param {ReturnType<typeof withDefaults>} c @param {{key: string, size: number}} [match] */
async function enter(url, c, match) {
  const { url: dial, room, roomUrl } = parseUrl(url, !match);
  const { topology, channels, metadata, token, password, newRoom: n } = c;
  const signaling = new Signaling(dial, checked({
    kind: "join", room, topology, channels, metadata, token, password, match,
    new_room: n && { ...n, max_members: n.maxMembers },
  }), c);
  const welcome = await signaling.first();
  const why = topology && welcome.topology !== topology ? new RtcPeerError("topology_mismatch", `it is a ${welcome.topology}`)
    : c.auth && welcome.topology === "mesh" && !c.framed ? new RtcPeerError("bad_config", "a mesh of bare packets has no authentication: it needs a star, or config.framed")
    : match && !welcome.sealed ? new RtcPeerError("unknown_kind", "no matches there")
    : null;
  if (why) {
    signaling.close();
    throw why;
  }
  return new RtcNode(signaling, welcome, c, roomUrl(welcome.room));
}

/**
 * The public rooms of the server at url, by their names: a page of them, and next if there are more, which is after of
 * the query that goes on. A room in the url counts for nothing. Rejects as join does.
 * @param {string} url
 * @param {Query} [query]
 * @returns {Promise<{rooms: PublicRoom[], next?: string}>}
 */
export async function list(url, { filter, limit, after, ...config } = {}) {
  const c = withDefaults({ ...config, RTCPeerConnection: Object });
  const { url: dial, roomUrl } = parseUrl(url);
  const { rooms = [], next } = await new Signaling(dial, checked({ kind: "list", filter, limit, after, token: c.token }), c).first("rooms");
  return { rooms: rooms.map((/** @type {any} */ { max_members: maxMembers, ...r }) => ({ ...r, maxMembers, url: roomUrl(r.room) })), next };
}

/** For tests: the wire, in this order. No part of the contract. */
export const internals = /** @type {any} */ ([decodeMessage, encodeMessage, decodeSignal, decodeFrame, sysFrame, rawFrame, authFrame, Negotiation]);
