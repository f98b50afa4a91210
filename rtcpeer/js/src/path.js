// One RTCPeerConnection of a link: being made, in use, or replaced. It belongs to its link, and calls pathOpened, pathEnded,
// received and controlled of the link.

import { KiB, eventCost, listen, now } from "./basics.js";
import { beat, encodeControl, knowsTimes, proof } from "./control.js";
import { receiveLimit } from "./inbox.js";

/** @import { Control } from "./control.js" */
/** @import { Lane } from "./lane.js" */
/** @import { Link } from "./link.js" */
/** @import { Signal } from "./wire.js" */

const maxCandidates = 64; // of the other end that are used: each is tried with each of this end's
const maxUnheard = KiB; // bytes of control frames that may wait to be sent; then no beats are added
const maxUnread = 4; // control frames that may come too early: a hello or a proof, after which the other end waits for the answer
const consentTime = 29000; // ms; without an answer for a second more a path is lost, see RFC 7675, section 5.1
const maxStrangers = 16; // unexpected channels that the other end may open before it counts as misbehaving

export class Path {
  /** Those of the lanes, in their order. @type {RTCDataChannel[]} */ channels = [];
  /** null on a link that cannot be repaired. @type {RTCDataChannel | null} */ control = null;
  opened = false; // all channels have been open at the same time
  closed = false;
  broken = false; // it has refused a reliable packet
  proven = false; // the other end has proven who it is
  /** Control frames that came before all channels were open here. @type {any[]} */ unread = [];
  heard = 0; // control frames received
  said = 0; // when a control frame was last sent
  maxMessage = 64 * KiB; // that the other end accepts
  described = false; // the other end's description is here
  /** The latest error of a STUN or TURN server, for the detail of an error. */ remark = "UDP may be blocked: try a TURN server";
  /** Own candidates, until the description is sent. @type {Signal[] | null} */ held = [];
  /** Kinds of candidates. @type {string[]} */ local = [];
  /** @type {string[]} */ remote = [];
  candidates = 0;
  strangers = 0;
  /** Packets that came before the link went over this path, or before it was connected. @type {{lane: Lane, bytes: Uint8Array}[]} */ early = [];
  earlyBytes = 0; // their sizes, each with eventCost
  /** How good it is, as far as is known: 2 is direct, 1 goes through a TURN server, 0 through the signaling server. */ grade = 2;

  /** @param {Link} link @param {boolean} direct whether no relay is to be used @param {boolean} [forwarded] through the signaling server */
  constructor(link, direct, forwarded) {
    const { config, layout, iceServers, forwarder } = link.node;
    this.link = link;
    this.attempt = link.negotiation.attempt;
    this.began = now();
    this.forwarded = forwarded;
    if (forwarded) this.maxMessage = Infinity;
    const servers = [...config.iceServers, ...iceServers].map((server) => ({ ...server }));
    const pc = (this.pc = forwarded ? forwarder?.connect(link.peer) : new config.RTCPeerConnection({
      iceServers: direct ? servers.flatMap(withoutRelays) : servers,
      iceTransportPolicy: config.iceTransportPolicy,
    }));
    listen(pc, "icecandidate", ({ candidate: c }) => {
      if (!c?.candidate || this.closed) return;
      this.local.push(kindOf(c.candidate));
      const signal = { type: "candidate", candidate: c.candidate, sdpMid: c.sdpMid ?? undefined, sdpMLineIndex: c.sdpMLineIndex ?? undefined };
      if (this.held) this.held.push(signal);
      else link.tell(signal, this.attempt);
    });
    // "disconnected" is no end: ICE comes back from it when the path does.
    const check = () => this.closed || (/\bf|closed$/.test(this.states) && link.pathEnded(this));
    listen(pc, "icecandidateerror", (e) => (this.remark = `${e.url} ${e.errorCode} ${e.errorText}`));
    listen(pc, "connectionstatechange", check);
    listen(pc, "iceconnectionstatechange", check);
    listen(pc, "datachannel", ({ channel }) => {
      channel.close();
      if (++this.strangers > maxStrangers) link.misbehaves("it opens channels");
    });
    // The channels exist before any description is set, on both ends: Godot's layout.
    this.channels = layout.map((mode, i) => this.openChannel(i + 1, ["reliable", "ordered", "unreliable"][i] ?? String(i + 1), {
      ordered: mode !== "unreliable", ...(mode !== "reliable" && { maxRetransmits: config.maxRetransmits }),
    }));
    this.channels.forEach((channel, i) => {
      listen(channel, "message", (e) => this.closed || link.received(this, link.lanes[i], e.data));
      listen(channel, "bufferedamountlow", () => link.lanes[i].drain());
    });
    if (!link.id) return;
    this.control = this.openChannel(0, "control");
    listen(this.control, "message", ({ data }) => {
      if (this.opened) link.controlled(this, data);
      else if (this.unread.length < maxUnread) this.unread.push(data);
    });
  }

  /** @param {number} id @param {string} label @param {RTCDataChannelInit} [init] @returns {RTCDataChannel} */
  openChannel(id, label, init) {
    const channel = this.pc.createDataChannel(label, { negotiated: true, id, ...init });
    channel.binaryType = "arraybuffer";
    listen(channel, "open", () => {
      const all = this.control ? [...this.channels, this.control] : this.channels;
      if (this.opened || this.closed || all.some((c) => c.readyState !== "open")) return;
      this.opened = true;
      this.maxMessage = Math.min(this.maxMessage, this.pc.sctp?.maxMessageSize || Infinity); // what this browser can send
      this.link.pathOpened(this);
      for (const data of this.unread) this.link.controlled(this, data);
    });
    // The other end closes its reliable lanes when what it sent has arrived.
    listen(channel, "close", () => this.closed || this.link.pathEnded(this));
    return channel;
  }

  // Each of these is one step of the negotiation.

  async offer() {
    await this.pc.setLocalDescription(await this.pc.createOffer());
  }

  /** @param {Signal} offer */
  async answer(offer) {
    await this.accept(offer);
    await this.pc.setLocalDescription(await this.pc.createAnswer());
  }

  /** @param {Signal} description */
  async accept({ type, sdp = "" }) {
    await this.pc.setRemoteDescription({ type, sdp });
    this.described = true;
    this.maxMessage = Number(/a=max-message-size:(\d+)/.exec(sdp)?.[1] ?? this.maxMessage) || Infinity;
    this.remote.push(...(sdp.match(/a=candidate:.*/g) ?? []).map(kindOf));
  }

  /** Adds a candidate of the other end. Those beyond the limit are ignored: there are only fewer ways to try. @param {Signal} signal */
  async add({ candidate, sdpMid, sdpMLineIndex = 0 }) {
    if (++this.candidates > maxCandidates) return;
    this.remote.push(kindOf(candidate));
    await this.pc.addIceCandidate({ candidate, sdpMid, sdpMLineIndex });
  }

  /** The description is sent: now the candidates may follow. */
  release() {
    for (const candidate of this.held ?? []) this.link.tell(candidate, this.attempt);
    this.held = null;
  }

  /** How far it has come, or least. @param {{stage: number, detail?: string}} least */
  progress(least) {
    const { pc } = this;
    const ice = pc.iceConnectionState;
    let p = { stage: 3, detail: "SCTP" };
    if (!this.described) p = { stage: 0, detail: "no description" };
    else if (ice !== "connected" && ice !== "completed") {
      if (this.forwarded) return { stage: 1, detail: "nothing came through the server" };
      p = { stage: 1, detail: `ICE ${ice}, own candidates ${tally(this.local)}, the other's ${tally(this.remote)}` };
      if (!/relay/.test(p.detail)) p.detail += "; " + this.remark;
    } else if (pc.connectionState !== "connected") p = { stage: 2, detail: `DTLS: connection ${pc.connectionState}` };
    return p.stage >= least.stage ? p : least;
  }

  get states() {
    return `${this.pc.iceConnectionState} ${this.pc.connectionState}`;
  }

  /**
   * Whether the path was lost, and not closed by the other end. libdatachannel closes a path right after its ICE has failed,
   * and when the events come everything is closed, as if the other end had closed the path. The silence tells the difference.
   * @param {number} silence since the other end was last heard, in ms
   */
  lost(silence) {
    return /^d|\bf/.test(this.states) || (/closed$/.test(this.states) && silence > consentTime);
  }

  /** Sends a control frame. @param {Partial<Control>} frame */
  say(frame) {
    try {
      this.control?.send(encodeControl(frame));
      this.said = now();
    } catch {} // the path has ended, which its events tell
  }

  /** Says that this end is there, and what it has taken. @param {number} [flags] */
  beat(flags = 0) {
    const { timing } = this.link;
    this.say({ kind: beat, flags: timing ? flags | knowsTimes : flags, counts: this.link.counts(), times: timing?.times(flags) });
  }

  /** Is like beat, but sends nothing while beats wait: when a path works again after an hour, the other end must not get a flood of them. @param {number} [flags] */
  tell(flags) {
    if (/** @type {any} */ (this.control)?.bufferedAmount < maxUnheard) this.beat(flags);
  }

  /** The fingerprints of both ends' certificates, the offering end's first. A browser does not tell the certificates themselves, so these are all that the descriptions name. */
  binding() {
    const { localDescription: local, remoteDescription: remote } = this.pc;
    return [local, remote].sort((a, b) => Number(b?.type === "offer") - Number(a?.type === "offer"))
      .flatMap((d) => [...new Set(d?.sdp.toLowerCase().match(/^a=fingerprint:.*$/gm)?.map((/** @type {string} */ line) => line.slice(14).trim().replace(/\s+/g, " ")))])
      .join(" ");
  }

  /** The proof of one end. @param {boolean} offers */
  proof(offers) {
    return proof(this.link.secret, offers, this.attempt, this.binding());
  }

  /** Keeps a packet for later. False if there are too many. @param {Lane} lane @param {Uint8Array} bytes */
  hold(lane, bytes) {
    if (this.earlyBytes + bytes.length + eventCost > receiveLimit) return false;
    this.earlyBytes += bytes.length + eventCost;
    this.early.push({ lane, bytes });
    return true;
  }

  /** @returns {Promise<{rtt: number, local: string, remote: string, bytesSent: number, bytesReceived: number}>} */
  async stats() {
    /** @type {Map<string, any>} */ let report = new Map();
    try {
      report = await this.pc.getStats();
    } catch {}
    const all = [...report.values()];
    const transport = all.find((s) => s.type === "transport" && s.selectedCandidatePairId);
    const pair = report.get(transport?.selectedCandidatePairId) ?? all.find((s) => s.type === "candidate-pair" && s.nominated && s.state === "succeeded");
    const local = report.get(pair?.localCandidateId)?.candidateType ?? "", remote = report.get(pair?.remoteCandidateId)?.candidateType ?? "";
    this.grade = this.forwarded ? 0 : local === "relay" || remote === "relay" ? 1 : 2;
    return { rtt: 1000 * (pair?.currentRoundTripTime ?? 0), local, remote, bytesSent: pair?.bytesSent ?? 0, bytesReceived: pair?.bytesReceived ?? 0 };
  }

  close() {
    this.closed = true;
    this.early = [];
    this.pc.close();
  }
}

/** A server without its TURN URLs, or none. @param {any} server */
function withoutRelays(server) {
  const urls = [server.urls].flat().filter((url) => !/^turns?:/.test(url));
  return urls.length ? [{ ...server, urls }] : [];
}

/** The kind of a candidate line: "... typ host ...". @param {string | undefined} line */
const kindOf = (line = "") => / typ (\w+)/.exec(line)?.[1] ?? "?";

/** Is like "2 host, 1 srflx", or "none". @param {string[]} kinds */
function tally(kinds) {
  const counts = [...new Set(kinds)].map((kind) => `${kinds.filter((k) => k === kind).length} ${kind}`);
  return counts.join(", ") || "none";
}
