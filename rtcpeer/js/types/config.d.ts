import type { Config, IceServer, Mode } from "./types.js";
/** @import { Config, IceServer, Mode } from "./types.js" */
/** @param {Config} config */
export declare function withDefaults(config: Config): {
    topology?: import("./types.js").Topology;
    auth?: (peer: import("./types.js").PendingPeer) => void | Promise<void>;
    iceTransportPolicy?: "all" | "relay";
    metadata?: any;
    token?: string;
    password?: string;
    resume?: string;
    keepPlace?: boolean;
    newRoom?: import("./types.js").NewRoom;
    signal?: AbortSignal;
    log?: (text: string, detail?: any) => void;
    RTCPeerConnection: {
        new (configuration?: RTCConfiguration): RTCPeerConnection;
        prototype: RTCPeerConnection;
        generateCertificate(keygenAlgorithm: AlgorithmIdentifier): Promise<RTCCertificate>;
    } | (new (config?: any) => any);
    WebSocket: new (url: string, protocols: string[]) => any;
    channels: Mode[];
    framed: boolean;
    maxRetransmits: number;
    maxPacket: number;
    connectTimeout: number;
    lostAfter: number;
    authTimeout: number;
    linger: number;
    iceServers: IceServer[];
    refuse: boolean;
    maxPeers: number;
};
