import { RtcPeerError } from "./errors.js";
import { Keeper } from "./keeper.js";
import { Lane } from "./lane.js";
import { Negotiation } from "./negotiation.js";
import { Path } from "./path.js";
import { Pending } from "./pending.js";
import type { Presence } from "./inbox.js";
import type { Step } from "./negotiation.js";
import type { Peer } from "./peer.js";
import type { LinkStats, Reason } from "./types.js";
import type { Signal } from "./wire.js";
export declare class Link {
    entry: Peer;
    node: import("./node.js").RtcNode;
    peer: any;
    capable: boolean;
    joins: number;
    /** Empty if the link cannot be repaired. The offering end chooses it. */
    id: string;
    /** @type {Presence} */ presence: Presence;
    negotiation: Negotiation;
    lanes: Lane[];
    reliable: Lane[];
    /** pending: every lane is open, and it is being authenticated. @type {"connecting" | "pending" | "connected" | "ending" | "over"} */ state: "connecting" | "pending" | "connected" | "ending" | "over";
    /** That the link goes over. @type {Path | null} */ path: Path | null;
    /** That is being made. @type {Path | null} */ next: Path | null;
    /** @type {Keeper | null} */ keeper: Keeper | null;
    /** @type {Uint8Array} */ secret: Uint8Array;
    /** This end's half of it. @type {Uint8Array} */ random: Uint8Array;
    tellEach: number;
    interrupted: boolean;
    connectTime: number;
    started: number;
    heardAt: number;
    paths: number;
    pathsRefused: number;
    waiting: number;
    work: Promise<void>;
    /** @type {any[]} */ timers: any[];
    /** Wakes who waits for an early packet, or the end. @type {(v?: any) => void} */ heard: (v?: any) => void;
    asked: boolean;
    unsent: boolean;
    furthest: {
        stage: number;
        detail: string;
    };
    /** Why it ended. @type {Reason | null} */ reason: Reason | null;
    wanted: boolean;
    vanished: boolean;
    dismissed: boolean;
    /** Why there is no link. @type {RtcPeerError | null} */ failure: RtcPeerError | null;
    /** The offer with which the other end gave this link up. @type {Signal | null} */ successor: Signal | null;
    /** What was wrong with what the other end said. @type {RtcPeerError | undefined} */ fault: RtcPeerError | undefined;
    flushing: boolean;
    /** @type {(v?: any) => void} */ finished: (v?: any) => void;
    done: Promise<any>;
    /** @param {Peer} entry in the roster @param {Signal} [first] that asked for the link */
    constructor(entry: Peer, first?: Signal);
    /** Whether every lane is open. */
    get open(): boolean;
    get over(): boolean;
    /** Whether the program, and the others of a star, have been told of it. */
    get published(): boolean;
    get maxMessage(): number;
    /** @param {number} ms @param {() => void} act */
    after(ms: number, act: () => void): void;
    /** Takes a signal of the other end. Candidates that are too many are so many ways less; what else is, is a flood. @param {Signal} s */
    signal(s: Signal): void;
    /** @param {Signal} s @returns {Step[]} */
    receive(s: Signal): Step[];
    /** Whether a refusal is of this link as it is now, and not of an earlier one or an earlier attempt. @param {Signal} s */
    isAbout(s: Signal): boolean;
    /** Whether a signal answers the offer of another link: of the program before this one, whose attempts had the same numbers. @param {Signal} s */
    answersOther(s: Signal): boolean;
    /** Takes steps when those before them are taken. @param {() => Step[]} steps */
    then(steps: () => Step[]): void;
    /** @param {Step[]} steps */
    step(steps: Step[]): void;
    /** What cannot be used fails the link, or the repair; a candidate that cannot be is one path less. @param {Step} step */
    take({ act, data }: Step): Promise<void>;
    /** Replaces the path that is being made by a new one. */
    begin(): Path;
    dropNext(): void;
    /**
     * The offering end begins anew after ms, unless this attempt has come further by then: on a busy machine or
     * a long path giving up what advances would make it all begin again. False if the other end takes one offer
     * alone, as a Godot game does.
     * @param {number} ms @param {number} [reached]
     */
    retry(ms: number, reached?: number): boolean;
    /** How far the path that is being made has come, or least. */
    progress(least?: {
        stage: number;
        detail: string;
    }): {
        stage: number;
        detail: string;
    };
    /**
     * Begins the next attempt, or asks for it, unless the present one is fresh: because something has changed, and what the
     * two ends have told each other of their addresses may be wrong, or because the other end has given the attempt up.
     * @param {number} fresh ms @returns {Step[]}
     */
    startAnew(fresh: number): Step[];
    /** The offering end may not know that this end waits for its offer. @param {boolean} atOnce */
    askAgain(atOnce: boolean): void;
    /** Something has changed at this end. */
    changed(): void;
    /** Asks the offering end for an offer: of a path for the link of that id, or of a new link. @param {string} link */
    request(link: string): void;
    /**
     * Sends a signal to the other end. Without the server none is kept for later: there is a new attempt when it is back,
     * and the other end would have to deal with those of all the time before.
     * @param {Signal} signal @param {number} attempt
     */
    tell(signal: Signal, attempt: number): void;
    /** The time to connect is over. An end that has said hello waits one attempt more: the other one may have the link already. */
    deadline(greeted?: "" | boolean | undefined): void;
    /** @param {Path} path */
    pathOpened(path: Path): void;
    /** @param {Path} path @param {any} data */
    controlled(path: Path, data: any): void;
    /** Every lane is open, and on a link that can be repaired the secret is known. */
    opened(): void;
    /** "disconnected" is no end: ICE comes back from it when the path does. @param {Path} path */
    pathStateChanged(path: Path): void;
    /** The other end closes its reliable lanes when what it sent has arrived, and libdatachannel all of them when it finds the path lost. @param {Path} path */
    channelClosed(path: Path): void;
    /** @param {Path} path @param {boolean} byPeer */
    pathEnded(path: Path, byPeer: boolean): void;
    /** @param {Path} path @param {Lane} lane @param {any} data */
    received(path: Path, lane: Lane, data: any): void;
    /** @param {Lane} lane @param {Uint8Array} bytes */
    deliver(lane: Lane, bytes: Uint8Array): void;
    /** Has the link go over another path, which alone is listened to from now on. @param {Path} path */
    goOver(path: Path): void;
    /** How many packets of each reliable lane were taken, as far as the other end need know. */
    counts(): number[];
    /** All that were: the other end sends again what comes after them. */
    takeCounts(): number[];
    /** What the other end says, over a path, that it has taken. False if that cannot be. @param {Path} path @param {number[]} counts */
    takenByOther(path: Path, counts: number[]): boolean;
    /** Has config.auth accept the other end, and waits until that has accepted this one. */
    authenticate(): Promise<void>;
    /**
     * Ends an authentication that is not done in time. If the other end does not answer, it may well be the path that took
     * so long, and the two try again. An end that never said a word of it learns what it was missing, by one that Godot
     * takes without harm: it means "you are accepted".
     * @param {Pending} peer
     */
    late(peer: Pending): void;
    /** @param {string} [why] @param {any} [cause] */
    unauthorized(why?: string, cause?: any): RtcPeerError;
    admit(): void;
    /** @param {boolean} interrupted */
    interrupt(interrupted: boolean): void;
    /** The other end has given the link up, for one that it offers. @param {Signal} s */
    giveWay(s: Signal): void;
    /** @param {string} why */
    misbehaves(why: string): void;
    /** It takes nothing of what is relayed to it. One whose link is interrupted may come back. */
    tooSlow(): void;
    /** There will be no link. @param {RtcPeerError} error @param {boolean} [gently] so that what was sent arrives */
    fail(error: RtcPeerError, gently?: boolean): void;
    /**
     * Ends the link; the first reason stays. What the other end's program would miss is waited for, up to config.linger.
     * @param {Reason} reason @param {RtcPeerError} [error] @param {boolean} [atOnce]
     */
    end(reason: Reason, error?: RtcPeerError, atOnce?: boolean): void;
    /** Waits for what the other end has sent before it closed. @param {Reason} reason @param {RtcPeerError} [error] */
    drain(reason: Reason, error?: RtcPeerError): void;
    /** Ends the link when what was accepted to be sent has arrived, or linger is over. @param {Reason} reason @param {RtcPeerError} [error] */
    finish(reason: Reason, error?: RtcPeerError): void;
    /** Asks what has arrived. */
    flush(): void;
    /** Sees whether all has arrived. */
    flushed(): void;
    /**
     * The same for an end that does not tell what it has taken: closes the reliable lanes, which is acknowledged, when what
     * was accepted is sent. bufferedAmount is no measure for that: older libwebrtc counts only what SCTP has not taken yet,
     * and a channel that closes forgets the rest. What is still being sent shows in the bytes on the wire. After much of it
     * they must rest for a second, because they also do when a full window is lost, until SCTP sends it again.
     * @param {Reason} reason @param {RtcPeerError} [error]
     */
    flushUnkept(reason: Reason, error?: RtcPeerError): Promise<void>;
    /** @type {(() => void) | undefined} */ drained: (() => void) | undefined;
    /**
     * @param {Reason} reason @param {RtcPeerError} [error] @param {Reason} [said] to the other end, if it is not reason
     * @param {boolean} [late] it may not have arrived
     */
    close(reason: Reason, error?: RtcPeerError, said?: Reason, late?: boolean): void;
    /** Has the signaling server tell that this end has ended the link, as the path does not. If the node leaves the room the server tells that anyway. */
    refuse(): void;
    clearTimers(): void;
    /** @returns {Promise<LinkStats>} */
    stats(): Promise<LinkStats>;
}
