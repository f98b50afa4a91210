// One entry of the roster: a member of the room, or one that has left it and still has its link. It makes one link after the
// other with that member, as long as it is a member and no link has ended for good.
//
//   link 1 ---- lost or failed ---- link 2 ---- ... ---- ended by one of the two: refused, left, kicked
//          at once, for a minute; then with pauses up to 30 s, which any news cuts short

import { now } from "./basics.js";
import { Link } from "./link.js";
import { laterAttempt } from "./negotiation.js";

/** @import { RtcNode } from "./node.js" */
/** @import { Bye, Signal } from "./wire.js" */

// For how long after the first failure there is no pause between two tries, so that a path that comes back is found within a
// second.
const hurryFor = 60000;
const firstPause = 1000, lastPause = 30000;
const shortest = 1000; // ms from the beginning of one try to the next, if each fails at once

// How many offers and requests a peer may send at once, and how often one more later. Several network changes in a row, each
// with a few tries, pass.
const offerBurst = 20, offerEach = 1000;

/** Failures that stay until the member joins anew. */
const final = ["refused", "unauthorized", "misbehaved", "channel_mismatch"];

export class Peer {
  present = false; // it is a member
  /** The present link; null: none. @type {Link | null} */ link = null;
  running = false; // there is a link, or another one follows
  lost = false; // its last link was lost, and could not be repaired
  gone = false; // it has left the room or was kicked, so its program is not in the room any more
  ended = false; // its last link has ended for good: it has to join anew to get another one
  /** What the program here has said to it when it ended the link. @type {Bye | undefined} */ bye;
  joins = 0; // how often another program than before has joined in its place
  links = 0; // how many links there have been
  attempt = 0; // of the last offer
  offers = -Infinity; // until when its offers, and its requests for offers, have used up what it may send
  patience = 1; // how many times attemptTimeout an offer may wait for its answer
  /** When the first of the failures in a row came. @type {number | null} */ since = null;
  pause = 0;
  told = false; // the program has been told that there is no link
  /** The link before, while the next one waits. @type {Link | null} */ before = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */ timer;

  /** @param {RtcNode} node @param {any} member */
  constructor(node, member) {
    this.node = node;
    this.member = member;
  }

  /** Whether it says that it takes part in repairs. */
  get capable() {
    return !!this.member.features?.includes("repair");
  }

  /** Whether it is connected. */
  get up() {
    return this.link?.state === "connected";
  }

  /** Makes the first link, or the next one. @param {Signal} [first] that asked for it */
  start(first) {
    this.before = null;
    this.running = true;
    this.lost = this.ended = false;
    this.bye = undefined;
    this.links++;
    this.link = new Link(this, first);
  }

  /** Takes a signal for its links. False if there are none. @param {Signal} s */
  take(s) {
    if (/offer|repair/.test(s.type)) { // each costs a path; those beyond the limit are ignored, as if the server had lost them
      const offers = Math.max(this.offers, now() - offerBurst * offerEach) + offerEach;
      if (offers > now()) return true;
      this.offers = offers;
    }
    if (this.link) this.link.signal(s);
    else if (this.before) this.waited(this.before, s);
    return this.running;
  }

  /** A signal comes while the next link waits. @param {Link} before @param {Signal} s */
  waited(before, s) {
    this.attempt = laterAttempt(this.attempt, s.attempt);
    if (s.type === "refuse" && before.isAbout(s)) this.stop(before);
    else if (/offer|repair/.test(s.type)) this.again(before, s); // if it is about the link before, the other end has not noticed, or waits
  }

  /** Something has changed that makes a try worthwhile. */
  changed() {
    if (this.link) return this.link.changed();
    if (!this.before) return;
    this.since = now();
    this.pause = 0;
    this.wait(this.before, this.node.spread());
  }

  /** Whether the cause for which a link has ended can pass, so that another one is made. Only members that take part in repairs expect one. @param {Link} link */
  mayPass(link) {
    if (link.wanted) return false;
    if (link.published) return link.id !== "" && (link.reason === "lost" || link.vanished);
    return link.capable && (link.failure ? !final.includes(link.failure.code) : link.reason === "lost");
  }

  /** Whether another link follows on one that is over. @param {Link} link */
  follows(link) {
    return this.mayPass(link) || (link.successor !== null && !link.wanted) || (this.present && this.joins !== link.joins);
  }

  /** A link is over: makes the next one, now or later, or none. @param {Link} link */
  next(link) {
    if (link.published || this.since === null) {
      this.since = now();
      this.pause = 0;
    }
    this.attempt = Math.max(this.attempt, link.negotiation.attempt);
    if (link.successor && !link.wanted) return this.again(link, link.successor);
    if (!this.mayPass(link)) return this.stop(link);
    this.wait(link, this.nextPause(link));
  }

  /** @param {Link} link */
  nextPause(link) {
    if (now() - /** @type {number} */ (this.since) < hurryFor) return Math.max(this.node.spread(), shortest - (now() - link.started));
    this.pause = Math.min(Math.max(2 * this.pause, firstPause), lastPause);
    return (this.pause * (1 + Math.random())) / 2;
  }

  /** @param {Link} before @param {number} ms */
  wait(before, ms) {
    clearTimeout(this.timer);
    this.before = before;
    this.timer = setTimeout(() => this.again(before), ms);
  }

  /** Makes the link that follows on another, unless its peer is no member any more, or there is to be none. @param {Link} before @param {Signal} [first] */
  again(before, first) {
    const { node } = this;
    clearTimeout(this.timer);
    if (node.ended || !this.present || node.refuse || node.signaling.error) return this.halt(before);
    if (node.inbox.backlogged && !node.inbox.closed) { // the program does not take the events of links that come and go
      this.since = now() - hurryFor;
      return this.wait(before, this.nextPause(before));
    }
    this.start(first);
  }

  /** There are no more links, for good, or until it joins anew. @param {Link} link */
  stop(link) {
    this.ended = link.id !== "";
    this.halt(link);
  }

  /** @param {Link} link the last one */
  halt(link) {
    clearTimeout(this.timer);
    this.before = null;
    this.running = false;
    if (!this.present) this.node.roster.delete(this.member.id);
    else if (this.joins !== link.joins && !this.node.ended) this.node.connect(this.member); // another program has joined
  }

  /** The member has joined, or has come back. Returns whether a link is to be made. @param {any} member */
  joined(member) {
    const { link } = this;
    const news = !this.present, { lost, gone } = this;
    const restarted = gone || (!!this.member.incarnation && !!member.incarnation && member.incarnation !== this.member.incarnation);
    this.member = member;
    this.present = true;
    this.lost = this.gone = false;
    if (restarted || (news && (!link || link.reason !== null))) this.joins++;
    if (this.running) {
      if (restarted && link) link.end(gone ? "by peer" : "lost");
      else this.changed();
      return false;
    }
    if (news || restarted) this.ended = false;
    // A lost link without repairs is not made again, with one exception: if this end was away for so long that its links were
    // lost, the other ends take it for gone, and wait for its offers.
    return news || restarted || (lost && this.node.id > member.id);
  }
}
