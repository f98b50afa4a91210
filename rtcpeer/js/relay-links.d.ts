import type { RelayLinks } from "./rtcpeer.js";

/** For config.relayLinks of join and match. @type {RelayLinks} */
export declare const relayLinks: RelayLinks;
