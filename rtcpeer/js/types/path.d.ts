import type { Control } from "./control.js";
import type { Lane } from "./lane.js";
import type { Link } from "./link.js";
import type { Signal } from "./wire.js";
export declare class Path {
    link: Link;
    attempt: number;
    began: number;
    pc: any;
    /** The lanes', in their order. @type {RTCDataChannel[]} */ channels: RTCDataChannel[];
    /** null on a link that cannot be repaired. @type {RTCDataChannel | null} */ control: RTCDataChannel | null;
    opened: boolean;
    closed: boolean;
    broken: boolean;
    proven: boolean;
    /** Control frames that came before this end's channels were open. @type {any[]} */ unread: any[];
    heard: number;
    said: number;
    maxMessage: number;
    described: boolean;
    /** Own candidates, until the description is sent. @type {Signal[] | null} */ held: Signal[] | null;
    /** Kinds of candidates. @type {string[]} */ local: string[];
    /** @type {string[]} */ remote: string[];
    candidates: number;
    strangers: number;
    /** Packets that came before the link went over this path, or was connected. @type {{lane: Lane, bytes: Uint8Array}[]} */ early: {
        lane: Lane;
        bytes: Uint8Array;
    }[];
    earlyBytes: number;
    relayed: boolean;
    /** @param {Link} link @param {boolean} direct whether no relay is to be used */
    constructor(link: Link, direct: boolean);
    /** @param {number} id @param {string} label @param {RTCDataChannelInit} init @returns {RTCDataChannel} */
    open(id: number, label: string, init: RTCDataChannelInit): RTCDataChannel;
    offer(): Promise<void>;
    /** @param {Signal} offer */
    answer(offer: Signal): Promise<void>;
    /** @param {Signal} description */
    accept({ type, sdp }: Signal): Promise<void>;
    /** One that is over the bound is one way less to reach the other end. @param {Signal} signal */
    add({ candidate, sdpMid, sdpMLineIndex }: Signal): Promise<void>;
    /** The description is sent: now the candidates may follow. */
    release(): void;
    /** How far it has come, or least. @param {{stage: number, detail: string}} least */
    progress(least: {
        stage: number;
        detail: string;
    }): {
        stage: number;
        detail: string;
    };
    /** Whether it has ended, though nobody has closed it. */
    get failed(): boolean;
    /** Sends a control frame. @param {Control} frame */
    say(frame: Control): void;
    /** Says that this end is there, and what it has taken. @param {number} [flags] */
    beat(flags?: number): void;
    /** beat, for what can be left out: when a path works again after an hour, it is no flood that comes. @param {number} [flags] */
    tell(flags?: number): void;
    /** The certificates of both ends, that of the offering one first, as far as a browser tells: all that are named. */
    binding(): string;
    /** The proof of one end. @param {boolean} offers */
    proof(offers: boolean): Uint8Array<ArrayBufferLike>;
    /** Keeps a packet for later. False if there are too many. @param {Lane} lane @param {Uint8Array} bytes @param {number} most */
    hold(lane: Lane, bytes: Uint8Array, most: number): boolean;
    /** @returns {Promise<{rtt: number, local: string, remote: string, bytesSent: number, bytesReceived: number}>} */
    stats(): Promise<{
        rtt: number;
        local: string;
        remote: string;
        bytesSent: number;
        bytesReceived: number;
    }>;
    close(): void;
}
