// rtcpeer.d.ts is what the compiler makes of the module today, and what is served exports what the source does.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join as path } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { rtcpeer } from "./support.js";

const folder = fileURLToPath(new URL("..", import.meta.url));

test("rtcpeer.d.ts is up to date, and the module type-checks strictly", () => {
  const out = mkdtempSync(path(tmpdir(), "rtcpeer-types-"));
  try {
    execFileSync(path(folder, "node_modules/.bin/tsc"), ["--project", folder, "--outDir", out], { encoding: "utf8" });
    assert.equal(readFileSync(path(folder, "rtcpeer.d.ts"), "utf8"), readFileSync(path(out, "rtcpeer.d.ts"), "utf8"), "run: npm run types");
  } catch (error) {
    throw error.stdout ? new Error(error.stdout) : error;
  } finally {
    rmSync(out, { recursive: true });
  }
});

test("what is served exports what the source does, by the same names", async () => {
  const source = await import("../rtcpeer.js");
  assert.deepEqual(Object.keys(rtcpeer), Object.keys(source));
  for (const [name, value] of Object.entries(source)) assert.equal(typeof rtcpeer[name], typeof value, name);
  assert.deepEqual([new rtcpeer.RtcPeerError("x", "").name, new rtcpeer.BroadcastError([]).name], ["RtcPeerError", "BroadcastError"]);
});
