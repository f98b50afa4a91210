// Files: their wire and names by the vectors of the Go package, from page to page, and from and to rtc-client.

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { tmpdir } from "node:os";
import { join as path } from "node:path";
import { test } from "node:test";
import { decode, encode } from "../../src/transfer/frame.js";
import * as frames from "../../src/transfer/frame.js";
import { Sha256 } from "../../src/transfer/hash.js";
import * as source from "../../src/transfer.js";
import { Migration } from "../../migration.js";
import * as shipped from "../../transfer.js";
import { WebSocket } from "ws";
import { cuttable, eventually, golden, patience, Player, RTCPeerConnection, rtcpeer, startClient, startServer, within } from "../support.js";

const server = await startServer("--message-rate=0");
test.after(() => server.stop());
const { Files, safeName, TransferError } = shipped;
const vectors = golden("wire/transfer.json");
const unhex = (s = "") => new Uint8Array(Buffer.from(s, "hex"));
const hex = (b) => Buffer.from(b).toString("hex");
const kinds = {
  offer: 1, accept: 2, prefix: 3, start: 4, data: 5, taken: 6, end: 7, done: 8, stop_sending: 9, stop_receiving: 10,
};

test("the golden frames", async (t) => {
  for (const v of vectors.frames) {
    await t.test(v.name, () => {
      const f = decode(unhex(v.hex));
      const { flags = 0, offset = 0, size = 0, window = 0, reason = 0, text = "" } = v;
      assert.deepEqual({ ...f, sum: hex(f.sum), data: hex(f.data) }, {
        kind: kinds[v.kind], id: v.id, flags, offset, size, window, sum: v.sum ?? "", reason, text, data: v.data ?? "",
      });
      assert.equal(hex(encode(f)), v.hex);
    });
  }
  for (const v of vectors.bad) await t.test(v.name, () => assert.equal(decode(unhex(v.hex)), null));
});

test("a frame that is cut, or has one byte more, is invalid or another frame", () => {
  for (const v of vectors.frames) {
    const whole = unhex(v.hex);
    for (let n = 0; n < whole.length; n++) {
      const f = decode(whole.subarray(0, n));
      if (f) assert.equal(hex(encode(f)), hex(whole.subarray(0, n)));
    }
  }
});

test("names are safe", () => {
  for (const [said, want] of vectors.names) {
    assert.equal(safeName(said), want);
    assert.equal(safeName(want), want);
  }
});

test("the hash", () => {
  for (const length of [0, 1, 55, 56, 63, 64, 65, 119, 120, 1000]) {
    const bytes = randomBytes(length), hash = new Sha256();
    for (let i = 0; i < length; i += 7) {
      hash.update(bytes.subarray(i, i + 7));
      hash.digest(); // changes nothing
    }
    assert.equal(hex(hash.digest()), createHash("sha256").update(bytes).digest("hex"), String(length));
  }
});

test("the bundle exports what the source does", () => {
  assert.deepEqual(Object.keys(shipped), Object.keys(source));
  assert.equal(new TransferError("x", "").name, "TransferError");
});

let rooms = 0;
const newRoom = () => `${server.url}/files-${++rooms}`;
const config = { RTCPeerConnection, channels: ["reliable"] };

/** A player whose packets go to its files. */
async function joinWithFiles(t, url, options, more) {
  const player = await Player.join(url, { ...config, ...more });
  player.files = new Files(player.node, 1, options);
  player.onevent = (event) => player.files.handle(event);
  t.after(() => {
    player.files.close();
    return player.close();
  });
  return player;
}

async function pair(t, options) {
  const url = newRoom();
  const a = await joinWithFiles(t, url, options), b = await joinWithFiles(t, url, options);
  await Promise.all([a.event("connected", b.id), b.event("connected", a.id)]);
  return [a, b];
}

const bytesOf = async (blob) => Buffer.from(await blob.arrayBuffer());
const soon = (what, promise) => within(patience, what, promise);

for (const length of [0, 1, 100_000, 3_000_001]) {
  test(`a file of ${length} bytes from page to page, to a Blob and to a stream`, async (t) => {
    const [a, b] = await pair(t, { window: 1 << 20 });
    const bytes = randomBytes(length);
    let sent = 0, received = 0;
    const sending = a.files.sendFile(b.id, new Blob([bytes]), { name: "../cat.jpg", onprogress: (n) => (sent = n) });
    const offer = await soon("offer", b.files.nextOffer());
    assert.deepEqual([offer.peer, offer.name, offer.size], [a.id, "cat.jpg", length]);
    assert.ok(bytes.equals(await bytesOf(await soon("blob", offer.toBlob({ onprogress: (n) => (received = n) })))));
    await soon("sent", sending);
    assert.deepEqual([sent, received], [length, length]);
    await assert.rejects(offer.toBlob(), { code: "answered" });

    const chunks = [];
    let closed = false;
    const stream = new WritableStream({ write: (chunk) => void chunks.push(chunk), close: () => void (closed = true) });
    const again = a.files.sendFile(b.id, new File([bytes], "dog.jpg"));
    for await (const next of b.files) {
      assert.equal(next.name, "dog.jpg");
      await soon("stream", next.pipeTo(stream));
      break;
    }
    await soon("sent again", again);
    assert.ok(closed && bytes.equals(Buffer.concat(chunks)));
  });
}

test("many at once, both ways", async (t) => {
  const [a, b] = await pair(t, { atOnce: 2, window: 1 << 16 });
  const all = [];
  for (const [from, to] of [[a, b], [b, a]]) {
    for (let i = 0; i < 6; i++) {
      const bytes = randomBytes(300_000);
      all.push(from.files.sendFile(to.id, new Blob([bytes]), { name: hex(createHash("sha256").update(bytes).digest()) }));
      all.push(to.files.nextOffer().then(async (offer) => {
        const got = await bytesOf(await offer.toBlob());
        assert.equal(hex(createHash("sha256").update(got).digest()), offer.name);
      }));
    }
  }
  await soon("all", Promise.all(all));
});

test("refused, cancelled by either end, closed", async (t) => {
  const [a, b] = await pair(t, { window: 1 << 16 });
  const big = new Blob([new Uint8Array(8 << 20)]);
  const refused = a.files.sendFile(b.id, big, { name: "x" });
  (await soon("offer", b.files.nextOffer())).refuse("no room\nhere".padEnd(400, "é"));
  await assert.rejects(soon("refused", refused), (error) => error.code === "refused" && error.message.includes("no room\ufffdhere") && error.peer === b.id);

  const mine = new AbortController();
  const cancelled = a.files.sendFile(b.id, big, { name: "x", signal: mine.signal });
  const seen = (await soon("offer", b.files.nextOffer())).toBlob({ onprogress: (n) => n > 1 << 20 && mine.abort("enough") });
  await assert.rejects(soon("aborted", cancelled), { code: "aborted", cause: "enough" });
  await assert.rejects(soon("cancelled", seen), { code: "cancelled" });

  const yours = new AbortController();
  const other = a.files.sendFile(b.id, big, { name: "x" });
  const sink = { reason: null };
  const stream = new WritableStream({ abort: (why) => void (sink.reason = why) });
  const piped = (await soon("offer", b.files.nextOffer())).pipeTo(stream, { signal: yours.signal, onprogress: (n) => n > 1 << 20 && yours.abort() });
  await Promise.all([assert.rejects(soon("cancelled", other), { code: "cancelled" }), assert.rejects(soon("aborted", piped), { code: "aborted" })]);
  assert.equal(sink.reason.code, "aborted");

  const last = a.files.sendFile(b.id, big, { name: "x" });
  const blob = (await soon("offer", b.files.nextOffer())).toBlob({ onprogress: (n) => n > 1 << 20 && a.files.close() });
  await Promise.all([assert.rejects(soon("closed", last), { code: "closed" }), assert.rejects(soon("cancelled", blob), { code: "cancelled" })]);
  assert.equal(await a.files.nextOffer(), undefined);
  await assert.rejects(a.files.sendFile(b.id, big, { name: "x" }), { code: "closed" });
});

test("a stream that fails, a peer that is not there, and one that takes no files", async (t) => {
  const [a, b] = await pair(t);
  const sending = a.files.sendFile(b.id, new Blob(["meow"]), { name: "x" });
  const full = new WritableStream({
    write() {
      throw new Error("disk full");
    },
  });
  const piped = (await soon("offer", b.files.nextOffer())).pipeTo(full);
  await Promise.all([assert.rejects(soon("sink", piped), { code: "sink" }), assert.rejects(soon("failed", sending), { code: "failed" })]);
  await assert.rejects(a.files.sendFile(99, new Blob(), { name: "x" }), { code: "peer_gone" });
  await assert.rejects(new Files({ send: (packet) => a.node.send(packet) }, 1).sendFile(b.id, new Blob(), { name: "x" }), /the node has no host/);
  b.files = new Files(b.node, 1, { sendOnly: true });
  await assert.rejects(soon("not receiving", a.files.sendFile(b.id, new Blob(), { name: "x" })), { code: "not_receiving" });
  for (const options of [{ window: 1 }, { atOnce: 17 }, { maxPacket: 1024 }]) assert.throws(() => new Files(a.node, 1, options), { code: "bad_config" });
  await assert.rejects(a.files.sendFile(b.id, new Blob(), { name: "é".repeat(600) }), { code: "bad_config" });
});

test("a file is resumed after its sender has gone, and starts again if it is another file", async (t) => {
  const [a, b] = await pair(t, { window: 1 << 16 });
  const bytes = randomBytes(3_000_000);
  const first = a.files.sendFile(b.id, new Blob([bytes]), { name: "film" });
  let parted = false;
  const blob = (await soon("offer", b.files.nextOffer())).toBlob({
    onprogress(n) {
      if (n < 1_000_000 || parted) return;
      parted = true;
      a.node.disconnect(b.id);
    },
  });
  let part;
  await assert.rejects(soon("gone", first), { code: "peer_gone" });
  await assert.rejects(soon("gone", blob), (error) => error.code === "peer_gone" && (part = error.part).size > 1_000_000);
  assert.ok(bytes.subarray(0, part.size).equals(await bytesOf(part)));
  for (const [file, from] of [[bytes, part.size], [randomBytes(2_000_000), 0]]) {
    const [c, d] = await pair(t);
    let began = -1;
    const sending = c.files.sendFile(d.id, new Blob([file]), { name: "film", onprogress: (n) => began < 0 && (began = n) });
    const got = await soon("rest", (await soon("offer", d.files.nextOffer())).toBlob({ part }));
    await soon("sent", sending);
    assert.equal(began, from);
    assert.ok(file.equals(await bytesOf(got)));
  }
});

test("files from guest to guest go on when the host that relays them dies", async (t) => {
  const url = newRoom(), net = cuttable(), bytes = randomBytes(6_000_000);
  const star = () => ({ topology: "star", newRoom: { migrates: true, hostTimeout: 300 }, migration: new Migration() });
  const host = await joinWithFiles(t, url, { window: 1 << 16 }, { ...star(), ...net });
  const guests = [];
  for (let i = 0; i < 3; i++) {
    const guest = await joinWithFiles(t, url, { window: 1 << 16 }, star());
    for (const other of [host, ...guests]) await Promise.all([guest.event("connected", other.id), other.event("connected", guest.id)]);
    guests.push(guest);
  }
  const [next, b, c] = guests; // the first guest is the next host
  let under = 0;
  const ways = [[b, c], [next, b], [c, next]].map(async ([from, to]) => {
    const sent = from.files.sendFile(to.id, new Blob([bytes]), { name: "film" });
    let part, was = false;
    const receive = async () => {
      const offer = await to.files.nextOffer();
      let began = -1;
      const onprogress = (n) => {
        if (began < 0) began = n;
        if (n < 1_500_000 || was) return;
        was = true;
        if (++under < 3) return;
        net.cut();
        host.node.signaling.closed = true; // it does not come back
        host.node.signaling.socket.terminate();
      };
      return { blob: await offer.toBlob({ part, onprogress }), began };
    };
    await assert.rejects(receive(), (error) => error.code === "host_changed" && (part = error.part).size >= 1_000_000);
    const { blob, began } = await receive();
    assert.equal(began, part.size);
    assert.ok(bytes.equals(await bytesOf(blob)));
    await sent;
  });
  await soon("all", Promise.all(ways));
  assert.equal(c.node.host, next.id);
});

/** A player whose frames the test makes. */
async function liar(t) {
  const url = newRoom();
  const honest = await joinWithFiles(t, url, { window: 1 << 16 }), other = await liarFor(t, honest);
  await honest.event("connected", other.id);
  return [honest, other];
}

/** Such a player, which may come back in place of another one. */
async function liarFor(t, honest, resume) {
  const other = await Player.join(honest.node.url, { ...config, resume });
  t.after(() => other.close());
  await other.event("connected", honest.id);
  let at = 0;
  other.say = (f) => other.node.send({ peer: honest.id, channel: 1, data: f instanceof Uint8Array ? f : encode({ id: 1, ...f }) });
  other.hear = async () => {
    await other.until("frame", () => other.packets().length > at);
    return decode(other.packets()[at++].data);
  };
  return other;
}

/** Gives an offer a stream that is never done with a step, and waits until the transfer waits for that. */
async function pipeToStuck(offer, at, options) {
  let begun = false;
  const stream = new WritableStream({ [at]: () => new Promise(() => (begun = true)) }, { highWaterMark: at === "ready" ? 0 : 1 });
  const piped = offer.pipeTo(stream, options);
  piped.catch(() => {}); // it may end while others are awaited
  await eventually("the stream waits", () => (at === "ready" ? offer.transfer.heard.length : begun)); // the bundle keeps its names
  return { piped };
}

for (const at of ["ready", "write", "close"]) {
  test(`a transfer ends although its stream is never done with ${at}`, async (t) => {
    const [a, b] = await pair(t, { window: 1 << 16 });
    const offer = async (signal) => {
      const sending = a.files.sendFile(b.id, new Blob([new Uint8Array(at === "close" ? 1000 : 1 << 20)]), { name: "x", signal });
      return [sending, await soon("offer", b.files.nextOffer())];
    };
    const mine = new AbortController();
    const [sending, first] = await offer();
    const { piped } = await pipeToStuck(first, at, { signal: mine.signal });
    mine.abort();
    await Promise.all([assert.rejects(soon("aborted", piped), { code: "aborted" }), assert.rejects(soon("cancelled", sending), { code: "cancelled" })]);
    if (at === "close") return; // all of the file is here: the other end has no say any more

    const yours = new AbortController();
    const [cancelled, second] = await offer(yours.signal);
    const { piped: seen } = await pipeToStuck(second, at);
    yours.abort();
    await Promise.all([assert.rejects(soon("cancelled", seen), { code: "cancelled" }), assert.rejects(soon("aborted", cancelled), { code: "aborted" })]);

    const [gone, third] = await offer();
    const { piped: lost } = await pipeToStuck(third, at);
    a.node.disconnect(b.id);
    await Promise.all([gone, lost].map((end) => assert.rejects(soon("gone", end), { code: "peer_gone" })));
  });
}

test("a file of many pieces, which are half of a window that is odd", async (t) => {
  const url = newRoom(), large = { maxPacket: 40_000 };
  const a = await joinWithFiles(t, url, large, large), b = await joinWithFiles(t, url, { window: 65_537 }, large);
  await Promise.all([a.event("connected", b.id), b.event("connected", a.id)]);
  const bytes = randomBytes(1_500_000);
  const sending = a.files.sendFile(b.id, new Blob([bytes]), { name: "x" });
  const blob = (await soon("offer", b.files.nextOffer())).toBlob();
  await soon("sent", sending);
  assert.ok(bytes.equals(await bytesOf(await blob)));
});

const sum = (s) => createHash("sha256").update(s).digest();
const meow = Buffer.from("meow");
const { data, end, prefix, offer: offered, accept, taken, done, start } = frames;
const lies = {
  "offset ahead": [{ kind: data, offset: 1, data: meow }],
  "offset behind": [{ kind: data, data: meow }, { kind: data, data: meow }],
  "more bytes than offered": [{ kind: data, data: Buffer.from("meow!") }],
  "an end too early": [{ kind: end, size: 0, sum: sum("") }],
  "another size": [{ kind: data, data: meow }, { kind: end, size: 5, sum: sum("meow") }],
  "another hash": [{ kind: data, data: meow }, { kind: end, size: 4, sum: sum("mooo") }],
  "a proof that was not asked for": [{ kind: prefix, sum: sum("") }],
  "the same offer again": [{ kind: offered, size: 4, text: "x" }],
  "no frame": [new Uint8Array([99, 1])],
};
for (const [name, says] of Object.entries(lies)) {
  test(`a sender that lies: ${name}`, async (t) => {
    const [honest, other] = await liar(t);
    await other.say({ kind: offered, flags: 1, size: 4, text: "x" });
    const blob = (await soon("offer", honest.files.nextOffer())).toBlob();
    const code = name === "another hash" ? "hash_mismatch" : "protocol";
    const rejected = assert.rejects(soon("lie", blob), (error) => error.code === code && error.part === undefined);
    assert.equal((await other.hear()).kind, accept);
    for (const f of says) await other.say(f);
    await rejected;
    const stop = await other.hear();
    assert.deepEqual([stop.kind, stop.reason], [frames.stopReceiving, code === "protocol" ? frames.badProtocol : frames.badHash]);
  });
}

for (const how of ["is gone", "comes back in another program", "has given up"]) {
  test(`a file that is all there is written although its sender ${how}`, async (t) => {
    const [honest, other] = await liar(t);
    const bytes = randomBytes(40_000); // more than half of the window, so the receiver says what it has taken
    await other.say({ kind: offered, size: bytes.length, text: "x" });
    let goOn, closed = false;
    const gate = new Promise((resolve) => (goOn = resolve)), chunks = [];
    const stream = new WritableStream({ write: async (chunk) => (await gate, void chunks.push(chunk)), close: () => void (closed = true) });
    const piped = (await soon("offer", honest.files.nextOffer())).pipeTo(stream);
    assert.equal((await other.hear()).kind, accept);
    for (let at = 0; at < bytes.length; at += 10_000) await other.say({ kind: data, offset: at, data: bytes.subarray(at, at + 10_000) });
    await other.say({ kind: end, size: bytes.length, sum: sum(bytes) });
    await honest.until("all of it", () => honest.packets().length === 6);
    let back;
    if (how === "has given up") {
      await other.say({ kind: frames.stopSending, reason: frames.cancelled });
      await honest.until("its word", () => honest.packets().length === 7);
    } else {
      if (how === "is gone") await other.close();
      else back = await liarFor(t, honest, other.node.resume);
      await honest.event("disconnected", other.id);
    }
    await back?.say({ kind: offered, size: 4, text: "y" }); // its ids begin at 1 again, too
    const next = back && (await soon("next offer", honest.files.nextOffer()));
    goOn();
    await soon("written", piped);
    assert.ok(closed && bytes.equals(Buffer.concat(chunks)));
    if (!back) return;
    const blob = next.toBlob();
    assert.equal((await back.hear()).kind, accept, "it hears nothing of the file before");
    await back.say({ kind: data, data: meow });
    await back.say({ kind: end, size: 4, sum: sum("meow") });
    assert.equal(await (await soon("blob", blob)).text(), "meow");
    assert.equal((await back.hear()).kind, done);
  });
}

test("a sender that does not wait, and offers without end", async (t) => {
  const [honest, other] = await liar(t);
  await other.say({ kind: offered, flags: frames.flagUnknownSize, text: "x" });
  let goOn;
  const gate = new Promise((resolve) => (goOn = resolve));
  const stream = new WritableStream({ write: () => gate });
  const taker = await soon("offer", honest.files.nextOffer());
  const rejected = assert.rejects(taker.pipeTo(stream), { code: "protocol" });
  assert.equal((await other.hear()).kind, accept);
  for (let i = 0; i < 100; i++) await other.say({ kind: data, offset: i, data: meow.subarray(0, 1) });
  await honest.until("packets", () => honest.packets().length >= 101);
  const { heard } = taker.transfer; // the bundle keeps its names
  assert.ok(heard.length <= (1 << 16) / 1024 + 16, `${heard.length} frames wait`);
  goOn();
  await soon("rejected", rejected);
  assert.equal((await other.hear()).reason, frames.badProtocol);

  for (let id = 2; id <= 40; id++) await other.say({ kind: offered, id, size: 1, text: "x" });
  for (let i = 0; i < 39 - 16; i++) assert.equal((await other.hear()).reason, frames.busy);
});

test("an offer that has gone over a newer link than the event which ends it is stopped", async (t) => {
  const [honest, other] = await liar(t);
  const sent = honest.files.sendFile(other.id, new Blob([meow]), { name: "x" });
  assert.equal((await other.hear()).kind, offered);
  honest.files.handle({ kind: "host changed" });
  const heard = [await other.hear(), await other.hear()].sort((a, b) => b.kind - a.kind);
  assert.deepEqual(heard.map((f) => [f.kind, f.id, f.reason]), [[frames.stopSending, 1, frames.moved], [offered, 2, 0]]);
  const rejected = assert.rejects(sent, { code: "peer_gone" });
  honest.files.handle({ kind: "disconnected", peer: other.id });
  await rejected;
  const { kind, id, reason } = await other.hear();
  assert.deepEqual([kind, id, reason], [frames.stopSending, 2, frames.cancelled]);

  // The other way round; from a receiver it is a failure, or the file would be offered without end.
  await other.say({ kind: offered, size: 4, text: "x" });
  const offer = await soon("offer", honest.files.nextOffer());
  const stopped = assert.rejects(soon("stop", offer.toBlob()), { code: "host_changed" });
  assert.equal((await other.hear()).kind, accept);
  await other.say({ kind: frames.stopSending, reason: frames.moved });
  await stopped;
  const failed = assert.rejects(honest.files.sendFile(other.id, new Blob([meow]), { name: "x" }), { code: "failed" });
  assert.equal((await other.hear()).kind, offered);
  await other.say({ kind: frames.stopReceiving, id: 3, reason: frames.moved });
  await soon("failed", failed);
});

test("a receiver that lies", async (t) => {
  const says = {
    "more than there is": [{ kind: accept, offset: 200_001, window: 1 << 16 }],
    "taken before it was sent": [{ kind: accept, window: 1 << 16 }, { kind: taken, offset: 200_001 }],
    "done before the end": [{ kind: accept, window: 1 << 16 }, { kind: done }],
    "begins elsewhere": [{ kind: accept, offset: 10, window: 1 << 16 }, { kind: start, offset: 5 }],
  };
  for (const [name, answers] of Object.entries(says)) {
    await t.test(name, async (t) => {
      const [honest, other] = await liar(t);
      const rejected = assert.rejects(soon("lie", honest.files.sendFile(other.id, new Blob([new Uint8Array(200_000)]), { name: "x" })), { code: "protocol" });
      assert.equal((await other.hear()).kind, offered);
      for (const f of answers) await other.say(f);
      await rejected;
    });
  }
});

function folder(t) {
  const dir = mkdtempSync(path(tmpdir(), "rtcpeer-files-"));
  t.after(() => rmSync(dir, { recursive: true }));
  return dir;
}

/** Waits for a line of a program. */
async function line(stream, pattern) {
  for await (const text of createInterface(stream)) if (pattern.test(text)) return text;
  throw new Error(`no line like ${pattern}`);
}

test("from a page to rtc-client, resumed there", async (t) => {
  const dir = folder(t), url = newRoom(), bytes = randomBytes(5_000_000);
  writeFileSync(path(dir, "film.part"), bytes.subarray(0, 1_500_000));
  const page = await joinWithFiles(t, url);
  const client = startClient("receive", "--yes", "--dir", dir, url);
  client.child.stderr.resume();
  const { peer } = await page.until("connected", () => page.events.find((e) => e.kind === "connected"));
  let began = -1;
  await soon("sent", page.files.sendFile(peer, new Blob([bytes]), { name: "film", onprogress: (n) => began < 0 && (began = n) }));
  assert.equal(began, 1_500_000);
  await page.close();
  await soon("end", client.ended);
  assert.deepEqual(readdirSync(dir), ["film"]);
  assert.ok(bytes.equals(readFileSync(path(dir, "film"))));
});

test("from rtc-client to a page, refused and then resumed", async (t) => {
  const dir = folder(t), url = newRoom(), bytes = randomBytes(5_000_000);
  const file = path(dir, "film");
  writeFileSync(file, bytes);
  const page = await joinWithFiles(t, url);
  const refused = startClient("send", file, url);
  (await soon("offer", page.files.nextOffer())).refuse("not now");
  assert.match(await soon("word", line(refused.child.stderr, /refused/)), /refused by the other end: not now/);
  await refused.ended;

  const client = startClient("send", "--json", file, url);
  client.child.stderr.resume();
  const report = line(client.child.stdout, /film/);
  const offer = await soon("offer", page.files.nextOffer());
  const blob = await soon("blob", offer.toBlob({ part: new Blob([bytes.subarray(0, 2_000_000)]) }));
  assert.ok(bytes.equals(await bytesOf(blob)));
  assert.equal(JSON.parse(await soon("report", report)).resumed_from, 2_000_000);
  await soon("end", client.ended);
});

test("the README's page", async (t) => {
  const url = newRoom();
  const code = /```js\n(import[^`]*transfer\.js[^]*?)```/.exec(readFileSync(new URL("../../README.md", import.meta.url), "utf8"))[1].replace(/^import.*$/gm, "");
  const shown = [];
  const run = new Function("join", "Files", "show", `return (async () => {${code}})()`);
  const join = (player) => async (_, more) => (player.node = await rtcpeer.join(url, { ...config, WebSocket, ...more }));
  const tabs = [{}, {}];
  const pages = tabs.map((tab) => run(join(tab), Files, (...words) => shown.push(words)));
  await eventually("two files", () => shown.length === 2);
  assert.deepEqual(await Promise.all(shown.map(async ([name, blob]) => [name, await blob.text()])), Array(2).fill(["cat.txt", "meow"]));
  for (const { node } of tabs) node.close();
  await soon("end", Promise.all(pages));
});
