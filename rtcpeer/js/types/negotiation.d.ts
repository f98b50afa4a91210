import type { Signal } from "./wire.js";
export type Step = {
    act: "offer" | "answer" | "accept" | "candidate";
    data?: Signal;
};
export declare const attemptTimeout = 7000;
/** The largest number of an attempt that is believed. Whoever counts from 1 never gets there. */
export declare const maxAttempt: number;
export declare class Negotiation {
    offers: boolean;
    attempt: number;
    /** That it is for; undefined with a member that does not tell. @type {string | undefined} */ link: string | undefined;
    described: boolean;
    /** @type {Signal[]} */
    early: Signal[];
    /** @param {boolean} offers */
    constructor(offers: boolean);
    /** Begins the first or the next attempt. @returns {Step[]} */
    retry(): Step[];
    /** @param {Signal} s @returns {Step[]} */
    receive(s: Signal): Step[];
    /** @param {Step} first @returns {Step[]} */
    describe(first: Step): Step[];
}
