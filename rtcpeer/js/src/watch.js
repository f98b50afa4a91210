// Notices what makes links and signaling worth a question at once, instead of after their silence: that the network of this
// machine has changed, or that the page was hidden, frozen, put away or asleep. And has a page that is left say goodbye.

import { clocks, slept } from "./repair.js";

/** @import { RtcNode } from "./node.js" */

const watchEach = 1000; // ms; how soon a page that was asleep notices it

export class Watch {
  /** Ends all of it. As the options of a listener it has the signal for that. */ ending = new AbortController();

  /** @param {RtcNode} node */
  constructor(node) {
    const { document, navigator } = globalThis;
    const changed = () => node.changed();
    const on = (/** @type {any} */ target, /** @type {string} */ name, /** @type {(e: any) => void} */ take) => target?.addEventListener?.(name, take, this.ending);
    for (const name of ["online", "offline"]) on(globalThis, name, changed);
    on(/** @type {any} */ (navigator)?.connection, "change", changed);
    on(document, "resume", changed);
    on(document, "visibilitychange", () => document.hidden || changed());
    on(globalThis, "pageshow", ({ persisted }) => persisted && changed());
    // A page does not know whether it is left for good, reloaded, or put into the back/forward cache: Chromium says
    // "persisted" of one that is reloaded, too.
    on(globalThis, "pagehide", () => (node.config.keepPlace ? node.suspend() : node.closeAll(true)));
    let before = clocks();
    this.timer = setInterval(() => {
      const at = clocks();
      if (slept(before, at)) node.changed();
      before = at;
    }, watchEach);
  }

  stop() {
    this.ending.abort();
    clearInterval(this.timer);
  }
}
