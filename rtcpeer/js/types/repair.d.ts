export type RepairStep = "ask" | "interrupt" | "resume" | "try" | "drop" | "give up";
export type Sight = {
    heard?: boolean;
    making?: boolean;
    advanced?: boolean;
};
export declare const tickEach = 500;
export declare const beatEach = 1000;
export declare const silentAfter = 1400;
export declare const requestEach = 3000;
export declare const freshFor = 1000;
export declare const settleTime = 200;
/**
 * Whether too much time has passed between two ticks. On a machine that was suspended the wall clock tells, in a page
 * that was frozen either.
 * @param {Clocks} before @param {Clocks} at
 */
export declare const slept: (before: Clocks, at: Clocks) => boolean;
export type Clocks = {
    now: number;
    wall: number;
};
/** @typedef {{now: number, wall: number}} Clocks one that goes on steadily, and one that may be set */
/** @returns {Clocks} */
export declare const clocks: () => Clocks;
export declare class Repair {
    offers: boolean;
    lostAfter: number;
    heard: number;
    ticked: Clocks;
    /** When the other end was last asked whether it is there. @type {number | null} */ asked: number | null;
    closed: boolean;
    interrupted: boolean;
    needs: number;
    tryAt: number;
    /** Of the present try. @type {number | null} */ began: number | null;
    doubted: boolean;
    /** When a relayed path looks for a direct one; null: it is not relayed. @type {number | null} */ searchAt: number | null;
    searches: number;
    sleeps: number;
    /** @param {boolean} offers @param {number} lostAfter negative: never @param {Clocks} at */
    constructor(offers: boolean, lostAfter: number, at: Clocks);
    /** Whether the path that is tried is to be a direct one. */
    get searching(): boolean;
    /** When something is to be decided between two ticks; the past, if nothing is. */
    get due(): number;
    /** Comes every tickEach. @param {Clocks} at @param {Sight} s */
    tick(at: Clocks, s: Sight): RepairStep[];
    /** Asks the other end, once each beatEach. @param {number} now @param {RepairStep[]} steps */
    ask(now: number, steps: RepairStep[]): RepairStep[];
    /**
     * Something has changed at this end, so that the present path may be no good any more: it is asked, and another one is
     * tried after delay, and after it had the time to answer if it is not known to be silent.
     * @param {number} now @param {number} delay
     */
    changed(now: number, delay: number): RepairStep[];
    /** The other end has answered an ask over the present path: whatever changed, it works. @param {number} now @param {Sight} s */
    answered(now: number, s: Sight): RepairStep[];
    /**
     * The other end wants another path. seen: it knows of the present try, and asks all the same. Then the next one comes,
     * though not more than a few a second. If it may not know of it, it has until the try is freshFor old to answer that.
     * @param {number} now @param {Sight} s @param {boolean} seen
     */
    requested(now: number, s: Sight, seen: boolean): RepairStep[];
    /** The other end has answered the present try. */
    known(): void;
    /**
     * The present path has ended, though not the link. The program is told at the next tick, unless another path has taken
     * over by then.
     * @param {number} now @param {Sight} s
     */
    pathClosed(now: number, s: Sight): RepairStep[];
    /** A search for a direct path does not hold up the repair, for which a relay will do. @param {number} now */
    noteSilent(now: number): void;
    /**
     * The path that was being made has failed. The next try comes when this one's time is over: what fails fast fails
     * often.
     * @param {number} now
     */
    failed(now: number): RepairStep[];
    /** The link goes over another path from now on. @param {number} now @param {boolean} relayed */
    moved(now: number, relayed: boolean): RepairStep[];
    /** @param {number} now @param {boolean} relayed whether the present path goes through a relay */
    relayed(now: number, relayed: boolean): void;
    /** Ends a search for a direct path that was in vain. @param {number} now */
    searchLater(now: number): void;
    /** Decides whether to try, or to drop what is being tried. @param {number} now @param {Sight} s @param {RepairStep[]} steps */
    plan(now: number, s: Sight, steps?: RepairStep[]): RepairStep[];
    /** How long a try may take. @param {Sight} s */
    patience(s: Sight): number;
}
