// Decides what an open link does about its path. Each method takes what has happened and returns what to do; Keeper does it.
// Times are in ms, by the clock of now.
//
//   heard ----- 1 s nothing: ask ----- 1.5 s nothing: interrupted, try ----- lostAfter: give up
//     ^                                        |
//     |--- heard again: resumed, drop <--------|
//     |--- another path took over: resumed <---|
//
// The offering end tries: it makes the next path while the present one stays. The answering end asks it to, with a signal.
// The offering end alone decides whether a path that is ready takes over, so that the two ends never go over different
// ones. It is the same as repair.go, with the same test cases, except for throttled timers.

import { attemptTimeout } from "./negotiation.js";

/**
 * ask: ask the other end, over the present path, whether it is there. interrupt, resume: tell the program. try: make
 * another path, or ask the other end to. drop: drop the path that is being made. give up: end the link.
 * @typedef {"ask" | "interrupt" | "resume" | "try" | "drop" | "give up"} RepairStep
 *
 * What a link sees of its paths. heard: something came over the present path since the last tick; for tick alone. making:
 * another path is being made. advanced: and the two ends reach each other over it. fallback: it goes over WebRTC, and the
 * next one can go through the signaling server.
 * @typedef {{heard?: boolean, making?: boolean, advanced?: boolean, fallback?: boolean}} Sight
 */

// Why a link wants another path: the present one is silent or closed; something has changed at this end; the other end
// wants one; the present one is relayed.
const path = 1, change = 2, request = 4, direct = 8;

export const tickEach = 500;
export const beatEach = 1000; // of silence, at most, on an idle link
const askAfter = 1150; // without a sign of the other end: a beat may be late
export const silentAfter = 1400; // likewise: three ticks
const sleptAfter = 2000; // without a tick: the page, or its machine, was asleep
const graceAfterSleep = silentAfter - 800; // the silence that a link counts when it wakes: it asks at once, and tries a second later
export const requestEach = 3000; // an answering end asks for an offer that does not come
/** How long an attempt over WebRTC may look for a route before the next one goes through the signaling server. */
export const forwardAfter = 4000;
export const freshFor = 1000; // a younger try is not begun anew: its signal and the other end's may have crossed
export const settleTime = 200; // after a change, before a try: the present path may answer
const firstSearch = 5000, lastSearch = 300000;

/**
 * Whether too much time has passed between two ticks. If the machine was suspended, the wall clock shows it; if the page was
 * frozen, both clocks do.
 * @param {Clocks} before @param {Clocks} at
 */
export const slept = (before, at) => at.now - before.now > sleptAfter || at.wall - before.wall > sleptAfter;

/** @typedef {{now: number, wall: number}} Clocks one that goes on steadily, and one that may be set */
/** @returns {Clocks} */
export const clocks = () => ({ now: performance.now(), wall: Date.now() });

export class Repair {
  /** When the other end was last asked whether it is there. @type {number | null} */ asked = null;
  closed = false; // the present path has ended
  interrupted = false; // and the program knows
  needs = 0;
  tryAt = 0; // no try before
  /** Of the present try. @type {number | null} */ began = null;
  doubted = false; // the signals of that try may be lost
  /** When to look for a direct path; null: the present one is not relayed. @type {number | null} */ searchAt = null;
  searches = 0; // for a direct path, in vain
  sleeps = 0; // ticks in a row that found this end asleep, and the other end silent

  /** @param {boolean} offers @param {number} lostAfter negative: never @param {Clocks} at */
  constructor(offers, lostAfter, at) {
    this.offers = offers;
    this.lostAfter = lostAfter;
    this.heard = at.now; // when something last came over the present path
    this.ticked = at;
  }

  /** Whether the path that is tried is to be a direct one. */
  get searching() {
    return this.needs === direct;
  }

  /** When something has to be decided between two ticks; a time in the past if nothing has. */
  get due() {
    if (this.needs) return this.tryAt;
    // Otherwise the next tick comes first.
    return this.asked === null && this.ticked.now - this.heard > askAfter - tickEach ? this.heard + askAfter : 0;
  }

  /** Comes every tickEach. @param {Clocks} at @param {Sight} s */
  tick(at, s) {
    /** @type {RepairStep[]} */ const steps = [];
    const { now } = at;
    const late = now - this.ticked.now - tickEach;
    if (slept(this.ticked, at)) {
      // What came meanwhile is about to be read. If nothing did, the path counts as silent soon: at the next tick, in a page
      // whose timers fire once a minute, so that this end seems to have slept again.
      if (!this.sleeps) this.heard = now - graceAfterSleep;
      else if (!this.interrupted) this.heard = now - silentAfter;
      this.sleeps++;
      this.asked = null;
      this.ask(now, steps);
    } else if (late > 0) {
      // A page that is short of CPU is late with everything. That must not count as a silence of the other end, because a
      // repair takes even more CPU.
      this.heard += late;
    }
    this.ticked = at;
    const silence = now - this.heard;
    if (s.heard && !this.closed) {
      this.heard = now;
      this.asked = null;
      this.sleeps = 0;
      this.needs &= ~path;
      if (this.interrupted) steps.push("resume");
      this.interrupted = false;
    } else if (this.lostAfter >= 0 && silence >= Math.max(this.lostAfter, silentAfter)) { // an idle link is silent for a second
      steps.push("give up");
      return steps;
    } else if (silence >= silentAfter || this.closed) {
      this.noteSilent(now);
      if (!this.interrupted) steps.push("interrupt");
      this.interrupted = true;
      this.ask(now, steps);
    } else if (silence >= askAfter) {
      this.ask(now, steps);
    }
    return this.plan(now, s, steps);
  }

  /** Asks the other end, once each beatEach. @param {number} now @param {RepairStep[]} steps */
  ask(now, steps) {
    if (this.closed || (this.asked !== null && now - this.asked < beatEach)) return steps;
    this.asked = now;
    steps.push("ask");
    return steps;
  }

  /**
   * Something has changed at this end, so that the present path may be no good any more: it is asked, and another one is
   * tried after delay, and after it had the time to answer if it is not known to be silent.
   * @param {number} now @param {number} delay
   */
  changed(now, delay) {
    this.needs |= change;
    if (!this.interrupted) delay += settleTime;
    this.began = this.asked = null;
    this.tryAt = now + delay;
    if (this.searchAt !== null) {
      this.searches = 0;
      this.searchAt = now + firstSearch / 5;
    }
    return this.ask(now, []);
  }

  /** The other end has answered an ask over the present path: whatever changed, it works. @param {number} now @param {Sight} s */
  answered(now, s) {
    this.needs &= ~change;
    return this.plan(now, s);
  }

  /**
   * The other end wants another path. seen: it knows of the present try, and asks all the same. Then the next one comes,
   * though not more than a few a second. If it may not know of it, it has until the try is freshFor old to answer that.
   * @param {number} now @param {Sight} s @param {boolean} seen
   */
  requested(now, s, seen) {
    this.needs |= request;
    if (seen || this.began === null || now - this.began > freshFor) {
      if (this.began !== null) this.tryAt = Math.max(this.tryAt, this.began + settleTime);
      this.began = null;
    } else {
      this.doubted = true;
      this.tryAt = this.began + freshFor;
    }
    return this.plan(now, s);
  }

  /** The other end has answered the present try. */
  known() {
    this.doubted = false;
  }

  /**
   * The present path has ended, though not the link. The program is told at the next tick, unless another path has taken
   * over by then.
   * @param {number} now @param {Sight} s
   */
  pathClosed(now, s) {
    this.closed = true;
    this.noteSilent(now);
    return this.plan(now, s);
  }

  /** A search for a direct path does not hold up the repair, for which a relay will do. @param {number} now */
  noteSilent(now) {
    if (this.searching) {
      this.searchLater(now);
      this.began = null;
    }
    this.needs |= path;
  }

  /**
   * The path that was being made has failed. The next try comes when this one's time is over: what fails fast fails
   * often.
   * @param {number} now
   */
  failed(now) {
    if (this.searching) this.searchLater(now);
    return this.plan(now, {});
  }

  /** The path that was being made has failed, and one through the signaling server is tried at once. @param {number} now */
  fellBack(now) {
    this.began = null;
    this.tryAt = now;
    return this.plan(now, {});
  }

  /** The link goes over another path from now on. @param {number} now @param {boolean} relayed */
  moved(now, relayed) {
    /** @type {RepairStep[]} */ const steps = this.interrupted ? ["resume"] : [];
    Object.assign(this, new Repair(this.offers, this.lostAfter, this.ticked), { heard: now });
    this.relayed(now, relayed);
    return steps;
  }

  /** @param {number} now @param {boolean} relayed whether the present path goes through a relay */
  relayed(now, relayed) {
    this.searchAt = relayed && this.offers ? now + firstSearch : null;
    this.searches = 0;
  }

  /** Ends a search for a direct path that was in vain. @param {number} now */
  searchLater(now) {
    this.needs &= ~direct;
    this.searchAt = now + Math.min(firstSearch * 2 ** Math.min(2 * this.searches, 8), lastSearch);
    this.searches++;
  }

  /** Decides whether to try, or to drop what is being tried. @param {number} now @param {Sight} s @param {RepairStep[]} steps */
  plan(now, s, steps = []) {
    const over = this.began === null || now - this.began >= this.patience(s);
    if (over && this.began !== null && !this.doubted) { // it was in vain
      this.needs &= ~request; // it comes again while the other end wants one
      if (this.searching) this.searchLater(now);
    }
    if (!this.needs && this.searchAt !== null && now >= this.searchAt) this.needs = direct;
    if (!this.needs && this.began !== null) {
      this.began = null;
      steps.push("drop");
    } else if (this.needs && over && now >= this.tryAt) {
      this.began = now;
      this.doubted = false;
      steps.push("try");
    }
    return steps;
  }

  /** How long a try may take. @param {Sight} s */
  patience(s) {
    if (this.doubted) return freshFor;
    if (s.advanced) return 2 * attemptTimeout;
    if (this.offers && s.fallback && !this.searching) return forwardAfter;
    return this.offers || s.making ? attemptTimeout : requestEach;
  }
}
