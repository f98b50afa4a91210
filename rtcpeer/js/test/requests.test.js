// Requests and answers, over a real stack and the real server.

import assert from "node:assert/strict";
import { test } from "node:test";
import { WebSocket } from "ws";
import { json, RequestError, Requests } from "../requests.js";
import { RTCPeerConnection, eventually, rtcpeer, startServer } from "./support.js";

const server = await startServer();
test.after(() => server.stop());
let rooms = 0;

/** Two members with requests, that are connected. */
async function pair(t, codec) {
  const url = `${server.url}/requests-${++rooms}`;
  const join = async () => {
    const node = await rtcpeer.join(url, { WebSocket, RTCPeerConnection, channels: ["reliable"] });
    t.after(() => node.close());
    const requests = new Requests(node, { channel: 1, codec });
    const others = [];
    for (const kind of ["packet", "disconnected", "ended"]) node.on(kind, (event) => requests.take(event) || others.push(event));
    return { node, requests, others, id: node.id };
  };
  const both = [await join(), await join()];
  await eventually("they are connected", () => both.every(({ node }) => node.peers.length === 1));
  return both;
}

test("bytes and strings", async (t) => {
  const [a, b] = await pair(t);
  b.requests.onRequest = (data, { peer }) => `${peer}: ${new TextDecoder().decode(data)}`;
  const answers = await Promise.all(["x", new Uint8Array([121]), ""].map((data) => a.requests.request(b.id, data)));
  assert.deepEqual(answers.map((x) => new TextDecoder().decode(x)), [`${a.id}: x`, `${a.id}: y`, `${a.id}: `]);
  await b.node.send({ data: "no request" });
  await eventually("others come through", () => a.others.length === 1);
});

test("values by a codec, in both directions at once, and in any order", async (t) => {
  const [a, b] = await pair(t, json);
  a.requests.onRequest = async ({ n }) => ({ twice: 2 * n });
  let first;
  b.requests.onRequest = ({ n }) => (n ? { twice: 2 * n } : new Promise((resolve) => (first = resolve)));
  const late = a.requests.request(b.id, { n: 0 });
  assert.deepEqual(await Promise.all([a.requests.request(b.id, { n: 1 }), b.requests.request(a.id, { n: 2 })]), [{ twice: 2 }, { twice: 4 }]);
  first(null);
  assert.equal(await late, null);
});

test("an answer that fails, and a request that nobody answers", async (t) => {
  const [a, b] = await pair(t, json);
  await assert.rejects(a.requests.request(b.id, 1), { code: "failed", message: /nobody answers/ });
  b.requests.onRequest = () => {
    throw new Error("not today");
  };
  await assert.rejects(a.requests.request(b.id, 1), (e) => e instanceof RequestError && e.name === "RequestError" && e.code === "failed" && /not today/.test(e.message));
  b.requests.onRequest = () => ({ toJSON() { throw new Error("no JSON"); } });
  await assert.rejects(a.requests.request(b.id, 1), { code: "failed", message: /no JSON/ });
  await assert.rejects(a.requests.request(77, 1), { code: "unknown_peer" });
});

test("a request ends by its timeout or its signal, and the other end is told", async (t) => {
  const [a, b] = await pair(t, json);
  const given = [];
  b.requests.onRequest = (data, { signal }) => new Promise((resolve) => signal.addEventListener("abort", () => resolve(given.push(data))));
  await assert.rejects(a.requests.request(b.id, "time", { timeout: 50 }), { code: "timeout", name: "TimeoutError" });
  const controller = new AbortController();
  const asked = a.requests.request(b.id, "signal", { timeout: 0, signal: controller.signal });
  controller.abort(new Error("why"));
  await assert.rejects(asked, (e) => e.name === "AbortError" && e.cause.message === "why");
  await assert.rejects(a.requests.request(b.id, "before", { signal: AbortSignal.abort() }), { code: "aborted" });
  await eventually("it learns of both", () => given.length === 2);
  assert.deepEqual(given, ["time", "signal"]);
});

test("a peer that goes, and the end", async (t) => {
  const [a, b] = await pair(t, json);
  b.requests.onRequest = () => new Promise(() => {});
  const asked = a.requests.request(b.id, 1), answered = assert.rejects(asked, { code: "disconnected" });
  await eventually("it is asked", async () => (await b.node.stats()).links[a.id].lanes[3].received > 0);
  await b.node.close();
  await answered;
  await a.node.close();
  await assert.rejects(a.requests.request(b.id, 1), { code: "closed" });
});

test("at most 1024 requests at once", async (t) => {
  const [a, b] = await pair(t, json);
  b.requests.onRequest = () => new Promise(() => {});
  const asked = Array.from({ length: 1024 }, () => a.requests.request(b.id, 1, { timeout: 0 }).catch((e) => e.code));
  await assert.rejects(a.requests.request(b.id, 1), { code: "busy" });
  a.requests.close();
  assert.deepEqual(new Set(await Promise.all(asked)), new Set(["closed"]));
});

test("invalid packets on the channel are ignored", async (t) => {
  const [a, b] = await pair(t, json);
  b.requests.onRequest = () => 1;
  for (const bytes of [[1], [9, 0, 0, 0, 0], [2, 1, 0, 0, 0, 120], [3, 9, 9, 9, 9], [4, 1, 1, 1, 1], [1, 5, 0, 0, 0, 123]]) await a.node.send({ peer: b.id, channel: 1, data: new Uint8Array(bytes) });
  assert.equal(await a.requests.request(b.id, 1), 1);
});
