// Round trips and clocks of peers, over a real stack and the real server, in a browser's clock and in Go's.

import assert from "node:assert/strict";
import { test } from "node:test";
import { PeerTimes } from "../times.js";
import { Player, RTCPeerConnection, eventually, startClient, startServer } from "./support.js";

const server = await startServer();
test.after(() => server.stop());
let rooms = 0;

/** A member that measures. */
async function member(t, url, config) {
  const times = new PeerTimes();
  const player = await Player.join(url, { RTCPeerConnection, times, ...config });
  t.after(() => player.close());
  return { player, times, id: player.id };
}

/** Waits until each knows of all others, and compares with the truth: they are on one machine, and have one clock. */
async function known(members, others = members.map((m) => m.id)) {
  for (const { times, id } of members) {
    for (const other of others.filter((o) => o !== id)) {
      await eventually(() => `${id} knows of ${other}: ${times.rtt(other)}`, () => times.offset(other) !== undefined);
      const rtt = times.rtt(other), offset = times.offset(other);
      assert.ok(rtt > 0 && rtt < 10000, `round trip of ${other} at ${id}: ${rtt}`);
      // performance.timeOrigin and the wall clock, which Go begins with, differ where that was set since Node began.
      await eventually(() => `offset of ${other} at ${id}: ${times.offset(other)}, ${offset}`, () => Math.abs(times.offset(other)) < 25);
    }
  }
}

test("in a mesh", async (t) => {
  const url = `${server.url}/times-${++rooms}`;
  const [a, b] = [await member(t, url), await member(t, url)];
  await known([a, b]);
  assert.equal(a.times.rtt(77), undefined);
  assert.equal(a.times.offset(a.id), undefined, "of itself");
  await b.player.close();
  await a.player.event("disconnected", b.id);
  assert.equal(a.times.rtt(b.id), undefined, "it has left");
});

test("in a star of a host in a page, guests know of each other", async (t) => {
  const url = `${server.url}/times-${++rooms}`;
  const host = await member(t, url, { topology: "star" });
  await known([host, await member(t, url), await member(t, url)]);
});

test("in a star of a host in Go", async (t) => {
  const url = `${server.url}/times-${++rooms}`;
  const relay = startClient("relay", url);
  t.after(() => relay.child.kill());
  relay.child.stdout.resume();
  relay.child.stderr.resume();
  await eventually("the relay is there", async () => {
    const probe = await Player.join(url, { RTCPeerConnection, create: "never" }).catch(() => null); // or it may be the host itself
    await probe?.close();
    return probe;
  });
  await known([await member(t, url), await member(t, url)], [1]);
});

test("a peer that does not measure is unknown and is not disturbed", async (t) => {
  const url = `${server.url}/times-${++rooms}`;
  const a = await member(t, url), plain = await Player.join(url, { RTCPeerConnection });
  t.after(() => plain.close());
  await Promise.all([a.player.event("connected", plain.id), plain.event("connected", a.id)]);
  for (let i = 0; i < 3; i++) { // of these, both ends tell what was taken
    await plain.node.send({ peer: a.id, data: "x" });
    await eventually("the other end has taken it", async () => (await plain.node.stats()).links[a.id].lanes[0].buffered === 0);
  }
  assert.equal(a.times.rtt(plain.id), undefined);
  assert.deepEqual(plain.events.map((e) => e.kind), ["connected"]);
});
