// Defaults and checks of config.

import { KiB } from "./basics.js";
import { RtcPeerError } from "./errors.js";

/** @import { Config, IceServer, Mode } from "./types.js" */

/** Options that have no default. */
const others = "topology auth iceTransportPolicy metadata token password resume keepPlace create newRoom signal relayLinks times migration log".split(" ");

/** @param {Config} config */
export function withDefaults(config) {
  const given = Object.entries(config).filter(([, value]) => value !== undefined);
  const { RTCPeerConnection, WebSocket } = globalThis;
  const defaults = {
    RTCPeerConnection, WebSocket,
    channels: /** @type {Mode[]} */ ([]), framed: false, maxRetransmits: 0, maxPacket: 16 * KiB, connectTimeout: 20000, lostAfter: 30000, authTimeout: 3000,
    linger: 500, iceServers: /** @type {IceServer[]} */ ([]), refuse: false, maxPeers: 0,
  };
  const c = { ...defaults, .../** @type {Config} */ (Object.fromEntries(given)) };
  const { maxPacket, maxPeers } = c;
  const unknown = given.find(([name]) => !(name in defaults || others.includes(name)));
  const wrong = (/** @type {string} */ why) => new RtcPeerError("bad_config", `config.${why}`);
  if (unknown) throw wrong(`${unknown[0]}: no such option`);
  if (!c.RTCPeerConnection || !c.WebSocket) throw wrong("RTCPeerConnection or config.WebSocket is missing");
  if (c.relayLinks && !globalThis.crypto.subtle) throw wrong("relayLinks: serve the page over https");
  if (!(maxPacket >= 1 && maxPacket <= 256 * KiB)) throw wrong(`maxPacket ${maxPacket}: want 1 to ${256 * KiB}`);
  if (!(maxPeers >= 0)) throw wrong(`maxPeers ${maxPeers}: want 0 or more`);
  return c;
}
