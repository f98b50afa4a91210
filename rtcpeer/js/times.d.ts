export type PeerTime = {
    rtt: number;
    offset: number;
};
/** Measures the round trips and clocks of a node's peers: config.times of join. */
export declare class PeerTimes {
    /**
     * Returns the smoothed round trip of a small packet to a connected peer, in ms; for a peer behind a star's host, the round
     * trip through the host. It is measured once a second while packets pass, and otherwise every five seconds. It is
     * undefined while it is not known, or if the peer or the host does not measure. A browser measures only with this module.
     * @param {number} peer
     */
    rtt(peer: number): number | undefined;
    /**
     * Returns how far a peer's clock is ahead of performance.timeOrigin + performance.now() here, in ms. The clock of a peer in
     * Go is Node.Now. The result is wrong by at most half of the shortest recent round trip. It is undefined while not known.
     * @param {number} peer
     */
    offset(peer: number): number | undefined;
}
