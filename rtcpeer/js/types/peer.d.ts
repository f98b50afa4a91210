import { Link } from "./link.js";
import type { RtcNode } from "./node.js";
import type { Signal } from "./wire.js";
export declare class Peer {
    node: RtcNode;
    member: any;
    present: boolean;
    /** null between two. @type {Link | null} */ link: Link | null;
    running: boolean;
    lost: boolean;
    gone: boolean;
    ended: boolean;
    joins: number;
    links: number;
    attempt: number;
    /** When the trouble began. @type {number | null} */ since: number | null;
    pause: number;
    told: boolean;
    /** The link before, while the next one waits. @type {Link | null} */ before: Link | null;
    /** @type {ReturnType<typeof setTimeout> | undefined} */ timer: ReturnType<typeof setTimeout> | undefined;
    /** @param {RtcNode} node @param {any} member */
    constructor(node: RtcNode, member: any);
    /** Whether it says that it takes part in repairs. */
    get capable(): boolean;
    /** Whether it is connected. */
    get up(): boolean;
    /** Makes the first link, or the next one. @param {Signal} [first] that asked for it */
    start(first?: Signal): void;
    /** Takes a signal for its links. False if there are none. @param {Signal} s */
    take(s: Signal): boolean;
    /** A signal comes while the next link waits. @param {Link} before @param {Signal} s */
    waited(before: Link, s: Signal): void;
    /** Something has changed that makes a try worthwhile. */
    changed(): void;
    /** Whether the cause for which a link has ended can pass, so that another one is made. Only members that take part in repairs expect one. @param {Link} link */
    mayPass(link: Link): boolean;
    /** Whether another link follows on one that is over. @param {Link} link */
    follows(link: Link): boolean;
    /** A link is over: makes the next one, now or later, or none. @param {Link} link */
    next(link: Link): void;
    /** @param {Link} link */
    nextPause(link: Link): number;
    /** @param {Link} before @param {number} ms */
    wait(before: Link, ms: number): void;
    /** Makes the link that follows on another, unless its peer is no member any more, or there is to be none. @param {Link} before @param {Signal} [first] */
    again(before: Link, first?: Signal): void;
    /** There are no more links, for good, or until it joins anew. @param {Link} link */
    stop(link: Link): void;
    /** @param {Link} link the last one */
    halt(link: Link): void;
    /** It has joined, or has come back. Returns whether a link is to be made. @param {any} member */
    joined(member: any): boolean;
}
