// relay-links: paths of rtcpeer.js through the signaling server, for peers that find no other way to each other. It is a
// module of its own, so that pages which do not want it need not load it:
//
//   import { relayLinks } from "./relay-links.js";
//   join(url, { relayLinks });
//
//   Path -> Connection, Channel -> encrypt -> Forwarder -> WebSocket ... signal-server ... the other end
//   Path <- Connection, Channel <- decrypt <- Forwarder <- WebSocket
//
// To rtcpeer.js a Connection is an RTCPeerConnection. What goes over the WebSocket is in signaling/PROTOCOL.md, "Forwarded
// paths", and testdata/wire/forwarded.json has examples. The rules are those of the Go package rtcpeer/transport/forwarded.

import { Forwarder } from "./forwarded/forwarder.js";

/** @import { RelayLinks } from "./types.js" */

/** For config.relayLinks of join and match. @type {RelayLinks} */
export const relayLinks = (socket, drop) => new Forwarder(socket, drop);
