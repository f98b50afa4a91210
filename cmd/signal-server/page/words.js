// What went wrong and what to do about it, in words for the people who look at the page.

const version = "The server has another version than this page. Reload the page. If that does not help, update the server.";
const full = "The server is full or is being restarted. Try again in a minute.";

const words = {
  unreachable: "The server does not answer. It may have stopped, or this device is offline. Check both, then try again.",
  // blocked is the page's own: the server answers over http, see whyUnreachable
  blocked: "The server answers, but not over WebSocket. A proxy, a firewall or a browser extension may block WebSockets, or the server may have another version than this page. Reload the page. If that does not help, try another network or browser, or ask the operator of the server.",
  sealed: "This room is closed to newcomers, because its host has sealed it. Ask for another room, or create one.",
  room_full: "This room is full. Wait until somebody leaves and try again, or use another room.",
  server_full: full,
  shutting_down: full,
  internal: "An error occurred on the server. Try again in a moment. If that does not help, tell the operator of the server.",
  join_timeout: "This page took too long to join. Try again.",
  bad_room: "This is not a room name: use 1 to 64 letters, digits, - and _.",
  too_large: "This page sent a message that is larger than the server allows. Ask the operator of the server to raise --max-message.",
  resume_refused: "The server has restarted and does not know this place in the room any more. Join again to get a new one.",
  replaced: "Another connection has taken this place in the room. Join again to get a new one.",
  slow: "This tab reads too slowly for what is sent to it. Close what keeps the computer busy and join again.",
  host_gone: "The host has left or lost its connection, and a star ends with its host. Create a new room to go on.",
  host_left: "The host has left, and the room has ended with it. Create a new room to go on.",
  seal_complete: "The game in this room has begun without newcomers, and the room is closed. Create a new room to go on.",
  unauthorized: "This server lets in only people with an access token. Open the link that you were given again, or ask for a new one.",
  forbidden: "Your access token is for another room, or does not let you create this one. Ask the person who gave it to you.",
  wrong_password: "This room has a password. Enter it, and join again.",
  rate_limited: "Too many tries from your network at the moment. Wait a minute and try again.",
  locked: "This room is locked for now. Ask its host to unlock it, and try again.",
  kicked: "You were removed from the room.",
  expired: "Your time in this room is over.",
  room_closed: "The operator of the server has closed this room.",
  room_exists: "There is a room of that name already. Choose another name.",
  unknown_room: "There is no room of that name. Check it, or create a room.",
  topology_mismatch: "This room already exists with the other topology. Choose another name.",
  unknown_kind: version, bad_message: version, not_joined: version, already_joined: version,
};

const links = {
  channel_mismatch: "its program uses other channels than this page. It must join without channels of its own.",
  refused: "it takes no new connections. Ask its owner, or try again later.",
  negotiation: "the two could not agree on a connection. Reload the page at both ends; if that does not help, try another browser.",
  no_credit: "it sends more than this tab can read. Ask its owner to send less, and join again.",
};

// By the stage at which a link's deadline found it.
const stages = {
  signaling: "it did not answer through the server. Its tab or program may be stuck: reload it.",
  path: "no network path was found. UDP is probably blocked, or both are behind strict NATs. Try another network, or ask the operator of the server for a TURN server.",
  security: "the encryption could not be set up. A clock that is far off, or a firewall that inspects traffic, can cause that.",
  lanes: "the path is there, but its channels did not open. Reload both pages.",
};

export const noWebRtc = "This browser cannot connect directly to others: it has no WebRTC, or an extension or a policy turns it off. Use a recent Firefox, Chrome, Edge or Safari, or allow WebRTC." +
  (globalThis.isSecureContext ? "" : " Some browsers want https for it: open this page over https, if its server has that.");

const isOfLink = (/** @type {any} */ error) => error.peer && (error.stage || error.code in links);

/** @param {any} error of join, or with which a node ended */
export function forRoom(error) {
  if (isOfLink(error)) return forPeer("the host", error); // of a star's guest with its host
  return words[error.code] ?? `Something went wrong: ${clip(error.message ?? error)}\nReload the page. If that does not help, the server may have another version than this page: update it.`;
}

/** @param {string} name @param {any} error of a failed event */
export function forPeer(name, error) {
  const why = links[error.code] ?? stages[error.stage] ?? clip(error.message);
  const detail = error.detail ?? (error.code === "negotiation" ? error.message : "");
  return `No connection with ${name}: ${why}` + (detail ? `\nDetail: ${clip(detail)}` : "");
}

/** What comes from elsewhere may be long. @param {string} text */
const clip = (text) => (text.length > 300 ? text.slice(0, 300) + " …" : text);

/** A browser does not say why a WebSocket failed; http may. Returns a code. */
export async function whyUnreachable(/** @type {string} */ url) {
  const status = await fetch(url, { cache: "no-store", signal: AbortSignal.timeout(3000) }).then((r) => r.status, () => 0);
  return { 0: "unreachable", 503: "server_full" }[status] ?? "blocked";
}

const drops = {
  no_credit: "came faster than this page takes them", buffer_full: "did not fit into the send buffer",
  malformed: "were malformed", no_target: "were for somebody who is gone", peer_gone: "came from somebody who is gone",
  interrupted: "were for somebody who was not reached",
  forwarded_unknown: "came through the server for a path that is gone", forwarded_forged: "came through the server and were not made by the other end",
  forwarded_replay: "came through the server twice", forwarded_full: "came through the server faster than they could be decrypted",
};

/** @param {Record<string, number>} dropped of a node's stats */
export function forDropped(dropped) {
  const parts = Object.entries(dropped).map(([why, n]) => `${n} ${drops[why] ?? why}`);
  return parts.length ? `Packets dropped here: ${parts.join(", ")}.` : "";
}

/** @param {number} ms that the server waits for the host; 0: not known @param {boolean} migrates whether another one follows */
export const forAway = (ms, migrates) => "The host is not here at the moment; waiting for it to come back" + (ms ? `, for ${Math.ceil(ms / 1000)} seconds at most.` : ".") +
  (migrates ? " If it does not, somebody else becomes the host. What you say is kept until then." : "");

/** @param {string} reason of a disconnected event */
export const forReason = (reason) =>
  ({
    "by peer": "left", "by us": "was disconnected here", "lost": "was lost: nothing was heard from it for too long",
    "slow": "was disconnected, because one of us reads too slowly", "host gone": "is gone",
    "misbehaved": "was disconnected, because it broke the rules", "kicked": "was removed from the room",
  })[reason] ?? "left";
