// One membership of a signaling server: one WebSocket after the other. While there is none, at most 1024
// messages wait; further ones are lost, as they could be with the server, and the next attempt of the link makes up for it.

import { passing, RtcPeerError } from "./errors.js";
import { message, nothing, now, text } from "./basics.js";
import { bad, decodeMessage, encodeMessage, protocol } from "./wire.js";

/** @import { Config } from "./types.js" */
/** @import { Message } from "./wire.js" */

const dialTimeout = 10000;
const backoffMin = 200, backoffMax = 15000;
const mostAsked = 300000; // ms: the longest wait that a server can ask for; the random wait comes on top
const checkTimeout = 2000;
const probeAfter = 30000, probeFor = 15000; // see Signaling.watch

/** The subprotocols to offer so that the request carries the first frame. @param {string} taken @param {string} frame */
const offer = (taken, frame) => {
  const data = btoa(String.fromCharCode(...text.encode(frame))).replace(/=/g, "").replace(/\+/g, "-").replace(/\//g, "_");
  return data.length > 4096 ? [] : [taken, "frame." + data];
};

export class Signaling {
  /** @type {any} */ socket = null; // the one that got a welcome
  /** @type {string[]} */ outbox = [];
  /** @type {Message | null} */ welcome = null;
  /** @type {RtcPeerError | null} */ error = null; // why it has ended for good
  /** Why there is no connection at the moment. @type {RtcPeerError | null} */ lost = null;
  closed = false;
  bound = backoffMin; // of the next wait
  garbage = 0; // malformed answers in a row
  /** @type {() => void} */ wake = nothing; // ends a wait, or the present socket
  /** @type {() => void} */ hurry = nothing; // ends a wait
  /** Finds out whether the present socket works. @type {() => void} */ ask = nothing;
  /** Ends the present socket, and tries to come back. @type {() => void} */ drop = nothing;
  /** @type {(why: RtcPeerError) => void} */ onlost = nothing;
  /** Messages that came before there was a node. @type {Message[]} */ held = [];
  /** @type {(m: Message) => void} */ onmessage = (m) => this.held.push(m);
  /** @type {(why: RtcPeerError) => void} */ onend = nothing;
  /** Takes a binary frame of another member. @type {(frame: ArrayBuffer) => void} */ onframe = nothing;

  /** @param {string} url @param {Message} join @param {Config} config */
  constructor(url, join, config) {
    this.url = url;
    this.shown = url.split("?")[0].replace(/\/\/[^/]*@/, "//");
    this.join = join;
    this.config = config;
  }

  /** Connects for the first time, unless config.signal is aborted. @param {string} [answer] */
  async first(answer) {
    const { signal } = this.config;
    const abort = () => this.wake();
    signal?.addEventListener("abort", abort);
    try {
      const answered = this.connect(answer);
      if (signal?.aborted) abort();
      return await answered;
    } finally {
      signal?.removeEventListener("abort", abort);
    }
  }

  /** Connects once, and resolves with the answer. @returns {Promise<Message>} */
  connect(answer = "welcome") {
    return new Promise((resolve, reject) => {
      /** @type {any} */ let socket;
      const first = encodeMessage(this.join), taken = protocol + ".taken";
      try {
        socket = new /** @type {any} */ (this.config).WebSocket(this.url, [protocol, ...offer(taken, first)]);
      } catch (e) {
        throw new RtcPeerError("unreachable", `${this.shown}: ${message(e)}; https needs wss://`, { retry: false });
      }
      const began = now();
      /** @type {any} */ let checking;
      let again = false;
      const over = (/** @type {RtcPeerError} */ why) => {
        clearTimeout(timer);
        clearInterval(watch);
        clearTimeout(checking);
        if (socket.over) return;
        socket.over = true;
        socket.close(1000);
        if (this.socket !== socket) return reject(why);
        this.socket = null;
        // A server that welcomes and then fails at once must not be asked ten times a second.
        if (now() - began >= backoffMax) this.bound = backoffMin;
        this.config.log?.("signaling lost", why);
        this.lost = why;
        this.onlost(why);
        this.redial(why);
      };
      const fail = (/** @type {string} */ why) => over(new RtcPeerError("unreachable", `${this.shown}: ${why}`));
      this.drop = () => fail("put away");
      const timer = setTimeout(() => fail("no welcome within 10 s"), dialTimeout);
      this.wake = () => {
        if (socket.readyState === 1 && answer === "welcome") socket.send('{"kind":"leave"}'); // the server may have given a place already
        over(new RtcPeerError("aborted", "given up"));
      };

      // A browser cannot ping. After half a minute of silence this end sends a message of a kind that no server knows. The
      // answer, unknown_kind, ends nothing. If no answer comes, the connection is lost.
      let heard = now(), probed = 0;
      this.ask = () => {
        if (socket.over) return;
        again = !!checking;
        if (checking) return;
        const asked = now(), dialing = this.socket !== socket;
        if (!dialing) socket.send('{"kind":"ping"}');
        checking = setTimeout(() => {
          checking = undefined;
          if (dialing ? this.socket !== socket : heard < asked) fail("no answer within 2 s");
          else if (again) this.ask(); // something may have changed after the answer
        }, dialing ? Math.max(0, began + checkTimeout - asked) : checkTimeout);
      };
      const watch = setInterval(() => {
        if (this.socket !== socket || now() - heard < probeAfter) return;
        if (probed < heard) {
          probed = now();
          socket.send('{"kind":"ping"}');
        } else if (now() - probed >= probeFor) fail("no answer within 45 s");
      }, probeFor);

      socket.binaryType = "arraybuffer";
      socket.onerror = nothing; // close follows, and says as much as a browser will
      socket.onclose = (/** @type {any} */ e) => {
        if (passing.includes(e.reason) || !/^[a-z_]+$/.test(e.reason)) fail("no signal-server there, or a proxy stops WebSockets");
        else over(new RtcPeerError(e.reason, `${this.shown}: closed: ${e.reason}`));
      };
      socket.onopen = () => {
        if (socket.protocol === protocol) socket.send(first);
        else if (socket.protocol !== taken) fail(`subprotocol "${socket.protocol}": want ${protocol}; another version?`);
        if (this.join.match) clearTimeout(timer); // others may take their time
      };
      socket.onmessage = (/** @type {any} */ e) => {
        if (socket.over) return;
        heard = now();
        if (this.socket === socket && this.config.relayLinks && typeof e.data !== "string") return this.onframe(e.data);
        try {
          const m = decodeMessage(e.data);
          if (m.kind === "error" && !passing.includes(m.code)) over(new RtcPeerError(m.code, `${m.code}: ${m.text}`, { retryAfter: m.retry_after_ms ?? 0 }));
          else if (m.kind === "resume") this.join.resume = m.resume; // in place of that of the welcome
          else if (this.socket === socket) this.onmessage(m);
          else if (m.kind !== answer) bad(`${m.kind} instead of an answer`);
          else if (m.kind === "rooms") {
            resolve(m);
            this.wake();
          } else {
            this.adopt(m);
            clearTimeout(timer);
            this.socket = socket;
            this.lost = null;
            for (const frame of this.outbox.splice(0)) socket.send(frame);
            // Now, not when the promise is taken: a stack may bring the next message in the same task.
            this.onmessage(m);
            resolve(m);
          }
        } catch (error) {
          if (!(error instanceof RtcPeerError)) throw error;
          if (error.code === "unknown_kind") return; // of a newer server
          error.message = `${this.shown}: not understood: ${error.message}; update both`;
          over(error);
        }
      };
    });
  }

  /** @param {Message} w */
  adopt(w) {
    if (this.welcome && (w.id !== this.welcome.id || w.room !== this.welcome.room)) {
      bad(`came back as ${w.id}`, "resume_refused");
    }
    this.welcome = w;
    this.garbage = 0;
    // Coming back needs nothing else.
    Object.assign(this.join, { room: w.room, resume: w.resume, password: 0, new_room: 0, create: 0, match: 0 });
  }

  /** Tries until there is a connection, or the reason is final. @param {RtcPeerError} why */
  async redial(why) {
    while (!this.closed) {
      if (why.code === "bad_message" && ++this.garbage < 3) why.retry = true; // a proxy's bad moment
      if (!why.retry) {
        this.error = why;
        return this.onend(why);
      }
      // The whole wait is random: all members of a server that restarts lose their connections in the same moment.
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, Math.min(why.retryAfter, mostAsked) + Math.random() * this.bound);
        this.wake = this.hurry = () => (clearTimeout(timer), resolve(0));
      });
      this.bound = Math.min(2 * this.bound, backoffMax);
      if (this.closed) return;
      try {
        await this.connect();
        return;
      } catch (error) {
        why = /** @type {RtcPeerError} */ (error);
      }
    }
  }

  /** @param {Message} message */
  send(message) {
    const frame = encodeMessage(message);
    if (this.socket) this.socket.send(frame);
    else if (this.outbox.length < 1024) this.outbox.push(frame);
  }

  /** Finds out at once whether the connection still works, or tries to come back now. */
  check() {
    this.ask();
    this.hurry();
  }

  /** Gives up the place. */
  close() {
    if (this.closed) return;
    this.closed = true;
    this.socket = null;
    this.wake();
  }
}
