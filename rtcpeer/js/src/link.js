// This node's side of one connection to one peer: negotiates, opens, and ends once.

import { eventCost, frameOverhead, KiB, listen, message, nothing, now } from "./basics.js";
import { RtcPeerError } from "./errors.js";
import { authenticate, authFrame } from "./frames.js";
import { receiveLimit } from "./inbox.js";
import { Lane } from "./lane.js";
import { Negotiation } from "./negotiation.js";
import { Pending } from "./pending.js";

/** @import { Presence } from "./inbox.js" */
/** @import { Step } from "./negotiation.js" */
/** @import { RtcNode } from "./node.js" */
/** @import { LinkStats, Reason } from "./types.js" */
/** @import { Signal } from "./wire.js" */

const signalBacklog = 128; // signals of one peer that may wait to be used
const attemptTimeout = 7000; // how long the offering end gives an attempt that makes no progress

export class Link {
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

/** The kind of a candidate line: "... typ host ...". @param {string | undefined} line */
const kindOf = (line = "") => (/ typ (\w+)/.exec(line)?.[1] ?? "?") + (/\.local /.test(line) ? " (mDNS)" : "");

/** Is like "2 host, 1 srflx", or "none". @param {string[] | undefined} kinds */
function tally(kinds = []) {
  const counts = [...new Set(kinds)].map((kind) => `${kinds.filter((k) => k === kind).length} ${kind}`);
  return counts.join(", ") || "none";
}
