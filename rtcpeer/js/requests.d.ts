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
/**
 * The error of a request without an answer. Its name is AbortError, TimeoutError or RequestError. Programs branch on code:
 * - timeout, aborted: an option of the request has ended it.
 * - disconnected: the peer was disconnected meanwhile.
 * - closed: the node has ended, or close was called.
 * - failed: the other end's onRequest threw, or its answer cannot be decoded.
 * - busy: 1024 requests to the peer are unanswered.
 */
export declare class RequestError extends Error {
    code: RequestErrorCode;
    /** @param {RequestErrorCode} code @param {string} text @param {any} [cause] */
    constructor(code: RequestErrorCode, text: string, cause?: any);
}
/** A codec for values that JSON can express. @type {Codec} */
export declare const json: Codec;
/** The requests of one node. They need a channel of their own, and the events of the node: see take. */
export declare class Requests {
    #private;
    /**
     * Answers a request of a peer. If it throws, the peer gets the message of the error. signal is aborted when the answer is not wanted any more. While it is null, requests fail.
     * @type {((data: any, from: {peer: number, signal: AbortSignal}) => any) | null}
     */
    onRequest: ((data: any, from: {
        peer: number;
        signal: AbortSignal;
    }) => any) | null;
    /**
     * channel is a reliable channel of config.channels. Without a codec, requests and answers are strings or bytes, and arrive as bytes.
     * @param {RtcNode} node @param {{channel: number, codec?: Codec}} options
     */
    constructor(node: RtcNode, { channel, codec }: {
        channel: number;
        codec?: Codec;
    });
    /**
     * Sends a request to a peer, and resolves with the answer. options.timeout is in ms (10000; 0: no limit), and
     * options.signal cancels the request. At most 1024 requests to a peer may be unanswered. A request or an answer has at
     * most config.maxPacket - 5 bytes. Rejects with a RequestError, or with what send or the codec throws.
     * @param {number} to @param {any} data @param {RequestOptions} [options]
     * @returns {Promise<any>}
     */
    request(to: number, data: any, { timeout, signal }?: RequestOptions): Promise<any>;
    /** Handles an event of the node; call it for each one. It returns true if the event was only for requests. @param {Event | EndedEvent} event */
    take(event: Event | EndedEvent): boolean;
    /** Ends all requests, like the end of the node. */
    close(): void;
}
