// The bytes: signaling messages and star frames, by the vectors that the Go package is tested with.

import assert from "node:assert/strict";
import { test } from "node:test";
import { authFrame, decodeFrame, rawFrame, sysFrame } from "../src/frames.js";
import { Negotiation } from "../src/negotiation.js";
import { decodeMessage, decodeSignal, encodeMessage } from "../src/wire.js";
import { golden } from "./support.js";

test("the golden signaling frames", async (t) => {
  for (const { name, frame, again, code } of [...golden("wire/signaling.json"), ...golden("wire/features.json")]) {
    await t.test(name, () => {
      const text = typeof frame === "string" ? frame : JSON.stringify(frame);
      if (code) {
        assert.throws(() => decodeMessage(text), { code });
        return;
      }
      assert.deepEqual(JSON.parse(encodeMessage(decodeMessage(text))), again ?? frame);
    });
  }
});

test("a binary frame and a huge one are errors", () => {
  assert.throws(() => decodeMessage(new ArrayBuffer(2)), { code: "bad_message" });
  assert.throws(() => decodeMessage(" ".repeat(256 * 1024 + 1)), { code: "too_large" });
});

test("a signal of another form is an error", () => {
  for (const data of [null, 5, "offer", [], {}, { type: "dance" }, { type: "offer" }, { type: "answer", sdp: 5 }, { type: "candidate", attempt: -1 }]) {
    assert.throws(() => decodeSignal(data), { code: "bad_message" }, JSON.stringify(data));
  }
  assert.deepEqual(decodeSignal({ type: "candidate", attempt: 1, candidate: null, more: 1 }), { type: "candidate", attempt: 1 });
});

const hex = (b) => Buffer.from(b).toString("hex");
const unhex = (text) => new Uint8Array(Buffer.from(text, "hex"));

/** The inverse of decodeFrame, by the functions that sending uses. */
function encode({ sub, peer, command, body }) {
  if (sub === 0) return authFrame(body);
  if (sub === 1 || sub === 2) return sysFrame(sub, peer);
  const inner = rawFrame(body, command);
  return sub ? sysFrame(sub, peer, inner) : inner;
}

test("the golden frames", async (t) => {
  for (const { name, hex: bytes, bad, kind, peer = 0, command, body } of golden("wire/frames.json")) {
    await t.test(name, () => {
      const f = decodeFrame(unhex(bytes));
      if (bad) return assert.equal(f, null);
      assert.deepEqual([f.sub, f.peer, f.command], [{ auth: 0, add_peer: 1, del_peer: 2, relay: 3 }[kind], peer, command]);
      if (body !== undefined) assert.equal(hex(f.body), body);
      assert.equal(hex(encode(f)), bytes);
    });
  }
});

test("Godot's packets", async (t) => {
  const want = {
    simplify_path: { command: "simplify_path" }, rpc: { command: "remote_call" },
    add_peer: { sub: 1, peer: 1677583863 },
    "relay rpc": { sub: 3, peer: 1677583863, command: "remote_call" },
    "broadcast by client": { sub: 3, peer: 0, payload: "relayed by godot" },
  };
  for (const { name, hex: bytes, meaning } of golden("godot/packets.json").packets) {
    await t.test(name, () => {
      const f = decodeFrame(unhex(bytes));
      const payload = /'([^']*)'/.exec(meaning)?.[1];
      const expected = want[name] ?? (name.startsWith("relay") ? { sub: 3, peer: 1677583863, payload } : { payload });
      assert.equal(f.sub, expected.sub);
      if (f.sub) assert.equal(f.peer, expected.peer);
      assert.equal(f.command, expected.command);
      if (expected.payload) assert.equal(Buffer.from(f.body).toString(), expected.payload);
      assert.equal(hex(encode(f)), bytes);
    });
  }
});

test("random bytes cause at most an error", () => {
  for (let i = 0; i < 20000; i++) {
    decodeFrame(crypto.getRandomValues(new Uint8Array(i % 12)));
  }
});

test("candidates that come early wait for the description, in bounds", () => {
  const n = new Negotiation(true);
  assert.deepEqual(n.retry(), [{ act: "offer" }]);
  for (let i = 0; i < 100; i++) assert.deepEqual(n.receive({ type: "candidate", attempt: 1, candidate: `c${i}` }), []);
  const steps = n.receive({ type: "answer", attempt: 1, sdp: "v=0" });
  assert.deepEqual(steps.map((s) => s.act), ["accept", ...Array(64).fill("candidate")]);
  assert.deepEqual(n.receive({ type: "answer", attempt: 1, sdp: "v=0" }), [], "a second answer");
});

test("the number of a further offer for a link may be larger than the next one, but not by any amount", () => {
  const n = new Negotiation(false), offer = (attempt, link) => n.receive({ type: "offer", attempt, link, sdp: "v=0" }).length;
  n.attempt = 3;
  assert.deepEqual([offer(2 ** 52, "A"), offer(7, "B")], [1, 1]);
  assert.deepEqual([offer(7 + 2 ** 31, "B"), offer(2 ** 52, "B"), n.attempt], [0, 0, 7]);
  assert.deepEqual([offer(6 + 2 ** 31, "B"), n.attempt], [1, 6 + 2 ** 31]);
});

test("signals of an earlier attempt are ignored", () => {
  const offering = new Negotiation(true);
  offering.retry();
  offering.retry();
  assert.deepEqual(offering.receive({ type: "answer", attempt: 1, sdp: "v=0" }), []);
  assert.equal(offering.receive({ type: "answer", sdp: "v=0" }).length, 1, "a peer that does not count");

  const answering = new Negotiation(false);
  assert.deepEqual(answering.retry(), []);
  assert.deepEqual(answering.receive({ type: "candidate", attempt: 1, candidate: "c" }), []);
  assert.deepEqual(answering.receive({ type: "offer", attempt: 1, sdp: "v=0" }).map((s) => s.act), ["answer", "candidate"]);
  assert.deepEqual(answering.receive({ type: "offer", attempt: 1, sdp: "v=0" }), []);
  assert.deepEqual(answering.receive({ type: "offer", attempt: 2, sdp: "v=0" }).map((s) => s.act), ["answer"]);
  assert.deepEqual(answering.receive({ type: "candidate", attempt: 1, candidate: "c" }), []);
  assert.deepEqual(answering.receive({ type: "candidate", attempt: 2, candidate: "" }), [], "the end of the list");
});
