// Keeps an open link working: checks its path, makes another one if the path fails, and moves the link to it. Repair decides
// what to do. The next path takes over like this:
//
//   offering end                              answering end
//     offer, repair, link ------------------>   answer, link
//     ======== ICE, DTLS, SCTP: every lane open =========
//              <----------------------------  prove
//     prove, take what was delivered -------->  from here on it takes packets of the new path alone
//              <----------------------------  take what was delivered
//     each sends again what the other has not taken, and closes the old path

import { now } from "./basics.js";
import { beatEach, clocks, Repair, silentAfter, tickEach } from "./repair.js";
import { answers, asks, beat, bye, endedBy, equal, prove, take } from "./control.js";
import { sendBuffer } from "./lane.js";
import { attemptTimeout, laterAttempt } from "./negotiation.js";

/** @import { Control } from "./control.js" */
/** @import { Link } from "./link.js" */
/** @import { Path } from "./path.js" */
/** @import { RepairStep, Sight } from "./repair.js" */
/** @import { Bye, Signal } from "./wire.js" */

/**
 * How many control frames may come from one tick to the next, besides those that tell what was taken: an end sends one of
 * these for each eighth of what the other keeps.
 */
const maxBeats = 4096;

/** The fault of an end whose count of taken packets is impossible: more than were sent to it, or fewer than before. */
export const badCounts = "it claims too many packets";

/**
 * How many ms the signaling server may take to say why the other end has closed the path: it may be at the other side of the
 * world, and this end may have to connect to it again.
 */
const refusalTime = 3000;

/**
 * How many bytes an end may take before it tells the other end.
 * @param {number} kept how many bytes the other end keeps for each lane
 */
export const tellEach = (kept) => Math.max(Math.min(kept, 2 ** 30) / 8, Math.min(kept / 2, 1024), 1);

export class Keeper {
  /** The path before the present one, until the other end has confirmed that one. @type {Path | null} */ old = null;
  closedByPeer = false; // the other end has closed the present path
  /** Set when the signaling server says that the other end has ended this link, until it is heard again: what its program has said. @type {Partial<Bye> | undefined} */ refused;
  heard = 0; // packets and control frames that had come by the last tick
  control = 0; // likewise, the control frames of the present path
  carried = 0; // bytes sent over the reliable lanes
  told = 0; // how many packets were taken, as the other end was last told
  said = 0; // when this end last sent something while the other end knew of all packets taken
  /** @type {ReturnType<typeof setInterval> | undefined} */ ticker;
  /** When a try is due before the next tick. @type {ReturnType<typeof setTimeout> | undefined} */ due;

  /** @param {Link} link whose first path is open */
  constructor(link) {
    this.link = link;
    this.repair = new Repair(link.negotiation.offers, link.node.config.lostAfter, clocks());
    if (link.id) this.ticker = setInterval(() => this.tick(), tickEach);
  }

  stop() {
    clearInterval(this.ticker);
    clearTimeout(this.due);
    this.old?.close();
    this.old = null;
  }

  get offers() {
    return this.link.negotiation.offers;
  }

  /** Whether the two ends may go over different paths at the moment. */
  get moving() {
    const { next } = this.link;
    return this.offers ? this.old !== null : !!next?.opened; // this end has sent its proof there, and the other end may have moved
  }

  /** What can be seen of the path that is being made. @returns {Sight} */
  sight() {
    const { next } = this.link;
    return next ? { making: true, advanced: next.progress({ stage: 0 }).stage > 1, fallback: this.link.fallback } : {};
  }

  /** Something has changed at this end. */
  changed() {
    const { link } = this;
    link.forwardNext = link.path?.forwarded; // attempts made while the server was away tell nothing
    if (link.id) this.decide(this.repair.changed(now(), link.node.spread()));
  }

  // ---- What comes over the present path, and over the next one.

  /** @param {Path} path @param {Control} frame */
  controlled(path, frame) {
    const { link } = this;
    path.heard++;
    if (path === link.next) return this.nextControlled(path, frame);
    if (frame.kind === bye && (path === link.path || path === this.old)) {
      link.dismissed = true;
      link.end(endedBy(frame.reason), frame.bye);
    } else if (path !== link.path) { // of a path that was given up
      if (path === this.old && frame.kind === beat) link.takenByOther(path, frame.counts);
    } else if (frame.kind === beat) {
      this.beaten(path, frame);
    } else if (frame.kind === take && this.offers && this.old) {
      const { old } = this;
      this.old = null;
      this.moved(old, frame.counts);
    } else {
      link.misbehaves("not a control frame");
    }
  }

  /** @param {Path} path @param {Control} frame */
  beaten(path, frame) {
    const { link } = this;
    const { flags, counts } = frame;
    if (!link.takenByOther(path, counts)) return;
    link.timing?.beaten(path, frame);
    if (flags & asks) path.tell(answers);
    if (flags & answers) this.decide(this.repair.answered(now(), this.sight()));
    link.flushed();
  }

  /** Takes a control frame of the path that is being made. Until the other end has proven who it is, only its proof counts. @param {Path} path @param {Control} frame */
  nextControlled(path, frame) {
    const { link, offers } = this;
    if (!path.proven && frame.kind === prove && path.binding() && equal(path.proof(!offers), frame.mac)) {
      path.proven = true;
      if (offers) this.takeOver(path);
    } else if (path.proven && frame.kind === take && !offers) {
      this.follow(path, frame.counts);
    } else if (frame.kind !== beat) {
      if (path.proven) return link.misbehaves("not a control frame");
      link.pathsRefused++;
      this.nextFailed();
    }
  }

  /** @param {Path} path that is being made, with every lane open */
  nextOpened(path) {
    if (!this.offers) path.say({ kind: prove, mac: path.proof(false) });
  }

  nextFailed() {
    const fallback = this.link.fallback && !this.repair.searching;
    this.link.dropNext();
    this.decide(fallback ? this.repair.fellBack(now()) : this.repair.failed(now()));
  }

  /**
   * Moves the link of the offering end to the next path. Its reliable packets still go over the old path, until the other
   * end has said what it has taken. In a search for a better path, it first checks whether this one is better.
   * @param {Path} path
   */
  async takeOver(path) {
    const { link } = this;
    if (this.repair.searching) await path.stats();
    if (path !== link.next || link.over) return;
    if (this.repair.searching && path.grade <= /** @type {Path} */ (link.path).grade) return this.nextFailed();
    path.say({ kind: prove, mac: path.proof(true) });
    path.say({ kind: take, counts: link.takeCounts() });
    this.old?.close();
    this.old = link.path;
    this.switchTo(path);
  }

  /** Moves the link of the answering end to the next path, where the other end is already. @param {Path} path @param {number[]} counts */
  follow(path, counts) {
    const { link } = this;
    const old = link.path;
    path.say({ kind: take, counts: link.takeCounts() });
    this.switchTo(path);
    this.moved(old, counts);
  }

  /** @param {Path} path */
  switchTo(path) {
    this.control = 0;
    this.link.timing?.moved();
    this.closedByPeer = false;
    this.link.goOver(path);
  }

  /** All lanes send over the present path, and send again what the other end has not taken. @param {Path | null} old @param {number[]} counts */
  moved(old, counts) {
    const { link } = this;
    const path = /** @type {Path} */ (link.path);
    old?.close();
    if (!link.reliable.every((lane, i) => lane.moveTo(path, counts[i]))) return link.misbehaves(badCounts);
    link.heardAt = now();
    this.decide(this.repair.moved(now(), false));
    link.flushed();
    this.look();
  }

  /** Checks whether the present path goes through a relay or the signaling server. */
  async look() {
    const { link } = this;
    const { path } = link;
    await path?.stats();
    if (path && path.grade < 2 && path === link.path && !link.over) this.repair.relayed(now(), true);
  }

  /** The present path has ended. @param {Path} path @param {boolean} byPeer */
  pathEnded(path, byPeer) {
    // While the link moves, the other end may close this path for the next one: the offering end as soon as it has taken
    // that, the answering end when it is offered yet another one.
    if (byPeer && !this.moving) this.closedByPeer = true;
    if (!this.repair.closed) this.decide(this.repair.pathClosed(now(), this.sight()));
    if (this.closedByPeer && path === this.link.path && !this.link.over) this.vanish(path);
  }

  /**
   * The other end has closed the present path without a bye: its program is gone without having ended the link, as when a
   * tab is closed. A program that goes on moves the link before it closes a path. After a silence the other end may have
   * ended the link, or have given it up, and its bye was lost. Then the signaling server says so soon.
   * @param {Path} path
   */
  vanish(path) {
    const { link } = this;
    const end = (/** @type {"by peer" | "lost"} */ reason) => {
      link.vanished = true;
      link.end(reason);
    };
    if (now() - link.heardAt > silentAfter) link.after(refusalTime, () => path === link.path && end("lost"));
    else end("by peer");
  }

  // ---- What comes by way of the signaling server.

  /** @param {Signal} s */
  signaled(s) {
    const { link, offers } = this;
    const { negotiation } = link;
    if (s.type === "offer") {
      const other = !link.id || s.link !== link.id;
      if (other && s.repair) return link.request(link.id, s.attempt); // there is no such link here
      // It is for another link, or one of the two has never had this link open.
      if ((!s.repair || !link.published) && ((other && s.link) || (s.attempt || 1) > negotiation.attempt)) return link.giveWay(s);
      if (other) return;
    }
    if (s.type === "repair") return this.requested(s);
    if (s.type === "refuse") return this.refusedBy(s);
    if (s.type === "fail" && link.isAbout(s)) return this.nextFailed();
    if (link.answersOther(s)) return;
    const steps = negotiation.receive(s);
    link.then(() => steps);
    if (offers && negotiation.described) this.repair.known();
  }

  /**
   * The server says that the other end has ended the link. This is believed only when nothing more comes over the present
   * path: the server may not be honest.
   * @param {Signal} s
   */
  refusedBy(s) {
    if (!this.link.isAbout(s)) return;
    if (this.repair.interrupted || this.repair.closed) this.link.end("by peer", s.bye);
    else this.refused = s.bye ?? {};
  }

  /** An answering end wants another path, or does not have this link. @param {Signal} s */
  requested(s) {
    const { link } = this;
    const { negotiation } = link;
    const attempt = s.attempt ?? 0;
    if (!link.id || !this.offers) return;
    if (s.link === link.id) {
      const seen = attempt >= negotiation.attempt;
      negotiation.attempt = laterAttempt(negotiation.attempt, attempt); // more, if somebody else has offered a path in this end's name
      this.decide(this.repair.requested(now(), this.sight(), seen));
    } else if (attempt >= (link.path?.attempt ?? 0)) { // else it was sent before this link was open
      link.end("lost");
    }
  }

  // ---- Time.

  tick() {
    const { link } = this;
    const path = /** @type {Path} */ (link.path);
    link.timing?.tick(path);
    let heard = path.heard, { said } = path, told = 0, carried = 0;
    for (const lane of link.lanes) {
      heard += lane.received;
      said = Math.max(said, lane.lastWrite);
    }
    for (const lane of link.reliable) {
      told += lane.count();
      carried += lane.carried;
    }
    if (path.heard - this.control > maxBeats + (carried - this.carried) / tellEach(sendBuffer)) return link.misbehaves("it floods the control lane");
    this.control = path.heard;
    this.carried = carried;
    if (link.next && !this.offers && now() - link.next.began > 2 * attemptTimeout) link.dropNext();
    const s = { ...this.sight(), heard: heard !== this.heard };
    this.heard = heard;
    if (s.heard) this.refused = undefined;
    this.beat(path, said, told);
    this.decide(this.repair.tick(clocks(), s));
  }

  /**
   * Says that this end is there when it has said nothing for a while, or has taken what the other end does not know of.
   * @param {Path} path @param {number} said when something was last said @param {number} told
   */
  beat(path, said, told) {
    if (told === this.told) this.said = said;
    if (now() - this.said < beatEach - tickEach / 2) return;
    path.tell();
    this.told = told;
    this.said = now();
  }

  // ---- What was decided.

  /** Does what was decided. A link that is not connected yet is not repaired: it is made anew. @param {RepairStep[]} steps */
  decide(steps) {
    const { link } = this;
    for (const step of steps) {
      if (link.over) return;
      if (!link.published && step !== "ask") return link.end("lost");
      if (this.forsaken(step)) return link.end("by peer", this.refused);
      if (step === "ask") link.path?.tell(asks);
      else if (step === "interrupt" || step === "resume") link.interrupt(step === "interrupt");
      else if (step === "try") this.try();
      else if (step === "give up") return link.end("lost");
      else if (this.offers) link.dropNext();
    }
    clearTimeout(this.due);
    const wait = this.repair.due - now();
    if (wait > 0 && !link.over) this.due = setTimeout(() => this.tick(), wait);
  }

  /** Whether the other end, from which nothing comes, is known to have ended the link. @param {RepairStep} step */
  forsaken(step) {
    const { gone } = this.link.entry;
    if (step === "interrupt") return this.refused || gone;
    return step === "try" && ((this.refused && this.repair.closed) || (!this.repair.searching && gone));
  }

  /** Makes another path, or asks the other end to make one. */
  try() {
    const { link } = this;
    if (this.offers) link.then(() => (this.repair.began === null ? [] : link.negotiation.retry()));
    else link.request(link.id);
  }
}
