// The README's programs run as they stand there.

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { join as path } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { json, Requests } from "../requests.js";
import { Player, eventually, rtcpeer, startServer } from "./support.js";
import { RTCPeerConnection } from "node-datachannel/polyfill";
import { WebSocket } from "ws";

const folder = fileURLToPath(new URL("..", import.meta.url));
const blocks = [...readFileSync(path(folder, "README.md"), "utf8").matchAll(/```(\w+)\n([^]*?)```/g)].map(([, kind, code]) => ({ kind, code }));
const [browser, inNode, game, bundled, byKind, requests, recipe, secret] = blocks.map((b) => b.code);

test("the README's program for Node talks to a second one", async (t) => {
  const server = await startServer();
  t.after(() => server.stop());
  // A package finds itself by its name below its own folder.
  const folder2 = mkdtempSync(path(folder, "test/readme-"));
  t.after(() => rmSync(folder2, { recursive: true }));
  const program = path(folder2, "program.js");
  writeFileSync(program, inNode.replaceAll("ws://localhost:9080", server.url));
  const a = spawn(process.execPath, [program], { stdio: ["ignore", "pipe", "inherit"] });
  t.after(() => a.kill());
  const b = await Player.join(server.url + "/lobby", { RTCPeerConnection });
  t.after(() => b.close());
  const [packet] = await b.until("hello", () => b.packets().length && b.packets());
  assert.equal(Buffer.from(packet.data).toString(), "hello");
  await b.node.send({ data: "and you" });
  for await (const line of createInterface(a.stdout)) {
    assert.equal(line, `${b.id} and you`);
    break;
  }
});

test("the README's page and game loop", async (t) => {
  const server = await startServer();
  t.after(() => server.stop());
  const b = await Player.join(server.url + "/lobby", { RTCPeerConnection });
  t.after(() => b.close());
  let tab;
  const join = async (url) => (tab = await rtcpeer.join(server.url + url, { RTCPeerConnection, WebSocket }));
  const said = [];
  const script = /<script type="module">([^]*)<\/script>/.exec(browser)[1].replace(/import.*/, "");
  const page = new Function("join", "console", `return (async () => {${script}})()`)(join, { log: (...words) => said.push(words) });
  await b.until("hello", () => b.packets().length);
  await b.node.send({ data: "and you" });
  while (!said.length) await new Promise((resolve) => setTimeout(resolve, 10));
  assert.deepEqual(said, [[b.id, "and you"]]);
  await tab.close();
  await page;

  const node = await join("/lobby");
  t.after(() => node.close());
  const seen = [];
  let over = false;
  const next = (frame) => over || setTimeout(frame, 16);
  new Function("node", "handle", "state", "requestAnimationFrame", game + "frame();")(node, (e) => seen.push(e), new Uint8Array([42]), next);
  t.after(() => (over = true));
  await b.until("the state", () => b.packets(node.id).some((p) => p.mode === "unreliable_ordered" && p.data[0] === 42));
  over = true;
  assert.deepEqual(seen[0], { kind: "connected", peer: b.id });
});

test("the README's room with a secret", async (t) => {
  const server = await startServer();
  t.after(() => server.stop());
  const join = (url, config) => rtcpeer.join(server.url + url, { RTCPeerConnection, WebSocket, ...config });
  const enter = new Function("join", "sharedSecret", `return (async () => {${secret.replace(/import.*/, "")}; return node;})()`);
  const host = await enter(join, rtcpeer.sharedSecret), guest = await enter(join, rtcpeer.sharedSecret);
  t.after(() => Promise.all([guest.close(), host.close()]));
  assert.deepEqual((await guest.next()).value, { kind: "connected", peer: 1 });
  assert.deepEqual((await host.next()).value, { kind: "connected", peer: guest.id });
});

test("the README's events by kind, and its requests", async (t) => {
  const server = await startServer();
  t.after(() => server.stop());
  const join = async (url, config) => {
    const node = await rtcpeer.join(server.url + url, { RTCPeerConnection, WebSocket, ...config });
    t.after(() => node.close());
    return node;
  };
  const shown = [];
  const a = await join("/kinds", { metadata: { name: "Ann" } }), b = await join("/kinds");
  for (const node of [a, b]) new Function("node", "show", "warn", byKind)(node, (...what) => shown.push(what), () => {});
  await eventually("both are greeted", () => shown.length === 2);
  assert.deepEqual(shown.map(([, data]) => new TextDecoder().decode(data)).sort(), ["hello, Ann", "hello, undefined"]);
  await b.close();
  await eventually("the end is shown", () => shown.length === 3);
  assert.deepEqual(shown[2], ["left"]);

  const half = requests.replace(/import.*/, "").split("const { twice }"); // which asks
  const enter = new Function("join", "json", "Requests", `return (async () => {${half[0]}; return { node, requests };})()`);
  const [c, d] = [await enter(join, json, Requests), await enter(join, json, Requests)];
  await eventually("they are connected", () => c.node.peers.length === 1 && d.node.peers.length === 1);
  const ask = new Function("requests", "peer", "signal", `return (async () => { const { twice }${half[1]}; return twice;})()`);
  assert.equal(await ask(c.requests, d.node.id, new AbortController().signal), 42);
});

test("the README's recipe for React, and what it says of bundlers, compile under strict settings", (t) => {
  const folder2 = mkdtempSync(path(folder, "test/readme-"));
  t.after(() => rmSync(folder2, { recursive: true }));
  const file = path(folder2, "recipe.ts");
  const tsc = (code) => {
    writeFileSync(file, code);
    execFileSync(path(folder, "node_modules/.bin/tsc"), ["--strict", "--noEmit", "--ignoreConfig", "--exactOptionalPropertyTypes", "--noUncheckedIndexedAccess",
      "--target", "es2022", "--module", "esnext", "--moduleResolution", "bundler", "--lib", "es2022,dom", file], { encoding: "utf8" });
  };
  tsc(bundled);
  tsc(recipe);
  const misspelt = ['node.on("conected", () => {});', 'node.on("failed", (e) => e.error.code === "refusd");', 'node.send({ data: { x: 1 } });', "node.roster;"];
  for (const line of misspelt) assert.throws(() => tsc(`import type { RtcNode } from "rtcpeer"; export function f(node: RtcNode) { ${line} }`), line);
});
