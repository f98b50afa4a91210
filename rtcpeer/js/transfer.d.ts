import type { ErrorCode, Event, RtcNode } from "./rtcpeer.js";

/** See TransferError. The codes of RtcPeerError are those of a send that failed. */
export type TransferErrorCode =
  | "refused" | "not_receiving" | "cancelled" | "failed" | "hash_mismatch" | "protocol" | "peer_gone" | "host_changed" | "changed"
  | "sink" | "aborted" | "answered" | "closed" | "bad_config" | ErrorCode;

/** Limits, all optional. Sizes are in bytes; defaults are in parentheses. */
export type FilesOptions = {
  /**
   * How much of a file that is being received may be in flight or wait for the stream (4194304; 65536 to 67108864).
   */
  window?: number;
  /** How many files are sent to one peer at a time; further files wait (4; at most 16). */
  atOnce?: number;
  /** The largest packet to send, at most config.maxPacket of the nodes (16384). */
  maxPacket?: number;
  /** Refuses every offer: the other ends get not_receiving (false). */
  sendOnly?: boolean;
};

/** Options of sendFile. */
export type SendOptions = {
  /** The name for the receiver, without a folder (blob.name, or "unnamed"). */
  name?: string;
  /** Cancels the transfer. */
  signal?: AbortSignal;
  /** Is called with the number of bytes sent. The first call comes when the file is accepted, with the number that the receiver already had. */
  onprogress?: (sent: number) => void;
};

/** Options of toBlob and pipeTo. */
export type ReceiveOptions = {
  /** Cancels the transfer. */
  signal?: AbortSignal;
  /** Is called with the number of bytes received. */
  onprogress?: (received: number) => void;
  /**
   * For toBlob: what arrived earlier, from the part of a TransferError. If the file begins with it, the transfer continues
   * after it.
   */
  part?: Blob;
};
/**
 * The error of one transfer. Programs branch on code:
 * - refused: the other end does not want the file.
 * - not_receiving: the other end accepts no files.
 * - cancelled: the other end has cancelled the transfer.
 * - failed: the other end could not read or write its file, or something threw here, for example onprogress.
 * - hash_mismatch: the bytes that arrived differ from those that the sender read.
 * - protocol: the other end has broken the protocol, or says that this end has.
 * - peer_gone: the other end is not connected any more.
 * - host_changed: the star has another host, and part of the file may be lost with the old one. Only the receiver gets
 *   this: the sender offers the file again, and toBlob can continue with part.
 * - changed: the Blob cannot be read any more, for example because its file has changed.
 * - sink: the stream cannot be written to; cause says why.
 * - aborted: options.signal was aborted; cause says why.
 * - answered: the offer was already accepted or refused.
 * - closed: the Files object was closed.
 * - bad_config: an argument is not valid.
 */
export declare class TransferError extends Error {
    code: TransferErrorCode;
    /** The peer it is about. @type {number | undefined} */ peer: number | undefined;
    /** The name of the file that the error is about. @type {string | undefined} */ file: string | undefined;
    /** What has arrived, if toBlob can continue with it: see ReceiveOptions. @type {Blob | undefined} */ part: Blob | undefined;
    /** @param {TransferErrorCode} code @param {string} message @param {any} [cause] */
    constructor(code: TransferErrorCode, message: string, cause?: any);
}
/** Sends and receives files over one reliable channel of a node, on which the program sends nothing of its own. */
export declare class Files {
    /** node is that of join, or has its host and sends its packets in another way. @param {Pick<RtcNode, "host" | "send">} node @param {number} channel @param {FilesOptions} [options] */
    constructor(node: Pick<RtcNode, "host" | "send">, channel: number, { window, atOnce, maxPacket, sendOnly }?: FilesOptions);
    /**
     * Handles an event of the node, and returns true if it was a packet of a transfer. Call it for every event, in order,
     * because it has to know which peers are gone.
     * @param {Event} event @returns {boolean}
     */
    handle(event: Event): boolean;
    /**
     * Offers a file to a peer, waits until the peer accepts it, and sends it. It resolves when the other end has the complete
     * file with the right SHA-256, and rejects with a TransferError. After peer_gone or aborted, sending the same file again
     * continues the transfer. When a star gets another host, the file is offered again.
     * @param {number} peer @param {Blob & {name?: string}} blob @param {SendOptions} [options] @returns {Promise<void>}
     */
    sendFile(peer: number, blob: Blob & {
        name?: string;
    }, { name, signal, onprogress }?: SendOptions): Promise<void>;
    /** Returns the next offer, or undefined after close. The program must call toBlob, pipeTo or refuse of the offer. */
    nextOffer(): Promise<Offer | undefined>;
    /** The offers, until close. */
    [Symbol.asyncIterator](): AsyncGenerator<Offer, void, unknown>;
    /** Cancels all transfers and tells the other ends. Call it before node.close. */
    close(): void;
}
/** A file that a peer offers. The peer waits until the program calls toBlob, pipeTo or refuse, which it may do once. */
export declare class Offer {
    /** @readonly */ peer: number;
    /** A name that is safe in a folder of any system: see safeName. @readonly */ name: string;
    /** In bytes, as the peer says; undefined if it does not know. @readonly @type {number | undefined} */ size: number | undefined;
    /** Refuses the file. The sender gets why, at most 300 bytes. @param {string} [why] */
    refuse(why?: string): void;
    /**
     * Accepts the file and resolves with all of it. Rejects with a TransferError, whose part can be an option when the same
     * file is offered again.
     * @param {ReceiveOptions} [options] @returns {Promise<Blob>}
     */
    toBlob({ signal, onprogress, part }?: ReceiveOptions): Promise<Blob>;
    /**
     * Accepts the file and writes it to a stream as Uint8Arrays. It closes the stream when the file is complete and its SHA-256
     * is right, and aborts it otherwise, without waiting for that. Rejects with a TransferError.
     * @param {WritableStream<any>} stream @param {ReceiveOptions} [options] @returns {Promise<void>}
     */
    pipeTo(stream: WritableStream<any>, { signal, onprogress }?: ReceiveOptions): Promise<void>;
}
/**
 * Returns a name that is safe in a folder of any system: one element of a path, at most 255 bytes of UTF-8, without control
 * characters, without characters that change the direction of writing or that Windows does not allow, not the name of a
 * device of Windows, without a dot at the beginning, and without a dot or space at the end. It replaces unsafe characters by
 * "_", and an empty name by "unnamed".
 * @param {string} name @returns {string}
 */
export declare function safeName(name: string): string;
