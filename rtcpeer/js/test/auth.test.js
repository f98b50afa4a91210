// Authentication, in Godot's way: until both ends of a link have accepted each other nothing else passes, and nobody
// is told.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Plain, Player, RTCPeerConnection, bare, eventually, orderly, rtcpeer, startServer } from "./support.js";

const server = await startServer();
let rooms = 0;

const newRoom = () => `${server.url}/auth-${++rooms}`;
test.after(() => server.stop());

const enter = async (t, url, config) => {
  const player = await Player.join(url, { RTCPeerConnection, channels: ["reliable"], ...config });
  t.after(() => {
    if (!player.shown) assert.equal(orderly(player.events), "");
    return player.close();
  });
  return player;
};

const auth = rtcpeer.sharedSecret("open sesame");
const secret = "07006f70656e20736573616d65"; // as Godot's send_auth has it
const accepted = "0700";

/** A host, and a guest that shows the bytes, or the other way round. */
const withBareGuest = async (t, config) => {
  const url = newRoom();
  const host = await enter(t, url, { topology: "star", ...config });
  const guest = bare(await enter(t, url, { WebSocket: Plain }));
  await guest.event("connected", 1); // it takes itself for admitted
  return { url, host, guest };
};
const withBareHost = async (t, config) => {
  const url = newRoom();
  const host = bare(await enter(t, url, { topology: "star", WebSocket: Plain }));
  const guest = await enter(t, url, config);
  await host.event("connected", guest.id);
  return { host, guest };
};

const unauthorized = async (player, peer, why) => {
  const { error } = await player.event("failed", peer);
  assert.deepEqual([error.code, error.peer, error.retry], ["unauthorized", peer, false]);
  assert.match(error.message, new RegExp(`^peer ${peer}: not authenticated: ${why}`));
  return error;
};

const dropped = async (player, word) => (await player.node.stats()).dropped[word] ?? 0;

test("a shared secret", async (t) => {
  const url = newRoom();
  const host = await enter(t, url, { topology: "star", auth });
  const anna = await enter(t, url, { auth });
  await Promise.all([host.event("connected", anna.id), anna.event("connected", 1)]);
  const wrong = await enter(t, url, { auth: rtcpeer.sharedSecret("open") });
  assert.equal((await unauthorized(host, wrong.id, "wrong secret")).cause.message, "wrong secret");
  await unauthorized(wrong, 1, "the other end ended the link");
  await wrong.until("the end", () => wrong.ended);
  assert.equal(wrong.ended.code, "unauthorized", "a star without its host is over");
  const ben = await enter(t, url, { auth });
  await Promise.all([ben.event("connected", anna.id), anna.event("connected", ben.id)]);
  await ben.node.send({ peer: anna.id, data: "hi" });
  await anna.until("the packet", () => anna.packets(ben.id).length);
  assert.deepEqual(anna.events.filter((e) => e.peer === wrong.id), [], "it was never there");
});

test("a host that demands a secret, in the bytes of a Godot guest", async (t) => {
  const { url, host, guest } = await withBareGuest(t, { auth, authTimeout: -1 });
  const { id } = guest;
  assert.throws(() => host.node.trySend({ peer: id, data: "x" }), { code: "unknown_peer" });
  await host.node.send({ data: "for those who are in" });
  for (const early of ["0361", "0703000000000361", "200102", "070107000000", "07"]) guest.tell(1, 0, early);
  await eventually("the drops", async () => (await dropped(host, "pending")) === 4 && (await dropped(host, "malformed")) === 1);
  assert.deepEqual([(await host.node.stats()).links[id].state, host.node.peers, host.events], ["connecting", [], []]);

  guest.tell(1, 3, "0362"); // on another lane it may overtake the rest, and waits
  guest.tell(1, 0, secret);
  await guest.hears(`0 ${accepted}`);
  assert.deepEqual(host.events, [], "the guest has not accepted the host");
  guest.tell(1, 0, secret); // once was enough
  guest.tell(1, 0, accepted);
  await host.event("connected", id);
  await host.until("the packet", () => host.packets(id).length);
  assert.equal(Buffer.from(host.packets(id)[0].data).toString(), "b");
  assert.equal(await dropped(host, "pending"), 5);

  guest.tell(1, 0, accepted); // again: ignored
  guest.tell(1, 0, secret); // and this is an error
  guest.tell(1, 0, "0363");
  await host.until("the next packet", () => host.packets(id).length === 2);
  assert.equal(await dropped(host, "malformed"), 2);
  const other = await enter(t, url, { auth });
  await other.event("connected", id);
  assert.deepEqual(guest.shown.slice(0, 1), [`0 ${accepted}`], "nothing came before that");
});

test("a guest without auth ends with auth_required", async (t) => {
  const url = newRoom();
  const host = await enter(t, url, { topology: "star", auth, authTimeout: 2000 });
  const guest = await enter(t, url);
  await guest.event("connected", 1); // as in Godot it knows nothing of it yet
  await guest.node.send({ data: "hello?" });
  assert.equal((await guest.event("disconnected", 1)).reason, "unauthorized");
  await guest.until("the end", () => guest.ended);
  assert.deepEqual([guest.ended.code, guest.node.status], ["auth_required", "disconnected"]);
  assert.match(guest.ended.message, /the host demands authentication: set config\.auth/);
  await unauthorized(host, guest.id, "not done after 2 s: both ends need config\\.auth");
  assert.equal(await dropped(host, "pending"), 1);
});

test("an end that was told that it is accepted is not told again at the time limit", async (t) => {
  const { host, guest } = await withBareGuest(t, { auth, authTimeout: 2000 });
  guest.tell(1, 0, secret); // and never a word that the host is accepted
  await unauthorized(host, guest.id, "not done after 2 s");
  await guest.event("disconnected", 1);
  assert.deepEqual(guest.shown, [`0 ${accepted}`]);
});

test("a guest without auth recognizes that a Godot host requires authentication by its first frame or by its silence", async (t) => {
  for (const [frame, code] of [["0700aa", "auth_required"], [accepted, "auth_required"], ["", "host_gone"]]) {
    const { host, guest } = await withBareHost(t);
    await guest.event("connected", 1);
    if (frame) host.tell(guest.id, 0, frame);
    else host.node.disconnect(guest.id);
    await guest.until("the end", () => guest.ended);
    assert.equal(guest.ended.code, code);
    assert.match(guest.ended.message, /config\.auth/);
  }
});

test("a guest that the host disconnects right after it came gets that reason, and no guess", async (t) => {
  const url = newRoom();
  const host = await enter(t, url, { topology: "star" }), guest = await enter(t, url);
  await Promise.all([host.event("connected", guest.id), guest.event("connected", 1)]);
  host.node.disconnect(guest.id);
  await guest.until("the end", () => guest.ended);
  assert.deepEqual([guest.ended.code, guest.ended.message], ["host_gone", "the host is gone: by peer"]);
});

test("a guest answers the challenge of a Godot host", async (t) => {
  let last;
  const { host, guest } = await withBareHost(t, {
    auth: async (peer) => {
      assert.equal(peer.id, 1);
      peer.send(new Uint8Array([...Buffer.from("re: "), ...(await peer.receive())]));
      last = await peer.receive();
    },
  });
  assert.equal(guest.node.status, "connecting");
  host.tell(guest.id, 0, "070078");
  await host.hears("0 070072653a2078");
  assert.ok(!host.shown.includes(`0 ${accepted}`));
  host.tell(guest.id, 0, accepted);
  await host.hears(`0 ${accepted}`);
  await guest.event("connected", 1);
  assert.deepEqual([last, guest.node.status], [null, "connected"]);
});

test("anything that a Godot host without a callback sends means that it accepts the guest", async (t) => {
  const { host, guest } = await withBareHost(t, { auth });
  await host.hears(`0 ${secret}`, `0 ${accepted}`);
  assert.deepEqual(guest.events, []);
  host.tell(guest.id, 0, "070107000000");
  await guest.event("connected", 7); // that frame was not lost
  assert.deepEqual(guest.events.map((e) => e.peer), [1, 7]);

  const silent = await withBareHost(t, { auth, authTimeout: 1000 });
  await unauthorized(silent.guest, 1, "not done after 1 s: both ends need config\\.auth, or auth_callback");
});

test("a host without auth admits a guest that authenticates without being asked", async (t) => {
  const { url, host, guest } = await withBareGuest(t);
  guest.tell(1, 0, secret);
  guest.tell(1, 0, accepted);
  await guest.hears(`0 ${accepted}`);
  assert.equal(await dropped(host, "malformed"), 1);
  const other = await enter(t, url, { auth });
  await Promise.all([host.event("connected", other.id), other.event("connected", 1), other.event("connected", guest.id)]);
});

test("the end of a link ends its authentication, which delays nothing else", async (t) => {
  let stuck;
  const config = {
    topology: "star", authTimeout: -1,
    auth: (peer) => (peer.id === stuck ? new Promise(() => {}) : auth(peer)), // it asks a server elsewhere, say
  };
  const url = newRoom();
  const host = await enter(t, url, config);
  const second = bare(await enter(t, url, { WebSocket: Plain }));
  await second.event("connected", 1);
  stuck = second.id;
  const third = await enter(t, url, { auth });
  await host.event("connected", third.id);
  await second.close();
  await unauthorized(host, second.id, "the other end ended the link");

  const fourth = bare(await enter(t, url, { WebSocket: Plain }));
  stuck = fourth.id;
  await fourth.event("connected", 1);
  await eventually("the link", () => host.node.roster.get(fourth.id)?.link?.state === "pending");
  await host.close();
  assert.equal((await fourth.event("disconnected", 1)).reason, "by peer");
  assert.deepEqual(host.events.filter((e) => e.peer === fourth.id), []);
});

test("receive rejects when the link is over", async (t) => {
  const told = [];
  const listens = (peer) => peer.receive().catch((error) => told.push(error.code));
  const { host, guest } = await withBareGuest(t, { auth: listens, authTimeout: 1000 });
  await unauthorized(host, guest.id, "not done");
  await eventually("the rejection", () => told.length);
  assert.deepEqual(told, ["unauthorized"]);
  assert.deepEqual(host.node.peers, [], "though auth has returned");
});

test("a peer that asks for another link while it is pending gets one, without an event", async (t) => {
  const { host, guest } = await withBareGuest(t, { auth, authTimeout: -1 });
  await eventually("the first", () => host.node.roster.get(guest.id)?.link?.state === "pending");
  const first = host.node.roster.get(guest.id).link;
  const entry = guest.node.roster.get(1), gone = entry.link;
  gone.state = "over"; // without a word to the host
  t.after(() => gone.path.close());
  entry.attempt = 1; // the next is the second
  entry.start();
  await eventually("the second", () => host.node.roster.get(guest.id).link !== first && host.node.roster.get(guest.id)?.link?.state === "pending" && guest.node.roster.get(1)?.link?.state === "connected");
  guest.tell(1, 0, secret);
  guest.tell(1, 0, accepted);
  await host.event("connected", guest.id);
  assert.deepEqual(host.events.map((e) => e.kind), ["connected"]);
});

test("what cannot be sent is an error at once", async (t) => {
  const codes = [];
  const auth = async (peer) => {
    await peer.receive(); // so that the guest has its link by then
    for (const data of [new Uint8Array(16385), ""]) {
      try {
        peer.send(data);
      } catch (error) {
        codes.push(error.code);
      }
    }
    peer.send("");
  };
  const { host, guest } = await withBareGuest(t, { auth, authTimeout: -1 });
  guest.tell(1, 0, "070078");
  await unauthorized(host, guest.id, ".*no data");
  assert.deepEqual(codes, ["packet_too_large", "unauthorized"]);
});

test("a flood before authentication ends the link", async (t) => {
  const { host, guest } = await withBareGuest(t, { auth: () => new Promise(() => {}), authTimeout: -1 });
  const frame = "0700" + "61".repeat(16000);
  const lane = guest.node.roster.get(1).link.lanes[0];
  for (let i = 0; i < 300 && guest.node.roster.get(1)?.link; i++) {
    if (lane.channel.readyState === "open") guest.tell(1, 0, frame);
    if (i % 30 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await unauthorized(host, guest.id, "too much");
});

test("in a mesh each pair authenticates, in frames", async (t) => {
  const both = async (peer) => {
    peer.send("me too");
    if (Buffer.from((await peer.receive()) ?? []).toString() !== "me too") throw new Error("a stranger");
  };
  const url = newRoom();
  const config = { topology: "mesh", framed: true, auth: both };
  const a = await enter(t, url, config), b = await enter(t, url, config), c = await enter(t, url, config);
  await Promise.all([a.event("connected", b.id), b.event("connected", c.id), c.event("connected", a.id), c.event("connected", b.id)]);
  await c.node.send({ peer: -a.id, data: "hi" });
  await b.until("the packet", () => b.packets(c.id).length);
  const out = await enter(t, url, { framed: true });
  assert.equal((await out.event("disconnected", a.id)).reason, "unauthorized");
  await unauthorized(a, out.id, "the other end ended the link");
  assert.equal(out.node.status, "connected", "a mesh goes on");
  await assert.rejects(enter(t, newRoom(), { auth }), { code: "bad_config", message: /a bare mesh has no authentication: use a star or config\.framed/ });
});
