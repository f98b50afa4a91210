// What a server can do: be another, of another version, silent, wrong, or gone.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { test } from "node:test";
import { WebSocket } from "ws";
import { Player, RTCPeerConnection, eventually, fakeServer, patience, rtcpeer, startServer, welcome, within } from "./support.js";

const base = { RTCPeerConnection, WebSocket };

/** Joining there fails: returns the error. */
async function refusal(url, config) {
  const error = await rtcpeer.join(url, { ...base, ...config }).then(() => null, (e) => e);
  assert.ok(error instanceof rtcpeer.RtcPeerError, `want an RtcPeerError, got ${error}`);
  assert.match(error.message, /^ws:|^[a-z_]+: /);
  return error;
}

test("the join is in the WebSocket request if the server accepts that, and otherwise in a frame", async (t) => {
  const offered = [], frames = [];
  const serve = async (taken) => {
    const handleProtocols = (protocols) => (offered.push([...protocols]), [...protocols][taken && protocols.size > 1 ? 1 : 0]);
    const fake = await fakeServer((socket) => {
      socket.on("message", (data) => (frames.push(String(data)), taken || socket.send(JSON.stringify(welcome))));
      if (taken) socket.send(JSON.stringify(welcome));
    }, { handleProtocols });
    t.after(fake.close);
    return fake.url;
  };
  const metadata = { name: "Ännchen ?>~" };
  for (const taken of [true, false]) {
    const p = await Player.join(await serve(taken), { RTCPeerConnection, metadata });
    t.after(() => p.close());
    const [own, answer, frame] = offered.at(-1);
    assert.deepEqual([own, answer], ["rtcpeer.v1", "rtcpeer.v1.taken"]);
    const join = JSON.parse(Buffer.from(frame.slice("frame.".length), "base64url"));
    assert.deepEqual([join.kind, join.room, join.metadata], ["join", "x", metadata]);
    if (!taken) assert.deepEqual(JSON.parse(frames[0]), join);
    else assert.deepEqual(frames, []);
  }
  const large = await Player.join(await serve(false), { RTCPeerConnection, token: "t".repeat(4000) });
  t.after(() => large.close());
  assert.deepEqual(offered.at(-1), ["rtcpeer.v1"]);
});

test("a server of another kind is unreachable, and the message says what to check", async (t) => {
  for (const status of [200, 403, 502]) {
    const proxy = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => proxy.on("listening", resolve));
    t.after(() => proxy.close());
    proxy.on("upgrade", (_, socket) => socket.end(`HTTP/1.1 ${status} So\r\nContent-Length: 0\r\n\r\n`));
    const error = await refusal(`ws://127.0.0.1:${proxy.address().port}/x`);
    assert.deepEqual([error.code, error.retry], ["unreachable", true]);
    assert.match(error.message, /signal-server.*proxy/);
  }
  assert.equal((await refusal("ws://127.0.0.1:1/x")).code, "unreachable");
});

test("a server of another version", async (t) => {
  const other = await fakeServer(() => {}, { handleProtocols: () => "rtcpeer.v9" });
  t.after(other.close);
  assert.equal((await refusal(other.url)).code, "unreachable"); // ws refuses by itself, and so does Chrome
  for (const chosen of ["", "rtcpeer.v9"]) {
    class Lenient extends WebSocket {
      get protocol() {
        return chosen;
      }
    }
    const ours = await fakeServer(() => {});
    t.after(ours.close);
    const error = await refusal(ours.url, { WebSocket: Lenient });
    assert.equal(error.code, "unreachable");
    assert.match(error.message, new RegExp(`"${chosen}": want rtcpeer.v1; .*another version`));
  }
});

test("a socket that opens and never says welcome has a deadline", async (t) => {
  const silent = await fakeServer(() => {});
  t.after(silent.close);
  const { setTimeout } = globalThis;
  t.after(() => (globalThis.setTimeout = setTimeout));
  globalThis.setTimeout = (f, ms, ...rest) => setTimeout(f, ms === 10000 ? 50 : ms, ...rest);
  const error = await refusal(silent.url);
  assert.deepEqual([error.code, error.retry], ["unreachable", true]);
  assert.match(error.message, /no welcome within 10 s/);
});

test("an invalid answer, and an error that ends the session", async (t) => {
  const { id, resume, room, ...rest } = welcome;
  const cases = [
    [{ ...rest, room, resume }, "bad_message", /not understood: welcome: id: want 1 to 2147483647/],
    [{ ...welcome, id: "5" }, "bad_message", /id: want 1 to 2147483647/],
    [{ ...welcome, id: 2 ** 31 }, "bad_message", /id: want 1 to 2147483647/],
    [{ ...rest, id, resume }, "bad_room", /room name ""/],
    [{ ...rest, id, room }, "bad_message", /resume: want a string/],
    [{ ...welcome, topology: "ring" }, "bad_message", /topology: want mesh, star/],
    [{ ...welcome, members: { 1: {} } }, "bad_message", /members: want a list/],
    [{ ...welcome, members: [{ id: 5 }] }, "bad_message", /welcome: members/],
    [{ ...welcome, ice_servers: [null] }, "bad_message", /ice_servers: want an object/],
    [{ kind: "joined", member: { id: 1 } }, "bad_message", /joined instead of an answer/],
    [5, "bad_message", /no kind/],
    ["{", "bad_message", /no JSON/],
    [Buffer.from("{}"), "bad_message", /a binary frame/],
    [" ".repeat(256 * 1024 + 1), "too_large", /262145 bytes/],
    [{ kind: "error", code: "room_full", text: "1024 members" }, "room_full", /1024 members/, true],
    [{ kind: "error", code: "sealed", text: "the room takes nobody new" }, "sealed", /takes nobody new/],
    [{ kind: "error", code: "out_of_cheese", text: "redo from start" }, "out_of_cheese", /redo from start/], // of the future
    [{ kind: "error" }, "bad_message", /code: want a string/],
  ];
  let answer;
  const server = await fakeServer((socket) => socket.on("message", () => socket.send(typeof answer === "string" || Buffer.isBuffer(answer) ? answer : JSON.stringify(answer))));
  t.after(server.close);
  for (const [said, code, words, retry = false] of cases) {
    answer = said;
    const error = await refusal(server.url);
    assert.deepEqual([error.code, error.retry], [code, retry], JSON.stringify(said).slice(0, 200));
    assert.match(error.message, words);
  }
});

test("messages right after the welcome are not lost, after the first join and after a resume", async (t) => {
  const sockets = [];
  const refused = [];
  const server = await fakeServer((socket, request) => {
    sockets.push(socket);
    socket.on("message", (data) => {
      const m = JSON.parse(data);
      if (m.kind === "signal") refused.push([m.to, m.data.type]);
      if (m.kind !== "join") return;
      request.socket.cork(); // one segment, so that ws hands out all of it in one task
      socket.send(JSON.stringify({ ...welcome, resumed: sockets.length > 1 }));
      socket.send(JSON.stringify({ kind: "joined", member: { id: 10 + sockets.length } }));
      socket.send(JSON.stringify({ kind: "sealed" }));
      request.socket.uncork();
    });
  });
  t.after(server.close);
  const node = await rtcpeer.join(server.url, { ...base, refuse: true });
  t.after(() => node.close());
  assert.ok(node.sealed);
  await eventually("the first answer", () => refused.length === 1);
  sockets[0].terminate();
  await eventually("the second answer", () => refused.length === 2);
  assert.deepEqual(refused, [[11, "refuse"], [12, "refuse"]]);
});

test("a server that ends the session right after the welcome", async (t) => {
  const server = await fakeServer((socket, request) => {
    socket.on("message", () => {
      request.socket.cork();
      socket.send(JSON.stringify(welcome));
      socket.send(JSON.stringify({ kind: "error", code: "replaced", text: "another connection came back" }));
      request.socket.uncork();
    });
  });
  t.after(server.close);
  const node = await rtcpeer.join(server.url, base);
  await assert.rejects(node.next(), { code: "replaced" });
  assert.equal(node.status, "disconnected");
});

test("a member with one_attempt gets only one offer, whatever happens", async (t) => {
  const offers = [];
  const server = await fakeServer((socket) => {
    socket.on("message", (data) => {
      const m = JSON.parse(data);
      if (m.kind === "join") socket.send(JSON.stringify({ ...welcome, members: [{ id: 1, one_attempt: true }] }));
      if (m.data?.type !== "offer") return;
      offers.push(m.data.attempt);
      socket.send(JSON.stringify({ kind: "signal", from: 1, data: { type: "answer", sdp: "no answer at all" } }));
    });
  });
  t.after(server.close);
  const a = await Player.join(server.url, { RTCPeerConnection });
  t.after(() => a.close());
  const { error } = await a.event("failed", 1);
  assert.deepEqual([error.code, offers], ["negotiation", [1]]);
});

test("a malformed frame causes another attempt, and three of them the end", async (t) => {
  let connections = 0;
  const bad = await fakeServer((socket) => {
    const first = ++connections === 1;
    socket.on("message", () => {
      if (first) {
        socket.send(JSON.stringify({ kind: "confetti" })); // a kind of the future
        socket.send(JSON.stringify(welcome));
        socket.send(JSON.stringify({ kind: "confetti" }));
        socket.send(JSON.stringify({ kind: "signal", from: 9, data: { type: "dance" } }));
      }
      socket.send("{");
    });
  });
  t.after(bad.close);
  const a = await Player.join(bad.url, { RTCPeerConnection });
  await a.until("the end", () => a.ended);
  assert.equal(a.ended.code, "bad_message");
  assert.equal(a.node.status, "disconnected");
  assert.equal(connections, 3);
});

test("a member that lost its links offers new ones when it has come back to the server", async (t) => {
  const server = await startServer();
  t.after(() => server.stop());
  const sockets = [];
  class Socket extends WebSocket {
    constructor(...args) {
      super(...args);
      sockets.push(this);
    }
  }
  const a = await Player.join(server.url + "/lobby", { RTCPeerConnection });
  const b = await Player.join(server.url + "/lobby", { WebSocket: Socket, RTCPeerConnection });
  t.after(() => Promise.all([a.close(), b.close()]));
  await Promise.all([a.event("connected", b.id), b.event("connected", a.id)]);
  b.node.roster.get(a.id).link.end("lost"); // as half a minute without a path would
  await b.event("disconnected", a.id);
  await a.event("disconnected", b.id);
  sockets[0].terminate();
  const twice = (p) => p.until("a second link", () => p.events.filter((e) => e.kind === "connected").length === 2);
  await Promise.all([twice(a), twice(b)]);
  await b.node.disconnect(a.id);
  await a.until("the end of it", () => a.events.at(-1).kind === "disconnected");
  sockets[1].terminate();
  await eventually("the third welcome", () => b.node.resumed === 2);
  assert.equal(b.node.links().length, 0, "who has ended a link does not offer another");
});

test("a server that is gone for good ends no link", async (t) => {
  const server = await startServer();
  const a = await Player.join(server.url + "/lobby", { RTCPeerConnection }), b = await Player.join(server.url + "/lobby", { RTCPeerConnection });
  t.after(() => Promise.all([a.close(), b.close()]));
  await Promise.all([a.event("connected", b.id), b.event("connected", a.id)]);
  await server.stop();
  await eventually("the loss", async () => !(await a.node.stats()).signaling);
  await a.node.send({ data: "still" });
  await b.until("a packet", () => b.packets(a.id).length);
  const sealing = a.node.seal().catch((e) => e);
  await within(patience, "close", a.close());
  assert.equal((await sealing).code, "closed");
  assert.equal((await b.event("disconnected", a.id)).reason, "by peer");
  assert.equal(b.node.status, "connected");
});

test("a server that refuses to take it back ends a node only when its links have", async (t) => {
  let joins = 0;
  const proxied = await startServer();
  // Stands between the members and the server: their first connections pass, the others do not.
  const proxy = await fakeServer((socket) => {
    if (++joins > 2) return socket.on("message", () => socket.send(JSON.stringify({ kind: "error", code: "resume_refused", text: "the room is gone" })));
    const through = new WebSocket(proxied.url, ["rtcpeer.v1"]);
    const opened = new Promise((resolve) => through.on("open", resolve));
    socket.on("message", async (data) => (await opened, through.send(String(data))));
    through.on("message", (data) => socket.send(String(data)));
    through.on("close", () => socket.terminate());
  });
  t.after(() => (proxy.close(), proxied.stop()));
  const url = proxy.url.replace(/x$/, "lobby");
  const a = await Player.join(url, { RTCPeerConnection }), b = await Player.join(url, { RTCPeerConnection });
  await Promise.all([a.event("connected", b.id), b.event("connected", a.id)]);
  await proxied.stop();
  await eventually("the refusal", async () => (await a.node.stats()).signalingError && (await b.node.stats()).signalingError);
  await a.node.send({ data: "still" });
  await b.until("a packet", () => b.packets(a.id).length);
  await assert.rejects(a.node.seal(), { code: "resume_refused" });
  await a.close();
  await b.until("the end", () => b.ended);
  assert.deepEqual([b.events.at(-1).kind, b.ended.code], ["disconnected", "resume_refused"]);
});

test("a token that the server has replaced is the one to come back with", async (t) => {
  /** @type {string[]} */ const tokens = [];
  const server = await fakeServer((socket) => socket.on("message", (data) => {
    const m = JSON.parse(String(data));
    if (m.kind !== "join") return;
    tokens.push(m.resume);
    socket.send(JSON.stringify({ kind: "welcome", id: 1, room: "lobby", topology: "mesh", host: 1, resume: "first", limits: {} }));
    if (tokens.length > 1) return;
    socket.send('{"kind":"resume","resume":"renewed"}');
    socket.close();
  }));
  t.after(() => server.close());
  const a = await Player.join(server.url.replace(/x$/, "lobby"), { RTCPeerConnection });
  await eventually("it is back", async () => tokens.length === 2);
  assert.equal(tokens[1], "renewed");
  await a.close();
});

test("a node that joins while the host is away is told how long the server waits", async (t) => {
  const server = await startServer("--grace=20s");
  t.after(() => server.stop());
  const sockets = [];
  class Kept extends WebSocket {
    constructor(...args) {
      super(...args);
      sockets.push(this);
      if (sockets.length > 1) this.terminate(); // it does not come back
    }
  }
  const url = server.url + "/away";
  const host = await Player.join(url, { RTCPeerConnection, topology: "star", WebSocket: Kept });
  t.after(() => host.close());
  assert.equal(host.node.hostAway, 0);
  for (const locked of [true, false]) await host.node.setLocked(locked); // a place is kept for whom the server has heard
  sockets[0].terminate();
  const guest = await within(patience, "a guest", (async () => {
    for (;;) {
      const guest = await Player.join(url, { RTCPeerConnection });
      if (guest.node.hostAway > 0) return guest;
      await guest.close(); // the server has not noticed yet
    }
  })());
  t.after(() => guest.close());
  assert.ok(guest.node.hostAway <= 20000);
  const again = await Player.join(url, { RTCPeerConnection, resume: host.node.resume });
  t.after(() => again.close());
  await guest.event("connected", 1);
  assert.equal(guest.node.hostAway, 0);
});

test("a seal or a lock is asked for again when it, or its answer, was lost with the connection", async (t) => {
  const server = await startServer();
  t.after(() => server.stop());
  const url = server.url + "/lobby";
  let question, answer; // kinds of the messages that are lost, with the connection
  class Dead extends WebSocket {
    send(data) {
      if (JSON.parse(data).kind !== question) return super.send(data);
      question = undefined;
      this.terminate();
    }
  }
  const a = await Player.join(url, { RTCPeerConnection, WebSocket: Dead });
  t.after(() => a.close());
  const { signaling } = a.node, { onmessage } = signaling;
  signaling.onmessage = (m) => {
    if (m.kind !== answer) return onmessage(m);
    answer = undefined;
    signaling.socket.terminate();
  };
  await a.node.setLocked(false); // a place is kept for whom the server has heard
  for (const locked of [true, false]) {
    question = "lock";
    await within(patience, `locked: ${locked}`, a.node.setLocked(locked));
    assert.equal(a.node.locked, locked);
  }
  for (const locked of [true, false]) {
    answer = "lock";
    await within(patience, `locked: ${locked}, without an answer`, a.node.setLocked(locked));
    assert.equal(a.node.locked, locked);
  }
  question = "seal";
  await within(patience, "sealed", Promise.all([a.node.setLocked(true), a.node.seal(), a.node.setLocked(false)]));
  assert.ok(a.node.sealed && !a.node.locked, "what was asked last is what holds");
  await assert.rejects(rtcpeer.join(url, base), { code: "sealed" });
});

test("links that are being made end when no more signals will come, and so does a node without others", async (t) => {
  for (const topology of ["mesh", "star"]) {
    const server = await fakeServer((socket) => socket.on("message", (data) => {
      const m = JSON.parse(data);
      if (m.kind === "join") socket.send(JSON.stringify({ ...welcome, topology, members: [{ id: 1, features: ["repair"] }] }));
      if (m.data?.type === "offer") socket.send(JSON.stringify({ kind: "error", code: "replaced", text: "another connection came back" }));
    }));
    t.after(server.close);
    const a = await Player.join(server.url, { RTCPeerConnection, connectTimeout: 0 });
    await a.until("the end", () => a.ended);
    assert.equal(a.ended.code, "replaced");
  }
});
