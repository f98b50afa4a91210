// Notices events after which links and signaling are checked at once, and not only after a silence: the network of this machine
// has changed, or the page was hidden, frozen, in the back/forward cache or asleep. It also ends the node when the page is left.

import { clocks, slept } from "./repair.js";

/** @import { RtcNode } from "./node.js" */

const watchEach = 1000; // ms; how soon a page that was asleep notices it

export class Watch {
  /** Removes all listeners: it is passed as their options, and has the signal. */ ending = new AbortController();

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
