// The words of the contract. What stands here is in rtcpeer.d.ts.

import type { RtcPeerError } from "./errors.js";

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
