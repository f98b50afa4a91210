// Notices what makes links and signaling worth a question at once, instead of after their silence: that the network of this
// machine has changed, or that the page was hidden, frozen, put away or asleep. And has a page that is left say goodbye.

import { clocks, slept } from "./repair.js";

/** @import { RtcNode } from "./node.js" */

const watchEach = 1000; // ms; how soon a page that was asleep notices it

export class Watch {
  /** @type {(() => void)[]} */ undo = [];
  suspended = false;

  /** @param {RtcNode} node */
  constructor(node) {
    const { document, navigator } = globalThis;
    const changed = () => node.changed();
    for (const name of ["online", "offline"]) this.on(globalThis, name, changed);
    this.on(/** @type {any} */ (navigator)?.connection, "change", changed);
    this.on(document, "resume", changed);
    this.on(document, "visibilitychange", () => document.hidden || changed());
    this.on(globalThis, "pageshow", () => {
      if (this.suspended) changed();
      this.suspended = false;
    });
    // A page does not know whether it is left for good, reloaded, or put into the back/forward cache: Chromium says
    // "persisted" of one that is reloaded, too.
    this.on(globalThis, "pagehide", () => {
      this.suspended = !!node.config.keepPlace;
      if (this.suspended) node.suspend();
      else node.closeAll(true);
    });
    let before = clocks();
    const timer = setInterval(() => {
      const at = clocks();
      if (slept(before, at)) node.changed();
      before = at;
    }, watchEach);
    this.undo.push(() => clearInterval(timer));
  }

  /** @param {any} target @param {string} name @param {(e: Event) => void} take */
  on(target, name, take) {
    if (!target?.addEventListener) return;
    target.addEventListener(name, take);
    this.undo.push(() => target.removeEventListener?.(name, take));
  }

  stop() {
    for (const undo of this.undo.splice(0)) undo();
  }
}
