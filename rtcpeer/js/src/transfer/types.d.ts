// The options of the contract. What stands here is in transfer.d.ts.

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
