// Ways to take events, and what may be sent and configured: FAULTS.md W6, W7, W11, W12.

import assert from "node:assert/strict";
import { test } from "node:test";
import { WebSocket } from "ws";
import { Player, RTCPeerConnection, eventually, rtcpeer, startServer } from "./support.js";

const server = await startServer();
test.after(() => server.stop());
let rooms = 0;
const newRoom = () => `${server.url}/events-${++rooms}`;
const base = { WebSocket, RTCPeerConnection };
const text = (packet) => new TextDecoder().decode(packet.data);

async function join(t, url, config) {
  const node = await rtcpeer.join(url, { ...base, ...config });
  t.after(() => node.close());
  return node;
}

test("on calls the handlers of each kind, and those of ended last", async (t) => {
  const url = newRoom();
  const a = await join(t, url, { metadata: { name: "Ann" } }), b = await join(t, url);
  const seen = [];
  a.on("connected", ({ peer, metadata }) => seen.push(["connected", peer, metadata]));
  b.on("connected", ({ peer, metadata }) => seen.push(["connected", peer, metadata]));
  const undo = a.on("packet", ({ packet }) => seen.push(["once", text(packet)]));
  a.on("packet", ({ packet }) => seen.push(["each", text(packet)]));
  await eventually("both are connected", () => seen.length === 2);
  assert.deepEqual(seen.splice(0).sort((x, y) => x[1] - y[1]), [["connected", a.id, { name: "Ann" }], ["connected", b.id, undefined]]);
  await b.send("one");
  await eventually("it arrives", () => seen.length === 2);
  undo();
  await b.send("two");
  await eventually("it arrives", () => seen.length === 3);
  assert.deepEqual(seen.splice(0), [["once", "one"], ["each", "one"], ["each", "two"]]);
  a.on("disconnected", ({ reason }) => seen.push([reason]));
  a.on("ended", ({ error }) => seen.push(["ended", error]));
  await b.close();
  await eventually("it is gone", () => seen.length === 1);
  await a.close();
  await eventually("it has ended", () => seen.length === 2);
  assert.deepEqual(seen, [["by peer"], ["ended", null]]);
});

test("events go to one loop or to on", async (t) => {
  const a = await join(t, newRoom());
  const first = a[Symbol.asyncIterator]();
  assert.throws(() => a[Symbol.asyncIterator](), { code: "bad_call" });
  assert.throws(() => a.on("packet", () => {}), { code: "bad_call" });
  await first.return();
  a.on("packet", () => {});
  a.on("connected", () => {});
  assert.throws(() => a[Symbol.asyncIterator](), { code: "bad_call" });
});

test("another loop may follow a loop that has ended", async (t) => {
  const url = newRoom();
  const a = await join(t, url), b = await Player.join(url, base);
  t.after(() => b.close());
  for await (const event of a) {
    assert.equal(event.kind, "connected");
    break;
  }
  await b.event("connected", a.id);
  await b.node.send({ data: "x" });
  for await (const event of a) {
    assert.equal(event.kind, "packet");
    break;
  }
});

test("metadata of members", async (t) => {
  const url = newRoom();
  const a = await join(t, url, { metadata: { name: "Ann" } }), b = await join(t, url, { metadata: 0 });
  assert.deepEqual(b.metadata(a.id), { name: "Ann" });
  await eventually("it has joined", () => a.metadata(b.id) === 0);
  assert.equal(a.metadata(77), undefined);
});

test("send accepts strings, bytes and Blobs, and rejects anything else", async (t) => {
  const url = newRoom();
  const a = await join(t, url), b = await Player.join(url, base);
  t.after(() => b.close());
  await eventually("they are connected", () => a.peers.includes(b.id) && b.node.peers.includes(a.id));
  for (const data of [{ x: 1 }, [1, 2], 5, null, undefined, true, () => {}, Symbol("x")]) {
    await assert.rejects(a.send({ data }), { code: "bad_data" });
    await assert.rejects(a.send(data), { code: "bad_data" });
    assert.throws(() => a.trySend({ data }), { code: "bad_data" });
  }
  assert.throws(() => a.trySend({ data: new Blob(["x"]) }), { code: "bad_data" });
  await a.send("text");
  await a.send(new Uint8Array([98, 121, 116, 101, 115]));
  await a.send({ peer: b.id, data: new Blob(["blob"]) });
  await a.send(new Blob(["blob to all"]));
  a.trySend(new TextEncoder().encode("buffer").buffer);
  await b.until("all", () => b.packets(a.id).length === 5);
  assert.deepEqual(b.packets(a.id).map(text), ["text", "bytes", "blob", "blob to all", "buffer"]);
});

test("unknown options and modes are errors", async (t) => {
  const url = newRoom();
  await assert.rejects(rtcpeer.join(url, { ...base, lostafter: 5 }), { code: "bad_config", message: /lostafter/ });
  await assert.rejects(rtcpeer.list(url, { ...base, limt: 5 }), { code: "bad_config", message: /limt/ });
  const a = await join(t, url, { lostAfter: undefined });
  await assert.rejects(a.send({ mode: "fast", data: "x" }), { code: "bad_mode" });
  for (const channel of [1, -1, -3, 0.5, NaN, "x"]) await assert.rejects(a.send({ channel, data: "x" }), { code: "unknown_channel" });
});

test("a cancelled join rejects with an AbortError", async () => {
  await assert.rejects(rtcpeer.join(newRoom(), { ...base, signal: AbortSignal.abort() }), { code: "aborted", name: "AbortError" });
});
