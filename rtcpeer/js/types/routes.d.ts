import type { RtcPeerError } from "./errors.js";
import type { Frame } from "./frames.js";
import type { Presence } from "./inbox.js";
import type { Lane } from "./lane.js";
import type { Link } from "./link.js";
import type { RtcNode } from "./node.js";
import type { Command, Reason } from "./types.js";
export declare class Mesh {
    node: RtcNode;
    /** @param {RtcNode} node */
    constructor(node: RtcNode);
    /** A packet as it is on the wire. @param {Uint8Array} data @param {Command} [command] */
    frame(data: Uint8Array, command?: Command): Uint8Array<ArrayBufferLike>;
    /** @param {number} peer @param {number} i @param {Uint8Array} data @param {boolean} wait @param {Command} [command] @returns {Promise<void> | undefined} */
    send(peer: number, i: number, data: Uint8Array, wait: boolean, command?: Command): Promise<void> | undefined;
    /** @param {Lane} lane @param {Uint8Array} bytes */
    receive(lane: Lane, bytes: Uint8Array): void;
    /** The other end demands authentication. @param {Link} link @param {Frame} f */
    asked(link: Link, f: Frame): void;
    /** Takes a frame of the relay, if it is one that comes here. Nobody relays in a mesh. @param {Lane} lane @param {Frame} f */
    told(lane: Lane, f: Frame): boolean;
    /** @param {Link} link */
    up(link: Link): void;
    /** @param {Link} link @param {Reason} reason @param {RtcPeerError} [error] */
    down(link: Link, reason: Reason, error?: RtcPeerError): void;
    peers(): any[];
}
export declare class Host extends Mesh {
    /**
     * A guest authenticates although nobody asks here. In Godot it waits until its time is over, unless the host happens
     * to send something: the answer is what lets it in.
     * @param {Link} link @param {Frame} f
     */
    asked({ lanes: [lane] }: Link, f: Frame): void;
    /** @param {Lane} lane @param {Frame} f */
    told(lane: Lane, f: Frame): boolean;
    /**
     * The host is one of "everybody"; to reach it alone a guest sends to it. A guest that names itself gets its packet
     * back, as from Godot's host.
     * @param {Lane} from @param {Frame} f
     */
    relay(from: Lane, f: Frame): void;
    /** @param {Link} link */
    up(link: Link): void;
    /** @param {Link} link @param {Reason} reason @param {RtcPeerError} [error] */
    down(link: Link, reason: Reason, error?: RtcPeerError): void;
}
export declare class Guest extends Mesh {
    /** @type {Map<number, Presence>} */ relayed: Map<number, Presence>;
    /** @type {number[]} */ gone: number[];
    /** @param {number} peer @param {number} i @param {Uint8Array} data @param {boolean} wait @param {Command} [command] */
    send(peer: number, i: number, data: Uint8Array, wait: boolean, command?: Command): Promise<any> | undefined;
    /** @param {Lane} lane @param {Frame} f */
    told(lane: Lane, f: Frame): boolean;
    /** One that is gone stays so until it is announced again. @param {number} id @param {boolean} announced */
    meet(id: number, announced: boolean): Presence;
    /** @param {number} id @param {Reason} reason */
    part(id: number, reason: Reason): void;
    /** @param {Link} link @param {Reason} reason @param {RtcPeerError} [error] */
    down(link: Link, reason: Reason, error?: RtcPeerError): void;
    peers(): any[];
}
