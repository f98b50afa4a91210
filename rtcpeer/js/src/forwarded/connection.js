// One end of a path through the signaling server: to rtcpeer.js an RTCPeerConnection, as far as that uses one.
//
//   offering end                               answering end
//     createOffer ----- description, key ---->   setRemoteDescription, createAnswer
//     setRemoteDescription <-- description, key --
//     == hello ==============================>   open
//     open    <============================== hello ==
//
// Frames keep their order. One that is missing ends the path: a link makes another one then, and sends again what has not
// arrived.

import { now } from "../basics.js";
import { Channel } from "./channel.js";
import { ack, close, decode, encodeAck, encodePart, hello, part, partCost } from "./frame.js";
import { describe, Keys, newKey, parse } from "./keys.js";

/** @import { Frame } from "./frame.js" */
/** @import { Forwarder } from "./forwarder.js" */

const window = 128 * 1024; // how much of a path may be in flight; each part counts partCost more than its bytes
const maxQueueing = 100; // ms by which the oldest part in flight may exceed the shortest round trip before reliable lanes wait
const maxNumber = 2 ** 32 - 1;
const maxOpening = 1024 * 1024; // bytes of frames that may wait to be decrypted, a KiB more for each

export class Connection extends EventTarget {
  connectionState = "new";
  iceConnectionState = "new";
  /** @type {{type: string, sdp: string} | null} */ localDescription = null;
  /** @type {{type: string, sdp: string} | null} */ remoteDescription = null;
  /** By their ids. @type {Map<number, Channel>} */ channels = new Map();
  /** Null until the other end's description is here. @type {Keys | null} */ keys = null;
  /** @type {Awaited<ReturnType<typeof newKey>> | null} */ own = null;
  opened = false;
  over = false;
  greets = false; // a hello is to be sent
  acks = false; // an ack is to be sent
  sent = 0; // frames
  received = 0;
  acked = 0;
  /** The parts in flight, oldest first. @type {{number: number, channel: Channel | null, bytes: number, at: number}[]} */ flight = [];
  inFlight = 0; // the sum of flight, with partCost for each part
  rtt = 0; // ms
  shortest = 0; // of the round trips; 0: none yet
  bytesSent = 0;
  bytesReceived = 0;
  opening = 0; // see maxOpening
  /** Each frame is sent after the one before, and taken after the one before. */
  sending = Promise.resolve();
  taking = Promise.resolve();

  /** @param {Forwarder} forwarder @param {number} peer */
  constructor(forwarder, peer) {
    super();
    this.forwarder = forwarder;
    this.peer = peer;
  }

  /** @param {string} label @param {RTCDataChannelInit} init negotiated, with an id */
  createDataChannel(label, { id = 0, maxRetransmits }) {
    const channel = new Channel(this, id, maxRetransmits === undefined);
    this.channels.set(id, channel);
    return channel;
  }

  async createOffer() {
    return { type: "offer", sdp: await this.describe() };
  }

  async createAnswer() {
    const sdp = await this.describe();
    await this.makeKeys();
    return { type: "answer", sdp };
  }

  async describe() {
    this.own = await newKey();
    return describe(this.own.publicKey);
  }

  /** @param {{type: string, sdp: string}} description */
  async setLocalDescription(description) {
    this.localDescription = description;
  }

  /** @param {{type: string, sdp: string}} description */
  async setRemoteDescription(description) {
    if (this.remoteDescription) throw new Error("the path has a description");
    parse(description.sdp);
    this.remoteDescription = description;
    if (description.type === "offer") return;
    await this.makeKeys();
    this.greets = true;
    this.wake();
  }

  async makeKeys() {
    const { own, remoteDescription } = this;
    if (!own || !remoteDescription) throw new Error("no description of the other end");
    const keys = await Keys.make(own, parse(remoteDescription.sdp), remoteDescription.type === "answer");
    if (this.over) return;
    this.forwarder.add(this, keys.tag);
    this.keys = keys;
  }

  async addIceCandidate() {
    throw new Error("a path through the signaling server has no candidates");
  }

  async getStats() {
    const { rtt, bytesSent, bytesReceived } = this;
    const candidate = { candidateType: "signaling" };
    const pair = { type: "candidate-pair", nominated: true, state: "succeeded", localCandidateId: "server", remoteCandidateId: "server", currentRoundTripTime: rtt / 1000, bytesSent, bytesReceived };
    return new Map(this.opened ? Object.entries({ pair, server: candidate }) : []);
  }

  close() {
    if (this.over) return;
    if (this.keys) this.transmit(new Uint8Array([close]));
    this.end("closed");
  }

  /** Frames were lost, or the other end breaks the rules. */
  lose() {
    this.end("failed");
  }

  /** @param {string} state */
  end(state) {
    if (this.over) return;
    this.over = true;
    this.forwarder.remove(this);
    this.flight = [];
    this.connectionState = this.iceConnectionState = state;
    this.dispatchEvent(new Event("connectionstatechange"));
    for (const channel of this.channels.values()) channel.become("closed");
  }

  // ---- Sending.

  /** Has the forwarder ask for the next frame, because there is something to send. */
  wake() {
    if (this.keys && !this.over) this.forwarder.queue(this);
  }

  /** Returns what is to be sent next, or null. @returns {Uint8Array | null} */
  next() {
    if (this.over) return null;
    if (this.greets) {
      this.greets = false;
      this.depart(null, 0);
      return new Uint8Array([hello]);
    }
    if (!this.acks) return this.nextPart();
    this.acks = false;
    const channels = [...this.channels.values()].filter((c) => c.told !== c.arrived);
    for (const c of channels) c.told = c.arrived;
    return encodeAck(this.received, channels.map((c) => ({ lane: c.id, read: c.arrived >>> 0 })));
  }

  /** Returns the next part. The channels take turns: one that has sent goes to the end. */
  nextPart() {
    const late = this.flight.length > 0 && now() - this.flight[0].at > this.shortest + maxQueueing;
    for (const channel of this.channels.values()) {
      const next = late && channel.reliable ? null : channel.next();
      if (!next) continue;
      if (this.flight.length && this.inFlight + next.data.length + partCost > window) return null;
      this.channels.delete(channel.id);
      this.channels.set(channel.id, channel);
      channel.depart(next);
      this.depart(channel, next.data.length);
      return encodePart(next.kind, channel.id, next.data);
    }
    return null;
  }

  /** Notes a part that is sent with the next frame. @param {Channel | null} channel null: a hello @param {number} bytes */
  depart(channel, bytes) {
    this.flight.push({ number: this.sent, channel, bytes, at: now() });
    this.inFlight += bytes + partCost;
  }

  /** Encrypts and sends a frame, after those before it. @param {Uint8Array} plain */
  transmit(plain) {
    const { keys, forwarder } = this;
    if (!keys || this.sent >= maxNumber) return this.lose(); // a nonce must not come twice
    this.bytesSent += plain.length + 28; // with the peer, the header and what GCM adds
    forwarder.sealing += plain.length;
    const sealed = keys.encrypt(this.peer, this.sent++, plain);
    this.sending = this.sending.then(async () => {
      forwarder.send(await sealed);
      forwarder.sealing -= plain.length;
      forwarder.pump();
    });
  }

  // ---- Receiving.

  /** Takes a frame, after those before it. @param {number} number @param {Uint8Array} sealed */
  receive(number, sealed) {
    const { keys, forwarder } = this;
    const cost = sealed.length + 1024;
    if (!keys || this.opening + cost > maxOpening) return forwarder.drop("full");
    this.opening += cost;
    const plain = keys.decrypt(number, sealed).catch(() => null);
    this.taking = this.taking.then(async () => {
      const opened = await plain;
      this.opening -= cost;
      if (this.over) return;
      if (number < this.received) return forwarder.drop("replay");
      if (!opened) return forwarder.drop("forged");
      if (number > this.received) return this.lose();
      this.received++;
      this.bytesReceived += sealed.length + 8;
      if (!this.take(decode(opened))) this.lose();
    });
  }

  /** Takes a decrypted frame. Returns false if the other end must not send it. @param {Frame | null} f */
  take(f) {
    if (!f) return false;
    if (f.kind === hello) this.greeted();
    else if (f.kind === close) this.end("closed");
    else if (!this.opened) return false;
    else if (f.kind === ack) return this.acknowledged(f);
    else {
      if (!this.channels.get(f.lane)?.receive(f)) return false;
      this.acks = true;
      this.wake();
    }
    return true;
  }

  /** Opens the path. */
  greeted() {
    this.acks = true;
    if (!this.opened) {
      this.opened = true;
      this.greets = this.remoteDescription?.type === "offer";
      this.connectionState = this.iceConnectionState = "connected";
      const channels = [...this.channels.values()];
      for (const channel of channels) channel.readyState = "open"; // all of them, before the first event
      for (const channel of channels) channel.dispatchEvent(new Event("open"));
    }
    this.wake();
  }

  /** Takes an ack: what has arrived there, and what was read. @param {Frame} f */
  acknowledged({ frames, reads }) {
    if (frames > this.sent || frames < this.acked) return false;
    this.acked = frames;
    const n = this.flight.findIndex(({ number }) => number >= frames);
    const arrived = this.flight.splice(0, n < 0 ? Infinity : n);
    const newest = arrived.at(-1);
    if (newest) this.measure(now() - newest.at);
    for (const { channel, bytes } of arrived) {
      this.inFlight -= bytes + partCost;
      channel?.delivered(bytes);
    }
    for (const { lane, read } of reads) if (!this.channels.get(lane)?.readUpTo(read)) return false;
    this.wake();
    return true;
  }

  /** Takes the time from sending the newest part to its ack. @param {number} rtt */
  measure(rtt) {
    this.shortest = Math.min(this.shortest || rtt, rtt);
    this.rtt = this.rtt ? this.rtt + (rtt - this.rtt) / 8 : rtt;
  }
}
