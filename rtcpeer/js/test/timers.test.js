// A tab in the background: the browser lets timers fire once a second, and after five minutes once a minute. The
// network goes on as ever. So nothing of a link that works may wait for a timer, and a late one must do no harm.

import assert from "node:assert/strict";
import { test } from "node:test";
import { WebSocket } from "ws";
import { Player, RTCPeerConnection, cuttable, eventually, patience, startServer, within } from "./support.js";

const sockets = new Set();
let answers = 0;
/** Counts what the module asks a silent server, and the answers. */
class Counting extends WebSocket {
  waiting = 0;
  constructor(...args) {
    super(...args);
    sockets.add(this);
    this.addEventListener("message", ({ data }) => {
      if (!data.includes("unknown_kind")) return;
      this.waiting--;
      answers++;
    });
  }
  send(data) {
    if (data.includes('"ping"')) this.waiting++;
    super.send(data);
  }
}

let sent = 0, arrived = 0;
/** Counts what goes over links, and what has come. */
class Carrying extends RTCPeerConnection {
  createDataChannel(...args) {
    const channel = super.createDataChannel(...args);
    const send = channel.send.bind(channel), listen = channel.addEventListener.bind(channel);
    channel.send = (data) => (send(data), sent++);
    channel.addEventListener = (name, take) => listen(name, name !== "message" ? take : (e) => (arrived++, take(e)));
    return channel;
  }
}

const config = { RTCPeerConnection: Carrying, WebSocket: Counting };
const real = { setTimeout, clearTimeout, setInterval, clearInterval };
const { now } = performance;

/** The module a second time, whose timers fire only if a test says so. */
const hidden = await import("../rtcpeer.js?hidden");

/** Replaces the clock and the timers of the module: pass alone moves the one on, and fires those that are due, once. */
function throttle(t) {
  const timers = new Map(), began = now.call(performance);
  let offset = 0, last = 0, asked = 0;
  performance.now = () => began + offset + 1e-6 * ++asked; // what comes later is later
  const ours = (line) => /rtcpeer\.js/.test(line) && { hidden: /hidden/.test(line) };
  const add = (f, ms, every, { hidden }) => (timers.set(++last, { f, hidden, due: performance.now() + ms, every: every && ms }), `late ${last}`);
  const clear = (kind) => (timer) => (/^late/.test(timer) ? timers.delete(Number(String(timer).slice(5))) : real["clear" + kind](timer));
  for (const [name, every] of [["setTimeout", false], ["setInterval", true]]) {
    globalThis[name] = (f, ms, ...rest) => {
      const module = ours(new Error().stack.split("\n")[2]);
      return module ? add(f, ms, every, module) : real[name](f, ms, ...rest);
    };
  }
  globalThis.clearTimeout = clear("Timeout");
  globalThis.clearInterval = clear("Interval");
  const restore = () => Object.assign(globalThis, real);
  t.after(() => (restore(), (performance.now = now)));
  return async (ms, visible) => {
    offset += ms;
    for (const [id, timer] of [...timers].sort(([, a], [, b]) => a.due - b.due)) {
      if (timer.due > performance.now() || !timers.has(id) || (timer.hidden && !visible)) continue;
      if (timer.every) timer.due = performance.now() + timer.every;
      else timers.delete(id);
      timer.f();
    }
    await eventually("the server answers", () => [...sockets].every((s) => s.readyState !== 1 || !s.waiting)); // the network is as fast as ever
  };
}

for (const late of [1000, 60000]) {
  test(`timers that fire each ${late / 1000} s`, async (t) => {
    const server = await startServer("--resume-key", "a-key-for-the-tests");
    t.after(() => server.stop());
    const pass = throttle(t);
    sent = arrived = 0;
    const a = await Player.join(server.url + "/lobby", config), b = await Player.join(server.url + "/lobby", config);
    await Promise.all([a.event("connected", b.id), b.event("connected", a.id)]);

    // More than a lane holds, of which the rest waits for room.
    const data = new Uint8Array(16384);
    await within(patience, "3 MiB", Promise.all(Array.from({ length: 192 }, () => a.node.send({ peer: b.id, data }))));
    await b.until("all of them", () => b.packets(a.id).length === 192);

    // Ten minutes of silence: the server is asked whether it is there, and answers.
    answers = 0;
    for (let time = 0; time < 600000; time += Math.max(late, 15000)) {
      await pass(Math.max(late, 15000));
      await eventually("the other end is heard", () => arrived === sent); // as fast as ever, too
    }
    assert.ok(answers >= 10);
    for (const { node } of [a, b]) {
      const { signaling, resumed } = await node.stats();
      assert.deepEqual([signaling, resumed, node.peers.length], [true, 0, 1]);
    }

    // The server restarts: the wait before the next try ends when a timer fires.
    await server.stop();
    await eventually("the loss", async () => !(await a.node.stats()).signaling && !(await b.node.stats()).signaling);
    await server.start();
    const back = async () => (await a.node.stats()).signaling && (await b.node.stats()).signaling;
    for (let tries = 0; tries < 30 && !(await back()); tries++) {
      await pass(late);
      await eventually("the return", back, 2000).catch(() => {}); // a try takes its own time
    }
    assert.ok(await back());
    const { id } = a;
    await a.node.send({ data: "still" });
    await b.until("the packet", () => b.packets(id).length === 193);
    assert.deepEqual([...a.events, ...b.events].filter((e) => e.kind === "disconnected" || e.kind === "failed"), []);

    // What was sent before the close arrives while its timers wait.
    for (let i = 0; i < 20; i++) await a.node.send({ peer: b.id, data });
    let closed = false;
    a.close().then(() => (closed = true));
    await b.until("the rest", () => b.packets(id).length === 213);
    await eventually("the close", async () => (await pass(late), closed));
    assert.equal((await b.event("disconnected", id)).reason, "by peer");
    await Promise.all([b.close(), pass(late), pass(late)]);
  });
}

// After five seconds no timer of a fires any more, as in a hidden page for a minute, and its answers are on the way for longer
// than b waits for one. What b says, or sends, has a say that it is there.
for (const sends of [false, true]) {
  test(`a page without timers, on a long way${sends ? ", that is sent packets" : ""}`, async (t) => {
    const server = await startServer();
    t.after(() => server.stop());
    const pass = throttle(t), under = [];
    let sent = 0, arrived = 0;
    class Far extends RTCPeerConnection {
      createDataChannel(...args) {
        const channel = super.createDataChannel(...args);
        const send = channel.send.bind(channel), listen = channel.addEventListener.bind(channel);
        channel.send = (data) => (send(data), sent++);
        channel.addEventListener = (name, take) => listen(name, name !== "message" ? take : (e) => {
          arrived++;
          under.push({ due: performance.now() + 400, act: () => take(e) });
        });
        return channel;
      }
    }
    let time = 0;
    const step = async (visible) => {
      await pass(100, visible);
      while (under[0]?.due <= performance.now()) under.shift().act();
      if (sends && (time += 100) % 300 === 0) b.node.trySend({ data: "state" });
      await eventually("all that was sent arrives", () => arrived === sent);
    };
    const a = await hidden.join(server.url + "/lobby", { ...config, RTCPeerConnection: Far });
    const b = await Player.join(server.url + "/lobby", { ...config, RTCPeerConnection: Far });
    t.after(() => Promise.all([a.close(), b.close()]));
    await eventually("the hellos", () => under.length === 2);
    for (let i = 0; i < 250; i++) await step(i < 50);
    assert.deepEqual(b.events.map((e) => e.kind), ["connected"]);
    assert.deepEqual(a.poll().map((e) => e.kind).filter((kind) => kind !== "packet"), ["connected"]);
  });
}

// The other end has the link on the strength of this end's hello, though its own has not arrived yet.
for (const impatient of [0, 1]) {
  const who = ["answering", "offering"][impatient];
  for (const comes of [true, false]) {
    test(`the time to connect is over while the other end's hello is on its way, at the ${who} end; it ${comes ? "comes" : "does not come"}`, async (t) => {
      const server = await startServer();
      t.after(() => server.stop());
      const held = [];
      class Late extends RTCPeerConnection {
        createDataChannel(label, init) {
          const channel = super.createDataChannel(label, init);
          if (label !== "control") return channel;
          const listen = channel.addEventListener.bind(channel);
          channel.addEventListener = (name, take) => listen(name, name === "message" ? (e) => held.push(() => take(e)) : take);
          return channel;
        }
      }
      const pass = throttle(t);
      const players = [];
      for (const stack of impatient ? [RTCPeerConnection, Late] : [Late, RTCPeerConnection]) {
        players.push(await Player.join(server.url + "/lobby", { WebSocket, RTCPeerConnection: stack, connectTimeout: stack === Late ? 500 : 0 }));
      }
      t.after(() => (held.splice(0), Promise.all([...players.map((p) => p.close()), pass(60000), pass(60000)])));
      const late = players[impatient], other = players[1 - impatient];
      await other.event("connected", late.id);
      await eventually("the hello", () => held.length);
      await pass(500);
      if (comes) {
        for (const act of held) act();
        await late.event("connected", other.id);
        await other.node.send({ data: "still" });
        assert.deepEqual([late, other].flatMap((p) => p.events).filter((e) => e.kind === "disconnected" || e.kind === "failed"), []);
      } else {
        await pass(0);
        assert.deepEqual(late.events, []);
        await pass(7000);
        assert.equal((await late.event("failed", other.id)).error.code, "deadline");
      }
    });
  }
}

// What an attempt waits for may come later than the attempt's time is over: then the next one has more time.
test("signals whose round trip is longer than an attempt", async (t) => {
  const server = await startServer();
  t.after(() => server.stop());
  const pass = throttle(t), under = [];
  let making = 0, sent = 0, arrived = 0, accepted = false;
  class Seen extends RTCPeerConnection {
    setRemoteDescription(description) {
      accepted ||= description.type === "answer";
      return super.setRemoteDescription(description);
    }
  }
  for (const name of ["createOffer", "createAnswer", "setLocalDescription", "setRemoteDescription"]) {
    const make = Seen.prototype[name];
    Seen.prototype[name] = function (...args) {
      making++;
      return make.apply(this, args).finally(() => making--);
    };
  }
  const enter = async () => {
    const p = await Player.join(server.url + "/lobby", { ...config, RTCPeerConnection: Seen });
    t.after(() => Promise.all([p.close(), pass(60000), pass(60000)]));
    const { tell, signaled } = p.node;
    p.node.tell = (...args) => (sent++, tell.apply(p.node, args));
    p.node.signaled = (...args) => (arrived++, under.push({ due: performance.now() + 4000, act: () => signaled.apply(p.node, args) }));
    return p;
  };
  const a = await enter(), b = await enter();
  await eventually("the offer", () => under.length);
  for (let time = 0; time < 19900 && !accepted; time += 100) {
    await pass(100);
    while (under[0]?.due <= performance.now()) under.shift().act();
    await eventually("all is said", () => !making && sent <= arrived);
  }
  const brought = setInterval(() => under.splice(0).forEach(({ act }) => act()), 10); // from here on the network takes its own time
  t.after(() => clearInterval(brought));
  await Promise.all([a.event("connected", b.id), b.event("connected", a.id)]);
  for (const p of [a, b]) assert.deepEqual(p.events.map((e) => e.kind), ["connected"]);
});

// No timer fires that would notice the silence of the link before, or that an attempt takes too long.
for (const [who, role] of [[0, "answers"], [1, "offers"]]) {
  test(`who dies and comes back in its place is linked at once, if it ${role}`, async (t) => {
    const server = await startServer();
    t.after(() => server.stop());
    const pass = throttle(t), net = cuttable(), url = server.url + "/lobby";
    const players = [];
    for (const i of [0, 1]) players.push(await Player.join(url, { WebSocket, ...(i === who ? net : { RTCPeerConnection }) }));
    const gone = players[who], other = players[1 - who];
    await Promise.all([gone.event("connected", other.id), other.event("connected", gone.id)]);
    await pass(1000); // what follows on a link that is younger waits until that time
    net.cut();
    gone.node.signaling.closed = true;
    gone.node.signaling.socket.terminate();
    const back = await Player.join(url, { WebSocket, RTCPeerConnection, resume: gone.node.resume });
    t.after(() => Promise.all([...players, back].map((p) => p.close()).concat(pass(60000), pass(60000))));
    assert.equal(back.id, gone.id);
    assert.equal((await other.event("disconnected", gone.id)).reason, "lost");
    await pass(100);
    await back.event("connected", other.id);
    await other.until("the next link", () => other.events.filter((e) => e.kind === "connected").length === 2);
    await other.node.send({ peer: back.id, data: "again" });
    await back.until("the packet", () => back.packets(other.id).length);
  });
}
