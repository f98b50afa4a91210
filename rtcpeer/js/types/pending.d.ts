import type { Frame } from "./frames.js";
import type { Link } from "./link.js";
import type { Path } from "./path.js";
import type { Outgoing } from "./types.js";
/** @import { Frame } from "./frames.js" */
/** @import { Link } from "./link.js" */
/** @import { Path } from "./path.js" */
/** @import { Outgoing } from "./types.js" */
/** The PendingPeer of a link: what comes on the lane of authentication. The other lanes wait until it is admitted. */
export declare class Pending {
    id: any;
    link: Link;
    accepted: boolean;
    /** Whether it was listened to and has sent nothing of authentication. @type {boolean | undefined} */ silent: boolean | undefined;
    /** @param {Link} link */
    constructor(link: Link);
    /** @param {Outgoing["data"]} data */
    send(data: Outgoing["data"]): void;
    receive(): Promise<Uint8Array<ArrayBufferLike> | null>;
    /** @returns {Promise<{entry: Path["early"][0], f: Frame}>} */
    next(): Promise<{
        entry: Path["early"][0];
        f: Frame;
    }>;
}
