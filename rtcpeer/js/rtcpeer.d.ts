export type Mode = "reliable" | "unreliable_ordered" | "unreliable";
export type Topology = "mesh" | "star";
/** What an RtcPeerError is: of this module in the first lines, and of the server (PROTOCOL.md) in the last ones. */
export type ErrorCode =
  | "bad_config" | "bad_url" | "bad_mode" | "bad_data" | "bad_call" | "unreachable" | "aborted" | "closed"
  | "unknown_channel" | "packet_too_large" | "buffer_full" | "no_credit" | "bad_command"
  | "refused" | "deadline" | "channel_mismatch" | "negotiation" | "misbehaved" | "unauthorized" | "auth_required" | "host_gone"
  | "bad_message" | "unknown_kind" | "bad_room" | "too_large" | "not_joined" | "already_joined" | "join_timeout" | "topology_mismatch"
  | "room_full" | "server_full" | "sealed" | "resume_refused" | "replaced" | "not_host" | "unknown_peer" | "host_left"
  | "seal_complete" | "unknown_room" | "slow" | "shutting_down" | "internal" | "forbidden" | "wrong_password" | "rate_limited"
  | "locked" | "kicked" | "expired" | "room_closed" | "host_replaced";
export type Bytes = Uint8Array | ArrayBuffer | ArrayBufferView | string;

/** An RTCIceServer. */
export type IceServer = { urls: string | string[]; username?: string; credential?: string };

/**
 * Why a peer is gone.
 * - by peer: the other end closed, or the host says it has left.
 * - by us: disconnect was called here.
 * - lost: nothing was heard of it for lostAfter.
 * - slow: it, or this program, reads too slowly.
 * - host gone: it was reached through a host that is gone.
 * - misbehaved: it sent what the contract forbids.
 * - unauthorized: it demands authentication, and there is no config.auth here.
 * - kicked: it was taken out of the room.
 */
export type Reason = "by peer" | "by us" | "lost" | "slow" | "host gone" | "misbehaved" | "unauthorized" | "kicked";

/**
 * What a packet that is no ordinary one means to Godot's SceneMultiplayer: its data is the whole command, with its
 * first byte.
 */
export type Command = "remote_call" | "simplify_path" | "confirm_path" | "spawn" | "despawn" | "sync";

/** The other end of a link that is open and not yet authenticated, as config.auth sees it until it returns. */
export type PendingPeer = {
  /** The signaling server vouches for it. */
  id: number;
  /** Whether it is the host of the room. In a room that migrates that need not be the member 1. */
  isHost: boolean;
  /** Sends data, which must not be empty, to the other end's config.auth, Config.Auth or auth_callback. */
  send: (data: Bytes) => void;
  /**
   * Waits, one call at a time, for what that sends next. null: it has accepted this end, and sends nothing more.
   * Rejects when the link or authTimeout is over.
   */
  receive: () => Promise<Uint8Array | null>;
};

/** How a node takes part. Everything may be left out. Sizes are in bytes, times in milliseconds. */
export type Config = {
  /** What the room must be, and what a new one becomes. Left out: that of the room; a mesh if it is new. */
  topology?: Topology;
  /** Modes of the channels 1, 2, ...; at most 255, the same for all members. */
  channels?: Mode[];
  /**
   * Puts packets of a mesh into the frames of Godot's SceneMultiplayer, as they are in every star: for rooms shared
   * with Godot games that use MultiplayerAPI. The same for all members.
   */
  framed?: boolean;
  /** How often a lost packet of the unreliable modes is sent again (0). */
  maxRetransmits?: number;
  /** The largest packet sent or accepted (16384, at most 262144). */
  maxPacket?: number;
  /** How long a link may take to open (20000; negative: no limit). */
  connectTimeout?: number;
  /**
   * How long a connected peer may be interrupted before it is disconnected: lost. As long as both are members the two go
   * on trying, and a success is a new connected. Only for peers that take part in repairs (30000; negative: no limit).
   */
  lostAfter?: number;
  /**
   * Talks to the other end of a link that is open, and returns to accept it. An error refuses it at once. The link is
   * connected when both ends have accepted each other; until then nothing else goes over it, and nobody is told of it.
   * Both ends need one, except that a star's host without one lets everybody in. In a star, or with framed. See
   * sharedSecret.
   */
  auth?: (peer: PendingPeer) => void | Promise<void>;
  /** How long that may take (3000; negative: no limit). */
  authTimeout?: number;
  /** How long close and disconnect wait for reliable packets to arrive (500; negative: not at all). */
  linger?: number;
  /** STUN and TURN servers besides those that the server tells. */
  iceServers?: IceServer[];
  /** "relay" uses TURN servers only. */
  iceTransportPolicy?: "all" | "relay";
  /** Shown to the other members: any JSON, at most 1 KiB. */
  metadata?: any;
  /** For signaling servers that admit only members who hold one. */
  token?: string;
  /** Of the room, and of one that join creates: at most 128 bytes. */
  password?: string;
  /**
   * node.resume of a program before this one, to come back in its place: with its id, and as the host if it was. The
   * others see it disconnect and connect anew. Refused (resume_refused) when the place is gone.
   */
  resume?: string;
  /**
   * Keeps the place in the room when the page is left, for as long as the server does, so that a page that is reloaded
   * can come back with resume, and one that comes out of the back/forward cache goes on by itself. Without it a page that
   * is left leaves the room at once, and its node is closed.
   */
  keepPlace?: boolean;
  /** How the room shall be if join creates it. */
  newRoom?: NewRoom;
  /** Whether join may create the room that it names: "never" (unknown_room if it does not exist), "only" (room_exists if it does). Without it, if there is none. */
  create?: "never" | "only";
  /** node.refuse from the beginning. */
  refuse?: boolean;
  /**
   * The largest number of links, including those that are still being made: new ones beyond it are refused (0: no
   * limit). In a star it is for the host.
   */
  maxPeers?: number;
  /** Gives up the joining; without effect afterwards. */
  signal?: AbortSignal;
  /**
   * relayLinks of relay-links.js: takes links through the signaling server where WebRTC finds no way, if the server offers
   * it (signal-server --relay-links) and the other end wants it, too. The packets are encrypted from end to end. Needs a
   * page over https, or of localhost.
   */
  relayLinks?: RelayLinks;
  /** Measures the ways to the peers, and their clocks: see times.js. */
  times?: PeerTimes;
  /** Follows a star to its next host, or becomes it, if the room migrates: see migration.js. */
  migration?: Migration;
  /** Gets what an operator would want to know. */
  log?: (text: string, detail?: any) => void;
  /** Instead of the browser's. */
  RTCPeerConnection?: new (config?: any) => any;
  /** Instead of the browser's. */
  WebSocket?: new (url: string, protocols: string[]) => any;
};

/** What is measured of the peers of one node, by a class of times.js. In ms; undefined: not known. */
export type PeerTimes = { rtt(peer: number): number | undefined; offset(peer: number): number | undefined };

/** How a node follows its host, by a class of migration.js. */
export type Migration = { readonly term: number; setSuccessor(id: number): void };

/** What relay-links.js does for a node. It is no part of the contract. */
export type RelayLinks = (socket: () => WebSocket | null, drop: (why: string) => void) => {
  /** A stand-in for an RTCPeerConnection with a peer. */
  connect: (peer: number) => any;
  /** Takes a binary frame of the socket. */
  receive: (frame: ArrayBuffer) => void;
  /** Ends all connections: the socket is lost. */
  lose: () => void;
};

export type NewRoom = {
  /** Whether list shows it. */
  public?: boolean;
  /** Describes it there: any JSON, at most 1 KiB. The strings, numbers and booleans of an object can be asked for. */
  metadata?: any;
  /** The most members it may have (0: as many as the server allows). */
  maxMembers?: number;
  /** A star outlives its host, as long as all members can move to another one: see migration.js. */
  migrates?: boolean;
  /** For how many ms such a room waits for a host that has lost the server (0: 10000; at most 600000). */
  hostTimeout?: number;
};

/** What list asks for. Of the Config, only token, WebSocket and signal count here. */
export type Query = Config & {
  /** At most 16 fields that a room's metadata must have, with the same values. */
  filter?: Record<string, string | number | boolean>;
  /** Rooms of a page (50, at most 100). */
  limit?: number;
  /** next of the page before. */
  after?: string;
};

/** A room as it was at the moment of a list. */
export type PublicRoom = {
  room: string;
  /** For join. */
  url: string;
  topology: Topology;
  /** How many there are. */
  members: number;
  /** Missing if that is up to the server. */
  maxMembers?: number;
  locked?: boolean;
  /** It asks for a password. */
  password?: boolean;
  metadata?: any;
};

/** A packet to send. */
export type Outgoing = {
  /** The target: 0 everybody (the default), N that peer, -N all but N. */
  peer?: number;
  channel?: number;
  /** Of channel 0 (reliable); the other channels have one of their own. */
  mode?: Mode;
  /** A string is sent as UTF-8. */
  data: Bytes;
  /** Only where packets are framed: in a star, and with config.framed. */
  command?: Command;
};

/** A packet that was received. Its data belongs to whoever takes the event. */
export type Packet = {
  /** The source. */
  peer: number;
  channel: number;
  mode: Mode;
  data: Uint8Array;
  command?: Command;
};

/** The link is up, and packets can be sent. */
export type ConnectedEvent = { kind: "connected"; peer: number; /** Its config.metadata, if it is told here. */ metadata?: any };
export type PacketEvent = { kind: "packet"; peer: number; packet: Packet };
/** Nothing more of this peer will come. */
export type DisconnectedEvent = { kind: "disconnected"; peer: number; reason: Reason; error?: RtcPeerError };
/**
 * A link with this member could not be made. As long as both are members the two go on trying, unless one of them does
 * not take part in repairs, or the error is refused, unauthorized, misbehaved or channel_mismatch.
 */
export type FailedEvent = { kind: "failed"; peer: number; error: RtcPeerError };
/**
 * Nothing has been heard of a connected peer for about two seconds. It stays connected: reliable packets wait, unreliable
 * ones are dropped. resumed or disconnected follows.
 */
export type InterruptedEvent = { kind: "interrupted"; peer: number };
/** An interrupted peer is heard again. No reliable packet was lost or repeated. */
export type ResumedEvent = { kind: "resumed"; peer: number };
/**
 * The connection to the signaling server was lost. Links go on; newcomers and repairs of links wait until it is back. peer
 * is never there.
 */
export type SignalingLostEvent = { kind: "signaling lost"; peer?: undefined; error: RtcPeerError };
/** The connection to the signaling server is back. */
export type SignalingResumedEvent = { kind: "signaling resumed"; peer?: undefined };
/**
 * Another member hosts the room, see migration.js. The others that are connected stay so. missed: who of them may have
 * missed reliable packets of this node, as the old host may not have passed them on. peer is new.
 */
export type HostChangedEvent = { kind: "host changed"; peer: number; old: number; new: number; term: number; missed: number[] };
/** A connected peer shows other metadata than before. With the node's own id it is the answer to setMetadata. */
export type UpdatedEvent = { kind: "updated"; peer: number; /** undefined: none. */ metadata: any };
/** For node.on alone: nothing more comes. error: why, if close was not called. */
export type EndedEvent = { kind: "ended"; error: RtcPeerError | null };
export type Event =
  | ConnectedEvent
  | PacketEvent
  | DisconnectedEvent
  | FailedEvent
  | InterruptedEvent
  | ResumedEvent
  | HostChangedEvent
  | UpdatedEvent
  | SignalingLostEvent
  | SignalingResumedEvent;

export type LaneStats = {
  channel: number;
  mode: Mode;
  /** Packets. */
  sent: number;
  received: number;
  /** Of those sent, how many the other end is known to have taken; only of reliable lanes, and if the link is repairable. */
  delivered?: number;
  /** Of those sent, how many were sent again over another path. */
  resent: number;
  /** Bytes that were sent and have not arrived, as far as is known: with repairs, that the other end has not taken. */
  buffered: number;
  /** Bytes that wait for the program. */
  unread: number;
};

export type LinkStats = {
  state: "connecting" | "connected";
  /** From the first step to every channel open; 0 before that. */
  connectTime: number;
  /** The other end takes part in repairs: the link outlives its paths. */
  repairable: boolean;
  /** From interrupted to resumed. */
  interrupted: boolean;
  /** How long ago the other end was last heard, in ms. */
  lastHeard: number;
  /** How many connections the link has gone over so far, one after the other. */
  paths: number;
  /**
   * How many were refused because their other end did not prove that it is the peer: the signaling server, or who can
   * write to it, has tried to take the link over.
   */
  pathsRefused: number;
  /** Of the path, in ms; 0 if not known. */
  rtt: number;
  /** The kind of this end's candidate: host, srflx, prflx, relay; signaling for the signaling server; "" if not known. */
  local: string;
  /** The kind of the other end's. */
  remote: string;
  /** On the wire, as far as the browser tells. */
  bytesSent: number;
  bytesReceived: number;
  /** Channel 0 in its three modes, then channels 1, 2, ... */
  lanes: LaneStats[];
};

export type Stats = {
  id: number;
  room: string;
  topology: Topology;
  host: number;
  sealed: boolean;
  /** Whether there is a connection to the signaling server at this moment. */
  signaling: boolean;
  /** Why signaling has ended for good, which ends no link. */
  signalingError: RtcPeerError | null;
  /** Why there is none, while it tries to come back. */
  signalingLost: RtcPeerError | null;
  /** How often that connection was lost and resumed. */
  resumed: number;
  /** Events that wait to be taken. */
  waiting: number;
  /**
   * Packets by the word for why: buffer_full, no_credit, peer_gone, no_target, malformed, pending (not authenticated),
   * interrupted (an unreliable packet for a peer that is). And frames that the signaling server has forwarded:
   * forwarded_unknown, of a path that is not here; forwarded_forged, not of the other end; forwarded_replay, was here
   * before; forwarded_full, more than a MiB waited to be decrypted.
   */
  dropped: Record<string, number>;
  /** By peer; peers behind a star's host have none. */
  links: Record<number, LinkStats>;
};
/** What goes wrong here. Programs branch on code. The message is for people and says what to do. The name is AbortError for the code aborted. */
export declare class RtcPeerError extends Error {
    code: ErrorCode;
    /** The peer it is about. @type {number | undefined} */ peer: number | undefined;
    /** deadline: what the link was waiting for. @type {"signaling" | "path" | "security" | "lanes" | undefined} */ stage: "signaling" | "path" | "security" | "lanes" | undefined;
    /** deadline: how far it came. @type {string | undefined} */ detail: string | undefined;
    /** channel_mismatch: the two lists. @type {Mode[] | undefined} */ ours: Mode[] | undefined;
    /** @type {Mode[] | undefined} */ theirs: Mode[] | undefined;
    /** Whether the same may succeed later. */ retry: boolean;
    /** If so: after how many ms at least. */ retryAfter: number;
    /** @param {ErrorCode} code @param {string} message @param {object} [more] */
    constructor(code: ErrorCode, message: string, more?: object);
}
/** A reliable broadcast for which some peers had no room; all others have it. Send it to each of peers to wait. */
export declare class BroadcastError extends RtcPeerError {
    peers: number[];
    /** @param {number[]} peers */
    constructor(peers: number[]);
}
/**
 * The config.auth of a star whose members all hold the same secret: the guests send it, and the host accepts nobody
 * else. The host must be trusted with it. A Godot guest calls send_auth(1, secret) and complete_auth(1).
 * @param {Uint8Array | ArrayBuffer | ArrayBufferView | string} secret
 * @returns {(peer: PendingPeer) => Promise<void>}
 */
export declare function sharedSecret(secret: Uint8Array | ArrayBuffer | ArrayBufferView | string): (peer: PendingPeer) => Promise<void>;
/** This participant of a room, made by join. To iterate over it is to take its events; stopping ends nothing. */
export declare class RtcNode {
    /** 1 to 2147483647; 1 is the creator of the room, and a star's host. @readonly @type {number} */ readonly id: number;
    /** @readonly @type {string} */ readonly room: string;
    /** At which others join. @readonly @type {string} */ readonly url: string;
    /** @readonly @type {Topology} */ readonly topology: Topology;
    /** The id of the room's host, which changes in a star that outlives it. In a mesh it has no part in the packets. @readonly @type {number} */ readonly host: number;
    /** "connecting" is a star's guest that waits for its host. @type {"disconnected" | "connecting" | "connected"} */ status: "disconnected" | "connecting" | "connected";
    /** Why the node has ended, if close was not called. @type {RtcPeerError | null} */ error: RtcPeerError | null;
    /** Whether the room takes nobody new. */ sealed: boolean;
    /** Whether it takes nobody new until the host opens it. */ locked: boolean;
    /** Whether new links are refused, which the other side learns at once; open ones stay. @type {boolean} */ refuse: boolean;
    /** The ids of all connected peers, ascending. */
    get peers(): any[];
    /** The ids of the other members that the server has told of, connected or not: for a star's guest the host alone. */
    get members(): any[];
    /** What a member shows of itself: its config.metadata, or what it gave to setMetadata since. A star's guest knows the host's alone. @param {number} id */
    metadata(id: number): any;
    /**
     * For how many ms the server still waits for a host that had lost it when this node joined or came back, if the room ends
     * with its host. Then the host is back, or the room is over. 0: the host is there, as far as is known.
     */
    get hostAway(): number;
    /** For config.resume of a program that comes back in this one's place, such as the same page reloaded. */
    get resume(): any;
    /**
     * Sends a packet; resolves when it was accepted. To one peer a reliable packet waits for room: await
     * each. An unreliable one without room is dropped, which stats counts. A broadcast never waits. An empty
     * packet sends nothing. Data alone goes to all. A Blob is read first, and a packet that is sent meanwhile overtakes it.
     * Rejects with an RtcPeerError: closed, unknown_peer, unknown_channel, bad_mode, bad_data,
     * packet_too_large, bad_command, buffer_full (a BroadcastError, or 4 MiB wait already).
     * @param {Outgoing | Bytes | Blob} packet
     * @returns {Promise<void>}
     */
    send(packet: Outgoing | Bytes | Blob): Promise<void>;
    /** Is like send, but throws at once, and buffer_full instead of waiting. It takes no Blob. @param {Outgoing | Bytes} packet @returns {void} */
    trySend(packet: Outgoing | Bytes): void;
    /** All events there are, without waiting: for a game loop. When there will be no more, see error. */
    poll(): Event[];
    /**
     * The next event. Done after close; after the node ended by itself, rejects once with the reason.
     * @returns {Promise<IteratorResult<Event, undefined>>}
     */
    next(): Promise<IteratorResult<Event, undefined>>;
    /** A second loop at the same time, or one beside on, throws bad_call: they would share the events. @returns {AsyncIterator<Event, undefined>} */
    [Symbol.asyncIterator](): AsyncIterator<Event, undefined>;
    /**
     * Calls take for each event of a kind from now on, and returns what undoes that. Events of kinds that nobody takes are
     * passed over. "ended" is the last one: error is null after close. It is an alternative to a loop: throws bad_call
     * beside one. An error of take is an unhandled rejection.
     * @template {(Event | EndedEvent)["kind"]} K
     * @param {K} kind
     * @param {(event: Extract<Event | EndedEvent, { kind: K }>) => void} take
     * @returns {() => unknown}
     */
    on<K extends (Event | EndedEvent)["kind"]>(kind: K, take: (event: Extract<Event | EndedEvent, {
        kind: K;
    }>) => void): () => unknown;
    /** Ends the link with a peer; its disconnected follows. Throws unknown_peer, not_host. @param {number} id */
    disconnect(id: number): void;
    /** Closes the room for newcomers. Rejects with not_host, closed. @returns {Promise<void>} */
    seal(): Promise<void>;
    /** Closes the room for newcomers, or opens it again. Rejects with not_host, closed. @param {boolean} locked @returns {Promise<void>} */
    setLocked(locked: boolean): Promise<void>;
    /**
     * Asks the server to show other metadata of this node from now on, and does not wait: JSON of at most 1024 bytes;
     * undefined is none. The event updated with this node's id is the answer: it has what is shown, as an access token may
     * grant some that stays. The others are told of ten changes at once, and of one a second over time, the last one
     * included. A node that has ended asks nobody. Throws bad_message.
     * @param {any} metadata
     */
    setMetadata(metadata: any): void;
    /**
     * Asks the server to take a member out of the room, and does not wait. Its node ends with an error of code kicked and
     * the reason, at most 256 bytes; all others disconnect it: kicked, or by peer where a Godot game was faster. It may join
     * anew where a newcomer may: setLocked prevents that. Throws not_host, unknown_peer, closed, bad_message.
     * @param {number} id @param {string} [reason]
     */
    kick(id: number, reason?: string): void;
    /** Figures at this moment, for people. @returns {Promise<Stats>} */
    stats(): Promise<Stats>;
    /** Waits until the others have taken every reliable packet that was sent, through interruptions too. Whoever is disconnected meanwhile does not count. */
    flush(): Promise<void>;
    /**
     * Leaves: the others learn of it at once, and no more events come here. Waits at most config.linger for what was sent.
     * @returns {Promise<Record<number, number>>} by peer, the bytes that were sent reliably and have not arrived, as far as this end knows
     */
    close(): Promise<Record<number, number>>;
}
/**
 * Enters a room, at ws://host:port/room, and resolves when the server has welcomed this node: links with the
 * members there follow, as events. A URL without a room makes a new one; node.url has its name. Rejects with
 * an RtcPeerError: unreachable, or the server's code (sealed, room_full, topology_mismatch, ...).
 * @param {string} url
 * @param {Config} [config]
 * @returns {Promise<RtcNode>}
 */
export declare function join(url: string, config?: Config): Promise<RtcNode>;
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
export declare function match(url: string, key: string, size: number, config?: Config): Promise<RtcNode>;
/**
 * The public rooms of the server at url, by their names: a page of them, and next if there are more, which is after of
 * the query that goes on. A room in the url counts for nothing. Rejects as join does.
 * @param {string} url
 * @param {Query} [query]
 * @returns {Promise<{rooms: PublicRoom[], next?: string}>}
 */
export declare function list(url: string, { filter, limit, after, ...config }?: Query): Promise<{
    rooms: PublicRoom[];
    next?: string;
}>;
