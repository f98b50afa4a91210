// What the next host of a star keeps for a guest that it has no link with yet.

import assert from "node:assert/strict";
import { test } from "node:test";
import { WebSocket } from "ws";
import { join } from "../src/join.js";
import { Migration } from "../src/migration.js";
import { RTCPeerConnection, eventually, startServer } from "./support.js";

test("each frame costs as much work as the first, and at most 4 MiB wait", async (t) => {
  const server = await startServer();
  t.after(() => server.stop());
  const nodes = [];
  for (let i = 0; i < 4; i++) {
    const node = await join(`${server.url}/kept`, { WebSocket, RTCPeerConnection, topology: "star", newRoom: { migrates: true }, migration: new Migration() });
    t.after(() => node.close());
    nodes.push(node);
    await eventually("all know of all", () => nodes.every(({ peers }) => peers.length === i));
  }
  const [a, b, c, d] = nodes, gone = [];
  c.signaling.onmessage = () => {}; // it does not hear who is the next host
  b.on("disconnected", ({ peer, reason }) => peer === c.id && gone.push(reason));
  await a.close();
  await eventually("b is the host of d", () => b.host === b.id && b.roster.get(d.id)?.up);

  let looks = 0;
  class Frame extends Uint8Array {
    get length() {
      looks++;
      return super.length;
    }
  }
  const lane = b.roster.get(d.id).link.lanes[0], frame = new Frame(1024), most = Math.floor(4096 / (1 + 128 / 1024)); // 128: what a packet costs besides
  for (let i = 0; i < most; i++) b.route.hold(c.id, lane, frame);
  assert.ok(looks <= 4 * most, `${looks} looks at ${most} frames`);
  assert.deepEqual(b.peers, [c.id, d.id].sort((x, y) => x - y));
  b.route.hold(c.id, lane, frame);
  assert.deepEqual(b.peers, [d.id]);
  await eventually("the others hear of it", () => !d.peers.includes(c.id));
  assert.deepEqual(gone, ["slow"]);
});
