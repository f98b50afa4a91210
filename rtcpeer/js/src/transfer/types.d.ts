// The options and error codes that programs see. They become part of transfer.d.ts.

import type { ErrorCode } from "../types.js";

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
