// The module in a worker, where there is no document and no window, over a stack that works there.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import { Player, RTCPeerConnection, startServer } from "./support.js";

/** A worker that joins a room, answers what it hears, and tells of each thing that happens. */
const program = `
const { workerData, parentPort } = await import("node:worker_threads");
const { WebSocket } = await import(workerData.ws);
const { RTCPeerConnection } = await import(workerData.werift);
const { join, list } = await import(workerData.module);
parentPort.postMessage((await join(workerData.url, {}).catch((error) => error)).code);
const node = await join(workerData.url, { WebSocket, RTCPeerConnection });
node.on("packet", async ({ peer, packet }) => {
  await node.send({ peer, data: "heard " + new TextDecoder().decode(packet.data) });
  await node.close();
  parentPort.close();
});
parentPort.postMessage(node.id);
`;

test("a worker takes part in a room", async (t) => {
  const server = await startServer();
  t.after(() => server.stop());
  const url = `${server.url}/lobby`;
  const workerData = { url, ws: import.meta.resolve("ws"), werift: import.meta.resolve("werift"), module: import.meta.resolve("../rtcpeer.js") };
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(program)}`), { workerData });
  t.after(() => worker.terminate());
  const ended = new Promise((resolve, reject) => worker.on("exit", resolve).on("error", reject));
  const said = (function () {
    const waiting = [], come = [];
    worker.on("message", (m) => (waiting.length ? waiting.shift()(m) : come.push(m)));
    return () => (come.length ? Promise.resolve(come.shift()) : new Promise((resolve) => waiting.push(resolve)));
  })();
  assert.equal(await Promise.race([said(), ended]), "bad_config", "as in a worker of a browser, which has no stack");
  const id = await Promise.race([said(), ended]);
  const here = await Player.join(url, { RTCPeerConnection });
  t.after(() => here.close());
  await here.event("connected", id);
  await here.node.send({ peer: id, data: "hello, worker" });
  const [packet] = await here.until("an answer", () => here.packets().length && here.packets());
  assert.equal(new TextDecoder().decode(packet.data), "heard hello, worker");
  await here.event("disconnected", id);
  assert.equal(await ended, 0);
});
