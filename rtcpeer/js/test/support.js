// What the tests share: the module, a stack, the server as a program, and how to wait.

import assert from "node:assert/strict";
import { spawn, execFileSync } from "node:child_process";
import { createServer } from "node:net";
import { mkdtempSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { tmpdir } from "node:os";
import { join as path } from "node:path";
import { fileURLToPath } from "node:url";
import { WebSocket, WebSocketServer } from "ws";

const require = createRequire(import.meta.url);

/** The folder of the Go module. */
export const root = fileURLToPath(new URL("../../..", import.meta.url));

/** The module as it is shipped; the tests of one part of it import that from src. */
export const rtcpeer = await import("../rtcpeer.js");

/** The folder of signal-server and rtc-client: built by the Go test, or here. */
function binaries() {
  if (process.env.RTCPEER_BIN) return process.env.RTCPEER_BIN;
  const folder = mkdtempSync(path(tmpdir(), "rtcpeer-js-"));
  execFileSync("go", ["build", "-o", folder + "/", "./cmd/signal-server", "./cmd/rtc-client"], { cwd: root, stdio: "inherit" });
  return folder;
}

let built;
const binary = (name) => path((built ??= binaries()), name);

export const golden = (file) => JSON.parse(readFileSync(path(root, "testdata", file), "utf8"));

/** libwebrtc's: of those in Node the one that is closest to a browser's. */
export const { RTCPeerConnection } = require("@roamhq/wrtc");

/** Programs that were started, to be ended at the end whatever happens. */
const running = new Set();
process.on("exit", () => running.forEach((child) => child.kill("SIGKILL")));

function start(name, args, options) {
  const child = spawn(binary(name), args, options);
  running.add(child);
  const ended = new Promise((resolve) => child.on("exit", resolve)).then(() => running.delete(child));
  return { child, ended };
}

/** Starts rtc-client, whose output is read by the test. */
export const startClient = (...args) => start("rtc-client", args, { stdio: ["ignore", "pipe", "pipe"] });

/** A port that nobody uses, below those that Linux gives to connections: one of those could have it while a server restarts. */
const freePort = () =>
  new Promise((resolve) => {
    const port = 10000 + Math.floor(Math.random() * 22000);
    const server = createServer()
      .on("error", () => resolve(freePort()))
      .listen(port, "127.0.0.1", () => server.close(() => resolve(port)));
  });

/** A signaling server on a port of its own; stop ends it without a word, and start starts it again there. */
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
  return { url: `ws://127.0.0.1:${port}`, start: run, stop };
}

/** A server of the test's own, which does with a socket what the test says. */
export async function fakeServer(onconnection, options) {
  const fake = new WebSocketServer({ port: 0, host: "127.0.0.1", ...options });
  await new Promise((resolve) => fake.on("listening", resolve));
  fake.on("connection", onconnection);
  return {
    url: `ws://127.0.0.1:${fake.address().port}/x`,
    close: () => {
      for (const socket of fake.clients) socket.terminate();
      fake.close();
    },
  };
}

/** What such a server welcomes a member with. */
export const welcome = { kind: "welcome", id: 5, room: "x", topology: "mesh", host: 1, members: [], resume: "t", limits: {} };

/** How long tests wait for what must come, in ms: nothing that works takes as long, however busy the machine. */
export const patience = 60000;

const { setTimeout, clearTimeout } = globalThis; // tests may replace those of the module

/** what may be a function, asked when it is too late. */
export function within(ms, what, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not within ${ms} ms: ${typeof what === "string" ? what : what()}`)), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** Asks every few milliseconds, for what has no event. */
export async function eventually(what, test, ms = patience) {
  for (const end = Date.now() + ms; !(await test()); await new Promise((resolve) => setTimeout(resolve, 10))) {
    assert.ok(Date.now() < end, `not within ${ms} ms: ${typeof what === "string" ? what : what()}`);
  }
}

/** A WebSocket of a member that does not take part in repairs, as a Godot game does not. */
export class Plain extends WebSocket {
  constructor(url, [protocol]) {
    super(url, protocol); // its join is a frame
  }
  send(data) {
    const m = JSON.parse(data);
    super.send(JSON.stringify({ ...m, ...(m.kind === "join" && { features: undefined }) }));
  }
}

/** Has what is no option of join stand beside a config, so that it is not taken for one. */
export function beside(config, ...names) {
  for (const name of names) Object.defineProperty(config, name, { enumerable: false });
  return config;
}

/** A stack whose connections can be cut, and mended: then what was sent meanwhile arrives, as SCTP sees to. */
export function cuttable() {
  const pcs = [];
  class Stack extends RTCPeerConnection {
    isCut = false;
    late = [];
    constructor(...args) {
      super(...args);
      pcs.push(this);
    }
    createDataChannel(...args) {
      const channel = super.createDataChannel(...args);
      const pass = (act) => (this.isCut ? this.late.push(act) : act());
      const send = channel.send.bind(channel);
      channel.send = (data) => pass(() => send(data));
      const listen = channel.addEventListener.bind(channel);
      channel.addEventListener = (name, take) => listen(name, name === "message" ? (e) => pass(() => take(e)) : take);
      return channel;
    }
    mend() {
      this.isCut = false;
      for (const act of this.late.splice(0)) if (this.connectionState !== "closed") act();
    }
  }
  const live = () => pcs.filter((pc) => pc.connectionState !== "closed");
  return beside({ RTCPeerConnection: Stack, pcs, live, cut: () => live().forEach((pc) => (pc.isCut = true)) }, "pcs", "live", "cut");
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
        this.changed();
      }
    } catch (error) {
      this.ended = error;
    }
    this.isDone = true;
    this.changed();
  }

  /** Has those who wait look again. */
  changed() {
    for (const check of this.#waiting) check();
  }

  /** Waits until test holds, which is asked after each event and after the last. */
  until(what, test, ms = patience) {
    const so = () => `${typeof what === "string" ? what : what()}; ended: ${this.ended?.message}; events: ${this.events.map((e) => `${e.kind} ${e.peer} ${e.reason ?? e.error?.message ?? ""}`).slice(-20)}`;
    return within(ms, so, new Promise((resolve, reject) => {
      const check = () => {
        const result = test();
        if (result) resolve(result);
        else if (this.isDone) reject(new Error(`there are no more events: ${so()}`));
      };
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

/**
 * Makes of a player one that shows the bytes, as a Godot game might send them: shown has "0 0700" for a frame on lane 0,
 * and tell sends one.
 */
export function bare(player) {
  const { node } = player;
  player.shown = [];
  node.route.receive = (lane, bytes) => {
    player.shown.push(`${lane.index} ${Buffer.from(bytes).toString("hex")}`);
    player.changed();
  };
  player.tell = (peer, lane, hex) => node.roster.get(peer).link.lanes[lane].write(new Uint8Array(Buffer.from(hex, "hex")));
  player.hears = (...frames) => player.until(() => `${frames}, has heard ${player.shown}`, () => frames.every((f) => player.shown.includes(f)));
  return player;
}

/** What a peer must have seen: per peer connected, packets, disconnected, in this order and once. */
export function orderly(events) {
  const state = new Map();
  for (const { kind, peer } of events) {
    const here = state.get(peer) === "connected";
    if (kind.startsWith("signaling") || kind === "host changed") continue;
    if (kind === "connected" ? here : kind !== "failed" && !here) return `${kind} of ${peer} while ${state.get(peer) ?? "unknown"}`;
    if (["connected", "disconnected", "failed"].includes(kind)) state.set(peer, kind);
  }
  return "";
}
