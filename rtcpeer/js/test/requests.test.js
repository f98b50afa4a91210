// Requests and answers, over a real stack and the real server.

import assert from "node:assert/strict";
import { test } from "node:test";
import { WebSocket } from "ws";
import { json, RequestError, Requests } from "../requests.js";
import { RTCPeerConnection, eventually, rtcpeer, startServer } from "./support.js";

const server = await startServer();
test.after(() => server.stop());
let rooms = 0;

/** A member with requests. */
async function join(t, url, codec, resume) {
  const node = await rtcpeer.join(url, { WebSocket, RTCPeerConnection, channels: ["reliable"], resume });
  t.after(() => node.close());
  const requests = new Requests(node, { channel: 1, codec });
  const others = [];
  for (const kind of ["packet", "disconnected", "ended"]) node.on(kind, (event) => requests.take(event) || others.push(event));
  return { node, requests, others, id: node.id };
}

/** Two members with requests, that are connected. */
async function pair(t, codec) {
  const url = `${server.url}/requests-${++rooms}`;
  const both = [await join(t, url, codec), await join(t, url, codec)];
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

test("a program that comes back in the place of another one gets its answers, while those for the other one are still being made", async (t) => {
  const [a, b] = await pair(t, json);
  const asked = new Map();
  a.requests.onRequest = (data, { signal }) => new Promise((resolve) => asked.set(data, { signal, resolve }));
  const isAsked = (data) => eventually(`${data} is asked`, () => asked.has(data));
  const ended = assert.rejects(b.requests.request(a.id, "before", { timeout: 0 }), RequestError);
  await isAsked("before");
  const back = await join(t, b.node.url, json, b.node.resume);
  assert.equal(back.id, b.id);
  await eventually("it is connected", () => back.node.peers.includes(a.id));
  await ended;
  await eventually("nobody wants the first answer", () => asked.get("before").signal.aborted);

  const controller = new AbortController(); // its numbers begin at 1 again, too
  const given = assert.rejects(back.requests.request(a.id, "after", { timeout: 0, signal: controller.signal }), { code: "aborted" });
  const more = back.requests.request(a.id, "more", { timeout: 0 });
  await isAsked("after");
  await isAsked("more");
  asked.get("before").resolve("too late");
  asked.get("more").resolve("an answer");
  assert.equal(await more, "an answer");
  controller.abort();
  await given;
  await eventually("it learns that the answer is not wanted", () => asked.get("after").signal.aborted);
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
