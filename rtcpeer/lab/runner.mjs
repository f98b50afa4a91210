// A runner over rtcpeer.js, as runner_test.go says: node runner.mjs STACK URL.

import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { fileURLToPath, pathToFileURL } from "node:url";
import { join as path } from "node:path";

const [stack, url] = process.argv.slice(2);
const folder = fileURLToPath(new URL("../../rtcpeer/js/", import.meta.url));
const require = createRequire(folder);
const { RTCPeerConnection } =
  stack === "libwebrtc" ? require("@roamhq/wrtc") : await import(pathToFileURL(require.resolve("node-datachannel/polyfill")));
const { WebSocket } = require("ws");
const { join } = await import(pathToFileURL(path(folder, "rtcpeer.js")));

const say = (...words) => process.stdout.write(words.join(" ") + "\n");
const now = () => performance.timeOrigin + performance.now();
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const began = now();
const node = await join(url, { topology: "mesh", RTCPeerConnection, WebSocket });
say("joined", node.id);

let count = null; // what is being counted
let first = true;
let peer;
(async () => {
  for (;;) {
    const { done, value } = await node.next();
    if (done) return;
    if (value.kind === "connected") {
      peer = value.peer;
      node.trySend({ peer, data: new Uint8Array(1) });
      say("linked", now() - began);
    }
    if (value.kind !== "packet") continue;
    if (first) say("first", now() - began);
    first = false;
    if (!count) continue;
    const { mode, data } = value.packet;
    if (mode === "reliable") {
      count.bytes += data.length;
      count.gap = Math.max(count.gap, now() - count.last);
      count.last = now();
    } else {
      count.ages.push(now() - new DataView(data.buffer, data.byteOffset).getFloat64(0));
    }
  }
})();

const deeds = {
  async bulk(size, seconds) {
    const data = new Uint8Array(Number(size));
    for (const end = now() + seconds * 1000; now() < end; ) await node.send({ peer, data });
    say("done bulk");
  },
  async state(seconds) {
    const data = new Uint8Array(200);
    const start = now();
    for (let i = 0; i * 1000 < seconds * 60_000; i++) {
      await sleep(start + (i * 1000) / 60 - now());
      new DataView(data.buffer).setFloat64(0, now());
      node.trySend({ peer, mode: "unreliable", data });
    }
    say("done state");
  },
  async count(seconds) {
    count = { bytes: 0, ages: [], last: now(), gap: 0 };
    await sleep(seconds * 1000);
    const { bytes, ages, gap } = count;
    count = null;
    say("counted", JSON.stringify({ bytes, ages, gap }));
  },
  async close() {
    await node.close();
    process.exit(0);
  },
};
for await (const line of createInterface(process.stdin)) {
  const [deed, ...rest] = line.split(" ");
  deeds[deed](...rest);
}
