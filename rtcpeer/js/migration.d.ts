/** What a node in a star that migrates needs: config.migration of join, for one node. */
export declare class Migration {
    /** Counts the hosts of the room: 1 for the first. 0: the room ends with its host. To be read alone. */ term: number;
    /** neverHost: this node follows, and is not chosen as the host, as a phone on its battery. @param {{neverHost?: boolean}} [options] */
    constructor({ neverHost }?: {
        neverHost?: boolean;
    });
    /**
     * Names the member that is to host the room after this one, and does not wait. It counts until the next call, and only if
     * that member can be host when the time comes. 0: nobody; then the server chooses the one that has been there the
     * longest. To be called by the host: throws not_host, unknown_peer, closed.
     * @param {number} id
     */
    setSuccessor(id: number): void;
}
