// rtcpeer.d.ts is what the compiler makes of the module today, and the bundle exports what the source does.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { root, rtcpeer } from "./support.js";

test("rtcpeer.d.ts is up to date, and the module type-checks strictly", () => {
  execFileSync(process.execPath, [fileURLToPath(new URL("../types.js", import.meta.url)), "--check"]);
});

test("ErrorCode has every code of the server", () => {
  const codes = [...readFileSync(join(root, "signaling/error.go"), "utf8").matchAll(/ Code = "(\w+)"/g)].map(([, code]) => code);
  assert.ok(codes.length > 20, codes);
  const [, type] = /type ErrorCode =([^;]*);/.exec(readFileSync(join(root, "rtcpeer/js/rtcpeer.d.ts"), "utf8"));
  assert.deepEqual(codes.filter((code) => !type.includes(`"${code}"`)), []);
});

test("the bundle exports what the source does, by the same names", async () => {
  const source = await import("../src/rtcpeer.js");
  assert.deepEqual(Object.keys(rtcpeer), Object.keys(source));
  assert.deepEqual(Object.keys(await import("rtcpeer/relay-links")), Object.keys(await import("../src/relay-links.js")), "as the package exports it");
  assert.deepEqual(Object.keys(await import("rtcpeer/times")), ["PeerTimes"], "likewise");
  for (const [name, value] of Object.entries(source)) assert.equal(typeof rtcpeer[name], typeof value, name);
  assert.deepEqual([new rtcpeer.RtcPeerError("x", "").name, new rtcpeer.BroadcastError([]).name], ["RtcPeerError", "BroadcastError"]);
});
