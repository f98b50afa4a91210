// Requests and their answers over one reliable channel of a node: an optional module.
//
//   import { join } from "./rtcpeer.js";
//   import { json, Requests } from "./requests.js";
//
//   const node = await join(url, { channels: ["reliable"] });
//   const requests = new Requests(node, { channel: 1, codec: json });
//   requests.onRequest = async (data, { peer, signal }) => ({ twice: 2 * data.n });
//   node.on("connected", async ({ peer }) => console.log(await requests.request(peer, { n: 21 })));
//   for (const kind of ["packet", "disconnected", "ended"]) node.on(kind, (event) => requests.take(event));
//
// A packet of the channel has a byte for its kind (1: request, 2: answer, 3: failure, 4: the answer is not wanted any more),
// the number of the request (4 bytes, little-endian), and data. The data of a failure is a text.

import { message, resolve, toBytes } from "./basics.js";

/** @import { RtcNode } from "./node.js" */
/** @import { Bytes, EndedEvent, Event } from "./types.js" */

/**
 * Converts requests and answers to bytes and back.
 * @typedef {{encode: (value: any) => Bytes, decode: (bytes: Uint8Array) => any}} Codec
 */
/** See RequestError. @typedef {"timeout" | "aborted" | "disconnected" | "closed" | "failed" | "busy"} RequestErrorCode */
/** timeout is in ms (10000; 0: no limit). @typedef {{timeout?: number, signal?: AbortSignal}} RequestOptions */

const request = 1, answer = 2, failure = 3, cancel = 4, head = 5;
const maxPending = 1024; // requests to one peer, or of one, that are not answered yet
const busy = "too many requests";
const maxText = 256; // characters of a failure

/**
 * The error of a request without an answer. Its name is AbortError, TimeoutError or RequestError. Programs branch on code:
 * - timeout, aborted: an option of the request has ended it.
 * - disconnected: the peer was disconnected meanwhile.
 * - closed: the node has ended, or close was called.
 * - failed: the other end's onRequest threw, or its answer cannot be decoded.
 * - busy: 1024 requests to the peer are unanswered.
 */
export class RequestError extends Error {
  /** @param {RequestErrorCode} code @param {string} text @param {any} [cause] */
  constructor(code, text, cause) {
    super(text, { cause });
    this.name = code === "aborted" ? "AbortError" : code === "timeout" ? "TimeoutError" : "RequestError";
    this.code = code;
  }
}

/** A codec for values that JSON can express. @type {Codec} */
export const json = { encode: (value) => JSON.stringify(value ?? null), decode: (bytes) => JSON.parse(new TextDecoder().decode(bytes)) };
/** @type {Codec} */
const bare = { encode: (bytes) => bytes, decode: (bytes) => bytes };

/** The requests of one node. They need a channel of their own, and the events of the node: see take. */
export class Requests {
  /**
   * Answers a request of a peer. If it throws, the peer gets the message of the error. signal is aborted when the answer is not wanted any more. While it is null, requests fail.
   * @type {((data: any, from: {peer: number, signal: AbortSignal}) => any) | null}
   */
  onRequest = null;
  /** Of this end, by their numbers; to is the target. @type {Map<number, {peer: number, to: number, over: (error: RequestError | null, value?: any) => void}>} */
  #asked = new Map();
  /** Of others. @type {Map<string, {peer: number, controller: AbortController}>} */ #asking = new Map();
  #last = 0;
  #closed = false;
  /** @type {RtcNode} */ #node;
  #channel;
  #codec;

  /**
   * channel is a reliable channel of config.channels. Without a codec, requests and answers are strings or bytes, and arrive as bytes.
   * @param {RtcNode} node @param {{channel: number, codec?: Codec}} options
   */
  constructor(node, { channel, codec = bare }) {
    this.#node = node;
    this.#channel = channel;
    this.#codec = codec;
  }

  /**
   * Sends a request to a peer, and resolves with the answer. options.timeout is in ms (10000; 0: no limit), and
   * options.signal cancels the request. At most 1024 requests to a peer may be unanswered. A request or an answer has at
   * most config.maxPacket - 5 bytes. Rejects with a RequestError, or with what send or the codec throws.
   * @param {number} to @param {any} data @param {RequestOptions} [options]
   * @returns {Promise<any>}
   */
  request(to, data, { timeout = 10000, signal } = {}) {
    return new Promise((done, reject) => {
      const number = (this.#last = (this.#last + 1) >>> 0), frame = this.#frame(request, number, data);
      const peer = resolve(this.#node, to);
      if (signal?.aborted) throw new RequestError("aborted", "given up", signal.reason);
      if (this.#closed) throw new RequestError("closed", "the node has ended");
      if (this.#count(this.#asked, peer) >= maxPending || this.#asked.has(number)) throw new RequestError("busy", busy);
      const over = (/** @type {any} */ error, /** @type {any} */ value = undefined) => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", abort);
        this.#asked.delete(number);
        if (error) reject(error);
        else done(value);
      };
      const stop = (/** @type {RequestError} */ error) => {
        over(error);
        this.#say(to, cancel, number);
      };
      const abort = () => stop(new RequestError("aborted", "given up", signal?.reason));
      const timer = timeout > 0 ? setTimeout(() => stop(new RequestError("timeout", `peer ${to}: no answer within ${timeout} ms`)), timeout) : undefined;
      signal?.addEventListener("abort", abort);
      this.#asked.set(number, { peer, to, over });
      this.#node.send({ peer: to, channel: this.#channel, data: frame }).catch((e) => over(e));
    });
  }

  /** Handles an event of the node; call it for each one. It returns true if the event was only for requests. @param {Event | EndedEvent} event */
  take(event) {
    if (event.kind === "disconnected") this.#gone(new RequestError("disconnected", `peer ${event.peer} is gone`), event.peer);
    if (event.kind === "ended") this.close();
    if (event.kind !== "packet" || event.packet.channel !== this.#channel) return false;
    const { peer, data } = event.packet;
    if (data.length < head) return true;
    const number = new DataView(data.buffer, data.byteOffset).getUint32(1, true), body = data.subarray(head), key = `${peer} ${number}`;
    let asked = this.#asked.get(number);
    // What was asked of the host may have waited for the next one.
    if (asked && asked.peer !== peer && resolve(this.#node, asked.to) !== peer) asked = undefined;
    if (data[0] === request) this.#answer(peer, number, key, body);
    else if (data[0] === cancel) this.#asking.get(key)?.controller.abort();
    else if (data[0] === failure) asked?.over(new RequestError("failed", `peer ${peer}: ${new TextDecoder().decode(body).slice(0, maxText)}`));
    else if (data[0] === answer && asked) {
      try {
        asked.over(null, this.#codec.decode(body));
      } catch (e) {
        asked.over(new RequestError("failed", `peer ${peer}: its answer is not understood: ${message(e)}`, e));
      }
    }
    return true;
  }

  /** Ends all requests, like the end of the node. */
  close() {
    this.#closed = true;
    this.#gone(new RequestError("closed", "the node has ended"));
  }

  /** @param {number} peer @param {number} number @param {string} key @param {Uint8Array} body */
  async #answer(peer, number, key, body) {
    if (this.#asking.has(key)) return;
    if (this.#count(this.#asking, peer) >= maxPending) return this.#say(peer, failure, number, busy);
    const controller = new AbortController();
    const { signal } = controller;
    this.#asking.set(key, { peer, controller });
    try {
      if (!this.onRequest) throw new Error("nobody answers requests here");
      const frame = this.#frame(answer, number, await this.onRequest(this.#codec.decode(body), { peer, signal }));
      if (!signal.aborted) await this.#node.send({ peer, channel: this.#channel, data: frame });
    } catch (e) {
      if (!signal.aborted) this.#say(peer, failure, number, message(e).slice(0, maxText));
    }
    if (this.#asking.get(key)?.controller === controller) this.#asking.delete(key); // else it is of the program that came after
  }

  /** @param {number} kind @param {number} number @param {any} data */
  #frame(kind, number, data) {
    const body = toBytes(this.#codec.encode(data));
    const frame = new Uint8Array(head + body.length);
    frame[0] = kind;
    new DataView(frame.buffer).setUint32(1, number, true);
    frame.set(body, head);
    return frame;
  }

  /** Sends what may be lost with its link. @param {number} peer @param {number} kind @param {number} number */
  #say(peer, kind, number, text = "") {
    const frame = new Uint8Array([kind, 0, 0, 0, 0, ...new TextEncoder().encode(text)]);
    new DataView(frame.buffer).setUint32(1, number, true);
    this.#node.send({ peer, channel: this.#channel, data: frame }).catch(() => {});
  }

  /** @param {Map<any, {peer: number}>} requests @param {number} peer */
  #count(requests, peer) {
    let n = 0;
    for (const r of requests.values()) if (r.peer === peer) n++;
    return n;
  }

  /** @param {RequestError} why @param {number} [peer] all if left out */
  #gone(why, peer) {
    for (const { peer: p, over } of [...this.#asked.values()]) if (peer === undefined || p === peer) over(why);
    for (const [key, { peer: p, controller }] of [...this.#asking]) {
      if (peer !== undefined && p !== peer) continue;
      this.#asking.delete(key); // a program that comes back in its place begins with the same numbers
      controller.abort();
    }
  }
}
