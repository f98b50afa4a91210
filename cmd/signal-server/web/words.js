// What went wrong, and what to do about it, in words for whoever looks at the page.

const words = {
  unreachable: "The signaling server does not answer over WebSocket. It may have stopped, or a proxy, firewall or browser extension blocks WebSockets. Check that this page still loads, then try again; another network may help.",
  sealed: "This room is closed for newcomers: its host has sealed it. Ask for another room, or create one.",
  room_full: "This room is full. Wait until somebody leaves and try again, or use another room.",
  server_full: "The server is full at the moment. Try again in a minute.",
  shutting_down: "The server is restarting. Try again in a moment.",
  bad_room: "That is no room name: use 1 to 64 letters, digits, - and _.",
  too_large: "The server finds a message too large. Ask whoever runs it to raise --max-message.",
  replaced: "Another connection has taken this place in the room. Join again to get a new one.",
  slow: "This tab reads too slowly for what is sent to it. Close what keeps the computer busy and join again.",
  host_gone: "The host has left or lost its connection, and a star ends with its host. Create a new room to go on.",
  host_left: "The host has left, and a star ends with its host. Create a new room to go on.",
  topology_mismatch: "This room already exists with the other topology. Choose another name.",
  unknown_kind: "The server speaks another version than this page. Reload the page; if that does not help, update the server.",
  bad_message: "The server speaks another version than this page. Reload the page; if that does not help, update the server.",
};

const links = {
  channel_mismatch: "its program uses other channels than this page. It must join without channels of its own.",
  refused: "it takes no new connections. Ask its owner, or try again later.",
  negotiation: "the two browsers could not agree on a connection. Reload both pages.",
};

// By the stage at which a link's deadline found it.
const stages = {
  signaling: "it did not answer through the server. Its tab or program may be stuck: reload it.",
  path: "no network path was found. UDP is probably blocked, or both are behind strict NATs: try another network, or have the server name a STUN server (--ice-server).",
  security: "the encryption could not be set up. A clock that is far off, or a firewall that inspects traffic, does that.",
  lanes: "the path is there, but its channels did not open. Reload both pages.",
};

export const noWebRtc = "This browser cannot connect directly to others: it has no WebRTC, or an extension or a policy turns it off. Use a recent Firefox, Chrome, Edge or Safari, or allow WebRTC.";

/** @param {any} error of join, or with which a node ended */
export const forRoom = (error) => words[error.code] ?? `Something went wrong: ${error.message ?? error}`;

/** @param {number} peer @param {any} error of a failed event */
export function forPeer(peer, error) {
  const why = links[error.code] ?? stages[error.stage] ?? error.message;
  return `No connection with ${peer}: ${why}` + (error.detail ? `\nDetail: ${error.detail}` : "");
}

/** @param {string} reason of a disconnected event */
export const forReason = (reason) =>
  ({
    "by peer": "left", "by us": "was disconnected here", "lost": "was lost: the path to it stopped working",
    "slow": "was disconnected, for one of us reads too slowly", "host gone": "is gone with the host",
    "misbehaved": "was disconnected, for it broke the rules",
  })[reason] ?? "left";
