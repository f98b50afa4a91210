// The authentication of a link: the object that config.auth gets, and the packets that came before the link was connected.

import { eventCost, toBytes } from "./basics.js";
import { authenticate, authFrame, decodeFrame } from "./frames.js";

/** @import { Frame } from "./frames.js" */
/** @import { Link } from "./link.js" */
/** @import { Path } from "./path.js" */
/** @import { Outgoing } from "./types.js" */

/** The PendingPeer of a link: what comes on the lane of authentication. The other lanes wait until it is admitted. */
export class Pending {
  accepted = false; // the other end has accepted this one
  /** Whether config.auth has waited for the other end, which has sent nothing of authentication so far. @type {boolean | undefined} */ silent;

  /** @param {Link} link */
  constructor(link) {
    this.link = link;
    this.id = link.peer;
    this.isHost = this.id === link.node.host;
  }

  /** @param {Outgoing["data"]} data */
  send(data) {
    const { link } = this;
    const bytes = toBytes(data);
    if (!bytes.length) throw link.unauthorized("no data");
    link.node.checkSize(bytes);
    link.lanes[0].send(authFrame(bytes), false);
  }

  async receive() {
    while (!this.accepted) {
      const { f } = await this.next();
      if (f.sub !== authenticate) this.link.node.drop("pending");
      else if (f.body.length) return f.body;
      else this.accepted = true;
    }
    return null;
  }

  /** @returns {Promise<{entry: Path["early"][0], f: Frame}>} */
  async next() {
    const { link } = this;
    this.silent ??= true;
    for (;;) {
      if (link.state !== "pending") throw link.unauthorized();
      const path = /** @type {Path} */ (link.path);
      const i = path.early.findIndex(({ lane }) => !lane.index);
      if (i < 0) await new Promise((resolve) => (link.heard = resolve));
      else {
        const [entry] = path.early.splice(i, 1);
        path.earlyBytes -= entry.bytes.length + eventCost;
        const f = decodeFrame(entry.bytes);
        if (f?.sub === authenticate) this.silent = false;
        if (f) return { entry, f };
        link.node.drop("malformed");
      }
    }
  }
}
