// The module over each stack: with itself and with Go, in a mesh and in both roles of a star.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { Player, orderly, rtcpeer, stacks, startGoPeer, startServer, within } from "./support.js";

const channels = ["reliable", "unreliable_ordered", "unreliable"];
const lanes = [...channels.map((mode) => ({ channel: 0, mode })), ...channels.map((mode, i) => ({ channel: i + 1, mode }))];
const limit = 16384;
const table = [];

after(() => {
  const widths = table.reduce((w, row) => row.map((cell, i) => Math.max(w[i] ?? 0, cell.length)), []);
  console.log(`\nNode ${process.version}\n` + table.map((row) => row.map((cell, i) => cell.padEnd(widths[i])).join("  ")).join("\n") + "\n");
});
table.push(["stack", "version", "with", "topology", "role", "result"]);

let counter = 0;

/** Sends in all modes, to all targets, in all sizes; others send back what they get. */
async function exercise(player, others) {
  const everybody = new Set(others);
  const targets = [[0, everybody], ...others.flatMap((id) => [[id, new Set([id])], [-id, new Set(others.filter((o) => o !== id))]])];
  for (const { channel, mode } of lanes) {
    for (const [target, expected] of targets) {
      for (const size of target === others[0] ? [1, 1024, limit] : [16]) await roundTrip(player, { target, channel, mode, size, expected });
    }
    await assert.rejects(player.node.send({ peer: others[0], channel, mode, data: new Uint8Array(limit + 1) }), { code: "packet_too_large" });
  }
  // What was sent to "all but" somebody has not reached them: a reliable packet after it would come later.
  for (const id of others) {
    const wrong = player.packets(id).filter((p) => p.data.length === 16 && !player.allowed.get(p.data[1] * 256 + p.data[0])?.has(id));
    assert.deepEqual(wrong, []);
  }
}

async function roundTrip(player, { target, channel, mode, size, expected }) {
  player.allowed ??= new Map();
  const missing = new Set(expected);
  for (let tries = 0; missing.size > 0 && tries < 10; tries++) {
    const tag = ++counter & 0xffff;
    const data = new Uint8Array(size).fill(counter);
    if (size > 1) data.set([tag & 255, tag >> 8]);
    player.allowed.set(tag, expected);
    const from = player.events.length;
    await player.node.send({ peer: target, channel, mode, data });
    const arrived = () => {
      for (const e of player.events.slice(from)) {
        if (e.kind === "packet" && e.packet.channel === channel && e.packet.mode === mode && Buffer.compare(e.packet.data, data) === 0) missing.delete(e.peer);
      }
      return missing.size === 0;
    };
    // An unreliable packet may be lost, by contract: it is sent again.
    await player.until(`${size} bytes, ${mode}, channel ${channel}, to ${target}`, arrived, mode === "reliable" ? 10000 : 1000).catch((late) => {
      if (mode === "reliable") throw late;
    });
  }
  assert.equal(missing.size, 0, `${size} bytes, ${mode}, channel ${channel}, to ${target}: not back from ${[...missing]}`);
}

/** Everyone knows everyone. */
const met = (player, others) => Promise.all(others.map((id) => player.event("connected", id)));

for (const { name, version, load } of stacks) {
  const cell = (other, topology, role, run) =>
    test(`${name} with ${other}, ${topology}, ${role}`, async () => {
      const row = [name, version, other, topology, role, "failed"];
      table.push(row);
      const config = { RTCPeerConnection: await load(), topology, channels };
      const server = await startServer();
      const players = [];
      const enter = async () => {
        const player = await Player.join(server.url + "/lobby", config);
        players.push(player);
        return player;
      };
      const enterGo = () => startGoPeer(server.url + "/lobby", topology);
      try {
        const note = await run(enter, enterGo);
        for (const player of players) assert.equal(orderly(player.events), "");
        row[5] = "all" + (note ? `; ${note}` : "");
      } finally {
        await Promise.all(players.map((p) => p.close()));
        await server.stop();
      }
    });

  cell("itself", "mesh", "member", async (enter) => {
    const b = (await enter()).echo(), a = await enter();
    await met(a, [b.id]);
    await exercise(a, [b.id]);
    assert.equal((await a.node.stats()).links[b.id].state, "connected");
    await closesAtOnce(b, b.id, [a]);
  });

  cell("itself", "star", "host and guests", async (enter) => {
    const host = (await enter()).echo(), b = (await enter()).echo(), a = await enter();
    assert.equal(host.id, 1);
    await met(a, [1, b.id]);
    await met(b, [1, a.id]);
    await exercise(a, [1, b.id]);
    assert.throws(() => a.node.disconnect(b.id), { code: "not_host" });
    await closesAtOnce(b, b.id, [a, host]);
    await closesAtOnce(host, 1, [a]);
    await a.until("the end", () => a.ended?.code === "host_gone");
    assert.equal(a.node.status, "disconnected");
  });

  for (const first of ["Go", "JS"]) {
    cell("Go", "mesh", first === "Go" ? "offers" : "answers", async (enter, enterGo) => {
      const peers = {};
      if (first === "Go") peers.go = await enterGo();
      const a = await enter();
      peers.go ??= await enterGo();
      await met(a, [peers.go.id]);
      await exercise(a, [peers.go.id]);
      await a.close();
      await within(3000, "Go sees the close", peers.go.said(`disconnected ${a.id} by peer`));
      const b = await enter();
      await met(b, [peers.go.id]);
      await closesAtOnce(peers.go, peers.go.id, [b]);
    });
  }

  cell("Go", "star", "guest", async (enter, enterGo) => {
    const host = await enterGo(), other = await enterGo(), a = await enter();
    assert.equal(host.id, 1);
    await met(a, [1, other.id]);
    await exercise(a, [1, other.id]);
    await closesAtOnce(other, other.id, [a]);
    await closesAtOnce(host, 1, [a]);
  });

  cell("Go", "star", "host", async (enter, enterGo) => {
    const host = (await enter()).echo(), other = await enterGo(), a = await enter();
    await met(a, [1, other.id]);
    await met(host, [a.id, other.id]);
    await exercise(a, [1, other.id]);
    await a.close();
    await within(3000, "Go sees the guest go", other.said(`disconnected ${a.id} by peer`));
    await host.close();
    await within(3000, "Go sees the host go", other.said("disconnected 1 by peer"));
  });

  test(`${name}: a server that restarts keeps ids and links`, async () => {
    const row = [name, version, "Go", "mesh", "server restart", "failed"];
    table.push(row);
    // With a key the server knows its members again; for that it holds newcomers back at first.
    const server = await startServer("--resume-key", "a-key-for-the-tests");
    const config = { RTCPeerConnection: await load(), channels };
    const go = await startGoPeer(server.url + "/lobby", "mesh");
    const a = await Player.join(server.url + "/lobby", config);
    await met(a, [go.id]);
    await server.stop();
    await roundTrip(a, { target: go.id, channel: 0, mode: "reliable", size: 16, expected: [go.id] });
    await server.start();
    while (!(await a.node.stats()).signaling) await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal((await a.node.stats()).resumed, 1);
    const b = await Player.join(server.url + "/lobby", config);
    await met(b, [a.id]);
    await met(a, [b.id]);
    await roundTrip(a, { target: go.id, channel: 0, mode: "reliable", size: 16, expected: [go.id] });
    assert.deepEqual(a.events.filter((e) => e.kind === "disconnected"), []);
    await Promise.all([a.close(), b.close(), go.close()]);
    await server.stop();
    row[5] = "ids and links kept";
  });
}

/** The others see one who closes go, at once. */
async function closesAtOnce(peer, id, others) {
  await peer.close();
  const seen = await Promise.all(others.map((p) => p.event("disconnected", id, 3000)));
  for (const e of seen) assert.equal(e.reason, "by peer");
}

assert.ok(rtcpeer.RtcPeerError);
