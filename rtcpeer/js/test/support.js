// What the tests share: the module, the stacks, the server and the Go peer as programs.

import { spawn, execFileSync } from "node:child_process";
import { createServer } from "node:net";
import { mkdtempSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { tmpdir } from "node:os";
import { join as path } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { WebSocket } from "ws";

const require = createRequire(import.meta.url);

/** The folder of the Go module. */
export const root = fileURLToPath(new URL("../../..", import.meta.url));

// The Go test has the form that is served tested; npm test has the source.
export const rtcpeer = await import(process.env.RTCPEER_JS ? pathToFileURL(process.env.RTCPEER_JS).href : "../rtcpeer.js");

/** The folder of signal-server and jspeer: built by the Go test, or here. */
function binaries() {
  if (process.env.RTCPEER_BIN) return process.env.RTCPEER_BIN;
  const folder = mkdtempSync(path(tmpdir(), "rtcpeer-js-"));
  execFileSync("go", ["build", "-o", folder + "/", "./cmd/signal-server", "./rtcpeer/js/testdata/jspeer"], { cwd: root, stdio: "inherit" });
  return folder;
}

let built;
const binary = (name) => path((built ??= binaries()), name);

export const golden = (file) => JSON.parse(readFileSync(path(root, "testdata", file), "utf8"));

const version = (name) => require(`../node_modules/${name}/package.json`).version;

export const stacks = [
  { name: "node-datachannel", version: version("node-datachannel"), load: async () => (await import("node-datachannel/polyfill")).RTCPeerConnection },
  { name: "@roamhq/wrtc", version: version("@roamhq/wrtc"), load: async () => require("@roamhq/wrtc").RTCPeerConnection },
  { name: "werift", version: version("werift"), load: async () => require("werift").RTCPeerConnection },
];

/** Programs that were started, to be ended at the end whatever happens. */
const running = new Set();
process.on("exit", () => running.forEach((child) => child.kill("SIGKILL")));

function start(name, args, options) {
  const child = spawn(binary(name), args, options);
  running.add(child);
  const ended = new Promise((resolve) => child.on("exit", resolve)).then(() => running.delete(child));
  return { child, ended };
}

const freePort = () =>
  new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });

/** A signaling server on a port of its own; restart ends it without a word and starts it again there. */
export async function startServer(...flags) {
  const port = await freePort();
  const args = ["--listen", `127.0.0.1:${port}`, ...flags];
  let server;
  const run = async () => {
    server = start("signal-server", args, { stdio: ["ignore", "ignore", "pipe"] });
    for await (const line of createInterface(server.child.stderr)) if (line.includes("msg=listening")) break;
    server.child.stderr.resume();
  };
  const stop = async (signal = "SIGKILL") => {
    server.child.kill(signal);
    await server.ended;
  };
  await run();
  return {
    url: `ws://127.0.0.1:${port}`,
    start: run,
    stop,
    restart: async () => {
      await stop();
      await run();
    },
  };
}

/** A Go peer, which sends back what it gets. said resolves with the first line that begins so. */
export async function startGoPeer(url, topology) {
  const { child, ended } = start("jspeer", ["-topology", topology, url], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = [], waiting = [];
  createInterface(child.stdout).on("line", (line) => {
    lines.push(line);
    for (const w of waiting) if (line.startsWith(w.prefix)) w.resolve(line);
  });
  const said = (prefix) =>
    within(10000, `Go peer says "${prefix}"`, new Promise((resolve) => {
      waiting.push({ prefix, resolve });
      const line = lines.find((l) => l.startsWith(prefix));
      if (line) resolve(line);
    }));
  const id = Number((await said("joined ")).split(" ")[1]);
  return {
    id, said,
    close: async () => {
      child.stdin.end();
      await ended;
    },
  };
}

export function within(ms, what, promise) {
  let timer;
  const late = new Promise((_, reject) => (timer = setTimeout(() => reject(new Error(`not within ${ms} ms: ${what}`)), ms)));
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** A node whose events are kept, so that tests can wait for one wherever it stands. */
export class Player {
  events = [];
  #waiting = [];
  ended = null;

  static async join(url, config = {}) {
    const player = new Player();
    player.node = await rtcpeer.join(url, { WebSocket, ...config });
    player.#read();
    return player;
  }

  get id() {
    return this.node.id;
  }

  async #read() {
    try {
      for await (const event of this.node) {
        this.events.push(event);
        this.onevent?.(event);
        for (const check of this.#waiting) check();
      }
    } catch (error) {
      this.ended = error;
    }
    for (const check of this.#waiting) check();
  }

  /** Waits until test holds, which is asked after each event. */
  until(what, test, ms = 15000) {
    return within(ms, `${what}; events: ${this.events.map((e) => `${e.kind} ${e.peer}`).slice(-20)}`, new Promise((resolve) => {
      const check = () => test() && resolve(test());
      this.#waiting.push(check);
      check();
    }));
  }

  event(kind, peer, ms) {
    return this.until(`${kind} ${peer}`, () => this.events.find((e) => e.kind === kind && e.peer === peer), ms);
  }

  packets(peer) {
    return this.events.filter((e) => e.kind === "packet" && (!peer || e.peer === peer)).map((e) => e.packet);
  }

  /** Sends each packet back to where it came from. */
  echo() {
    this.onevent = ({ kind, packet }) => kind === "packet" && this.node.send(packet).catch(() => {});
    return this;
  }

  close() {
    return this.node.close();
  }
}

/** What a peer must have seen: per peer connected, packets, disconnected, in this order and once. */
export function orderly(events) {
  const state = new Map();
  for (const { kind, peer } of events) {
    const here = state.get(peer) === "connected";
    if (kind === "connected" ? here : kind !== "failed" && !here) return `${kind} of ${peer} while ${state.get(peer) ?? "unknown"}`;
    if (kind !== "packet") state.set(peer, kind);
  }
  return "";
}
