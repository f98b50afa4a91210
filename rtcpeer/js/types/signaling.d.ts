import { RtcPeerError } from "./errors.js";
import type { Config } from "./types.js";
import type { Message } from "./wire.js";
export declare class Signaling {
    url: string;
    shown: string;
    join: Message;
    config: Config;
    /** @type {any} */ socket: any;
    /** @type {string[]} */ outbox: string[];
    /** @type {Message | null} */ welcome: Message | null;
    /** @type {RtcPeerError | null} */ error: RtcPeerError | null;
    /** Why there is no connection at the moment. @type {RtcPeerError | null} */ lost: RtcPeerError | null;
    closed: boolean;
    bound: number;
    garbage: number;
    /** @type {() => void} */ wake: () => void;
    /** @type {() => void} */ hurry: () => void;
    /** Finds out whether the present socket works. @type {() => void} */ ask: () => void;
    /** Ends the present socket, and tries to come back. @type {() => void} */ drop: () => void;
    /** @type {(why: RtcPeerError) => void} */ onlost: (why: RtcPeerError) => void;
    /** That came before there was a node. @type {Message[]} */ held: Message[];
    /** @type {(m: Message) => void} */ onmessage: (m: Message) => void;
    /** @type {(why: RtcPeerError) => void} */ onend: (why: RtcPeerError) => void;
    /** @param {string} url @param {Message} join @param {Config} config */
    constructor(url: string, join: Message, config: Config);
    /** Connects the first time, unless config.signal gives it up. @param {string} [answer] */
    first(answer?: string): Promise<Message>;
    /** Connects once, and resolves with the answer. @returns {Promise<Message>} */
    connect(answer?: string): Promise<Message>;
    /** @param {Message} w */
    adopt(w: Message): void;
    /** Tries until there is a connection, or the reason is final. @param {RtcPeerError} why */
    redial(why: RtcPeerError): Promise<void>;
    /** @param {Message} message */
    send(message: Message): void;
    /** Finds out at once whether the connection still works, or tries to come back now. */
    check(): void;
    /** Gives up the place. */
    close(): void;
}
