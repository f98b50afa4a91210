// Whenever a node ends, nothing of it goes on: no timer, no socket, no connection. And what breaks in the
// browser's hands is an error with a code.

import assert from "node:assert/strict";
import { test } from "node:test";
import { RTCPeerConnection as Werift } from "werift";
import { WebSocket } from "ws";
import { beside, Plain, Player, RTCPeerConnection as Real, eventually, fakeServer, orderly, patience, rtcpeer, startServer, welcome, within } from "./support.js";

const server = await startServer();
test.after(() => server.stop());
let rooms = 0;
const newRoom = () => `${server.url}/endings-${++rooms}`;

/**
 * WebSocket and RTCPeerConnection that count themselves, and timers that do. onstep is called before and after
 * everything that the module waits for.
 */
function watched(t, Stack = Real) {
  const sockets = new Set(), pcs = new Set(), timers = new Set();
  const w = { sockets, pcs, timers, onstep: (name) => {} };
  w.WebSocket = class extends WebSocket {
    constructor(...args) {
      super(...args);
      sockets.add(this);
      for (const name of ["open", "message"]) {
        this.addEventListener(name, () => w.onstep(`socket ${name}`));
      }
    }
  };
  w.RTCPeerConnection = class extends Stack {
    constructor(...args) {
      super(...args);
      pcs.add(this);
      for (const name of ["icecandidate", "connectionstatechange"]) this.addEventListener(name, () => w.onstep(name));
    }
    close() {
      pcs.delete(this); // its state is no measure: werift's goes on changing
      return super.close();
    }
    createDataChannel(...args) {
      const channel = super.createDataChannel(...args);
      channel.addEventListener("open", () => w.onstep("open"));
      return channel;
    }
  };
  for (const name of ["createOffer", "createAnswer", "setLocalDescription", "setRemoteDescription", "addIceCandidate"]) {
    w.RTCPeerConnection.prototype[name] = async function (...args) {
      w.onstep(name);
      const result = await Stack.prototype[name].apply(this, args);
      w.onstep(name + ", done");
      return result;
    };
  }
  const real = { setTimeout, clearTimeout, setInterval, clearInterval };
  t.after(() => Object.assign(globalThis, real));
  for (const kind of ["Timeout", "Interval"]) {
    globalThis["set" + kind] = (f, ...rest) => {
      const timer = real["set" + kind](() => {
        if (kind === "Timeout") timers.delete(timer);
        f();
      }, ...rest);
      timer.made = new Error().stack;
      // Those of the module alone: what the stack below it does is its own business.
      if (/rtcpeer\.js/.test(timer.made.split("\n")[2])) timers.add(timer);
      return timer;
    };
    globalThis["clear" + kind] = (timer) => {
      timers.delete(timer);
      real["clear" + kind](timer);
    };
  }
  w.nothingLeft = async (what) => {
    const left = () => [
      ...[...timers].map((timer) => timer.made.split("\n").slice(2, 4).join()),
      ...[...sockets].filter((s) => s.readyState !== 3).map((s) => `a socket, ${s.readyState}`),
      ...[...pcs].map((pc) => `a connection, ${pc.connectionState}`),
    ];
    await eventually(() => `${what}: left are ${left()}`, () => !left().length);
  };
  return beside(w, "sockets", "pcs", "timers", "onstep", "nothingLeft");
}

test("a join can be cancelled at any moment and leaves nothing running", async (t) => {
  const before = AbortSignal.abort();
  await assert.rejects(rtcpeer.join(newRoom(), { RTCPeerConnection: Real, WebSocket, signal: before }), { code: "aborted" });

  const w = watched(t);
  for (const moment of ["at once", "socket open", "socket message"]) {
    const abort = new AbortController();
    w.onstep = (name) => name === moment && abort.abort();
    const joining = rtcpeer.join(newRoom(), { ...w, signal: abort.signal });
    if (moment === "at once") abort.abort();
    await assert.rejects(joining, { code: "aborted" }, moment);
    await w.nothingLeft(moment);
  }
  const silent = await fakeServer(() => {});
  t.after(silent.close);
  const abort = new AbortController();
  const joining = rtcpeer.join(silent.url, { ...w, signal: abort.signal });
  w.onstep = (name) => name === "socket open" && setImmediate(() => abort.abort());
  await assert.rejects(joining, { code: "aborted" });
  await w.nothingLeft("before the welcome");

  w.onstep = () => {};
  const late = new AbortController();
  const node = await rtcpeer.join(newRoom(), { ...w, signal: late.signal });
  late.abort();
  assert.equal(node.status, "connected");
  await node.close();
  await w.nothingLeft("after the joining");
});

for (const role of ["offers", "answers"]) {
  /** Makes a link, closes the one end at the given step ("open 2" is the second of that name), and returns the steps. */
  const attempt = async (w, at) => {
    const url = newRoom();
    const count = {}, steps = [];
    let own, closed;
    w.onstep = (name) => {
      const step = `${name} ${(count[name] = (count[name] ?? 0) + 1)}`;
      steps.push(step);
      if (own && step === at) closed ??= own.close();
    };
    // The creator has the smaller id, so the other one offers.
    const config = (mine) => (mine ? w : { WebSocket, RTCPeerConnection: Werift });
    const first = await Player.join(url, config(role === "answers"));
    if (role === "answers") own = first;
    const second = await Player.join(url, config(role === "offers"));
    own ??= second;
    const other = own === first ? second : first;
    await own.event("connected", other.id).catch(() => {}); // there are no more events after a close
    await within(patience, `close at ${at}`, closed ?? own.close());
    await eventually(`the other learns of the close at ${at}`, () => !other.node.roster.get(own.id)?.link);
    for (const { events } of [own, other]) {
      assert.equal(orderly(events), "", at);
      assert.deepEqual(events.filter((e) => e.kind === "failed" || (e.kind === "disconnected" && e.reason !== "by peer")), [], at);
    }
    await other.close();
    await w.nothingLeft(at);
    return steps;
  };

  test(`closing at each step on the way to a link leaves nothing, on the end that ${role}`, async (t) => {
    const w = watched(t, Werift); // which is JavaScript all through: a close in an event can crash @roamhq/wrtc
    const steps = await attempt(w, "none");
    const description = role === "offers" ? "createOffer" : "createAnswer";
    for (const step of [description, description + ", done", "setLocalDescription, done", "setRemoteDescription", "open", "icecandidate"]) {
      assert.ok(steps.includes(step + " 1"), `${step} is not among ${steps}`);
    }
    for (const step of steps) await attempt(w, step);
  });
}

test("a server that does not answer the close keeps only the socket open", async (t) => {
  const w = watched(t);
  const stuck = await fakeServer((socket, request) => {
    socket.on("message", () => {
      socket.send(JSON.stringify(welcome));
      request.socket.pause();
    });
  });
  t.after(stuck.close);
  const node = await rtcpeer.join(stuck.url, w);
  await node.close();
  assert.deepEqual([...w.timers], []);
  assert.ok([...w.sockets].every((s) => s.readyState >= 2));
});

test("leaving a page closes its node at once", async (t) => {
  const url = newRoom();
  const a = await Player.join(url, { WebSocket, RTCPeerConnection: Real });
  const page = new EventTarget();
  globalThis.addEventListener = (...args) => page.addEventListener(...args);
  globalThis.removeEventListener = (...args) => page.removeEventListener(...args);
  t.after(() => {
    delete globalThis.addEventListener;
    delete globalThis.removeEventListener;
  });
  t.after(() => a.close());
  const w = watched(t);
  const b = await rtcpeer.join(url, w);
  await a.event("connected", b.id);
  page.dispatchEvent(new Event("pagehide"));
  assert.equal(b.status, "disconnected");
  assert.ok([...w.sockets].every((s) => s.readyState >= 2));
  assert.equal(w.pcs.size, 0);
  assert.deepEqual(await b.next(), { done: true, value: undefined });
  await assert.rejects(b.send({ data: "x" }), { code: "closed" });
  assert.equal((await a.event("disconnected", b.id)).reason, "by peer");
  await w.nothingLeft("pagehide");
});

test("if the browser refuses to make a connection, there is a failed with its message, and the node goes on", async (t) => {
  const refusing = {
    "Cannot create so many PeerConnections": class {
      constructor() {
        throw new Error("Cannot create so many PeerConnections");
      }
    },
    "RTCDataChannel creation failed": class extends Real {
      createDataChannel() {
        throw new Error("RTCDataChannel creation failed");
      }
    },
    "Failed to create SessionDescription": class extends Real {
      async createOffer() {
        throw new Error("Failed to create SessionDescription");
      }
      async createAnswer() {
        throw new Error("Failed to create SessionDescription");
      }
    },
  };
  for (const [words, RTCPeerConnection] of Object.entries(refusing)) {
    for (const breaks of ["offering", "answering"]) {
      const w = watched(t);
      const config = (own) => ({ ...w, connectTimeout: 3000, RTCPeerConnection: own ? RTCPeerConnection : w.RTCPeerConnection });
      const url = newRoom();
      const first = await Player.join(url, config(breaks === "answering")), second = await Player.join(url, config(breaks === "offering"));
      const [own, other] = breaks === "answering" ? [first, second] : [second, first];
      const { error } = await own.event("failed", other.id);
      assert.equal(error.code, "negotiation");
      assert.match(error.message, new RegExp(words));
      assert.deepEqual([own.node.status, own.node.peers], ["connected", []]);
      await Promise.all([own.close(), other.close()]);
      await w.nothingLeft(words);
    }
  }
});

test("an unusable answer causes another attempt, and fails the link if it stays unusable", async (t) => {
  for (const refusals of [1, 99]) {
    let count = 0;
    class Deaf extends Real {
      async setRemoteDescription(description) {
        if (description.type === "answer" && count++ < refusals) throw new Error("Got a remote candidate without ICE transport");
        return super.setRemoteDescription(description);
      }
    }
    const url = newRoom();
    const a = await Player.join(url, { WebSocket, RTCPeerConnection: Real }), b = await Player.join(url, { WebSocket, RTCPeerConnection: Deaf });
    t.after(() => Promise.all([a.close(), b.close()]));
    if (refusals === 1) {
      await Promise.all([a.event("connected", b.id), b.event("connected", a.id)]);
    } else {
      const { error } = await b.event("failed", a.id);
      assert.deepEqual([error.code, count], ["negotiation", 3]);
      assert.match(error.message, /accept: Got a remote candidate/);
    }
  }
});

test("if the browser refuses a send, send rejects and the link stays", async (t) => {
  const url = newRoom();
  const a = await Player.join(url, { WebSocket: Plain, RTCPeerConnection: Real }), b = await Player.join(url, { WebSocket, RTCPeerConnection: Real });
  t.after(() => Promise.all([a.close(), b.close()]));
  await b.event("connected", a.id);
  const { channel } = b.node.roster.get(a.id).link.lanes[0];
  const { send } = channel;
  channel.send = () => {
    throw new Error("RTCDataChannel.readyState is not 'open'");
  };
  await assert.rejects(b.node.send({ peer: a.id, data: "x" }), { code: "unknown_peer", message: /not 'open'/ });
  await b.node.send({ data: "a broadcast is for those who are there" });
  channel.send = send;
  await b.node.send({ peer: a.id, data: "y" });
  await a.until("the packet", () => a.packets(b.id).length);
});

test("a send that the browser refuses on a link that can be repaired waits for the next path, and so do those after it", async (t) => {
  const url = newRoom();
  const a = await Player.join(url, { WebSocket, RTCPeerConnection: Real }), b = await Player.join(url, { WebSocket, RTCPeerConnection: Real });
  t.after(() => Promise.all([a.close(), b.close()]));
  await b.event("connected", a.id);
  const { channel } = b.node.roster.get(a.id).link.lanes[0];
  channel.send = () => {
    delete channel.send;
    throw new Error("no room");
  };
  for (let i = 0; i < 5; i++) await b.node.send({ peer: a.id, data: new Uint8Array([i]) });
  await a.until("all of them", () => a.packets(b.id).length === 5);
  assert.deepEqual(a.packets(b.id).map((p) => p.data[0]), [0, 1, 2, 3, 4]);
  assert.equal((await b.node.stats()).links[a.id].paths, 2);
});

test("a page in the back/forward cache keeps its place, and gets its links back", async (t) => {
  const url = newRoom();
  const a = await Player.join(url, { WebSocket, RTCPeerConnection: Real });
  const page = new EventTarget();
  globalThis.addEventListener = (...args) => page.addEventListener(...args);
  globalThis.removeEventListener = (...args) => page.removeEventListener(...args);
  t.after(() => {
    delete globalThis.addEventListener;
    delete globalThis.removeEventListener;
  });
  const w = watched(t);
  const b = await Player.join(url, { ...w, keepPlace: true });
  t.after(() => Promise.all([a.close(), b.close()]));
  await Promise.all([a.event("connected", b.id), b.event("connected", a.id)]);
  const put = (name, persisted) => page.dispatchEvent(Object.assign(new Event(name), { persisted }));
  put("pagehide", true);
  assert.equal(w.pcs.size, 0);
  assert.match((await a.event("disconnected", b.id)).reason, /^(lost|by peer)$/); // the word of it may come too late
  put("pageshow", true);
  const again = (p) => p.until("a second link", () => p.events.filter((e) => e.kind === "connected").length === 2);
  await Promise.all([again(a), again(b)]);
  assert.equal(b.node.status, "connected");
  assert.ok(b.events.every((e) => e.kind !== "disconnected" || e.reason === "lost"));
});
