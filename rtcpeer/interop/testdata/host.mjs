// Where the players of one stack are, in Node: node host.mjs STACK HOST RTCPEER_JS PACKAGES

import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { join as joinWithAddon } from "./addon.mjs";
import { join as joinAsGame } from "./godot.mjs";
import { play } from "./player.mjs";

const [stack, host, module, packages] = process.argv.slice(2);
const require = createRequire(packages + "/package.json");
const { WebSocket } = require("ws");
const stacks = { libdatachannel: "node-datachannel/polyfill", libwebrtc: "@roamhq/wrtc", werift: "werift" };
let rtcpeer, config;
if (stack === "godot") {
  rtcpeer = { join: (url, config) => (config.addon ? joinWithAddon : joinAsGame)(url, config) };
  config = { WebSocket, PeerConnection: require("node-datachannel").PeerConnection };
} else {
  rtcpeer = await import(pathToFileURL(module).href);
  config = { WebSocket, RTCPeerConnection: require(stacks[stack]).RTCPeerConnection };
}

const call = (path) => new WebSocket(`ws://${host}${path}`);
const socket = call("/host?kind=" + stack);
process.on("unhandledRejection", (e) => socket.send(String(e?.stack ?? e)));
socket.on("message", (data) => {
  const { do: what, n } = JSON.parse(data);
  if (what !== "open") return;
  const player = call("/player?n=" + n);
  player.on("open", () => play(player, rtcpeer, config).then(() => player.close()));
});
socket.on("close", () => process.exit());
