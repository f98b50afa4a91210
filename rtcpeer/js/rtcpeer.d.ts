export type Mode = "reliable" | "unreliable_ordered" | "unreliable";
export type Topology = "mesh" | "star";
/**
 * The codes of an RtcPeerError. The first three lines are codes of this module, the others are those of the server
 * (PROTOCOL.md). Some are used by both.
 */
export type ErrorCode =
  | "bad_config" | "bad_url" | "bad_mode" | "bad_data" | "bad_call" | "unreachable" | "aborted" | "closed"
  | "unknown_channel" | "packet_too_large" | "buffer_full" | "no_credit" | "bad_command"
  | "refused" | "deadline" | "channel_mismatch" | "negotiation" | "misbehaved" | "unauthorized" | "auth_required" | "host_gone"
  | "bad_message" | "unknown_kind" | "bad_room" | "too_large" | "not_joined" | "already_joined" | "join_timeout" | "topology_mismatch"
  | "room_full" | "room_exists" | "server_full" | "sealed" | "resume_refused" | "replaced" | "not_host" | "unknown_peer" | "host_left"
  | "seal_complete" | "unknown_room" | "slow" | "shutting_down" | "internal" | "forbidden" | "wrong_password" | "rate_limited"
  | "locked" | "kicked" | "expired" | "room_closed" | "host_replaced";
export type Bytes = Uint8Array | ArrayBuffer | ArrayBufferView | string;

/** An RTCIceServer. */
export type IceServer = { urls: string | string[]; username?: string; credential?: string };

/**
 * Why a peer is gone.
 * - by peer: the other end closed the link, or the host says that the peer has left.
 * - by us: disconnect was called here.
 * - lost: nothing came from it for lostAfter.
 * - slow: it, or this program, reads too slowly.
 * - host gone: it was reached through a host that is gone.
 * - misbehaved: it sent something that the contract forbids.
 * - unauthorized: it requires authentication, and config.auth is not set here.
 * - kicked: it, or this node, was removed from the room.
 */
export type Reason = "by peer" | "by us" | "lost" | "slow" | "host gone" | "misbehaved" | "unauthorized" | "kicked";

/**
 * What a packet means to Godot's SceneMultiplayer, if it is not an ordinary packet. Its data is the whole command, with
 * its first byte.
 */
export type Command = "remote_call" | "simplify_path" | "confirm_path" | "spawn" | "despawn" | "sync";

/** The other end of a link that is open and not yet authenticated. It is valid until config.auth returns. */
export type PendingPeer = {
  /** Its id, for which the signaling server vouches. */
  id: number;
  /** Whether it is the host of the room. In a room that migrates, the host need not be member 1. */
  isHost: boolean;
  /** Sends data, which must not be empty, to the other end's config.auth, Config.Auth or auth_callback. */
  send: (data: Bytes) => void;
  /**
   * Waits for the next data of the other end; call it once at a time. It returns null when the other end has accepted
   * this one and will send nothing more. It rejects when the link or authTimeout is over.
   */
  receive: () => Promise<Uint8Array | null>;
};

/** Options of a node. All are optional. Sizes are in bytes, times in milliseconds. Defaults are in parentheses. */
export type Config = {
  /** The topology that the room must have, and that a new room gets. Without it: that of the room, or a mesh if the room is new. */
  topology?: Topology;
  /** Modes of the channels 1, 2, ...; at most 255. All members need the same list. */
  channels?: Mode[];
  /**
   * Puts packets of a mesh into the frames of Godot's SceneMultiplayer, as in every star. It is for rooms shared with
   * Godot games that use MultiplayerAPI. All members need the same value.
   */
  framed?: boolean;
  /** How often a lost packet of the unreliable modes is sent again (0). */
  maxRetransmits?: number;
  /** The largest packet sent or accepted (16384, at most 262144). */
  maxPacket?: number;
  /** How long a link may take to open (20000; negative: no limit). */
  connectTimeout?: number;
  /**
   * How long a connected peer may be interrupted before it is disconnected with the reason lost. As long as both are
   * members the two go on trying; when they succeed, there is a new connected. It applies only to peers that take part in
   * repairs (30000; negative: no limit).
   */
  lostAfter?: number;
  /**
   * Talks to the other end of a link that is open, and returns to accept it. An error refuses it at once. The link is
   * connected when both ends have accepted each other. Until then nothing else goes over it, and the programs are not
   * told of the peer. Both ends need auth, except that a star's host without it lets everybody in. It requires a star, or
   * framed. See sharedSecret.
   */
  auth?: (peer: PendingPeer) => void | Promise<void>;
  /** How long authentication may take (3000; negative: no limit). */
  authTimeout?: number;
  /** How long close and disconnect wait for reliable packets to arrive (500; negative: not at all). */
  linger?: number;
  /** STUN and TURN servers, in addition to those of the signaling server. */
  iceServers?: IceServer[];
  /** "relay" uses TURN servers only. */
  iceTransportPolicy?: "all" | "relay";
  /** What the other members see of this node: any JSON, at most 1 KiB. */
  metadata?: any;
  /** The access token, for signaling servers that require one. */
  token?: string;
  /** The password of the room, and of a room that join creates: at most 128 bytes. */
  password?: string;
  /**
   * node.resume of an earlier program, to come back in its place: with its id, and as the host if it was the host. For
   * the others it disconnects and connects again. If the place is gone, join rejects with resume_refused.
   */
  resume?: string;
  /**
   * Keeps the place in the room when the user leaves the page, as long as the server keeps it. So a page that is reloaded
   * can come back with resume, and a page from the back/forward cache goes on by itself. Without keepPlace, leaving the
   * page leaves the room at once and closes the node.
   */
  keepPlace?: boolean;
  /** Properties of the room if join creates it. */
  newRoom?: NewRoom;
  /** Whether join may create the room. "never": the room must exist, or the error is unknown_room. "only": it must not exist, or the error is room_exists. Without it, join creates the room if it does not exist. */
  create?: "never" | "only";
  /** The initial value of node.refuse (false). */
  refuse?: boolean;
  /**
   * The largest number of links, including those that are still being made. Further links are refused (0: no limit). In
   * a star it applies to the host.
   */
  maxPeers?: number;
  /** Cancels the join; it has no effect afterwards. */
  signal?: AbortSignal;
  /**
   * relayLinks of relay-links.js: lets links go through the signaling server if WebRTC finds no path, the server offers it
   * (signal-server --relay-links) and the other end uses it, too. The packets are encrypted from end to end. It needs a
   * page from https: or from localhost.
   */
  relayLinks?: RelayLinks;
  /** Measures round trips to the peers and the differences of their clocks: see times.js. */
  times?: PeerTimes;
  /** Moves this node to the next host of a star that migrates, or makes it the host: see migration.js. */
  migration?: Migration;
  /** Is called with messages for the operator of the program. */
  log?: (text: string, detail?: any) => void;
  /** Replaces the browser's RTCPeerConnection. */
  RTCPeerConnection?: new (config?: any) => any;
  /** Replaces the browser's WebSocket. */
  WebSocket?: new (url: string, protocols: string[]) => any;
};

/** Measurements of the peers of one node, made by times.js. In ms; undefined if not known. */
export type PeerTimes = { rtt(peer: number): number | undefined; offset(peer: number): number | undefined };

/** How a node moves to another host, implemented by migration.js. */
export type Migration = { readonly term: number; setSuccessor(id: number): void };

/** What relay-links.js does for a node. Programs do not call it. */
export type RelayLinks = (socket: () => WebSocket | null, drop: (why: string) => void) => {
  /** A stand-in for an RTCPeerConnection with a peer. */
  connect: (peer: number) => any;
  /** Takes a binary frame of the socket. */
  receive: (frame: ArrayBuffer) => void;
  /** Ends all connections: the socket is lost. */
  lose: () => void;
};

export type NewRoom = {
  /** Whether list returns it. */
  public?: boolean;
  /** Describes the room in lists: any JSON, at most 1 KiB. If it is an object, list can filter by its fields that are strings, numbers or booleans. */
  metadata?: any;
  /** The largest number of members (0: the limit of the server). */
  maxMembers?: number;
  /** Lets a star outlive its host, as long as all members can move to another one: see migration.js. */
  migrates?: boolean;
  /** How long such a room waits for a host that has lost the server, in ms (0: 10000; at most 600000). */
  hostTimeout?: number;
};

/** Options of list. Of those of Config it uses only token, WebSocket and signal. */
export type Query = Config & {
  /** The fields, at most 16, that the metadata of a room must have, with the same values. */
  filter?: Record<string, string | number | boolean>;
  /** The number of rooms of a page (50; at most 100). */
  limit?: number;
  /** The next of the previous page. */
  after?: string;
};

/** A public room, as it was when the list was made. */
export type PublicRoom = {
  room: string;
  /** The URL with which to join it. */
  url: string;
  topology: Topology;
  /** The number of its members. */
  members: number;
  /** Missing if only the limit of the server applies. */
  maxMembers?: number;
  locked?: boolean;
  /** Whether a password is needed. */
  password?: boolean;
  metadata?: any;
};

/** A packet to send. */
export type Outgoing = {
  /** The target: 0, the default, means all peers, N means that peer, and -N all but N. */
  peer?: number;
  channel?: number;
  /** The mode on channel 0 (reliable). The other channels each have one mode, and ignore this one. */
  mode?: Mode;
  /** A string is sent as UTF-8. */
  data: Bytes;
  /** Only in a star, or with config.framed. */
  command?: Command;
};

/** A received packet. Its data belongs to the receiver of the event. */
export type Packet = {
  /** The source. */
  peer: number;
  channel: number;
  mode: Mode;
  data: Uint8Array;
  command?: Command;
};

/** The link is up, and packets can be sent. */
export type ConnectedEvent = { kind: "connected"; peer: number; /** Its config.metadata, if this node gets to see it. */ metadata?: any };
export type PacketEvent = { kind: "packet"; peer: number; packet: Packet };
/**
 * The peer is gone, and nothing more comes from it. code and text are what the program at the other end gave to disconnect,
 * or DisconnectWith in Go. They are missing if it gave none, or if they did not arrive.
 */
export type DisconnectedEvent = { kind: "disconnected"; peer: number; reason: Reason; error?: RtcPeerError; code?: number; text?: string };
/**
 * A link with this member could not be made. The two go on trying as long as both are members, unless one of them does
 * not take part in repairs, or the code of the error is refused, unauthorized, misbehaved or channel_mismatch.
 */
export type FailedEvent = { kind: "failed"; peer: number; error: RtcPeerError };
/**
 * Nothing has come from a connected peer for about two seconds. It stays connected: reliable packets wait, and unreliable
 * ones are dropped. resumed or disconnected follows.
 */
export type InterruptedEvent = { kind: "interrupted"; peer: number };
/** An interrupted peer can be reached again. No reliable packet was lost or repeated. */
export type ResumedEvent = { kind: "resumed"; peer: number };
/**
 * The connection to the signaling server was lost. Links go on. Newcomers and repairs of links wait until it is back.
 */
export type SignalingLostEvent = { kind: "signaling lost"; peer?: undefined; error: RtcPeerError };
/** The connection to the signaling server is back. */
export type SignalingResumedEvent = { kind: "signaling resumed"; peer?: undefined };
/**
 * Another member is the host of the room now, see migration.js. The other connected peers stay connected. missed lists
 * those that may have missed reliable packets of this node, because the old host may not have relayed them. peer is the
 * same as new.
 */
export type HostChangedEvent = { kind: "host changed"; peer: number; old: number; new: number; term: number; missed: number[] };
/** A connected peer has other metadata than before. With the id of this node it is the answer to setMetadata. */
export type UpdatedEvent = { kind: "updated"; peer: number; /** undefined: none. */ metadata: any };
/** The last event, only for node.on. error says why the node has ended; it is null after close. */
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
  /** How many of the sent packets the other end has taken, as far as is known. Only for reliable lanes of a link that is repairable. */
  delivered?: number;
  /** How many of the sent packets were sent again over another path. */
  resent: number;
  /** Bytes that were sent and have not arrived, as far as is known. If the link is repairable: that the other end has not taken. */
  buffered: number;
  /** Bytes that wait for the program. */
  unread: number;
};

export type LinkStats = {
  state: "connecting" | "connected";
  /** Time in ms from the first step until every channel was open; 0 before. */
  connectTime: number;
  /** Whether the other end takes part in repairs, so that the link survives the loss of its path. */
  repairable: boolean;
  /** Whether the link is interrupted: true from interrupted to resumed. */
  interrupted: boolean;
  /** Time since something last came from the other end, in ms. */
  lastHeard: number;
  /** The number of connections that the link has used so far, one after the other. */
  paths: number;
  /**
   * The number of paths that were refused because their other end did not prove that it is the peer: the signaling
   * server, or somebody who can write to it, has tried to take over the link.
   */
  pathsRefused: number;
  /** The round trip of the path, in ms; 0 if not known. */
  rtt: number;
  /** The kind of this end's candidate: host, srflx, prflx or relay; "signaling" if the path goes through the signaling server; "" if not known. */
  local: string;
  /** The kind of the other end's candidate. */
  remote: string;
  /** Bytes on the wire, as far as the browser reports them. */
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
  /** Whether the node is connected to the signaling server at the moment. */
  signaling: boolean;
  /** Why signaling has ended for good, which does not end any link; otherwise null. */
  signalingError: RtcPeerError | null;
  /** Why there is no connection to the signaling server, while the node tries to connect again; otherwise null. */
  signalingLost: RtcPeerError | null;
  /** How often that connection was lost and resumed. */
  resumed: number;
  /** Events that wait for the program. */
  waiting: number;
  /**
   * Dropped packets by reason: buffer_full, no_credit, peer_gone, no_target, malformed, pending (the peer is not
   * authenticated), interrupted (an unreliable packet for a peer that is interrupted). Also frames that came through the
   * signaling server: forwarded_unknown, for a path that does not exist here; forwarded_forged, not from the other end;
   * forwarded_replay, received before; forwarded_full, more than 1 MiB waited to be decrypted.
   */
  dropped: Record<string, number>;
  /** The links by peer. Peers behind a star's host have none. */
  links: Record<number, LinkStats>;
};
/** An error of this module or of the server. Programs branch on code; the message is for people and says what to do. Its name is RtcPeerError, or AbortError if the code is aborted. */
export declare class RtcPeerError extends Error {
    code: ErrorCode;
    /** The peer that the error is about. @type {number | undefined} */ peer: number | undefined;
    /** For deadline: what the link was waiting for. @type {"signaling" | "path" | "security" | "lanes" | undefined} */ stage: "signaling" | "path" | "security" | "lanes" | undefined;
    /** For deadline: how far the link came. @type {string | undefined} */ detail: string | undefined;
    /** For channel_mismatch: config.channels of this end; theirs is that of the other end. @type {Mode[] | undefined} */ ours: Mode[] | undefined;
    /** @type {Mode[] | undefined} */ theirs: Mode[] | undefined;
    /** Whether another attempt may succeed later. */ retry: boolean;
    /** The least time to wait before it, in ms. */ retryAfter: number;
    /** @param {ErrorCode} code @param {string} message @param {object} [more] */
    constructor(code: ErrorCode, message: string, more?: object);
}
/** The error of a reliable broadcast for which some peers had no room; all others get it. To wait for room, send the packet to each of peers. */
export declare class BroadcastError extends RtcPeerError {
    peers: number[];
    /** @param {number[]} peers */
    constructor(peers: number[]);
}
/**
 * Returns the config.auth for a star whose members all hold the same secret. The guests send it, and the host accepts
 * nobody else, so the guests must trust the host with the secret. A Godot guest calls send_auth(1, secret) and
 * complete_auth(1).
 * @param {Uint8Array | ArrayBuffer | ArrayBufferView | string} secret
 * @returns {(peer: PendingPeer) => Promise<void>}
 */
export declare function sharedSecret(secret: Uint8Array | ArrayBuffer | ArrayBufferView | string): (peer: PendingPeer) => Promise<void>;
/** This participant of a room, as join returns it. A loop over it gets its events; leaving the loop does not end the node. */
export declare class RtcNode {
    /** The id of this node, 1 to 2147483647. The creator of the room has 1. @readonly @type {number} */ readonly id: number;
    /** @readonly @type {string} */ readonly room: string;
    /** The URL at which others join the room. @readonly @type {string} */ readonly url: string;
    /** @readonly @type {Topology} */ readonly topology: Topology;
    /** The id of the room's host. It changes in a star that outlives its host. @readonly @type {number} */ readonly host: number;
    /** "connecting": this guest of a star waits for its host. @type {"disconnected" | "connecting" | "connected"} */ status: "disconnected" | "connecting" | "connected";
    /** Why the node has ended; null if it has not, or close was called. @type {RtcPeerError | null} */ error: RtcPeerError | null;
    /** Whether nobody new may join the room, ever. */ sealed: boolean;
    /** Whether nobody new may join until the host opens the room. */ locked: boolean;
    /** Whether this node refuses new links. The other end is told at once. Open links stay, and connected peers stay connected when the host changes. @type {boolean} */ refuse: boolean;
    /** The ids of all connected peers, in ascending order. @returns {number[]} */
    get peers(): number[];
    /** The ids of the other members that the server has announced to this node, connected or not. For a guest of a star: only the host. @returns {number[]} */
    get members(): number[];
    /** Returns the metadata of a member, from its config.metadata or setMetadata. A guest of a star knows only that of the host. @param {number} id */
    metadata(id: number): any;
    /**
     * How long the server still keeps the place of a host that had lost its connection when this node joined or came back,
     * in ms. By then the host is back; or, if the room migrates, another member is the host; or the room is over. 0: the host
     * is there, as far as is known, or the room is a mesh that goes on without it.
     */
    get hostAway(): number;
    /** The value of config.resume for a program that comes back in the place of this one, such as the same page after a reload. @returns {string | undefined} */
    get resume(): string | undefined;
    /**
     * Sends a packet, and resolves when it is accepted. A reliable packet to one peer waits for room, so await each. An
     * unreliable packet without room is dropped and counted in stats. A broadcast never waits. An empty packet sends
     * nothing. Bytes, a string or a Blob in place of a packet go to all peers. A Blob is read first, and packets sent
     * meanwhile overtake it. It rejects with an RtcPeerError: closed, unknown_peer, unknown_channel, bad_mode, bad_data,
     * packet_too_large, bad_command, buffer_full (a BroadcastError, or 4 MiB wait already).
     * @param {Outgoing | Bytes | Blob} packet
     * @returns {Promise<void>}
     */
    send(packet: Outgoing | Bytes | Blob): Promise<void>;
    /** Is like send, but throws at once, and throws buffer_full instead of waiting. It does not accept a Blob. @param {Outgoing | Bytes} packet @returns {void} */
    trySend(packet: Outgoing | Bytes): void;
    /** Returns all events that wait, without waiting itself: for a game loop. After the end of the node it returns none, and error says why. */
    poll(): Event[];
    /**
     * Returns the next event. After close it is done. After the node has ended by itself, it rejects once with the reason.
     * @returns {Promise<IteratorResult<Event, undefined>>}
     */
    next(): Promise<IteratorResult<Event, undefined>>;
    /** Throws bad_call if there is another loop or a handler of on, because they would split the events. @returns {AsyncIterator<Event, undefined>} */
    [Symbol.asyncIterator](): AsyncIterator<Event, undefined>;
    /**
     * Calls take for each event of a kind from now on, and returns a function that undoes this. Events of kinds without a
     * handler are dropped. "ended" is the last event. It is an alternative to a loop, and throws bad_call while there is
     * one. An error of take becomes an unhandled rejection.
     * @template {(Event | EndedEvent)["kind"]} K
     * @param {K} kind
     * @param {(event: Extract<Event | EndedEvent, { kind: K }>) => void} take
     * @returns {() => unknown}
     */
    on<K extends (Event | EndedEvent)["kind"]>(kind: K, take: (event: Extract<Event | EndedEvent, {
        kind: K;
    }>) => void): () => unknown;
    /**
     * Ends the link with a peer; its disconnected follows. The other end's disconnected has the code, 0 to 65535, whose meaning
     * is up to the programs, and the text, at most 256 bytes. They go over the encrypted link. If
     * that is interrupted, or packets have not arrived after config.linger, they also go through the signaling server, which can
     * read them. They do not reach a Godot game or another peer without repairs, and a host does not pass them on to its other
     * guests. Throws unknown_peer, bad_message, or not_host for a peer behind the host.
     * @param {number} id
     */
    disconnect(id: number, code?: number, text?: string): void;
    /** Closes the room to newcomers for good, and resolves when the server has done so. Rejects with not_host, closed. @returns {Promise<void>} */
    seal(): Promise<void>;
    /** Closes the room to newcomers, or opens it again, and resolves when the server has done so. Rejects with not_host, closed. @param {boolean} locked @returns {Promise<void>} */
    setLocked(locked: boolean): Promise<void>;
    /**
     * Asks the server to replace the metadata of this node, and does not wait. It is any JSON of at most 1024 bytes;
     * undefined means none. The answer is the event updated with the id of this node. It has the new metadata, in which
     * values granted by an access token stay. The server announces ten changes at once, and over time one a second; the last
     * one is always announced. After the end of the node it does nothing. Throws bad_message.
     * @param {any} metadata
     */
    setMetadata(metadata: any): void;
    /**
     * Asks the server to remove a member from the room, and does not wait. The node of that member ends with the code kicked
     * and the reason, at most 256 bytes. For the others it is disconnected with the reason kicked, or by peer if it is a
     * Godot game that closed its links first. It may join again if newcomers may; setLocked prevents that. Throws not_host,
     * unknown_peer, closed, bad_message.
     * @param {number} id @param {string} [reason]
     */
    kick(id: number, reason?: string): void;
    /** Returns the figures of the node. It asks each link, so it is for people and not for each packet. @returns {Promise<Stats>} */
    stats(): Promise<Stats>;
    /**
     * Waits until the other ends have taken every reliable packet that was sent before, even through interruptions. It does not
     * wait for peers that are disconnected meanwhile. For a peer without repairs, such as a Godot game, it waits until the
     * browser has sent everything, including packets that are sent meanwhile.
     */
    flush(): Promise<void>;
    /**
     * Leaves the room: the others are told at once, and no more events come here. It waits at most config.linger for what was
     * sent.
     * @returns {Promise<Record<number, number>>} by peer, the bytes that were sent reliably and have not arrived, as far as this end knows
     */
    close(): Promise<Record<number, number>>;
}
/**
 * Enters the room at ws://host:port/room. In a page the URL may be relative, such as /room; http and https stand for ws and
 * wss. It resolves when the server has admitted this node; the links with the members follow as events. If the URL names no
 * room, the server creates one, and node.url names it. It rejects with an RtcPeerError: bad_url, bad_config, unreachable,
 * aborted, or a code of the server (sealed, room_full, topology_mismatch, ...).
 * @param {string} url
 * @param {Config} [config]
 * @returns {Promise<RtcNode>}
 */
export declare function join(url: string, config?: Config): Promise<RtcNode>;
/**
 * Waits until size peers, 2 to 64, ask the server at url for the same key, topology and size. Then it enters the new,
 * sealed room of these peers. The peer that has waited longest is the host. The program chooses the key, 1 to 128 bytes:
 * for example the game, its version and the map. A room in the URL is ignored. config.signal cancels the wait. Otherwise
 * match is like join.
 * @param {string} url
 * @param {string} key
 * @param {number} size
 * @param {Config} [config]
 * @returns {Promise<RtcNode>}
 */
export declare function match(url: string, key: string, size: number, config?: Config): Promise<RtcNode>;
/**
 * Returns a page of the public rooms of the server at url. If there are more rooms, next is the value of after for the
 * next page. A room in the URL is ignored. The errors are those of join.
 * @param {string} url
 * @param {Query} [query]
 * @returns {Promise<{rooms: PublicRoom[], next?: string}>}
 */
export declare function list(url: string, { filter, limit, after, ...config }?: Query): Promise<{
    rooms: PublicRoom[];
    next?: string;
}>;
