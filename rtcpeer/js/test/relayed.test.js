// Links through the signaling server: their wire, how they come and go, and what a hostile server or member can do to them.

import assert from "node:assert/strict";
import { createECDH, webcrypto } from "node:crypto";
import { test } from "node:test";
import { WebSocket } from "ws";
import { decode, encodeAck, encodePart } from "../src/forwarded/frame.js";
import { describe, Keys, newKey, parse } from "../src/forwarded/keys.js";
import { relayLinks as fromSource } from "../src/relay-links.js";
import { relayLinks } from "../relay-links.js";
import { Player, RTCPeerConnection, cuttable, eventually, golden, orderly, rtcpeer, startServer } from "./support.js";

const server = await startServer("--message-rate=0", "--relay-links", "--relay-rate=100000000", "--relay-burst=100000000", "--relay-total=100000000");
test.after(() => server.stop());
let rooms = 0;
const newRoom = () => `${server.url}/relayed-${++rooms}`;

/** A stack of which no two reach each other, as long as it is parted. */
class Parted extends RTCPeerConnection {
  static parted = true;
  constructor(config) {
    super({ ...config, iceTransportPolicy: Parted.parted ? "relay" : "all" });
  }
}

/** A WebSocket whose binary frames a test changes on their way in. */
class Tapped extends WebSocket {
  tap = (frame) => [frame];
  set onmessage(take) {
    super.onmessage = (e) => {
      if (typeof e.data === "string") take(e);
      else for (const data of this.tap(e.data)) take({ data });
    };
  }
}

const config = { RTCPeerConnection: Parted, relayLinks, connectTimeout: 4500 }; // a third of that until the second attempt

async function pair(t, more = {}, other = more) {
  const url = newRoom();
  const a = await Player.join(url, { ...config, ...more }), b = await Player.join(url, { ...config, ...other });
  t.after(() => Promise.all([a.close(), b.close()]));
  await Promise.all([a.event("connected", b.id), b.event("connected", a.id)]);
  return [a, b];
}

const kindOf = async (player, peer) => (await player.node.stats()).links[peer].local;
const unhex = (s) => new Uint8Array(Buffer.from(s, "hex"));
const hex = (b) => Buffer.from(b).toString("hex");
const v = golden("wire/forwarded.json");

/** The key pair of a private key. */
async function keyPair(digits) {
  const ecdh = createECDH("prime256v1");
  ecdh.setPrivateKey(digits, "hex");
  const publicKey = new Uint8Array(ecdh.getPublicKey());
  const part = (from, to) => Buffer.from(publicKey.subarray(from, to)).toString("base64url");
  const jwk = { kty: "EC", crv: "P-256", d: Buffer.from(digits, "hex").toString("base64url"), x: part(1, 33), y: part(33, 65) };
  return { publicKey, privateKey: await webcrypto.subtle.importKey("jwk", jwk, { name: "ECDH", namedCurve: "P-256" }, false, ["deriveBits"]) };
}

test("keys, descriptions and frames are those of the Go package", async () => {
  const offering = await keyPair(v.offering_key), answering = await keyPair(v.answering_key);
  assert.equal(describe(offering.publicKey), v.offer);
  assert.equal(describe(answering.publicKey), v.answer);
  const ends = { true: await Keys.make(offering, parse(v.answer), true), false: await Keys.make(answering, parse(v.offer), false) };
  const numbers = { true: 0, false: 0 };
  for (const { name, offering: first, contents, frame } of v.frames) {
    const number = numbers[first]++;
    const made = await ends[first].encrypt(7, number, unhex(contents));
    assert.equal(hex(made), "00000007" + frame, name);
    const plain = await ends[!first].decrypt(number, made.subarray(12));
    assert.equal(hex(plain), contents, name);
    const f = decode(plain);
    assert.ok(f, name);
    if (f.kind === 3) assert.equal(hex(encodeAck(f.frames, f.reads)), contents, name);
    if (f.kind === 1 || f.kind === 2) assert.equal(hex(encodePart(f.kind, f.lane, f.data)), contents, name);
  }
  for (const { name, contents } of v.bad_contents) assert.equal(decode(unhex(contents)), null, name);
});

test("descriptions in any other form are refused, and keys that are not on the curve", async () => {
  const own = await newKey();
  for (const { name, description } of v.bad_descriptions) {
    await assert.rejects(async () => Keys.make(own, parse(description), true), name);
  }
});

test("if WebRTC finds no path, a link goes through the server, and packets of each kind and size arrive", async (t) => {
  const modes = ["unreliable", "reliable", "unreliable_ordered"];
  const [a, b] = await pair(t, { channels: modes, maxPacket: 256 * 1024 });
  for (const [from, to] of [[a, b], [b, a]]) {
    assert.equal(await kindOf(from, to.id), "signaling");
    for (const size of [1, 16384, 16385, 256 * 1024]) {
      for (const channel of [0, 2]) await from.node.send({ peer: to.id, channel, data: new Uint8Array(size).fill(size) });
      await to.until(`${size} bytes`, () => to.packets(from.id).filter((p) => p.data.length === size && p.data.at(-1) === size % 256).length === 2);
    }
    for (const channel of [1, 3]) await from.node.send({ peer: to.id, channel, data: "unreliable" });
    await to.until("the unreliable ones", () => to.packets(from.id).filter((p) => p.mode.startsWith("unreliable")).length === 2);
  }
  const total = 200, size = 10000; // 2 MB each way
  const stream = async (from, to) => {
    for (let i = 0; i < total; i++) await from.node.send({ peer: to.id, data: new Uint8Array(size).fill(i) });
  };
  await Promise.all([stream(a, b), stream(b, a)]);
  for (const [to, from] of [[a, b], [b, a]]) {
    const got = () => to.packets(from.id).filter((p) => p.data.length === size);
    await to.until(() => `all of them, not ${got().length}`, () => got().length === total);
    assert.ok(got().every((p, i) => p.data[size - 1] === i % 256), "in order");
    assert.equal(orderly(to.events), "");
  }
  assert.ok((await a.node.stats()).links[b.id].rtt > 0);
  await b.close();
  assert.equal((await a.event("disconnected", b.id)).reason, "by peer");
});

test("the same in a star; with a member that does not use it there is no link", async (t) => {
  const url = newRoom();
  const host = await Player.join(url, { ...config, topology: "star" }), guest = await Player.join(url, config);
  const other = await Player.join(url, { ...config, relayLinks: undefined });
  t.after(() => Promise.all([host.close(), guest.close(), other.close()]));
  await Promise.all([host.event("connected", guest.id), guest.event("connected", 1)]);
  assert.equal(await kindOf(guest, 1), "signaling");
  assert.equal((await host.event("failed", other.id)).error.code, "deadline");
});

test("a link moves to a better path when there is one, and back to the server when that is gone", async (t) => {
  const net = cuttable();
  class Stack extends net.RTCPeerConnection {
    constructor(config) {
      super({ ...config, iceTransportPolicy: Parted.parted ? "relay" : "all" });
    }
  }
  const [a, b] = await pair(t, { RTCPeerConnection: Stack });
  assert.equal(await kindOf(a, b.id), "signaling");
  Parted.parted = false;
  t.after(() => (Parted.parted = true));
  await eventually("a direct path", async () => (await kindOf(a, b.id)) === "host" && (await kindOf(b, a.id)) === "host");
  Parted.parted = true;
  net.cut();
  await eventually("a path through the server", async () => (await kindOf(a, b.id)) === "signaling" && (await kindOf(b, a.id)) === "signaling");
  await a.node.send({ peer: b.id, data: "still" });
  await b.until("the packet", () => b.packets(a.id).length);
  for (const player of [a, b]) assert.deepEqual(player.events.filter((e) => ["connected", "disconnected", "failed"].includes(e.kind)).map((e) => e.kind), ["connected"]);
});

test("when the WebSocket is lost the link is interrupted, and goes on when that is back", async (t) => {
  for (const who of [0, 1]) {
    const sockets = [];
    class Kept extends WebSocket {
      constructor(...args) {
        super(...args);
        sockets.push(this);
      }
    }
    const players = await pair(t, who ? {} : { WebSocket: Kept }, who ? { WebSocket: Kept } : {});
    const [a, b] = players;
    let sent = 0;
    const send = () => a.node.trySend({ peer: b.id, data: new Uint8Array([++sent]) });
    send();
    sockets.at(-1).terminate();
    for (let i = 0; i < 20; i++) send();
    await players[who].event("signaling resumed");
    await eventually("the link", async () => (await a.node.stats()).links[b.id].paths > 1);
    send();
    await b.until(() => `all, not ${b.packets(a.id).length}`, () => b.packets(a.id).length === sent);
    assert.deepEqual(b.packets(a.id).map((p) => p.data[0]), Array.from({ length: sent }, (_, i) => i + 1));
    for (const player of players) assert.equal(player.events.filter((e) => e.kind === "disconnected").length, 0);
  }
});

test("a silent server interrupts the link, and it resumes", async (t) => {
  const [a, b] = await pair(t, { WebSocket: Tapped });
  const socket = a.node.signaling.socket;
  const late = [];
  socket.tap = (frame) => (late.push(frame), []);
  await a.event("interrupted", b.id);
  socket.tap = (frame) => [...late.splice(0), frame]; // in its order, as the server's outbox would
  await a.event("resumed", b.id);
  await b.node.send({ peer: a.id, data: "still" });
  await a.until("the packet", () => a.packets(b.id).length);
});

test("repeated, changed, cut and forged frames do no harm", async (t) => {
  const [a, b] = await pair(t, { WebSocket: Tapped });
  a.node.signaling.socket.tap = (frame) => {
    const changed = frame.slice(), cut = frame.slice(0, -1), strange = frame.slice();
    new Uint8Array(changed)[frame.byteLength - 1] ^= 1;
    new Uint8Array(strange)[7] ^= 1; // the tag
    const unknown = frame.slice();
    new Uint8Array(unknown)[3] ^= 1; // the peer
    return [unknown, new ArrayBuffer(0), new ArrayBuffer(3), frame.slice(0, 12), changed, cut, strange, new ArrayBuffer(1 << 20), frame.slice(), frame.slice()];
  };
  for (let i = 0; i < 20; i++) {
    await b.node.send({ peer: a.id, data: "there" });
    await a.until("it", () => a.packets(b.id).length === i + 1);
    await a.node.send({ peer: b.id, data: "back" });
    await b.until("it", () => b.packets(a.id).length === i + 1);
  }
  const { dropped, links } = await a.node.stats();
  for (const word of ["forwarded_unknown", "forwarded_forged", "forwarded_replay"]) assert.ok(dropped[word] > 0, word);
  assert.equal(links[b.id].paths, 1);
});

test("a flood of frames is bounded, and the link goes on", async (t) => {
  const [a, b] = await pair(t, { WebSocket: Tapped });
  let flood = 3000;
  a.node.signaling.socket.tap = (frame) => {
    const frames = [frame];
    for (; flood > 0; flood--) {
      const forged = new Uint8Array(16000);
      forged.set(new Uint8Array(frame.slice(0, 12)));
      frames.push(forged.buffer);
    }
    return frames;
  };
  await b.node.send({ peer: a.id, data: "one" });
  await a.until("it", () => a.packets(b.id).length === 1);
  assert.ok((await a.node.stats()).dropped.forwarded_full > 2000);
  await b.node.send({ peer: a.id, data: "two" });
  await a.until("it", () => a.packets(b.id).length === 2);
});

test("a member that breaks the rules loses only the path", async (t) => {
  const part = (lane, size, kind = 1) => encodePart(kind, lane, new Uint8Array(size));
  const cases = {
    "what is no frame": [new Uint8Array([9])],
    "nothing": [new Uint8Array()],
    "a lane that is not there": [part(77, 1)],
    "a packet that is too large": Array.from({ length: 17 }, () => part(1, 16384, 2)),
    "an ack of more than was sent": [encodeAck(1e6, [])],
    "fewer than before": [encodeAck(0, [])],
    "more read than was sent": [encodeAck(3, [{ lane: 1, read: 5000 }])],
    "a lane in an ack that is not there": [encodeAck(3, [{ lane: 77, read: 0 }])],
  };
  const [a, b] = await pair(t, {}, { relayLinks: fromSource });
  const path = () => b.node.roster.get(a.id).link.path;
  for (const [name, frames] of Object.entries(cases)) {
    await a.node.send({ peer: b.id, data: name });
    await b.until(name, () => b.packets(a.id).some((p) => String.fromCharCode(...p.data) === name));
    const before = path().attempt;
    for (const frame of frames) path().pc.transmit(frame);
    await eventually(name, () => a.node.roster.get(b.id).link.path.attempt > before && path().attempt > before);
  }
  assert.equal(a.events.filter((e) => e.kind === "disconnected").length, 0);
});

test("any decrypted bytes are a frame or are ignored", () => {
  const random = new Uint8Array(40);
  for (let i = 0; i < 20000; i++) {
    const b = webcrypto.getRandomValues(random).slice(0, i % 40);
    b[0] &= 7;
    const f = decode(b);
    if (f?.kind === 3) assert.deepEqual(encodeAck(f.frames, f.reads), b);
    else if (f?.data.length && f.kind < 3) assert.deepEqual(encodePart(f.kind, f.lane, f.data), b);
  }
});

test("if a frame is missing, the link makes another path and nothing is lost", async (t) => {
  const [a, b] = await pair(t, { WebSocket: Tapped });
  let lose = 1;
  a.node.signaling.socket.tap = (frame) => (lose-- > 0 ? [] : [frame]);
  for (const data of ["one", "two", "three"]) await b.node.send({ peer: a.id, data });
  await a.until("all", () => a.packets(b.id).length === 3);
  assert.deepEqual(a.packets(b.id).map((p) => String.fromCharCode(...p.data)), ["one", "two", "three"]);
  await eventually("another path", async () => (await a.node.stats()).links[b.id].paths > 1);
});

test("a server that replaces the keys does not take over the link", async (t) => {
  const refused = [];
  const [a, b] = await pair(t, { log: (text) => refused.push(text) });
  const other = await newKey();
  const [offers, answers] = a.id > b.id ? [a, b] : [b, a];
  const link = answers.node.roster.get(offers.id).link;
  const attempt = link.path.attempt + 1;
  // What the server would say in the name of the other end. It has the keys of this path, but not the link's secret.
  answers.node.signaled(offers.id, { type: "offer", attempt, sdp: describe(other.publicKey), link: link.id, repair: true });
  await eventually("its answer", () => link.next?.pc.localDescription);
  const keys = await Keys.make(other, parse(link.next.pc.localDescription.sdp), true);
  const receive = async (number, contents) => answers.node.forwarder.receive((await keys.encrypt(offers.id, number, contents)).buffer);
  await receive(0, new Uint8Array([0]));
  await receive(1, encodePart(1, 0, new Uint8Array([3, ...new Uint8Array(32)])));
  await eventually("the refusal", async () => (await answers.node.stats()).links[offers.id].pathsRefused === 1);
  await offers.node.send({ peer: answers.id, data: "still" });
  await answers.until("the packet", () => answers.packets(offers.id).length);
});

test("without crypto.subtle it is refused, and the error says why", async (t) => {
  const { subtle } = globalThis.crypto;
  Object.defineProperty(globalThis.crypto, "subtle", { value: undefined, configurable: true });
  t.after(() => Object.defineProperty(globalThis.crypto, "subtle", { value: subtle, configurable: true }));
  await assert.rejects(rtcpeer.join(newRoom(), { ...config, WebSocket }), { code: "bad_config", message: /https/ });
});
