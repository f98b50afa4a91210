// Stars that outlive their hosts: migration.js. The other end is the same module, or rtc-client relay.

import assert from "node:assert/strict";
import { test } from "node:test";
import { WebSocket } from "ws";
import { Migration } from "../migration.js";
import { json, Requests } from "../requests.js";
import { Files } from "../transfer.js";
import { Player, RTCPeerConnection, bare, cuttable, eventually, orderly, rtcpeer, startClient, startServer } from "./support.js";

const server = await startServer();
test.after(() => server.stop());

/** A member of a room that migrates, with its options for join. */
async function member(url, { neverHost, ...config } = {}) {
  const migration = new Migration({ neverHost });
  const player = await Player.join(url, { RTCPeerConnection, topology: "star", newRoom: { migrates: true, hostTimeout: 300 }, migration, ...config });
  return Object.assign(player, { migration });
}

/** Members of a room, of which the first is the host, when all know of each other. */
async function room(name, ...configs) {
  const players = [];
  for (const config of configs) {
    players.push(await member(`${server.url}/${name}`, config));
    await all(players);
  }
  return players;
}

/** Waits until all know of all. */
async function all(players) {
  for (const p of players) for (const other of players) if (p !== other) await p.until(`${p.id} knows ${other.id}`, () => p.node.peers.includes(other.id));
}

/** Wants a host that each has heard of, and that all reach all, one by one and together. */
async function hosts(host, term, ...players) {
  for (const p of players) {
    await eventually(`${p.id} has heard of host ${host}, term ${term}`, () => p.node.host === host && p.migration.term === term && p.node.status === "connected");
    assert.equal(orderly(p.events), "");
  }
  await all(players);
  for (const p of players) {
    for (const other of players) if (p !== other) await p.node.send({ peer: other.id, data: `${p.id} in ${term}` });
    if (p.id !== host) await p.node.send({ peer: 1, data: `to the host in ${term}` });
    await eventually("room for all", () => {
      try {
        p.node.trySend(`${p.id} to all in ${term}`);
        return true;
      } catch (e) {
        assert.equal(e.code, "buffer_full");
      }
    });
  }
  const texts = (p, from) => p.packets(from.id).map(({ data }) => new TextDecoder().decode(data)).filter((text) => text.includes(`in ${term}`));
  for (const p of players) {
    for (const from of players) {
      if (from === p) continue;
      const want = [`${from.id} in ${term}`, ...(p.id === host ? [`to the host in ${term}`] : []), `${from.id} to all in ${term}`];
      await p.until(() => `${p.id} has of ${from.id}: ${texts(p, from)}`, () => texts(p, from).length >= want.length);
      assert.deepEqual(texts(p, from), want);
    }
  }
}

const story = (p, id) => p.events.filter((e) => e.peer === id && e.kind !== "packet").map((e) => e.kind + (e.reason ? ` (${e.reason})` : ""));

test("the host leaves: a tab becomes the host, and guests stay connected with each other", async () => {
  const [a, b, c, d] = await room("leaves", {}, {}, {}, {});
  assert.deepEqual([a, b, c, d].map((p) => p.migration.term), [1, 1, 1, 1]);
  assert.throws(() => b.migration.setSuccessor(c.id), { code: "not_host" });
  await a.close();
  await hosts(b.id, 2, b, c, d);
  const { kind, old, new: to, term, missed } = await c.event("host changed", b.id);
  assert.deepEqual({ kind, old, to, term, missed }, { kind: "host changed", old: 1, to: b.id, term: 2, missed: [] });
  assert.deepEqual(story(c, b.id), ["connected", "host changed"]);
  for (const [p, id] of [[c, d.id], [d, c.id], [b, c.id], [b, d.id]]) assert.deepEqual(story(p, id), ["connected"]);
  assert.deepEqual(story(d, 1).map((s) => s.split(" ")[0]), ["connected", "disconnected"]);

  const back = await member(`${server.url}/leaves`);
  assert.notEqual(back.id, 1);
  assert.deepEqual([back.node.host, back.migration.term], [b.id, 2]);
  await hosts(b.id, 2, back);

  b.migration.setSuccessor(d.id); // not the one that has been there the longest
  await b.close();
  await hosts(d.id, 3, c, d, back);
  await c.close();
  await d.close();
  await hosts(back.id, 4, back);
  await back.close();
});

test("members that refuse new links follow the next host, which refuses newcomers alone", async () => {
  const [a, b, c, d] = await room("refuses", {}, {}, {}, {});
  for (const p of [b, c, d]) p.node.refuse = true;
  await a.close();
  await hosts(b.id, 2, b, c, d);
  for (const [p, id] of [[c, d.id], [d, c.id], [b, c.id], [b, d.id]]) assert.deepEqual(story(p, id), ["connected"]);
  const late = await member(`${server.url}/refuses`);
  await eventually("the newcomer has ended", () => late.ended);
  assert.equal(late.ended.code, "refused");
  for (const p of [b, c, d]) await p.close();
});

test("the page of the host is put away: guests stay connected with each other", async () => {
  const [a, b, c, d] = await room("away", { keepPlace: true }, {}, {}, {});
  a.node.suspend();
  a.node.signaling.closed = true; // it does not come back
  await hosts(b.id, 2, b, c, d);
  for (const [p, id] of [[c, d.id], [d, c.id], [b, c.id], [b, d.id]]) assert.deepEqual(story(p, id), ["connected"]);
  assert.deepEqual(story(c, b.id), ["connected", "host changed"]);
  for (const p of [a, b, c, d]) await p.close();
});

for (const comes of ["back", "back in another program"]) {
  test(`the page of the only guest is put away, and comes ${comes}: the room keeps its host, however late the link is there again`, async () => {
    let goOn, waits = Promise.resolve();
    class Late extends RTCPeerConnection {
      async setLocalDescription(description) {
        await waits;
        return super.setLocalDescription(description);
      }
    }
    const config = { newRoom: { migrates: true, hostTimeout: 30000 }, keepPlace: true, RTCPeerConnection: Late };
    let [a, b] = await room(`put-away-${comes.replaceAll(" ", "-")}`, config, config);
    const before = b;
    waits = new Promise((resolve) => (goOn = resolve)); // the guest is the one that offers
    b.node.suspend();
    b.node.signaling.closed = comes !== "back";
    await a.event("disconnected", b.id);
    if (comes === "back") await b.event("signaling resumed");
    else {
      b = await member(a.node.url, { ...config, resume: b.node.resume });
      assert.equal(b.id, before.id);
    }
    await new Promise((resolve) => setTimeout(resolve, 1500)); // the server would replace a lost host after 500 ms
    assert.deepEqual([a.ended, a.migration.term, b.node.host, b.migration.term], [null, 1, 1, 1]);
    goOn();
    await hosts(1, 1, a, b);
    for (const p of [before, b, a]) await p.close();
  });
}

test("a kicked guest is told so, even if the host's message comes before the server's, or alone", async () => {
  for (const late of [300, Infinity]) {
    const [a, b, c] = await room(`kicked-${late}`, {}, {}, {});
    const { socket } = c.node.signaling, { onmessage, onclose } = socket;
    const delayed = (take) => (e) => void (late < Infinity && setTimeout(take, late, e));
    Object.assign(socket, { onmessage: delayed(onmessage), onclose: delayed(onclose) });
    a.node.kick(c.id, "be nice");
    await eventually("c has ended", () => c.ended);
    assert.deepEqual([c.ended.code, c.ended.message], ["kicked", late < Infinity ? "kicked: be nice" : "kicked by the host"]);
    await b.event("disconnected", c.id);
    for (const p of [a, b]) await p.close();
  }
});

/** Holds the waits of guests for the server's word, and returns them. */
function heldWaits(t) {
  const waits = new Map(), { setTimeout, clearTimeout } = globalThis;
  t.after(() => Object.assign(globalThis, { setTimeout, clearTimeout }));
  globalThis.setTimeout = (f, ms, ...rest) => (ms === 5000 ? (waits.set(String(waits.size), f), String(waits.size - 1)) : setTimeout(f, ms, ...rest));
  globalThis.clearTimeout = (timer) => waits.delete(timer) || clearTimeout(timer);
  return waits;
}

test("a guest whose host has disconnected it waits for no other host when that one is back", async (t) => {
  const [a, b, c] = await room("restarted", { keepPlace: true, newRoom: { migrates: true, hostTimeout: 60000 } }, {}, {});
  const waits = heldWaits(t), { resume } = a.node;
  a.node.disconnect(c.id);
  await c.event("disconnected", 1);
  assert.equal(waits.size, 1);
  a.node.suspend();
  a.node.signaling.closed = true; // its program is over
  const back = await member(`${server.url}/restarted`, { resume });
  await c.until("the host again", () => c.events.filter((e) => e.kind === "connected" && e.peer === 1).length === 2);
  for (const late of waits.values()) late();
  assert.equal(c.node.error, null);
  await hosts(1, 1, back, b, c);
  for (const p of [b, c, back]) await p.close();
});

test("the host is kicked: its guests follow the next host, even if its own message comes first", async (t) => {
  const [a, b, c] = await room("operator", {}, {}, {});
  const waits = heldWaits(t);
  const later = [];
  for (const { node } of [b, c]) {
    const { onmessage } = node.signaling;
    node.signaling.onmessage = (m) => later.push(() => onmessage(m));
    later.restore = [...(later.restore ?? []), () => (node.signaling.onmessage = onmessage)];
  }
  a.node.end(new rtcpeer.RtcPeerError("kicked", "by the operator")); // and then it leaves the room
  for (const p of [b, c]) assert.equal((await p.event("disconnected", 1)).reason, "kicked");
  assert.equal(waits.size, 2);
  for (const act of [...later.restore, ...later]) act();
  await hosts(b.id, 2, b, c);
  assert.equal(waits.size, 0, "nobody takes it for its own end any more");
  await b.close();
  await c.close();
});

test("a guest that hears of a kick while it is away from the server waits for the server, and follows the next host", async (t) => {
  let away = false;
  const dials = [];
  function Gate(...args) {
    if (!away) return new WebSocket(...args);
    const dial = { close() {}, send() {} };
    dials.push(dial);
    return dial;
  }
  const [a, b, c] = await room("operator-away", {}, {}, { WebSocket: Gate });
  const waits = heldWaits(t);
  away = true;
  c.node.signaling.socket.terminate();
  await eventually("c dials", () => dials.length);
  a.node.end(new rtcpeer.RtcPeerError("kicked", "by the operator"));
  assert.equal((await c.event("disconnected", 1)).reason, "kicked");
  await eventually("b is the host, and waits no more", () => b.node.host === b.id && waits.size === 1);
  for (const [timer, late] of waits) {
    waits.delete(timer);
    late();
    break;
  }
  assert.deepEqual([c.node.error, waits.size], [null, 1]);
  away = false;
  for (const dial of dials) dial.onclose({ reason: "" });
  await hosts(b.id, 2, b, c);
  assert.equal(waits.size, 0);
  await b.close();
  await c.close();
});

test("the next host asks for the secret, as the first did", async () => {
  const auth = { auth: rtcpeer.sharedSecret("open sesame") };
  const [a, b, c, d] = await room("secret", auth, auth, auth, auth);
  await a.close();
  await hosts(b.id, 2, b, c, d);
  for (const [p, id] of [[c, d.id], [d, c.id]]) assert.deepEqual(story(p, id), ["connected"]);
  for (const p of [b, c, d]) await p.close();
});

test("the host dies with packets in flight: none arrives twice or out of order, and missed lists the peers that may have missed some", async () => {
  const net = cuttable();
  const [a, b, c, d] = await room("dies", net, {}, {}, {});
  const timer = setInterval(() => {
    for (const [p, other] of [[b, c], [c, d], [d, b]]) {
      const n = (p.n = (p.n ?? -1) + 1);
      p.node.send({ peer: other.id, data: `${n}` }).catch((e) => (p.why = e));
    }
  }, 16);
  for (const [p, other] of [[c, b], [d, c], [b, d]]) await p.until("packets pass", () => p.packets(other.id).length > 20);
  net.cut();
  a.node.signaling.closed = true; // it does not come back
  a.node.signaling.socket.terminate();
  for (const p of [b, c, d]) await p.event("host changed", b.id);
  for (const [p, other] of [[c, b], [d, c], [b, d]]) {
    const n = other.n;
    await p.until("packets pass again", () => p.packets(other.id).some(({ data }) => +new TextDecoder().decode(data) > n + 20));
  }
  clearInterval(timer);
  for (const [p, other] of [[c, b], [d, c], [b, d]]) {
    assert.equal(other.why, undefined);
    const got = () => p.packets(other.id).map(({ data }) => +new TextDecoder().decode(data));
    await p.until("the last", () => got().at(-1) === other.n);
    got().forEach((n, i, all) => i && assert.ok(n > all[i - 1], `${n} after ${all[i - 1]}`));
    if (got().length <= other.n) assert.ok((await other.event("host changed", b.id)).missed.includes(p.id), "it says who may have missed some");
  }
  await hosts(b.id, 2, b, c, d);
  for (const p of [a, b, c, d]) await p.close();
});

for (const [next, end] of [["the same host", "host gone"], ["another host, which does not know it yet", "host gone"], ["another host, when it was gone", "by peer"]]) {
  test(`a packet that is faster than the announcement of its source tells that it is there, also over a link with ${next}`, async () => {
    const [a, b, c] = await room(`faster-${next.length}`, {}, {}, {}), add = "070109000000";
    bare(a).tell(c.id, 0, add);
    await c.event("connected", 9);
    if (end === "by peer") {
      a.tell(c.id, 0, "070209000000");
      await c.event("disconnected", 9);
    }
    let host = a;
    if (next === "the same host") {
      c.node.roster.get(1).link.end("lost");
      await c.until("another link", () => c.events.filter((e) => e.kind === "connected" && e.peer === 1).length === 2);
    } else {
      await a.close();
      host = b;
    }
    const { id } = host;
    await eventually("a link with the host", () => [b, c].every((p) => p.node.host === id && p.node.status === "connected") && host.node.peers.includes(c.id) && !!c.node.roster.get(id).link);
    bare(host).tell(c.id, 1, "0703090000000362");
    await c.until("the packet", () => c.packets(9).length);
    host.tell(c.id, 0, add);
    host.tell(c.id, 0, "0363");
    await c.until("what comes after the announcement", () => c.packets(id).length);
    assert.deepEqual(story(c, 9), ["connected", `disconnected (${end})`, "connected"]);
    for (const p of [a, b, c]) await p.close();
  });
}

test("packets sent between two hosts wait, or throw buffer_full", async () => {
  const [a, b, c] = await room("between", {}, {}, {});
  const { onmessage } = c.node.signaling;
  const later = [];
  c.node.signaling.onmessage = (m) => later.push(m);
  await a.close();
  await c.event("disconnected", 1);
  assert.deepEqual(c.node.peers, [b.id]);
  assert.equal(c.node.status, "connecting");
  assert.throws(() => c.node.trySend({ peer: b.id, data: "x" }), { code: "buffer_full" });
  assert.throws(() => c.node.trySend("x"), { code: "buffer_full" });
  assert.throws(() => c.node.trySend({ peer: 1234, data: "x" }), { code: "unknown_peer" });
  c.node.trySend({ peer: b.id, data: "x", mode: "unreliable" });
  assert.equal((await c.node.stats()).dropped.interrupted, 1);
  const sent = ["one", "two", "three"].map((data) => c.node.send({ peer: b.id, data }));
  await b.event("host changed", b.id);
  const waits = b.node.send({ peer: c.id, data: "of the host" });
  assert.throws(() => b.node.trySend("x"), (e) => e instanceof rtcpeer.BroadcastError && e.peers[0] === c.id);
  assert.throws(() => b.node.trySend({ peer: c.id, data: "x" }), (e) => e instanceof rtcpeer.RtcPeerError && e.code === "buffer_full");
  c.node.signaling.onmessage = onmessage;
  for (const m of later) onmessage(m);
  await Promise.all([...sent, waits]);
  await b.until("in order", () => b.packets(c.id).length === 3);
  assert.deepEqual(b.packets(c.id).map(({ data }) => new TextDecoder().decode(data)), ["one", "two", "three"]);
  await hosts(b.id, 2, b, c);
  await b.close();
  await c.close();
});

test("a relay in Go takes over from a tab, and a tab from the relay", async () => {
  const a = await member(`${server.url}/mixed`);
  const relay = startClient("relay", "--standby", `${server.url}/mixed`);
  relay.child.stdout.resume();
  relay.child.stderr.resume();
  const { peer: relayId } = await a.until("the relay", () => a.events.find((e) => e.kind === "connected"));
  const b = await member(`${server.url}/mixed`, { neverHost: true });
  const c = await member(`${server.url}/mixed`);
  await all([a, b, c]);
  await a.close();
  await hosts(relayId, 2, b, c);
  relay.child.kill("SIGTERM");
  await hosts(c.id, 3, b, c); // b says that it never hosts
  assert.deepEqual(story(b, c.id), ["connected", "host changed"]);
  await c.close();
  const { message, code } = await b.until("the end", () => b.ended);
  assert.deepEqual([code, /nobody there can take its place/.test(message)], ["host_gone", true], message);
});

test("a node that closes between two hosts closes at once, and close returns what was waiting", async () => {
  const [a, b, c] = await room("closes", {}, {}, {});
  c.node.signaling.onmessage = () => {};
  await a.close();
  await c.event("disconnected", 1);
  const sent = c.node.send({ peer: b.id, data: "x" });
  await Promise.all([c.close(), assert.rejects(sent, { code: "closed" })]);
  await b.close();
});

test("1 is the present host, also for requests and for files; what waits for the next host gets there", async () => {
  const join = async () => {
    const migration = new Migration();
    const node = await rtcpeer.join(`${server.url}/server`, {
      WebSocket, RTCPeerConnection, topology: "star", newRoom: { migrates: true }, migration, channels: ["reliable", "reliable"],
    });
    const requests = new Requests(node, { channel: 1, codec: json }), files = new Files(node, 2), got = [];
    requests.onRequest = (n) => ({ of: node.id, n });
    for (const kind of ["packet", "disconnected", "host changed", "ended"]) node.on(kind, (event) => requests.take(event) || files.handle(event));
    (async () => {
      for await (const offer of files) await offer.toBlob().then(async (file) => got.push(await file.text()), (error) => assert.equal(error.code, "host_changed"));
    })();
    return { node, requests, files, got };
  };
  const a = await join(), b = await join(), c = await join();
  await eventually("all know of all", () => [a, b, c].every(({ node }) => node.peers.length === 2));
  const ask = (n) => [c.requests.request(1, n), c.files.sendFile(1, new File([`file ${n}`], "f"))];
  const reaches = async (host, n, sent) => {
    assert.deepEqual(await sent[0], { of: host.node.id, n });
    await sent[1];
    assert.equal(host.got.at(-1), `file ${n}`);
  };
  await reaches(a, 1, ask(1));
  await a.node.close();
  await eventually("the host is gone", () => !c.node.peers.includes(1));
  await reaches(b, 2, ask(2));
  await reaches(b, 3, ask(3));
  assert.deepEqual(await c.requests.request(b.node.id, 4), { of: b.node.id, n: 4 });
  await c.node.close();
  await b.node.close();
});

test("node.resume is the server's last token", async () => {
  const [a, b, c] = await room("token", {}, {}, {});
  const before = [b.node.resume, c.node.resume];
  await a.close();
  await eventually("new tokens have come", () => b.node.resume !== before[0] && c.node.resume !== before[1]);
  await hosts(b.id, 2, b, c);
  for (const p of [c, b]) await p.close();
});
