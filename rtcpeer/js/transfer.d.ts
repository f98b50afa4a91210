import type { Event, RtcNode } from "./rtcpeer.js";

/** Bounds, in bytes but for atOnce. Everything may be left out. */
export type FilesOptions = {
  /**
   * How much of a file that is being received may be on its way, or wait for the stream (4194304; 65536 to 67108864).
   */
  window?: number;
  /** How many files are sent to one peer at a time; more wait (4; at most 16). */
  atOnce?: number;
  /** The largest packet sent; not more than config.maxPacket of the nodes (16384). */
  maxPacket?: number;
  /** Refuses every offer: the other ends get not_receiving (false). */
  sendOnly?: boolean;
};

/** How a file is sent. */
export type SendOptions = {
  /** What the receiver may call it, without a folder (blob.name, or "unnamed"). */
  name?: string;
  /** Cancels the transfer. */
  signal?: AbortSignal;
  /** Is told how many bytes were sent: first, once the file is accepted, how many the receiver had already. */
  onprogress?: (sent: number) => void;
};

/** How a file is received. */
export type ReceiveOptions = {
  /** Cancels the transfer. */
  signal?: AbortSignal;
  /** Is told how many bytes are there. */
  onprogress?: (received: number) => void;
  /**
   * For toBlob: what has arrived before, as the part of a TransferError. If the file begins like that, it goes on from
   * there.
   */
  part?: Blob;
};
/**
 * The failure of one transfer. Programs branch on code:
 * - refused: the other end does not want the file.
 * - not_receiving: the other end takes no files at all.
 * - cancelled: the other end has cancelled the transfer.
 * - failed: the other end could not read its file, or not write it.
 * - hash_mismatch: what has arrived is not what the sender has read.
 * - protocol: the other end has broken the protocol, or says that this end has.
 * - peer_gone: the other end is not connected any more.
 * - host_changed: the star that the file went through has another host, and some of it may be lost with the one before.
 *   Only for the receiver: the sender offers the file again, and toBlob can go on with part.
 * - changed: the Blob cannot be read any more, as when its file has changed.
 * - sink: the stream cannot be written to; cause says why.
 * - aborted: options.signal was; cause says why.
 * - answered: the offer was accepted or refused before.
 * - closed: the Files were.
 * - bad_config: an argument is none.
 */
export declare class TransferError extends Error {
    code: string;
    /** The peer it is about. @type {number | undefined} */ peer: number | undefined;
    /** The file it is about. @type {string | undefined} */ file: string | undefined;
    /** What has arrived, if toBlob can go on with it: see its options. @type {Blob | undefined} */ part: Blob | undefined;
    /** @param {string} code @param {string} message @param {any} [cause] */
    constructor(code: string, message: string, cause?: any);
}
/** Sends and receives files over one reliable channel of a node, on which the program sends nothing of its own. */
export declare class Files {
    /** @param {RtcNode} node @param {number} channel @param {FilesOptions} [options] */
    constructor(node: RtcNode, channel: number, { window, atOnce, maxPacket, sendOnly }?: FilesOptions);
    /**
     * Takes an event of the node, and says whether it was a packet of a transfer. It wants every event, in order, since it
     * has to know who is gone.
     * @param {Event} event @returns {boolean}
     */
    handle(event: Event): boolean;
    /**
     * Offers a file to a peer, waits until it is accepted, and sends it. Resolves once the other end has the whole file and
     * its SHA-256 is right; rejects with a TransferError. After peer_gone and aborted, sending the same file again resumes
     * what was interrupted. When a star gets another host, the file is offered again.
     * @param {number} peer @param {Blob & {name?: string}} blob @param {SendOptions} [options] @returns {Promise<void>}
     */
    sendFile(peer: number, blob: Blob & {
        name?: string;
    }, { name, signal, onprogress }?: SendOptions): Promise<void>;
    /** The next offer; undefined after close. The program has to call one of its toBlob, pipeTo and refuse. */
    nextOffer(): Promise<Offer | undefined>;
    /** The offers, until close. */
    [Symbol.asyncIterator](): AsyncGenerator<Offer, void, unknown>;
    /** Cancels all transfers, and tells the other ends. Call it before node.close. */
    close(): void;
}
/** A file that a peer wants to send. It waits until one of toBlob, pipeTo and refuse is called, once. */
export declare class Offer {
    /** @readonly */ peer: number;
    /** A name that is safe in a folder of any system: see safeName. @readonly */ name: string;
    /** In bytes, as the peer says; undefined if it does not know. @readonly @type {number | undefined} */ size: number | undefined;
    /** Tells the sender that the file is not wanted, and why, in at most 300 bytes. @param {string} [why] */
    refuse(why?: string): void;
    /**
     * Accepts the file and collects it. Rejects with a TransferError, whose part is what options of another offer of the
     * same file may say.
     * @param {ReceiveOptions} [options] @returns {Promise<Blob>}
     */
    toBlob({ signal, onprogress, part }?: ReceiveOptions): Promise<Blob>;
    /**
     * Accepts the file and writes it, as Uint8Arrays, to a stream, which is closed when the whole file is there and its
     * SHA-256 is right, and aborted otherwise. Rejects with a TransferError.
     * @param {WritableStream<any>} stream @param {ReceiveOptions} [options] @returns {Promise<void>}
     */
    pipeTo(stream: WritableStream<any>, { signal, onprogress }?: ReceiveOptions): Promise<void>;
}
/**
 * Makes a name that is safe in a folder of any system: one element of a path, at most 255 bytes of UTF-8, without
 * control characters, those that rule the direction of writing, and those that Windows does not take; no device of
 * Windows; no dot at its beginning, no dot or space at its end. What is not safe becomes "_"; what is left empty is
 * "unnamed".
 * @param {string} name @returns {string}
 */
export declare function safeName(name: string): string;
