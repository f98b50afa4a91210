// The state of one end while a link is being made. Each method takes what happened and returns what to do;
// Link does it. Of two members the one with the larger id offers. A signal can be lost with the server that
// carried it, so the offering end tries again with the next attempt. Signals of an earlier attempt are
// ignored.

/** @import { Signal } from "./wire.js" */

/** @typedef {{act: "offer" | "answer" | "accept" | "candidate", data?: Signal}} Step */

const maxEarly = 64; // candidates that may wait for a description
export const attemptTimeout = 7000; // how long the offering end gives an attempt that makes no progress
/** The largest plausible number of an attempt. An end that counts from 1 never reaches it. */
export const maxAttempt = 2 ** 52;
/** How much larger than the last number the next one may be. Otherwise one forged number could be the largest, and no attempt would follow on it. */
const maxJump = 2 ** 31 - 1;

/** The number of the last attempt after a signal has come: the signal's number, if it is larger than known, and can be true. @param {number} known @param {any} [said] undefined: it has none */
export const laterAttempt = (known, said) => (said > known && said <= known + maxJump ? said : known);

export class Negotiation {
  attempt = 0; // of the current offer; 0 before the first
  /** The link that the offer is for; undefined if the other end does not say. @type {string | undefined} */ link;
  described = false; // the other end's description of this attempt is here
  /** @type {Signal[]} */
  early = []; // candidates that came before it

  /** @param {boolean} offers */
  constructor(offers) {
    this.offers = offers;
  }

  /** Begins the first or the next attempt. @returns {Step[]} */
  retry() {
    if (!this.offers) return [];
    this.attempt++;
    this.described = false;
    this.early = [];
    return [{ act: "offer" }];
  }

  /** @param {Signal} s @returns {Step[]} */
  receive(s) {
    const current = !s.attempt || s.attempt === this.attempt || !this.attempt;
    switch (s.type) {
      case "offer": {
        const attempt = s.attempt || 1;
        if (laterAttempt(this.attempt, attempt) === this.attempt && s.link === this.link) return []; // replaced by a later one, or forged
        if (this.attempt > 0) this.early = [];
        this.attempt = attempt;
        this.link = s.link;
        return this.describe({ act: "answer", data: s });
      }
      case "answer":
        if (!this.offers || this.described || !current) return [];
        return this.describe({ act: "accept", data: s });
      case "candidate":
        if (!s.candidate || !current) return []; // the end of the list, or of an attempt that is over
        if (this.described) return [{ act: "candidate", data: s }];
        if (this.early.length < maxEarly) this.early.push(s);
    }
    return [];
  }

  /** @param {Step} first @returns {Step[]} */
  describe(first) {
    const steps = [first, ...this.early.map((data) => ({ act: /** @type {const} */ ("candidate"), data }))];
    this.described = true;
    this.early = [];
    return steps;
  }
}
