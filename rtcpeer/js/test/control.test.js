// The control lane: its frames and proofs by the vectors that the Go package is tested with, the hash by Node's own, and
// what is kept.

import assert from "node:assert/strict";
import { createHash, createHmac, randomBytes } from "node:crypto";
import { test } from "node:test";
import { byeOf, decodeControl, encodeControl, endedBy, equal, newSecret, proof } from "../src/control.js";
import { Kept } from "../src/kept.js";
import { hmac, sha256 } from "../src/sha256.js";
import { golden } from "./support.js";

const hex = (b) => Buffer.from(b).toString("hex");
const unhex = (text) => new Uint8Array(Buffer.from(text, "hex"));
const { frames, bad, proof: example } = golden("wire/control.json");
const kinds = ["", "hello", "prove", "take", "beat", "bye"];

test("the golden control frames", async (t) => {
  for (const { name, hex: bytes, lanes, kind, random, mac, ended, ...rest } of frames) {
    await t.test(name, () => {
      const c = decodeControl(unhex(bytes), lanes);
      const want = { kind: kinds.indexOf(kind), ...rest, ...(random && { random: unhex(random) }), ...(mac && { mac: unhex(mac) }) };
      assert.deepEqual({ ...c }, want);
      assert.equal(hex(encodeControl(c)), bytes);
      if (ended) assert.equal(endedBy(c.reason), ended);
    });
  }
  for (const { name, hex: bytes, lanes } of bad) await t.test(name, () => assert.equal(decodeControl(unhex(bytes), lanes), null));
});

test("random bytes decode to a control frame or to null", () => {
  for (let i = 0; i < 20000; i++) decodeControl(Uint8Array.from([i % 7, ...randomBytes(i % 60)]), i % 4);
});

test("the reasons of a bye", () => {
  assert.deepEqual(["by us", "lost", "misbehaved", "slow", "kicked", "unauthorized", "by peer"].map(byeOf), [1, 2, 3, 4, 5, 6, 1]);
});

test("the golden secret and its proofs", () => {
  const secret = newSecret(example.link, unhex(example.offering_random), unhex(example.answering_random));
  assert.equal(hex(secret), example.secret);
  assert.equal(hex(proof(secret, true, example.attempt, example.binding)), example.offering_mac);
  assert.equal(hex(proof(secret, false, example.attempt, example.binding)), example.answering_mac);
  assert.ok(equal(secret, unhex(example.secret)));
  assert.ok(!equal(secret, secret.subarray(1)));
  assert.ok(!equal(secret, secret.map((b, i) => b ^ (i === 31))));
});

test("the hash is SHA-256", () => {
  for (let size = 0; size < 300; size++) {
    const data = randomBytes(size), key = randomBytes(size % 65);
    assert.equal(hex(sha256(data)), createHash("sha256").update(data).digest("hex"));
    assert.equal(hex(hmac(key, data)), createHmac("sha256", key).update(data).digest("hex"));
  }
});

test("packets are kept until they are taken", () => {
  const kept = new Kept(), next = () => kept.first + kept.packets.length;
  for (let i = 0; i < 2000; i++) {
    kept.push(new Uint8Array(i % 7).fill(i));
    if (i % 3 === 2) assert.ok(kept.taken(next() - 2));
    assert.equal(next(), i + 1);
    assert.equal(kept.size, kept.packets.reduce((sum, p) => sum + p.length, 0));
  }
  assert.deepEqual(kept.packets.map((p) => p.length), [1996, 1997, 1998, 1999].map((i) => i % 7));
  for (const n of [kept.first - 1, next() + 1, NaN, undefined, 2 ** 60]) assert.ok(!kept.taken(n), String(n));
  assert.ok(kept.taken(next()));
  assert.deepEqual([kept.size, kept.packets.length], [0, 0]);
});
