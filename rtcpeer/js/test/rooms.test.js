// Rooms that are found, shut and kept in order, by way of the real server; and what only a server of the test's own does on demand.

import assert from "node:assert/strict";
import { test } from "node:test";
import { WebSocket } from "ws";
import { Player, RTCPeerConnection, eventually, fakeServer, rtcpeer, startServer, welcome } from "./support.js";

const { join, list, match } = rtcpeer;
const server = await startServer();
const base = { RTCPeerConnection, WebSocket };
test.after(() => server.stop());

const enter = async (t, name, config) => {
  const player = await Player.join(`${server.url}/${name}`, { RTCPeerConnection, ...config });
  t.after(() => player.close());
  return player;
};

test("a public room with a password is listed, and can be entered only with the password", async (t) => {
  const host = await enter(t, "oasis", { password: "sesame", newRoom: { public: true, metadata: { map: "desert", level: 3 }, maxMembers: 2 } });
  await enter(t, "hidden");
  for (const filter of [undefined, { map: "desert" }, { level: 3, map: "desert" }]) {
    const { rooms, next } = await list(server.url, { WebSocket, filter });
    assert.deepEqual(rooms, [{ room: "oasis", url: host.node.url, topology: "mesh", members: 1, maxMembers: 2, password: true, metadata: { map: "desert", level: 3 } }]);
    assert.equal(next, undefined);
  }
  assert.deepEqual((await list(server.url + "/any", { WebSocket, filter: { map: "ice" } })).rooms, []);
  for (const password of [undefined, "open"]) {
    await assert.rejects(join(host.node.url, { ...base, password }), { code: "wrong_password", retry: false });
  }
  const guest = await enter(t, "oasis", { password: "sesame" });
  await host.event("connected", guest.id);
  await assert.rejects(join(host.node.url, { ...base, password: "sesame" }), { code: "room_full", retry: true });
});

test("the next page of a list continues where the previous one ended", async (t) => {
  for (const name of ["c", "a", "b"]) await enter(t, name, { newRoom: { public: true, metadata: { kind: "paged" } } });
  const names = [];
  for (let after, pages = 0; pages === 0 || after; pages++) {
    const page = await list(server.url, { WebSocket, filter: { kind: "paged" }, limit: 2, after });
    names.push(...page.rooms.map((r) => r.room));
    after = page.next;
    assert.ok(pages < 10);
  }
  assert.deepEqual(names.sort(), ["a", "b", "c"]); // each list has an order of its own
  await assert.rejects(list(server.url, { WebSocket, limit: 101 }), { code: "bad_message" });
  await assert.rejects(list(server.url, { WebSocket, filter: { a: {} } }), { code: "bad_message" });
  await assert.rejects(list("ws://127.0.0.1:1", { WebSocket }), { code: "unreachable" });
  await assert.rejects(list(server.url, { WebSocket, signal: AbortSignal.abort() }), { code: "aborted" });
});

test("two peers that ask for the same match get a sealed room of their own", async (t) => {
  const nodes = await Promise.all([1, 2].map(() => match(server.url + "/counts-for-nothing", "duel", 2, { ...base, topology: "star" })));
  t.after(() => Promise.all(nodes.map((n) => n.close())));
  for (const n of nodes) {
    assert.deepEqual([n.sealed, n.topology, n.room], [true, "star", nodes[0].room]);
    assert.equal((await n.next()).value.kind, "connected");
  }
  await assert.rejects(match(server.url, "alone", 2, { ...base, signal: AbortSignal.timeout(50) }), { code: "aborted" });
  await assert.rejects(match(server.url, "k", 1, base), { code: "bad_message" });
  const older = await fakeServer((socket) => socket.on("message", () => socket.send(JSON.stringify(welcome))));
  t.after(older.close);
  await assert.rejects(match(older.url, "k", 2, base), { code: "unknown_kind" });
});

test("only the host locks and unlocks, and a lock survives a restart of the server", async (t) => {
  const own = await startServer("--resume-key", "0123456789abcdef");
  t.after(() => own.stop());
  const url = own.url + "/r";
  const host = await Player.join(url, base), guest = await Player.join(url, base);
  t.after(() => Promise.all([host.close(), guest.close()]));
  await assert.rejects(guest.node.setLocked(true), { code: "not_host" });
  await host.node.setLocked(true);
  assert.ok(host.node.locked);
  await eventually("the guest's word of it", () => guest.node.locked);
  await assert.rejects(join(url, base), { code: "locked", retry: true });

  await own.stop();
  await own.start();
  await eventually("the return", async () => (await host.node.stats()).resumed && (await guest.node.stats()).resumed);
  await eventually("the lock", () => join(url, base).then((n) => n.close(), (e) => e.code === "locked"));
  await host.node.setLocked(false);
  assert.ok(!host.node.locked);
  await (await join(url, base)).close();
});

for (const topology of ["mesh", "star"]) {
  for (const first of ["the server's", "its own"]) {
    test(`who is kicked out of a ${topology} is gone, and learns why; the others hear ${first} word first`, async (t) => {
      const name = `kick-${topology}-${first.length}`;
      const host = await enter(t, name, { topology }), guest = await enter(t, name), other = await enter(t, name);
      const all = [[host, guest.id], [host, other.id], [other, guest.id], [guest, other.id], [guest, 1]];
      await Promise.all(all.map(([p, id]) => p.event("connected", id)));
      assert.throws(() => guest.node.kick(1), { code: "not_host" });
      assert.throws(() => host.node.kick(1), { code: "unknown_peer" });
      assert.throws(() => host.node.kick(guest.id, "x".repeat(257)), { code: "bad_message" });
      for (const { node: { signaling } } of first === "its own" ? [host, other] : []) {
        const { onmessage } = signaling;
        signaling.onmessage = (m) => m.kind === "left" || onmessage(m);
      }
      host.node.kick(guest.id, "be nice");
      for (const p of [host, other]) assert.equal((await p.event("disconnected", guest.id)).reason, "kicked");
      await guest.until("the end", () => guest.ended);
      const ends = guest.events.filter((e) => e.kind === "disconnected").map(({ peer, reason }) => [peer, reason]);
      assert.deepEqual(ends.sort(([a], [b]) => a - b), [[1, "kicked"], [other.id, topology === "mesh" ? "kicked" : "host gone"]]);
      assert.deepEqual([guest.ended.code, guest.ended.message], ["kicked", "kicked: be nice"]);
      assert.deepEqual([guest.node.status, guest.node.peers], ["disconnected", []]);
      assert.deepEqual(host.node.peers, [other.id]);
    });
  }
}

test("a kicked guest is told so, even if the host's message comes before the server's, or alone", async (t) => {
  for (const late of [300, Infinity]) {
    const name = `kicked-${late}`;
    const host = await enter(t, name, { topology: "star" }), guest = await enter(t, name);
    await host.event("connected", guest.id);
    const { socket } = guest.node.signaling, { onmessage, onclose } = socket;
    const delayed = (take) => (e) => void (late < Infinity && setTimeout(take, late, e));
    Object.assign(socket, { onmessage: delayed(onmessage), onclose: delayed(onclose) });
    host.node.kick(guest.id, "be nice");
    await eventually("the end", () => guest.ended);
    assert.deepEqual([guest.ended.code, guest.ended.message], ["kicked", late < Infinity ? "kicked: be nice" : "kicked by the host"]);
  }
});

test("a guest closes at once while it waits for the server's word that it was kicked", async (t) => {
  const host = await enter(t, "kicked-closes", { topology: "star" }), guest = await enter(t, "kicked-closes");
  await host.event("connected", guest.id);
  const { socket } = guest.node.signaling;
  socket.onmessage = socket.onclose = () => {}; // the word comes, and is the reason for which the server closes
  host.node.kick(guest.id);
  await guest.event("disconnected", 1);
  assert.equal(guest.node.status, "connecting");
  await guest.close();
  assert.deepEqual([guest.ended, guest.node.error], [null, null]);
});

test("links made after the news have the fresh ICE servers", async (t) => {
  const fresh = [{ urls: ["turn:127.0.0.1:1"], username: "1:5", credential: "c" }];
  const fake = await fakeServer((socket) => socket.on("message", (data) => {
    if (JSON.parse(data).kind !== "join") return;
    socket.send(JSON.stringify({ ...welcome, ice_servers: [{ urls: ["stun:127.0.0.1:1"] }] }));
    socket.send(JSON.stringify({ kind: "ice_servers", ice_servers: fresh }));
    socket.send(JSON.stringify({ kind: "joined", member: { id: 1 } }));
  }));
  t.after(fake.close);
  const given = [];
  class Watched extends RTCPeerConnection {
    constructor(config) {
      super(config);
      given.push(config.iceServers);
    }
  }
  const a = await Player.join(fake.url, { RTCPeerConnection: Watched });
  t.after(() => a.close());
  await eventually("a link", () => given.length);
  assert.deepEqual(given, [fresh]);
});

test("the module waits as long as the server asks", async (t) => {
  const at = [];
  const fake = await fakeServer((socket) => socket.on("message", () => {
    at.push(performance.now());
    if (at.length === 1) return socket.send(JSON.stringify({ kind: "error", code: "rate_limited", text: "too many", retry_after_ms: 1500 }));
    if (at.length === 3) return socket.send(JSON.stringify({ kind: "error", code: "shutting_down", text: "soon", retry_after_ms: 400 }));
    socket.send(JSON.stringify(welcome));
    if (at.length === 2) socket.close();
  }));
  t.after(fake.close);
  await assert.rejects(join(fake.url, base), { code: "rate_limited", retry: true, retryAfter: 1500 });
  const a = await Player.join(fake.url, { RTCPeerConnection });
  t.after(() => a.close());
  await eventually("the return", () => at.length === 4);
  assert.ok(at[3] - at[2] >= 399, `${at[3] - at[2]} ms`);
});

test("codes after which there is no other attempt", async (t) => {
  for (const code of ["wrong_password", "kicked", "expired", "room_closed", "forbidden", "of_the_future"]) {
    const fake = await fakeServer((socket) => socket.on("message", () => {
      socket.send(JSON.stringify(welcome));
      socket.send(JSON.stringify({ kind: "error", code, text: "so" }));
    }));
    t.after(fake.close);
    const node = await join(fake.url, base);
    await assert.rejects(node.next(), { code, retry: false });
  }
});

test("metadata can change during the session, and the node gets the answer", async (t) => {
  const host = await enter(t, "names", { metadata: { name: "Hal" } });
  const guest = await enter(t, "names");
  await host.event("connected", guest.id);
  assert.deepEqual((await guest.event("connected", host.id)).metadata, { name: "Hal" });
  guest.node.setMetadata({ name: "Ann" });
  assert.deepEqual((await host.event("updated", guest.id)).metadata, { name: "Ann" });
  assert.deepEqual((await guest.event("updated", guest.id)).metadata, { name: "Ann" });
  assert.deepEqual(host.node.metadata(guest.id), { name: "Ann" });
  host.node.setMetadata(undefined);
  assert.equal((await guest.event("updated", host.id)).metadata, undefined);
  assert.throws(() => guest.node.setMetadata("x".repeat(1023)), { code: "bad_message" });
  const late = await enter(t, "names");
  assert.deepEqual((await late.event("connected", guest.id)).metadata, { name: "Ann" });
});
