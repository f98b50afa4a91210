// The node: its members, its links, and its end. What is marked internal is not for programs, and is not in rtcpeer.d.ts.

import { Watch } from "./watch.js";
import { commands } from "./frames.js";
import { Peer } from "./peer.js";
import { Inbox } from "./inbox.js";
import { maxAttempt } from "./negotiation.js";
import { withDefaults } from "./config.js";
import { BroadcastError, RtcPeerError, unknownPeer } from "./errors.js";
import { checkedBye, decodeSignal } from "./wire.js";
import { maxId, modes, now, toBytes } from "./basics.js";
import { Guest, Host, Mesh } from "./routes.js";

/** @import { Frame } from "./frames.js" */
/** @import { Presence } from "./inbox.js" */
/** @import { Lane } from "./lane.js" */
/** @import { Link } from "./link.js" */
/** @import { Migration as Follower } from "./migration.js" */
/** @import { Moving } from "./routes.js" */
/** @import { Signaling } from "./signaling.js" */
/** @import { Bytes, Command, EndedEvent, Event, IceServer, Mode, Outgoing, Reason, RelayLinks, Stats, Topology } from "./types.js" */
/** @import { Message, Signal } from "./wire.js" */

/** The reason for refusing a link that is open for the other end. @internal */
export const endedHere = "this end has ended the link";
const kickTime = 5000; // ms that the server's message that this node is kicked may take after the host's
const spreadEach = 10; // ms between the repairs of two links, on average, when all begin with the same event

/** This participant of a room, as join returns it. A loop over it gets its events; leaving the loop does not end the node. */
export class RtcNode {
  /** The id of this node, 1 to 2147483647. The creator of the room has 1. @readonly @type {number} */ id;
  /** @readonly @type {string} */ room;
  /** The URL at which others join the room. @readonly @type {string} */ url;
  /** @readonly @type {Topology} */ topology;
  /** The id of the room's host. It changes in a star that outlives its host. @readonly @type {number} */ host;
  /** "connecting": this guest of a star waits for its host. @type {"disconnected" | "connecting" | "connected"} */ status;
  /** Why the node has ended; null if it has not, or close was called. @type {RtcPeerError | null} */ error = null;
  /** Whether nobody new may join the room, ever. */ sealed = false;
  /** Whether nobody new may join until the host opens the room. */ locked = false;
  /** Whether this node refuses new links. The other end is told at once. Open links stay, and connected peers stay connected when the host changes. @type {boolean} */ refuse;

  /** @internal @type {Signaling} */ signaling;
  /** @internal @type {ReturnType<typeof withDefaults>} */ config;
  /** @internal @type {Mesh & Moving} */ route;
  /** The modes of the lanes. @internal @type {Mode[]} */ layout;
  /** Whether packets have frames. @internal @type {boolean} */ framed;
  /** @internal */ inbox = new Inbox();
  /** The members of the room, and former members that still have a link. @internal @type {Map<number, Peer>} */ roster = new Map();
  /** Functions that close at once the paths of links that are over. @internal @type {Set<() => void>} */ parting = new Set();
  /** The page is going: nothing runs later. @internal */ leaving = false;
  /** @internal @type {Watch} */ watch;
  /** @internal @type {Record<string, number>} */ dropped = {};
  /** Calls that wait until the server has done something, which it does in this order. @internal @type {{message: Message, done: () => boolean, resolve: () => void, reject: (why: any) => void}[]} */ asking = [];
  /** Until when the server keeps the place of a host that is away. @internal */ awayUntil = 0;
  /** Makes paths through the signaling server. @internal @type {ReturnType<RelayLinks> | undefined} */ forwarder;
  /** Whether there is a loop, or a handler of on. @internal */ claimed = false;
  /** The handlers of on, by kind. @internal @type {Map<string, Set<(event: any) => void>> | undefined} */ takers;
  /** @internal */ resumed = -1;
  /** @internal @type {IceServer[]} */ iceServers = [];
  /** @internal @type {Promise<Record<number, number>> | null} */ closing = null;
  /** Ends a guest whose host has ended the link, unless the server says more. @internal @type {ReturnType<typeof setTimeout> | undefined} */ timer;

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
    this.watch = new Watch(this);
    this.forwarder = config.relayLinks?.(() => signaling.socket, (why) => this.drop("forwarded_" + why));
    signaling.onframe = (frame) => this.forwarder?.receive(frame);
    signaling.onmessage = (m) => this.take(m);
    signaling.onlost = (error) => {
      this.forwarder?.lose();
      this.inbox.signaling({ kind: "signaling lost", error });
    };
    signaling.onend = (why) => this.signalingEnded(why);
    /** @type {Follower | undefined} */ (config.migration)?.start(this, Guest, Host, RtcPeerError, BroadcastError);
    for (const m of signaling.held) signaling.onmessage(m); // the welcome first
    if (signaling.error) signaling.onend(signaling.error);
  }

  /** The ids of all connected peers, in ascending order. @returns {number[]} */
  get peers() {
    return this.route.peers().sort((a, b) => a - b);
  }

  /** The ids of the other members that the server has announced to this node, connected or not. For a guest of a star: only the host. @returns {number[]} */
  get members() {
    return [...this.roster.values()].flatMap((peer) => (peer.present ? peer.member.id : []));
  }

  /** Returns the metadata of a member, from its config.metadata or setMetadata. A guest of a star knows only that of the host. @param {number} id */
  metadata(id) {
    return this.roster.get(id)?.member.metadata;
  }

  /**
   * How long the server still keeps the place of a host that had lost its connection when this node joined or came back,
   * in ms. By then the host is back; or, if the room migrates, another member is the host; or the room is over. 0: the host
   * is there, as far as is known, or the room is a mesh that goes on without it.
   */
  get hostAway() {
    const link = this.roster.get(this.host)?.link;
    return link?.state === "connected" && !link.interrupted ? 0 : Math.max(this.awayUntil - now(), 0);
  }

  /** The value of config.resume for a program that comes back in the place of this one, such as the same page after a reload. @returns {string | undefined} */
  get resume() {
    return this.signaling.join.resume;
  }

  /**
   * Sends a packet, and resolves when it is accepted. A reliable packet to one peer waits for room, so await each. An
   * unreliable packet without room is dropped and counted in stats. A broadcast never waits. An empty packet sends
   * nothing. Bytes, a string or a Blob in place of a packet go to all peers. A Blob is read first, and packets sent
   * meanwhile overtake it. It rejects with an RtcPeerError: closed, unknown_peer, unknown_channel, bad_mode, bad_data,
   * packet_too_large, bad_command, buffer_full (a BroadcastError, or 4 MiB wait already).
   * @param {Outgoing | Bytes | Blob} packet
   * @returns {Promise<void>}
   */
  async send(packet) {
    const p = outgoing(packet);
    await this.put(p.data?.arrayBuffer ? { ...p, data: await p.data.arrayBuffer() } : p, true);
  }

  /** Is like send, but throws at once, and throws buffer_full instead of waiting. It does not accept a Blob. @param {Outgoing | Bytes} packet @returns {void} */
  trySend(packet) {
    this.put(outgoing(packet));
  }

  /** Returns all events that wait, without waiting itself: for a game loop. After the end of the node it returns none, and error says why. */
  poll() {
    /** @type {Event[]} */ const events = [];
    for (let event; (event = this.inbox.take()); ) events.push(event);
    return events;
  }

  /**
   * Returns the next event. After close it is done. After the node has ended by itself, it rejects once with the reason.
   * @returns {Promise<IteratorResult<Event, undefined>>}
   */
  next() {
    return this.inbox.next();
  }

  /** Throws bad_call if there is another loop or a handler of on, because they would split the events. @returns {AsyncIterator<Event, undefined>} */
  [Symbol.asyncIterator]() {
    this.claim();
    return { next: () => this.next(), return: async () => ((this.claimed = false), { done: true, value: undefined }) };
  }

  /**
   * Calls take for each event of a kind from now on, and returns a function that undoes this. Events of kinds without a
   * handler are dropped. "ended" is the last event. It is an alternative to a loop, and throws bad_call while there is
   * one. An error of take becomes an unhandled rejection.
   * @template {(Event | EndedEvent)["kind"]} K
   * @param {K} kind
   * @param {(event: Extract<Event | EndedEvent, { kind: K }>) => void} take
   * @returns {() => unknown}
   */
  on(kind, take) {
    if (!this.takers) {
      this.claim();
      this.takers = new Map();
      this.pump();
    }
    const takers = this.takers.get(kind) ?? new Set();
    this.takers.set(kind, takers.add(take));
    return () => takers.delete(take);
  }

  /** @internal Gives events to the handlers. */
  async pump() {
    const give = (/** @type {Event | EndedEvent} */ event) => this.takers?.get(event.kind)?.forEach(async (take) => take(event));
    try {
      for (let r; !(r = await this.next()).done; ) give(r.value);
    } catch {} // it is node.error
    give({ kind: "ended", error: this.error });
  }

  /** @internal Only one loop, or on, gets the events. */
  claim() {
    if (this.claimed) throw new RtcPeerError("bad_call", "events are taken");
    this.claimed = true;
  }

  /**
   * Ends the link with a peer; its disconnected follows. The other end's disconnected has the code, 0 to 65535, whose meaning
   * is up to the programs, and the text, at most 256 bytes. They go over the encrypted link. If
   * that is interrupted, or packets have not arrived after config.linger, they also go through the signaling server, which can
   * read them. They do not reach a Godot game or another peer without repairs, and a host does not pass them on to its other
   * guests. Throws unknown_peer, bad_message, or not_host for a peer behind the host.
   * @param {number} id
   */
  disconnect(id, code = 0, text = "") {
    if (!this.roster.get(id)?.up && this.peers.includes(id)) throw new RtcPeerError("not_host", `only the host can disconnect ${id}`);
    const link = this.link(id);
    link.entry.bye = code || text ? checkedBye({ code, text }, "disconnect") : undefined;
    link.end("by us");
  }

  /** Closes the room to newcomers for good, and resolves when the server has done so. Rejects with not_host, closed. @returns {Promise<void>} */
  seal() {
    return this.ask({ kind: "seal" }, () => this.sealed);
  }

  /** Closes the room to newcomers, or opens it again, and resolves when the server has done so. Rejects with not_host, closed. @param {boolean} locked @returns {Promise<void>} */
  setLocked(locked) {
    return this.ask({ kind: "lock", open: !locked }, () => this.locked === locked);
  }

  /**
   * Asks the server to replace the metadata of this node, and does not wait. It is any JSON of at most 1024 bytes;
   * undefined means none. The answer is the event updated with the id of this node. It has the new metadata, in which
   * values granted by an access token stay. The server announces ten changes at once, and over time one a second; the last
   * one is always announced. After the end of the node it does nothing. Throws bad_message.
   * @param {any} metadata
   */
  setMetadata(metadata) {
    const { signaling } = this;
    signaling.send({ kind: "metadata", metadata });
    signaling.join.metadata = metadata;
  }

  /**
   * Asks the server to remove a member from the room, and does not wait. The node of that member ends with the code kicked
   * and the reason, at most 256 bytes. For the others it is disconnected with the reason kicked, or by peer if it is a
   * Godot game that closed its links first. It may join again if newcomers may; setLocked prevents that. Throws not_host,
   * unknown_peer, closed, bad_message.
   * @param {number} id @param {string} [reason]
   */
  kick(id, reason) {
    this.command({ kind: "kick", id, text: reason });
  }

  /** @internal Sends a message that only a host may send. @param {Message} message */
  command(message) {
    const why = this.ended ?? this.signaling.error;
    if (why) throw why;
    if (this.id !== this.host) throw new RtcPeerError("not_host", `only the host can ${message.kind}`);
    if (message.id && !this.roster.get(message.id)?.present) throw unknownPeer(message.id, "no member");
    this.signaling.send(message);
  }

  /** @internal Sends such a message, and waits until the server has done it. @param {Message} message @param {() => boolean} done @returns {Promise<void>} */
  async ask(message, done) {
    this.command(message);
    return new Promise((resolve, reject) => this.asking.push({ message, done, resolve, reject }));
  }

  /** Returns the figures of the node. It asks each link, so it is for people and not for each packet. @returns {Promise<Stats>} */
  async stats() {
    const { id, room, topology, host, sealed, signaling, resumed, inbox, dropped } = this;
    const links = await Promise.all(this.links().map(async (link) => [link.peer, await link.stats()]));
    return {
      id, room, topology, host, sealed, signaling: !!signaling.socket, signalingError: signaling.error, signalingLost: signaling.lost, resumed,
      waiting: inbox.waiting, dropped: { ...dropped }, links: Object.fromEntries(links),
    };
  }

  /** Why the node has ended or is being closed; null if it is not. @internal */
  get ended() {
    return this.error ?? (this.closing && new RtcPeerError("closed", "the node is closed"));
  }

  /**
   * Waits until the other ends have taken every reliable packet that was sent before, even through interruptions. It does not
   * wait for peers that are disconnected meanwhile. For a peer without repairs, such as a Godot game, it waits until the
   * browser has sent everything, including packets that are sent meanwhile.
   */
  async flush() {
    await Promise.all(this.links().map((link) => link.taken()));
  }

  /**
   * Leaves the room: the others are told at once, and no more events come here. It waits at most config.linger for what was
   * sent.
   * @returns {Promise<Record<number, number>>} by peer, the bytes that were sent reliably and have not arrived, as far as this end knows
   */
  close() {
    return this.closeAll();
  }
  /** @internal @param {Message} m */
  take(m) {
    switch (m.kind) {
      case "welcome":
        this.welcomed(m);
        return this.signalingBack();
      case "joined":
        return this.joined(m.member);
      case "metadata":
        return this.updated(m.id, m.metadata);
      case "left":
        return this.left(m.id, m.reason);
      case "ice_servers":
        this.iceServers = m.ice_servers ?? [];
        return;
      case "sealed":
      case "lock":
        if (m.kind === "lock") this.locked = !m.open;
        else this.sealed = true;
        while (this.asking[0]?.done()) this.asking.shift()?.resolve();
        return;
      case "signal":
        try {
          return this.signaled(m.from, decodeSignal(m.data));
        } catch {
          return; // of another version, or of a server that lies: an attempt without it is begun anew
        }
    }
  }

  /** @internal The state of the room, the first time or anew after the connection was resumed. @param {Message} w */
  welcomed(w) {
    this.resumed++;
    this.awayUntil = now() + (w.host_away_ms ?? 0);
    this.iceServers = w.ice_servers ?? [];
    const gone = new Set(this.members);
    for (const m of w.members ?? []) {
      gone.delete(m.id);
      this.joined(m);
    }
    for (const id of gone) this.left(id, "lost");
    // A server that restarted has forgotten what its host did.
    const hosts = this.id === this.host;
    if (w.sealed) this.take({ kind: "sealed" });
    else if (hosts && this.sealed) this.signaling.send({ kind: "seal" });
    if (hosts && this.locked && !w.locked) this.signaling.send({ kind: "lock" });
    else this.locked = !!w.locked;
    for (const { message } of this.asking) this.signaling.send(message); // they, or their answers, were lost with the connection
  }

  /** @internal Takes the metadata of a member, or of this node. @param {number} id @param {any} metadata */
  updated(id, metadata) {
    const { member, link } = this.roster.get(id) ?? { member: {} };
    const news = JSON.stringify(member.metadata) !== JSON.stringify(metadata);
    member.metadata = metadata;
    if (id === this.id || (news && link?.presence.state === "here")) this.inbox.signaling({ kind: "updated", peer: id, metadata });
  }

  /** @internal @param {any} m */
  joined(m) {
    this.updated(m.id, m.metadata);
    let peer = this.roster.get(m.id);
    if (!peer) this.roster.set(m.id, (peer = new Peer(this, m)));
    if (peer.joined(m)) this.connect(m);
  }

  /** @internal Makes a link with a member, unless there is a reason against it. @param {any} m @param {Signal} [first] that asked for it */
  connect(m, first) {
    const { channels: ours, maxPeers } = this.config;
    const peer = this.roster.get(m.id);
    if (this.ended || !peer || peer.running) return;
    const refusal = this.refuse && !this.peers.includes(m.id) ? "new connections are refused" // a connected peer stays so when the host changes
      : maxPeers && [...this.roster.values()].filter((p) => p.running).length >= maxPeers ? `no more than ${maxPeers} peers are admitted`
      : this.inbox.backlogged && "it takes no events";
    if (refusal) {
      this.refuseLink(m.id, first, refusal);
      // A Godot game does not understand a refusal, and would wait for its host for ever.
      if (m.one_attempt && this.topology === "star" && !this.guest) this.kick(m.id, refusal);
    } else if (m.channels && m.channels.join() !== ours.join()) {
      this.failed(m.id, new RtcPeerError("channel_mismatch", `config.channels: ours [${ours}], theirs [${m.channels}]`, { peer: m.id, ours, theirs: m.channels }));
    } else {
      peer.start(first);
    }
  }

  /** @internal Tells a member that this node makes no link with it. @param {number} id @param {{attempt?: number, link?: string} | undefined} s that asked for one @param {string} text */
  refuseLink(id, s, text) {
    this.tell(id, { type: "refuse", text, attempt: s?.attempt, link: s?.link, bye: this.roster.get(id)?.bye });
  }

  /**
   * A member has left. Its open link goes on, because the member may only have lost the server, unless it was kicked. A link
   * that is still being made cannot be completed. A star's host that was lost may come back; the server ends the room if
   * it does not.
   * @internal @param {number} id @param {string} reason
   */
  left(id, reason) {
    const peer = this.roster.get(id);
    const itself = reason === "left" || reason === "kicked";
    const link = peer?.link;
    if (peer) {
      peer.present = peer.lost = false;
      peer.gone = itself;
      if (!peer.running) this.roster.delete(id);
      else if (!link) peer.changed();
    }
    if (link && reason === "kicked") link.end("kicked");
    else if (link && !link.published) link.end(itself || !link.capable ? "by peer" : "lost");
    else if (link?.interrupted && reason === "left") link.signal({ type: "refuse", link: link.id }); // after the signals that wait: one of them may say why
    if (!link && this.guest && id === this.host && itself) this.end(hostGone("by peer"));
  }

  /** @internal Takes a signal. An offer may ask for a new link, if it is not one to the offering end. An end that does not know yet that its link is over here is told so. @param {number} from @param {Signal} s */
  signaled(from, s) {
    const peer = this.roster.get(from);
    if (this.ended || (s.attempt ?? 0) > maxAttempt || (s.type === "offer" && this.id > from) || !peer || peer.take(s) || !peer.present) return;
    if (s.type === "repair" || (s.type === "offer" && (s.repair || peer.ended))) this.refuseLink(from, s, endedHere);
    else if (s.type === "offer") this.connect(peer.member, s);
  }

  /** @internal The server can be reached again: links that wait for signals try at once. */
  signalingBack() {
    if (!this.resumed) return; // it is the first time
    this.inbox.signaling({ kind: "signaling resumed" });
    for (const peer of this.roster.values()) peer.changed();
  }

  /**
   * No more signals will come. Open links do not need them, and others end. The node ends if it has no link, if it is a guest
   * without an open link whose host has left, or if it was kicked.
   * @internal @param {RtcPeerError} why
   */
  signalingEnded(why) {
    this.unanswered(why);
    const over = this.guest && why.code === "host_left" && !this.openLinks().length;
    if (why.code === "kicked" || over || !this.links().length) this.end(this.withoutSignaling(why));
    for (const link of this.links()) if (!link.isOpen) link.end("lost"); // it cannot be made without signals
  }

  /** Returns why a node without signaling ends. A guest whose room has ended has lost its host, whichever of the two it hears of first. @internal @param {RtcPeerError} why */
  withoutSignaling(why) {
    return this.guest && why.code === "host_left" ? new RtcPeerError("host_gone", `the host is gone: ${why.message}`, { cause: why }) : why;
  }

  /** @internal Something has changed at this end: every link and the signaling check whether they still work. */
  changed() {
    if (this.ended) return;
    this.signaling.check();
    for (const peer of this.roster.values()) peer.changed();
  }

  /** @internal @param {number} to @param {Signal} data */
  tell(to, data) {
    this.signaling.send({ kind: "signal", to, data });
  }

  /** @internal */
  get guest() {
    return this.topology === "star" && this.id !== this.host;
  }

  /** Every link that is not over. @internal */
  links() {
    return [...this.roster.values()].flatMap((peer) => peer.link ?? []);
  }

  /** @internal */
  openLinks() {
    return this.links().filter((link) => link.state === "connected");
  }

  /** A random wait, so that not all links of the node are repaired in the same moment. @internal */
  spread() {
    return Math.random() * spreadEach * (this.openLinks().length + 1);
  }

  /** @internal @param {number} id */
  link(id) {
    const link = this.roster.get(id)?.link;
    if (link?.state !== "connected") throw unknownPeer(id);
    return link;
  }

  /** @internal @param {Link} link */
  linkUp(link) {
    Object.assign(link.entry, { told: false, since: null, patience: 1 });
    if (link.peer === this.host && this.status === "connecting") this.status = "connected";
    this.route.up(link);
  }

  /**
   * A link is over. A star's guest that cannot get its host back is at its end, and so is a node without links that nobody
   * can reach any more.
   * @internal @param {Link} link
   */
  linkOver(link) {
    const { entry: peer, published, failure } = link;
    const reason = /** @type {Reason} */ (link.reason);
    peer.link = null;
    if (published) this.route.down(link, reason);
    else this.route.abandon?.(link.peer, reason);
    const again = peer.follows(link);
    peer.told ||= published;
    if (failure) {
      // The program knows already that the peer is gone. A refusal of another link is no news.
      if (!peer.told || (!again && failure.code !== "refused")) this.failed(link.peer, failure);
      peer.told = true;
    }
    if (published) peer.lost = peer.present && reason === "lost" && !link.wanted;
    const last = !this.links().length, signalingError = this.signaling.error;
    // The host says that one of the two was kicked. The server says more: the reason, or who is the host now. If it says nothing,
    // this end was kicked.
    const kicked = link.dismissed && reason === "kicked";
    if (this.guest && !signalingError && (kicked || (this.route.parts?.(link, again) ?? again))) {
      if (this.status === "connected") this.status = "connecting";
      if (kicked) this.timer = setTimeout(() => this.signaling.onend(new RtcPeerError("kicked", "kicked by the host")), kickTime);
    } else if (this.guest && last) {
      this.end(again && signalingError ? this.withoutSignaling(signalingError) : failure ?? link.parting?.error ?? hostGone(reason, link));
    } else if (last && signalingError) {
      this.end(this.withoutSignaling(signalingError));
    }
    peer.next(link);
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
    if (typeof data !== "string" && !(/** @type {any} */ (data)?.byteLength >= 0)) throw new RtcPeerError("bad_data", "want text or bytes");
    const bytes = toBytes(data);
    if (this.ended) throw this.ended;
    if (!Number.isInteger(channel) || channel < 0 || (channel && !this.layout[i])) {
      throw new RtcPeerError("unknown_channel", `channel ${channel}: want 0 to ${this.config.channels.length} (config.channels)`);
    }
    if (i < 0) throw new RtcPeerError("bad_mode", `mode ${mode}`);
    if (!Number.isInteger(peer) || Math.abs(peer) > maxId) throw unknownPeer(peer, "no id");
    this.checkSize(bytes);
    if (!bytes.length) return undefined;
    if (command) { // a program cannot pass off its bytes as the relay's
      if (!this.framed) throw new RtcPeerError("bad_command", "a bare mesh has no commands: use a star or config.framed");
      if (commands[bytes[0] & 7] !== command) throw new RtcPeerError("bad_command", `data is no ${command}: it begins with ${bytes[0]}`);
    }
    return this.route.send(peer, i, bytes, wait, command);
  }

  /** @internal @param {Uint8Array} bytes @param {number} [most] @param {number} [peer] that has this limit */
  checkSize({ length }, most = this.config.maxPacket, peer) {
    if (length > most) throw new RtcPeerError("packet_too_large", `${length} bytes: at most ${most} (${peer ? "peer " + peer : "config.maxPacket"}); split it`);
  }

  /** @internal Rejects the calls that wait for the server. @param {RtcPeerError | null} why */
  unanswered(why) {
    for (const { reject } of this.asking.splice(0)) reject(why);
  }

  /** @internal Ends the node from inside; its events can still be taken, and then the reason. @param {RtcPeerError} why */
  end(why) {
    if (this.ended) return;
    this.error = why;
    this.links().map((link) => this.route.down(link, "kicked")); // or replaced as the host; for any other reason the links have ended before
    this.inbox.end(why);
    this.closeAll();
  }

  /** @internal Ends, in this order: the events, the links, the membership. @param {boolean} [atOnce] in a page that is going, where nothing runs later */
  closeAll(atOnce) {
    if (!this.error) this.inbox.close();
    this.status = "disconnected";
    this.watch.stop();
    clearTimeout(this.timer);
    const links = this.links();
    this.closing ??= Promise.all(links.map((link) => link.done)).then(() => {
      this.signaling.close();
      return Object.fromEntries(links.filter((link) => link.undelivered).map((link) => [link.peer, link.undelivered]));
    });
    this.unanswered(this.ended);
    this.leaving ||= !!atOnce;
    for (const link of links) link.end(this.error?.code === "kicked" ? "kicked" : "by us", undefined, atOnce);
    for (const close of this.parting) if (atOnce || !links.length) close();
    for (const peer of this.roster.values()) if (peer.before) peer.halt(peer.before);
    if (atOnce) this.signaling.close();
    return this.closing;
  }

  /** @internal The page is hidden or reloaded, and may come back: the other ends are told that the links are lost, and the server keeps the place. */
  suspend() {
    this.leaving = true;
    for (const link of this.links()) link.end("lost", undefined, true);
    for (const close of this.parting) close();
    this.leaving = false;
    this.signaling.drop();
  }
}

/** A packet, or its data alone. @param {any} packet @returns {any} */
const outgoing = (packet) => (packet?.data === undefined ? { data: packet } : packet);

/** Why a star's guest ends. A Godot host that requires authentication sends nothing, and then closes without a reason. @param {Reason} why @param {Link} [link] */
function hostGone(why, link) {
  if (why === "unauthorized") return new RtcPeerError("auth_required", "the host demands authentication: set config.auth");
  const silent = link && !link.id && !link.lanes[0].received;
  return new RtcPeerError("host_gone", `the host is gone: ${why}${silent ? "; see config.auth" : ""}`);
}
