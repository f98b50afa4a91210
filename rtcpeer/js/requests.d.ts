import type { Bytes, EndedEvent, Event, RtcNode } from "./rtcpeer.js";

export type Codec = {
    encode: (value: any) => Bytes;
    decode: (bytes: Uint8Array) => any;
};
export type RequestErrorCode = "timeout" | "aborted" | "disconnected" | "closed" | "failed" | "busy";
export type RequestOptions = {
    timeout?: number;
    signal?: AbortSignal;
};
/** Why there is no answer. Its name is AbortError, TimeoutError or RequestError. */
export declare class RequestError extends Error {
    code: RequestErrorCode;
    /** @param {RequestErrorCode} code @param {string} text @param {any} [cause] */
    constructor(code: RequestErrorCode, text: string, cause?: any);
}
/** Values that JSON has. @type {Codec} */
export declare const json: Codec;
/** The requests of one node. They have their channel for themselves, and take the node's events: see take. */
export declare class Requests {
    #private;
    /**
     * Answers what a peer asks; an error is told by its message. signal: the answer is not wanted any more. Without one, requests fail.
     * @type {((data: any, from: {peer: number, signal: AbortSignal}) => any) | null}
     */
    onRequest: ((data: any, from: {
        peer: number;
        signal: AbortSignal;
    }) => any) | null;
    /**
     * channel is a reliable one of config.channels. Without a codec, questions and answers are strings or bytes, and arrive as bytes.
     * @param {RtcNode} node @param {{channel: number, codec?: Codec}} options
     */
    constructor(node: RtcNode, { channel, codec }: {
        channel: number;
        codec?: Codec;
    });
    /**
     * Asks a peer, and resolves with its answer. At most 1024 requests to a peer may be unanswered. A packet is at most
     * config.maxPacket less 5 bytes. Rejects with a RequestError, or with what send or the codec throws.
     * @param {number} peer @param {any} data @param {RequestOptions} [options]
     * @returns {Promise<any>}
     */
    request(peer: number, data: any, { timeout, signal }?: RequestOptions): Promise<any>;
    /** Takes each event of the node, and returns whether it was for requests alone. @param {Event | EndedEvent} event */
    take(event: Event | EndedEvent): boolean;
    /** Ends all requests, as the end of the node does. */
    close(): void;
}
