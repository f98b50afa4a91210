/** Lets a node follow the host of a star that migrates: config.migration of join. Each node needs its own. */
export declare class Migration {
    /** The number of hosts that the room has had: 1 for the first. 0: the room ends with its host. Read-only. */ term: number;
    /** neverHost: this node is never chosen as the host, for example because it is a phone on battery. @param {{neverHost?: boolean}} [options] */
    constructor({ neverHost }?: {
        neverHost?: boolean;
    });
    /**
     * Names the member that is to host the room after this one, and does not wait. It holds until the next call, and only if
     * that member can be the host when the time comes. 0 means nobody; then the server chooses the member that has been there
     * the longest. Only the host may call it. Throws not_host, unknown_peer, closed.
     * @param {number} id
     */
    setSuccessor(id: number): void;
}
