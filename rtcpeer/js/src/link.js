// This node's side of the link with one peer: makes the first path, opens, moves from path to path, and ends once.
//
//   connecting -> pending -> connected -> ending -> over
//   first path    Pending    Keeper

import { frameOverhead, listen, message, nothing, now, randomText, toBytes } from "./basics.js";
import { asks, bye, byeOf, decodeControl, hello, newSecret } from "./control.js";
import { RtcPeerError } from "./errors.js";
import { authenticate, authFrame } from "./frames.js";
import { receiveBuffer } from "./inbox.js";
import { badCounts, Keeper, tellEach } from "./keeper.js";
import { Lane, sendBuffer } from "./lane.js";
import { attemptTimeout, laterAttempt, Negotiation } from "./negotiation.js";
import { endedHere } from "./node.js";
import { beatEach, forwardAfter, freshFor, requestEach, settleTime, tickEach } from "./repair.js";
import { Path } from "./path.js";
import { Pending } from "./pending.js";
import { relayFeature } from "./wire.js";

/** @import { Control } from "./control.js" */
/** @import { Presence } from "./inbox.js" */
/** @import { Step } from "./negotiation.js" */
/** @import { Peer } from "./peer.js" */
/** @import { PeerTimes as Times } from "./times.js" */
/** @import { ErrorCode, LinkStats, Reason } from "./types.js" */
/** @import { Bye, Signal } from "./wire.js" */

/** @typedef {Partial<Bye> & {error?: RtcPeerError}} Parting */

const signalBacklog = 128; // signals of one peer that may wait to be used
// How long a bye may take to arrive: byeTime if the program here has ended the link, and whyTime after any other reason. werift
// sends it with its next acknowledgement of a beat, a second later.
const byeTime = 200, whyTime = 2000;
const askEach = 100; // how often the other end is asked what it has taken
const drainTime = 500; // how long this end waits for the other end, which has ended the link, to close the path

export class Link {
  /** pending: every lane is open, and it is being authenticated. @type {"connecting" | "pending" | "connected" | "ending" | "over"} */ state = "connecting";
  /** The path that the link goes over. @type {Path | null} */ path = null;
  /** The path that is being made. @type {Path | null} */ next = null;
  /** The next attempt goes through the signaling server, if it may. @type {boolean | undefined} */ forwardNext;
  /** @type {Keeper | null} */ keeper = null;
  /** @type {Uint8Array} */ secret = new Uint8Array();
  /** This end's half of the secret. @type {Uint8Array} */ random = new Uint8Array();
  tellEach = Infinity; // bytes that are taken before the other end is told at once
  sendBuffer = sendBuffer; // at most that of the other end, whose receive window has room for so much
  interrupted = false;
  connectTime = 0;
  started = now();
  heardAt = now();
  paths = 0;
  pathsRefused = 0;
  waiting = 0; // signals that wait to be used
  work = Promise.resolve(); // the steps of the negotiation, one after the other
  /** @type {any[]} */ timers = [];
  /** Ends the wait for an early packet when one comes, or the link is over. @type {(v?: any) => void} */ heard = nothing;
  asked = false; // the other end demands authentication, and there is none here
  unsent = false; // signals of the present attempt were not sent, as the server was lost
  /** @type {{stage: number, detail?: string}} */ furthest = { stage: 0, detail: "no signal of the other end" };
  /** Why the link has ended. @type {Reason | null} */ reason = null;
  wanted = false; // this end's program has ended the link
  vanished = false; // the other end has closed the path without having ended the link
  dismissed = false; // the other end itself says that the link is over
  /** Why there is no link. @type {RtcPeerError | undefined} */ failure;
  /** The offer with which the other end gave this link up. @type {Signal | null} */ successor = null;
  /** What the program is told besides the reason. @type {Parting | undefined} */ parting;
  flushing = false;
  /** @type {(v?: any) => void} */ finished = nothing;
  done = new Promise((resolve) => (this.finished = resolve));

  /** @param {Peer} entry in the roster @param {Signal} [first] that asked for the link */
  constructor(entry, first) {
    const { node, member } = entry;
    this.entry = entry;
    this.node = node;
    this.peer = member.id;
    this.capable = entry.capable;
    this.joins = entry.joins;
    /** Empty if the link cannot be repaired. The offering end chooses it. */
    this.id = this.capable ? randomText() : "";
    /** @type {Presence} */ this.presence = { id: member.id, state: "new", entry };
    this.negotiation = new Negotiation(node.id > member.id);
    if (this.negotiation.offers || this.capable) this.negotiation.attempt = entry.attempt; // else the other end's next offer may have any number
    this.timing = /** @type {Times | undefined} */ (node.config.times)?.of(this);
    this.lanes = node.layout.map((_, i) => new Lane(this, i));
    this.reliable = this.lanes.filter((lane) => lane.reliable);
    const { connectTimeout } = node.config;
    if (connectTimeout > 0) this.after(connectTimeout, () => this.deadline());
    this.then(() => this.negotiation.retry());
    if (first) this.signal(first);
    if (entry.links > 1 && this.capable && !this.negotiation.offers) this.askAgain(!first);
  }

  /** Whether every lane is open. */
  get isOpen() {
    return this.state === "pending" || this.state === "connected";
  }

  get over() {
    return this.state === "over";
  }

  /** Whether the program, and the others of a star, have been told of it. */
  get published() {
    return this.presence.state !== "new";
  }

  /** The largest message that the other end accepts. Only for an open link. */
  get maxMessage() {
    return /** @type {Path} */ (this.path).maxMessage;
  }

  /** @param {number} ms @param {() => void} act */
  after(ms, act) {
    this.timers.push(setTimeout(act, ms));
  }

  // ---- The first path, and the steps of each.

  /** Takes a signal of the other end. Candidates beyond the limit are dropped: there are only fewer ways to try. Other signals beyond it are a flood. @param {Signal} s */
  signal(s) {
    if (this.waiting < (s.type === "candidate" ? signalBacklog / 2 : signalBacklog)) {
      this.waiting++;
      this.then(() => (this.waiting--, this.receive(s)));
    } else if (s.type !== "candidate") {
      this.misbehaves("it floods");
    }
  }

  /** @param {Signal} s @returns {Step[]} */
  receive(s) {
    const { negotiation } = this;
    if (this.over || (this.state === "ending" && !this.flushing)) {
      if (this.over) this.node.signaled(this.peer, s);
    } else if (this.keeper) {
      this.keeper.signaled(s);
    } else if (s.type === "refuse" || s.type === "fail") {
      if (!this.isAbout(s)) return [];
      if (s.type === "fail" && this.fallback) return negotiation.retry();
      this.fail(this.trouble(s.type === "fail" ? "negotiation" : "refused", `it ${s.type}s: ${s.text}`));
    } else if (s.type === "repair") { // it has seen this attempt, and asks all the same
      if ((s.attempt ?? 0) >= negotiation.attempt) return this.startAnew(settleTime);
    } else if (s.type === "offer" && s.repair) { // there is no such link here
      this.request("", s.attempt);
    } else if (!this.answersOther(s)) {
      return negotiation.receive(s);
    }
    return [];
  }

  /**
   * Whether a refusal or a failure is about this link as it is now, and not about an earlier link or an earlier attempt. A
   * refusal that names the link is about every attempt of it: its sender may not have received the last offers.
   * @param {Signal} s
   */
  isAbout({ type, attempt, link }) {
    return (!link || link === this.id) && (!attempt || attempt === this.negotiation.attempt || (!!link && type === "refuse"));
  }

  /** Whether a signal answers the offer of another link: of the program before this one, whose attempts had the same numbers. @param {Signal} s */
  answersOther(s) {
    return s.type === "answer" && !!s.link && s.link !== this.id;
  }

  /** Takes steps after all earlier ones are done. @param {() => Step[]} steps */
  then(steps) {
    this.work = this.work.then(async () => {
      for (const step of steps()) if (!this.over) await this.take(step);
    });
  }

  /** Takes a step. If it fails, so does the link, or the repair; but a candidate that cannot be used is ignored. @param {Step} step */
  async take({ act, data = { type: act } }) {
    const { negotiation } = this;
    /** @type {Path | null} */ let path = this.next;
    try {
      if (act === "candidate") {
        path ??= this.path;
        if (path?.attempt === negotiation.attempt) await path.add(data); // else of one that was dropped
        return;
      }
      if (!this.published) {
        if (act === "answer") this.id = (this.capable && data.link) || "";
        if (act === "accept" && !data.link) this.id = ""; // it does not take part in repairs, whatever it has listed
      }
      if (act === "accept") return await path?.accept(data);
      path = this.begin(act === "offer" ? this.offersForwarded() : this.answersForwarded(data));
      await (act === "offer" ? path.offer() : path.answer(data));
      if (path !== this.next) return;
      this.tell({ type: act, sdp: path.pc.localDescription.sdp, link: this.id || undefined, repair: (this.id && act === "offer" && this.published) || undefined }, path.attempt);
      path.release();
    } catch (e) {
      if (act === "candidate" || path !== this.next || this.state === "ending") return;
      // libdatachannel refuses a good answer if the path and the certificate are there before it.
      if (!this.keeper && act === "accept" && negotiation.attempt < 3 && this.retry(1000 * negotiation.attempt)) return;
      if (this.capable) this.tell({ type: "fail", text: message(e) }, negotiation.attempt);
      if (this.keeper) return this.keeper.nextFailed();
      this.fail(this.trouble("negotiation", `${act}: ${message(e)}`));
    }
  }

  /** Replaces the path that is being made by a new one. @param {boolean} forwarded through the signaling server */
  begin(forwarded) {
    const { connectTimeout } = this.node.config;
    this.furthest = this.progress();
    this.dropNext();
    this.unsent = false;
    this.next = new Path(this, !!this.keeper?.repair.searching && !this.path?.forwarded, forwarded);
    if (!this.keeper) this.retry(!this.fallback ? attemptTimeout * this.entry.patience : connectTimeout > 0 ? Math.min(forwardAfter, connectTimeout / 3) : forwardAfter, 1);
    return this.next;
  }

  /** Whether a path may go through the signaling server: both ends and the server allow it, and the link will have a secret to prove. */
  get forwards() {
    const { node, entry } = this;
    return !!(node.forwarder && this.id && node.signaling.welcome?.relay_links && entry.member.features?.includes(relayFeature));
  }

  /** Whether such a path can follow the one that is being made. */
  get fallback() {
    return !!this.next && !this.next.forwarded && this.forwards;
  }

  /** Whether this end is to offer such a path: every second time, but never in a search for a better path. */
  offersForwarded() {
    if (this.keeper?.repair.searching) return false;
    const now = this.forwards && !!this.forwardNext;
    this.forwardNext = !now;
    return now;
  }

  /** Whether an offer is for such a path. @param {Signal} offer */
  answersForwarded({ sdp = "" }) {
    const is = sdp.startsWith("a=forwarded:");
    if (is && !this.forwards) throw new Error("no path through the server here");
    return is;
  }

  dropNext() {
    this.next?.close();
    this.next = null;
  }

  /**
   * The offering end begins a new attempt after ms, unless the present one has come further by then: on a busy machine or a
   * long path an attempt that advances must not be given up. If no answer has come, the next attempt has twice the time,
   * because answers may take that long. Returns false if the other end accepts only one offer, as a Godot game does.
   * @param {number} ms @param {number} [reached]
   */
  retry(ms, reached = 3) {
    const { negotiation, entry } = this;
    const { attempt } = negotiation;
    if (entry.member.one_attempt) return false;
    this.after(ms, () => this.then(() => {
      if (this.state !== "connecting" || attempt !== negotiation.attempt) return [];
      const { stage } = this.progress({ stage: reached });
      if (stage > reached) {
        this.retry(ms, stage);
        return [];
      }
      if (!negotiation.described) entry.patience = Math.min(2 * entry.patience, 8);
      return negotiation.retry();
    }));
    return true;
  }

  /** How far the path that is being made has come, or least if that is further. */
  progress(least = this.furthest) {
    return this.next?.progress(least) ?? least;
  }

  /**
   * Begins the next attempt, or asks for it, unless the present one is fresh. Something has changed, so the addresses that
   * the two ends have told each other may be wrong; or the other end has given the attempt up.
   * @param {number} fresh ms @returns {Step[]}
   */
  startAnew(fresh) {
    if (!this.id || (this.next && now() - this.next.began < fresh && !this.unsent)) return [];
    if (this.negotiation.offers) return this.negotiation.retry();
    if (this.entry.links > 1) this.request("");
    return [];
  }

  /** The offering end may not know that this end waits for its offer. @param {boolean} atOnce */
  askAgain(atOnce) {
    if (atOnce) this.request("");
    this.after(requestEach, () => this.state === "connecting" && this.askAgain(!this.next));
  }

  /** Something has changed at this end. */
  changed() {
    if (this.state === "connecting") this.then(() => (this.state === "connecting" ? this.startAnew(freshFor) : []));
    else if (this.isOpen) this.keeper?.changed();
  }

  /** Asks the offering end for an offer: of a path for the link with that id, or of a new link if link is empty. @param {string} link @param {number} [said] the attempt that it has made without such a link */
  request(link, said) {
    const { negotiation } = this;
    negotiation.attempt = laterAttempt(negotiation.attempt, said);
    this.tell({ type: "repair", link: link || undefined }, negotiation.attempt);
  }

  /**
   * Sends a signal to the other end. While the server is lost, signals are not kept for later: there is a new attempt when
   * it is back, and the other end would have to deal with all the older ones.
   * @param {Signal} signal @param {number} attempt
   */
  tell(signal, attempt) {
    if (this.id && !this.node.signaling.socket) this.unsent = true;
    else this.node.tell(this.peer, { ...signal, attempt });
  }

  /** The time to connect is over. An end that has sent its hello waits for one attempt more: the other end may have opened the link already. */
  deadline(greeted = this.id && this.next?.opened) {
    if (greeted) return this.after(attemptTimeout, () => this.deadline(false));
    const { stage: i, detail } = this.progress();
    const stage = ["signaling", "path", "security", "lanes"][i];
    const seconds = this.node.config.connectTimeout / 1000;
    this.fail(this.trouble("deadline", `not connected after ${seconds} s: waiting for ${stage}: ${detail}`, { stage, detail }));
  }

  // ---- What the paths tell.

  /** @param {Path} path */
  pathOpened(path) {
    if (path !== this.next) return;
    if (this.keeper) return this.keeper.nextOpened(path);
    if (!this.id) return this.opened();
    this.random = crypto.getRandomValues(new Uint8Array(32));
    path.say({ kind: hello, random: this.random, kept: sendBuffer });
  }

  /** @param {Path} path @param {any} data */
  controlled(path, data) {
    const frame = decodeControl(toBytes(data), this.reliable.length) ?? /** @type {Control} */ ({});
    if (path.closed || this.over || (this.state === "ending" && !this.flushing)) return;
    this.heardAt = now();
    if (this.keeper) {
      this.keeper.controlled(path, frame);
      return this.catchUp();
    }
    if (path !== this.next || frame.kind !== hello) return;
    const halves = this.negotiation.offers ? [this.random, frame.random] : [frame.random, this.random];
    this.secret = newSecret(this.id, halves[0], halves[1]);
    this.tellEach = tellEach(frame.kept);
    this.sendBuffer = Math.min(sendBuffer, Math.max(frame.kept, 65536));
    this.opened();
  }

  /** Every lane is open, and on a link that can be repaired the secret is known. */
  opened() {
    const path = /** @type {Path} */ (this.next);
    this.clearTimers();
    this.connectTime = now() - this.started;
    this.state = "pending";
    this.next = null;
    this.goOver(path);
    for (const lane of this.lanes) lane.use(path);
    this.keeper = new Keeper(this);
    if (this.node.config.auth) this.authenticate();
    else this.admit();
  }

  /** @param {Path} path @param {boolean} byPeer */
  pathEnded(path, byPeer = !path.lost(now() - this.heardAt)) {
    if (path === this.next) {
      if (this.keeper) this.keeper.nextFailed();
      else this.retry(this.fallback ? 0 : 1000 * this.negotiation.attempt); // not at once: what fails fast fails often
    } else if (path === this.path) {
      this.drained?.();
      if (!this.id) this.end(byPeer ? "by peer" : "lost");
      else if (this.isOpen || this.flushing) this.keeper?.pathEnded(path, byPeer);
    }
  }

  /** @param {Path} path @param {Lane} lane @param {any} data */
  received(path, lane, data) {
    const bytes = toBytes(data, true);
    if (this.over || this.dismissed) return;
    lane.received++;
    if (path !== this.path) {
      if (path === this.next) path.hold(lane, bytes);
      return;
    }
    this.heardAt = now();
    if (bytes.length > this.node.config.maxPacket + frameOverhead) return this.end("misbehaved");
    lane.taken++;
    if (this.published) {
      this.deliver(lane, bytes);
      return this.catchUp();
    }
    if (!path.hold(lane, bytes)) return this.end("misbehaved");
    this.heard();
  }

  /**
   * Runs a tick that is late, when something has come. The timers of a hidden page may fire only once a minute, but the
   * other end must hear from this one every second.
   */
  catchUp() {
    if (this.keeper?.ticker && now() - this.keeper.repair.ticked.now > tickEach) this.keeper.tick();
  }

  /** @param {Lane} lane @param {Uint8Array} bytes */
  deliver(lane, bytes) {
    if (bytes.length) this.node.route.receive(lane, bytes); // an empty packet means nothing in the contract
    if (lane.unread <= receiveBuffer) lane.acknowledge(bytes.length);
  }

  /** Delivers what came before the link was connected, or before it went over the path. @param {Path} path */
  deliverEarly(path) {
    for (const { lane, bytes } of path.early.splice(0)) this.deliver(lane, bytes);
  }

  /** Moves the link to another path. From now on only that path's packets are taken. @param {Path} path */
  goOver(path) {
    this.path = path;
    this.forwardNext = path.forwarded;
    if (path === this.next) this.next = null;
    this.paths++;
    for (const lane of this.lanes) {
      lane.from = path;
      if (!lane.keeps) lane.use(path);
    }
    for (const { lane } of path.early) lane.taken++;
    if (this.published) this.deliverEarly(path);
  }

  /** How many packets of each reliable lane the other end may count as taken. */
  counts() {
    return this.reliable.map((lane) => lane.count());
  }

  /** How many packets were taken, without exception: the other end sends the later ones again. */
  takeCounts() {
    return this.reliable.map((lane) => (lane.told = lane.taken));
  }

  /** Notes how many packets the other end says, over a path, that it has taken. Returns false if that is impossible. @param {Path} path @param {number[]} counts */
  takenByOther(path, counts) {
    const ok = this.reliable.every((lane, i) => lane.takenByOther(path, counts[i]));
    if (!ok) this.misbehaves(badCounts);
    return ok;
  }

  // ---- Authentication.

  /** Waits until config.auth has accepted the other end, and until that has accepted this one. */
  async authenticate() {
    const { auth, authTimeout } = this.node.config;
    const peer = new Pending(this);
    if (authTimeout > 0) this.after(authTimeout, () => this.late(peer));
    try {
      await /** @type {Function} */ (auth)(peer);
      if (this.state === "pending") this.lanes[0].announce(authFrame());
      while (!peer.accepted) {
        const { entry, f } = await peer.next();
        peer.accepted = f.sub !== authenticate || !f.body.length;
        if (!peer.accepted) this.node.drop("pending"); // it was accepted before it had said all
        // Only an end that has accepted this one sends anything else. An end without a callback accepts everybody and never
        // says so. In Godot, such a frame means that it has accepted, and it is delivered.
        if (f.sub !== authenticate) this.path?.early.unshift(entry);
      }
    } catch (e) {
      this.fail(this.unauthorized(message(e), e));
    }
    if (this.state === "pending") this.admit();
  }

  /**
   * Ends an authentication that has taken too long. If the other end does not answer a beat either, the path is probably the
   * cause, and the two try again. An end that never sent anything of authentication is told that this end requires it, by
   * the frame for "you are accepted", which does no harm in Godot.
   * @param {Pending} peer
   */
  late(peer) {
    const end = () => {
      if (this.state !== "pending") return;
      const { silent } = peer;
      if (silent) this.lanes[0].announce(authFrame());
      this.fail(this.unauthorized(`not done after ${this.node.config.authTimeout / 1000} s: both ends need config.auth, or auth_callback`), silent);
    };
    if (!this.id) return end();
    const { path } = this, before = path?.heard;
    path?.beat(asks);
    this.after(beatEach, () => (path?.heard === before ? this.end("lost") : end()));
  }

  /** @param {string} [why] @param {any} [cause] */
  unauthorized(why = "the other end ended the link", cause) {
    return this.trouble("unauthorized", `not authenticated: ${why}`, { cause });
  }

  admit() {
    const path = /** @type {Path} */ (this.path);
    this.state = "connected";
    this.clearTimers();
    this.node.linkUp(this);
    this.deliverEarly(path);
    if (this.id) this.keeper?.look();
  }

  // ---- The end.

  /** Tells the program that the link is interrupted, or that it is not any more. This machine may have lost its network, so signaling is checked, too. @param {boolean} interrupted */
  interrupt(interrupted) {
    const { node, presence } = this;
    this.interrupted = interrupted;
    if (!interrupted) return node.inbox.resumed(presence);
    node.inbox.interrupted(presence);
    node.signaling.check();
  }

  /** The other end has given the link up, for one that it offers. @param {Signal} s */
  giveWay(s) {
    this.successor = s;
    this.end("lost");
  }

  /** @param {string} why */
  misbehaves(why) {
    this.end("misbehaved", { error: this.trouble("misbehaved", why) });
  }

  /** Ends the link with a guest that does not take what is relayed to it. If the link is interrupted, the guest may come back. */
  tooSlow() {
    this.end(this.interrupted ? "lost" : "slow");
  }

  /** An error about this link. @param {ErrorCode} code @param {string} why @param {object} [more] */
  trouble(code, why, more) {
    return new RtcPeerError(code, `peer ${this.peer}: ${why}`, { peer: this.peer, ...more });
  }

  /** Ends a link that is not connected yet. @param {RtcPeerError} error @param {boolean} [gently] waits until what was sent has arrived */
  fail(error, gently) {
    if (this.state !== "connecting" && this.state !== "pending") return;
    this.failure = error;
    if (gently) this.finish("by us");
    else this.close("lost", "unauthorized"); // a link that is not being authenticated is not open, and has no bye
  }

  /**
   * Ends the link; the first reason stays. It waits, up to config.linger, for packets that the other end has not taken.
   * @param {Reason} reason @param {Parting} [parting] @param {boolean} [atOnce]
   */
  end(reason, parting, atOnce) {
    this.wanted ||= reason === "by us";
    if (this.over || (this.state === "ending" && !atOnce && !this.dismissed && !this.vanished)) return;
    this.reason ??= ((this.parting = parting), reason);
    const error = this.parting?.error;
    if (this.state === "connecting") this.failure = error;
    if (this.state === "pending" && !this.wanted && reason !== "kicked" && !this.successor && !(reason === "lost" && this.id)) {
      this.failure = error ?? this.unauthorized(reason === "misbehaved" ? "too much" : undefined);
    }
    const waits = reason === "by us" ? !this.flushing : reason === "by peer" && !this.id;
    if (waits && !atOnce && this.path && !this.failure) this.finish(reason);
    else this.close(reason);
  }

  /**
   * Ends the link when everything that send has accepted has arrived, or linger is over. If the other end has ended a link
   * without repairs, this waits for the packets that it sent before.
   * @param {Reason} reason
   */
  finish(reason) {
    const { linger } = this.node.config;
    const said = this.failure ? "unauthorized" : reason;
    if (linger < 0) return this.close(reason, said);
    this.state = "ending";
    this.flushing = reason === "by us";
    this.after(linger, () => this.close(reason, said, true));
    if (!this.id) {
      this.drained = () => {
        if (this.reliable.every((lane) => lane.channel.readyState === "closed")) this.close(reason);
      };
      return void (this.flushing ? this.flushUnkept() : this.drained());
    }
    this.flushed = () => {
      if (!this.undelivered && !this.keeper?.moving) this.close(reason, said);
    };
    this.flushed();
    this.taken(); // it asks
  }

  /** Bytes that were sent reliably and have not arrived, as far as this end knows. */
  get undelivered() {
    return this.reliable.reduce((sum, lane) => sum + lane.buffered, 0);
  }

  /** Waits until the other end has taken the reliable packets that were sent until now, or the link is over. */
  async taken() {
    const sent = this.reliable.map((lane) => lane.sent + lane.queue.length);
    while (!this.over && this.reliable.some((lane, i) => (lane.keeps ? lane.left < sent[i] : lane.buffered))) {
      this.path?.tell(asks);
      await new Promise((done) => setTimeout(done, askEach));
    }
  }

  /** Checks whether everything has arrived. */
  flushed() {}

  /**
   * Does the same on a link whose other end does not tell what it has taken: when everything that was accepted is sent, it
   * closes the reliable lanes, because the other end acknowledges that. bufferedAmount does not show whether everything is
   * sent: older libwebrtc counts only what SCTP has not taken yet, and a channel that closes forgets the rest. The bytes on
   * the wire show it. After a burst they must not grow for a second: they also stop growing when a full window is lost, until
   * SCTP sends it again.
   */
  async flushUnkept() {
    const path = /** @type {Path} */ (this.path);
    for (let before = NaN, quiet = 0, enough = 1; this.state === "ending" && this.reliable.some((l) => l.sent || l.queue.length); ) {
      for (const lane of this.reliable) lane.drain();
      const { bytesSent, rtt } = await path.stats();
      const moves = bytesSent - before > 1200;
      if (moves || this.reliable.some((l) => l.burst > 64 * 1024)) enough = 16;
      quiet = moves || this.reliable.some((l) => l.buffered) ? 0 : quiet + 1;
      if (quiet > enough) break;
      before = bytesSent;
      await new Promise((resolve) => setTimeout(resolve, Math.min(60 + 2 * rtt, 250)));
    }
    if (this.state === "ending") for (const lane of this.reliable) lane.channel.close();
  }

  /** Checks whether the other end has closed every reliable lane. @type {(() => void) | undefined} */ drained;

  /** @param {Reason} reason @param {Reason} [said] to the other end, if it is not reason @param {boolean} [late] packets may not have arrived */
  close(reason, said = reason, late) {
    if (this.over) return;
    const { dismissed } = this;
    // The other end may have opened the link already, and this end not.
    const path = this.path ?? (this.next?.opened && !this.failure ? this.next : null);
    if (path === this.next) this.next = null;
    // If the other end demands authentication, it closes the link right afterwards, and another lane may have seen that first.
    this.reason = this.asked ? "unauthorized" : this.reason ?? reason;
    this.state = "over";
    this.clearTimers();
    this.keeper?.stop();
    this.dropNext();
    this.heard();
    for (const lane of this.lanes) lane.over();
    const says = this.id && path && !dismissed && !this.vanished && !this.successor;
    if (says) path.say({ kind: bye, reason: byeOf(said), bye: this.entry.bye });
    if (this.id && this.keeper && !dismissed && !this.vanished && !this.node.ended && (late || (said !== "lost" && this.interrupted))) {
      // The path may not tell the other end that this end has ended the link. If the node leaves the room, the server tells it.
      this.node.refuseLink(this.peer, { attempt: this.negotiation.attempt, link: this.id }, endedHere);
    }
    this.node.linkOver(this);
    const { parting } = this.node;
    const closed = () => {
      clearTimeout(timer);
      parting.delete(closed);
      path?.close();
      this.finished();
    };
    // The bye has to arrive, and no browser tells when it has. A bye of the other end has to be acknowledged.
    const timer = setTimeout(closed, dismissed ? drainTime : said === "by us" ? byeTime : whyTime);
    if (!path?.control || this.node.leaving || !(says || dismissed)) return closed();
    parting.add(closed);
    listen(path.control, "close", closed);
  }

  clearTimers() {
    for (const timer of this.timers) clearTimeout(timer);
  }

  /** @returns {Promise<LinkStats>} */
  async stats() {
    const { connectTime, interrupted, paths, pathsRefused } = this;
    const path = this.path ?? this.next;
    return {
      state: this.published ? "connected" : "connecting",
      connectTime, repairable: this.id !== "", interrupted, paths, pathsRefused, lastHeard: now() - this.heardAt,
      ...((await path?.stats()) ?? { rtt: 0, local: "", remote: "", bytesSent: 0, bytesReceived: 0 }),
      lanes: this.lanes.map(({ channelNumber: channel, mode, sent, received, resent, buffered, unread, kept, keeps }) => ({ channel, mode, sent, received, resent, ...(keeps && { delivered: kept.first }), buffered, unread })),
    };
  }
}
