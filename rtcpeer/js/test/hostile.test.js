// Other ends that break the rules: they are bounded, and whoever stands between the two gets nothing.

import assert from "node:assert/strict";
import { test } from "node:test";
import { WebSocket } from "ws";
import { answers, beat, bye, encodeControl, prove, take } from "../src/control.js";
import { Plain, Player, RTCPeerConnection, eventually, startServer } from "./support.js";

const server = await startServer("--message-rate=0");
test.after(() => server.stop());
let rooms = 0;
const newRoom = () => `${server.url}/hostile-${++rooms}`;

/** Counts the candidates that are used. */
class Counting extends RTCPeerConnection {
  static used = 0;
  addIceCandidate(candidate) {
    Counting.used++;
    return super.addIceCandidate(candidate);
  }
}

/** b is the hostile one, and offers. */
async function pair(t, config = {}, hostile = {}) {
  const url = newRoom();
  const a = await Player.join(url, { RTCPeerConnection, ...config }), b = await Player.join(url, { RTCPeerConnection, ...hostile });
  t.after(() => Promise.all([a.close(), b.close()]));
  await Promise.all([a.event("connected", b.id), b.event("connected", a.id)]);
  return { a, b, ofA: a.node.roster.get(b.id).link, ofB: b.node.roster.get(a.id).link };
}

const candidate = (i) => `candidate:${i} 1 udp 2113937151 198.51.100.${i % 250} ${1024 + (i % 60000)} typ host generation 0 ufrag x network-cost 999`;
const misbehaved = async (player, peer) => assert.equal((await player.event("disconnected", peer)).reason, "misbehaved");

test("a peer with 300 addresses gets its link, and 20,000 addresses cost no more", async (t) => {
  const url = newRoom();
  const a = await Player.join(url, { RTCPeerConnection: Counting });
  t.after(() => a.close());
  class Many extends RTCPeerConnection {
    async setLocalDescription(description) {
      await super.setLocalDescription(description);
      for (let i = 0; i < 300; i++) b?.node.tell(a.id, { type: "candidate", candidate: candidate(i), sdpMid: "0", sdpMLineIndex: 0, attempt: 1 });
    }
  }
  let b = null;
  b = await Player.join(url, { RTCPeerConnection: Many });
  t.after(() => b.close());
  await Promise.all([a.event("connected", b.id), b.event("connected", a.id)]);
  for (let i = 0; i < 20000; i++) a.node.signaled(b.id, { type: "candidate", candidate: candidate(i), sdpMid: "0", sdpMLineIndex: 0, attempt: 1 });
  await b.node.send({ peer: a.id, data: "still" });
  await a.until("the packet", () => a.packets(b.id).length);
  assert.ok(Counting.used <= 64, `${Counting.used} candidates are used`);
});

test("an end that claims to have taken what it was not sent, or fewer than before, is ended", async (t) => {
  for (const counts of [[1], [0], [2 ** 53]]) {
    const { a, b, ofB } = await pair(t);
    if (!counts[0]) {
      await a.node.send({ peer: b.id, data: "one" });
      await b.until("the packet", () => b.packets().length);
      ofB.path.beat();
      await eventually("it is taken", async () => !(await a.node.stats()).links[b.id].lanes[0].buffered);
    }
    ofB.path.say({ kind: beat, flags: 0, counts });
    await misbehaved(a, b.id);
  }
});

test("nonsense on the control lane, and a flood of it, end the link", async (t) => {
  for (const frame of [[], [9, 9], [beat], [take, 0], [prove, ...new Uint8Array(32)],
    [bye], [bye, 1, 0], [bye, 1, 7, 0xff], [bye, 1, 0x80, 0x80, 4], [bye, 1, 7, ...new Uint8Array(257)]]) {
    const { a, b, ofB } = await pair(t);
    ofB.path.control.send(new Uint8Array(frame.length ? frame : [0]));
    await misbehaved(a, b.id);
  }
  // A flood is so many frames from one tick to the next: over a real stack a slow machine would not bring as many, and on one
  // that needs half a second for them there would be a tick among them.
  const { a, b, ofA } = await pair(t);
  const frame = encodeControl({ kind: beat, flags: answers, counts: [0] });
  const { now } = performance, at = performance.now();
  performance.now = () => at;
  for (let i = 0; i < 5000; i++) ofA.path.control.dispatchEvent({ type: "message", data: frame.slice().buffer });
  performance.now = now;
  await misbehaved(a, b.id);
});

test("offers without end cost one path a second, after the first twenty", async (t) => {
  class Counted extends RTCPeerConnection {
    static made = 0;
    constructor(...args) {
      super(...args);
      Counted.made++;
    }
  }
  const { a, b, ofA, ofB } = await pair(t, { RTCPeerConnection: Counted });
  const { sdp } = ofB.path.pc.localDescription;
  const answered = [];
  a.node.tell = (to, { type, attempt }) => type === "answer" && answered.push(attempt);
  const { now } = performance, at = performance.now() + 60000; // after a quiet time
  const offer = (from, to, time) => {
    performance.now = () => time;
    for (let attempt = from; attempt < to; attempt++) a.node.signaled(b.id, { type: "offer", attempt, sdp, link: ofA.id, repair: true });
    performance.now = now;
  };
  const before = Counted.made;
  offer(2, 82, at);
  await eventually("the first answer", () => answered.length);
  offer(102, 112, at + 1000);
  await eventually("an answer to one of the later offers", () => answered.at(-1) > 100);
  assert.equal(Counted.made - before, 21);
  delete a.node.tell;
});

test("unexpected channels are closed, and too many of them end the link", async (t) => {
  const { a, b, ofB } = await pair(t);
  const { pc } = ofB.path;
  const first = pc.createDataChannel("stranger");
  await eventually("it is closed", () => first.readyState === "closed");
  await b.node.send({ peer: a.id, data: "still" });
  await a.until("the packet", () => a.packets(b.id).length);
  for (let i = 0; i < 40; i++) pc.createDataChannel(`stranger ${i}`);
  await misbehaved(a, b.id);
});

test("a host that announces peers without end to a guest that takes no events is ended", async (t) => {
  const url = newRoom();
  const host = await Player.join(url, { RTCPeerConnection, WebSocket: Plain, topology: "star" });
  const guest = await Player.join(url, { RTCPeerConnection });
  t.after(() => Promise.all([guest.close(), host.close()]));
  await guest.event("connected", 1);
  guest.node.next = () => new Promise(() => {}); // it takes nothing any more, but for the one event that it waits for
  const link = guest.node.roster.get(1).link;
  const frame = (sub, id) => new Uint8Array([7, sub, id, id >> 8, id >> 16, id >> 24]);
  for (let i = 2; i < 500000 && link.state !== "over"; i++) for (const sub of [1, 2]) link.received(link.path, link.lanes[0], frame(sub, i).buffer);
  assert.deepEqual([link.state, link.reason], ["over", "misbehaved"]);
  assert.ok((await guest.node.stats()).waiting < 20000);
});

test("a fail signal does not end an open link", async (t) => {
  const { a, b } = await pair(t);
  for (const [to, from] of [[a, b], [b, a]]) {
    for (const more of [{}, { attempt: 1 }, { attempt: 7 }, { attempt: 1, link: "another" }]) to.node.signaled(from.id, { type: "fail", text: "a lie", ...more });
  }
  await Promise.all([a.node.send({ peer: b.id, data: "still" }), b.node.send({ peer: a.id, data: "still" })]);
  await Promise.all([a.until("the packet", () => a.packets(b.id).length), b.until("the packet", () => b.packets(a.id).length)]);
  for (const p of [a, b]) assert.deepEqual(p.events.map((e) => e.kind), ["connected", "packet"]);
});

test("an offer to the offering end does not end an open link", async (t) => {
  const { a, b, ofB } = await pair(t);
  for (const link of [ofB.id, "another", undefined]) b.node.signaled(a.id, { type: "offer", attempt: 100, sdp: "v=0", link });
  await Promise.all([a.node.send({ peer: b.id, data: "still" }), b.node.send({ peer: a.id, data: "still" })]);
  await Promise.all([a.until("the packet", () => a.packets(b.id).length), b.until("the packet", () => b.packets(a.id).length)]);
  for (const p of [a, b]) assert.deepEqual(p.events.map((e) => e.kind), ["connected", "packet"]);
});

for (const when of ["over a link", "between two links"]) {
  test(`a forged number of an attempt ${when} does not keep two members from linking again`, async (t) => {
    const { a, b, ofA, ofB } = await pair(t);
    const linked = (n) => Promise.all([[a, b], [b, a]].map(([p, { id }]) => p.until(`${n} links`, () => p.events.filter((e) => e.kind === "connected" && e.peer === id).length === n)));
    const forge = () => {
      for (const [to, from] of [[a, b], [b, a]]) {
        for (const type of ["answer", "candidate", "repair", "offer"]) to.node.signaled(from.id, { type, attempt: 2 ** 52, link: ofA.id, sdp: "v=0", repair: true });
      }
    };
    if (when === "over a link") {
      forge();
      await a.node.send({ peer: b.id, data: "still" }); // by then the signals are used
      await b.until("the packet", () => b.packets(a.id).length);
      ofB.end("lost");
    } else {
      ofB.end("lost");
      await Promise.all([a.event("disconnected", b.id), b.event("disconnected", a.id)]);
      forge();
    }
    await linked(2);
  });
}

test("an offer in the name of another member does not take over the link", async (t) => {
  const { a, b, ofA } = await pair(t);
  let answered;
  const answer = new Promise((resolve) => (answered = resolve));
  let path;
  a.node.tell = (to, data) => {
    if (data.type !== "answer") return;
    path = ofA.next; // which may be refused by the time that the answer is used
    answered(data);
  };
  const pc = new RTCPeerConnection();
  t.after(() => pc.close());
  const channels = [[0, "control"], [1, "reliable"], [2, "ordered"], [3, "unreliable"]].map(([id, label]) =>
    pc.createDataChannel(label, { negotiated: true, id, ordered: id !== 3, ...(id > 1 && { maxRetransmits: 0 }) }));
  const heard = [];
  channels[0].onmessage = ({ data }) => {
    const frame = new Uint8Array(data);
    heard.push(frame[0]);
    channels[0].send(frame); // its own proof, given back
    channels[0].send(encodeControl({ kind: take, counts: [0] }));
  };
  await pc.setLocalDescription(await pc.createOffer());
  await eventually("candidates", () => pc.iceGatheringState === "complete");
  a.node.signaled(b.id, { type: "offer", attempt: 2, sdp: pc.localDescription.sdp, link: ofA.id, repair: true });
  await pc.setRemoteDescription({ type: "answer", sdp: (await answer).sdp });
  for (const line of (await answer).sdp.match(/a=candidate:.*/g) ?? []) await pc.addIceCandidate({ candidate: line.slice(2), sdpMLineIndex: 0 });
  delete a.node.tell;
  await eventually("own candidates pass", async () => {
    return heard.length > 0 || (await a.node.stats()).links[b.id].pathsRefused > 0 || path.pc.iceConnectionState === "connected";
  });
  await eventually("the refusal", async () => (await a.node.stats()).links[b.id].pathsRefused === 1);
  assert.deepEqual(heard, [prove]);
  await b.node.send({ peer: a.id, data: "mine" });
  await a.until("the packet", () => a.packets(b.id).length);
  assert.equal((await a.node.stats()).links[b.id].paths, 1);
});
