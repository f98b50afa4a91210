import { Repair } from "./repair.js";
import type { Control } from "./control.js";
import type { Link } from "./link.js";
import type { Path } from "./path.js";
import type { RepairStep, Sight } from "./repair.js";
import type { Signal } from "./wire.js";
/** What is wrong with an end that claims to have taken what it was never sent. */
export declare const badCounts = "it claims to have taken packets that it cannot have, or fewer than before";
/** How many bytes an end may take before it tells the other one, which keeps so many for each lane. @param {number} kept */
export declare const tellEach: (kept: number) => number;
export declare class Keeper {
    link: Link;
    repair: Repair;
    /** Was given up for the present one, which the other end has not confirmed yet. @type {Path | null} */ old: Path | null;
    closedByPeer: boolean;
    refused: boolean;
    heard: number;
    said: number;
    control: number;
    carried: number;
    told: number;
    saidAt: number;
    /** @type {ReturnType<typeof setInterval> | undefined} */ ticker: ReturnType<typeof setInterval> | undefined;
    /** When a try is due before the next tick. @type {ReturnType<typeof setTimeout> | undefined} */ due: ReturnType<typeof setTimeout> | undefined;
    /** @param {Link} link whose first path is open */
    constructor(link: Link);
    stop(): void;
    get offers(): boolean;
    /** Whether the two ends may go over different paths at the moment. */
    get moving(): boolean;
    /** What can be seen of the path that is being made. @returns {Sight} */
    sight(): Sight;
    /** Something has changed at this end. */
    changed(): void;
    /** @param {Path} path @param {Control | null} frame */
    controlled(path: Path, frame: Control | null): void;
    /** @param {Path} path @param {Control} frame */
    beaten(path: Path, { flags, counts }: Control): void;
    /** Until the other end has proven who it is, nothing that it says counts. @param {Path} path @param {Control | null} frame */
    nextControlled(path: Path, frame: Control | null): void;
    /** @param {Path} path that is being made, with every lane open */
    nextOpened(path: Path): void;
    nextFailed(): void;
    /**
     * Has the link of the offering end go over the next path. What it sends reliably still goes over the old one, until
     * the other end has said what it has taken. A search for a direct path first sees whether it is one.
     * @param {Path} path
     */
    takeOver(path: Path): Promise<void>;
    /** Has the link of the answering end go over the next path, as the other end does already. @param {Path} path @param {number[]} counts */
    follow(path: Path, counts: number[]): void;
    /** @param {Path} path */
    switchTo(path: Path): void;
    /** All lanes send over the present path, and send again what the other end has not taken. @param {Path | null} old @param {number[]} counts */
    moved(old: Path | null, counts: number[]): void;
    /** Finds out whether the present path goes through a relay. */
    look(): Promise<void>;
    /** The present path has ended. @param {Path} path @param {boolean} byPeer */
    pathEnded(path: Path, byPeer: boolean): void;
    /**
     * The other end has closed the present path without a bye: its program is gone without having ended the link, as when a
     * tab is closed. A program that goes on has the link move before it closes a path. One that was not heard has given
     * the link up, and its bye was lost.
     */
    vanish(): void;
    /** @param {Signal} s */
    signaled(s: Signal): void;
    /** An offer that is not for a path of this link. @param {Signal} s */
    offered(s: Signal): void;
    /**
     * The other end has ended the link, and its bye was lost. As long as the present path is heard that cannot be: the
     * server may not be honest, or the word is for an earlier link.
     * @param {Signal} s
     */
    refusedBy(s: Signal): void;
    /** An answering end wants another path, or does not have this link. @param {Signal} s */
    requested(s: Signal): void;
    tick(): void;
    /**
     * Says that this end is there when it has said nothing for a while, or has taken what the other end does not know of.
     * @param {Path} path @param {number} said @param {number} told
     */
    beat(path: Path, said: number, told: number): void;
    /** A link that is not connected yet is not repaired: it is made anew. @param {RepairStep[]} steps */
    decide(steps: RepairStep[]): void;
    /** Whether the other end, of which this end hears nothing, is known to have ended the link. @param {RepairStep} step */
    forsaken(step: RepairStep): boolean;
    /** Makes another path, or asks the other end to. */
    try(): void;
}
