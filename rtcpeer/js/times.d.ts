export type PeerTime = {
    rtt: number;
    offset: number;
};
/** The times of one node's peers: config.times of join. */
export declare class PeerTimes {
    /**
     * How long a small packet takes to a connected peer and back at the moment, in ms, smoothed; behind a star's host by way
     * of it. It is measured once a second while packets pass, and every five seconds otherwise. undefined: not known (yet), or
     * the peer or the host does not measure. A browser does only with this module.
     * @param {number} peer
     */
    rtt(peer: number): number | undefined;
    /**
     * How far a peer's clock is ahead of performance.timeOrigin + performance.now() here, in ms. A peer in Go has Node.Now. It is
     * wrong by at most half of the shortest round trip lately, if all of the delay is on one way. undefined: not known.
     * @param {number} peer
     */
    offset(peer: number): number | undefined;
}
