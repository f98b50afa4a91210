// The page: into a room and out of it, and what goes on inside.
//
//   #room -> go -> enter -> join -> listen -> take -> chat, probes, throughput
//                                     update (each second, and after events) -> drawing, peers
//
// The fragment of the URL says which room this is; it never reaches a log of the server.

import { join } from "./rtcpeer.js";
import { relayLinks } from "./relay-links.js";
import { Chat } from "./chat.js";
import { Drawing } from "./drawing.js";
import { invite } from "./invite.js";
import { Peers } from "./peers.js";
import { forget, keep, recall } from "./place.js";
import { hello, isHello, Probes } from "./probe.js";
import { Throughput } from "./throughput.js";
import { forAway, forDropped, forPeer, forReason, forRoom, noWebRtc, whyUnreachable } from "./words.js";

const by = (/** @type {string} */ id) => /** @type {any} */ (document.getElementById(id));
const chat = new Chat(), drawing = new Drawing(), table = new Peers(), throughput = new Throughput(roundTrip);
const failureShown = 60000; // ms
const offline = "This device is offline. What you say is kept, and sent when it is back.";
const yours = "\nNo other member is reached either: it is probably the network of this device.";
const lost = "The connection to the signaling server is lost; trying again. Open links go on without it.";

/** @type {any} */ let node = null; // while in a room
let probes = new Probes();
/** @type {Map<number, {at: number, error: any}>} */ let failed = new Map(); // peers without a link
/** @type {any} */ let loss = null; // why the server was lost the last time
/** @type {AbortController | null} */ let joining = null; // while on the way into a room

// ?connect-timeout=SECONDS is how long a link may take to open, for who knows that a path is slow, or blocked.
const query = new URLSearchParams(location.search);
const connectTimeout = 1000 * Number(query.get("connect-timeout")) || undefined;
// ?access_token=TOKEN is for a server with --auth-jwt or --auth-hook.
const token = query.get("access_token") ?? undefined;

/** The shortest of the last pings, in ms; 0 if none is known. @param {number} peer */
function roundTrip(peer) {
  const known = probes.of(peer).reliable.times.filter((time) => time !== null);
  return known.length ? Math.min(...known) : 0;
}

/** @param {string} text @param {"" | "wait" | "bad"} [kind] @param {string} [again] what the button says that joins again */
function status(text, kind = "", again = "") {
  by("again").hidden = !again;
  by("again").textContent = again;
  const element = by("status");
  if (element.textContent !== text) element.textContent = text;
  element.className = kind;
}

const roomOf = (/** @type {string} */ text) => text.trim().replace(/.*[#/]/s, "");

/** Does as the fragment says. */
function go() {
  const room = roomOf(location.hash);
  if (node && node.room === room) return;
  if (room) enter(`./${encodeURIComponent(room)}`, {}, room);
  else out();
}

/** To the start. */
function out() {
  const inside = !!(node || joining);
  if (node) forget(node.room);
  leave();
  status("");
  if (inside) by("create").querySelector("button").focus();
  if (location.hash) location.hash = "";
}

function leave() {
  joining?.abort();
  node?.close();
  joining = node = null;
  show();
}

function show() {
  by("start").hidden = !!(node || joining);
  by("leave").hidden = !(node || joining);
  by("leave").textContent = node ? "Leave" : "Cancel";
  by("inside").hidden = by("where").hidden = !node;
  document.title = node ? `${node.room} · rtcpeer` : "rtcpeer";
}

/** @param {string} url @param {object} config @param {string} [name] */
async function enter(url, config, name = "") {
  leave();
  const mine = (joining = new AbortController());
  const { hash } = location;
  show();
  by("room").value = name;
  by("leave").focus();
  status(name ? `Joining ${name} …` : "Creating a room …", "wait");
  let entered;
  // A star ends with its host: one that reloads its page comes back to its place.
  const place = { ...config, ...(name && (await recall(name))), ...(isSecureContext && { relayLinks }) };
  if (mine !== joining) return;
  try {
    entered = await join(url, { ...place, keepPlace: place.topology === "star", connectTimeout, token, signal: mine.signal, log: (_, why) => (loss = why) });
  } catch (/** @type {any} */ error) {
    if (place.resume && error.code === "resume_refused") {
      forget(name);
      if (mine === joining) enter(url, { topology: place.topology }, name);
      return;
    }
    if (error.code === "unreachable") error.code = await whyUnreachable(url);
    if (mine === joining) explain(error);
    return;
  }
  if (mine !== joining || hash !== location.hash) return entered.close(); // given up, or go is about to come
  joining = null;
  node = entered;
  probes = new Probes();
  failed = new Map();
  status("");
  by("where").textContent = `Room ${node.room}, a ${node.topology}. You are ${node.id}.`;
  location.hash = node.room;
  chat.open(node);
  throughput.open(node);
  if (place.topology === "star" && node.id === node.host) keep(node);
  invite(node);
  show();
  by("copy").focus({ preventScroll: true });
  update();
  listen(node);
}

/** Back at the start, with the reason. The button, unlike the input, opens no keyboard on a phone. @param {any} error */
function explain(error) {
  const { room } = node ?? {};
  leave();
  if (room && error.code === "resume_refused") return enter(`./${room}`, {}, room); // the server was restarted
  if (room) by("room").value = room;
  status(globalThis.RTCPeerConnection ? forRoom(error) : noWebRtc, "bad", by("room").value && "Try again");
  by(by("room").value ? "join" : "create").querySelector("button").focus();
}

async function listen(/** @type {any} */ from) {
  try {
    for await (const event of from) take(event);
  } catch (error) {
    if (from === node) explain(error);
  }
}

function take(/** @type {any} */ event) {
  const { kind, peer, packet } = event;
  if (kind === "packet") {
    if (isHello(packet.data)) throughput.meet(peer);
    else if (!probes.take(node, packet) && !throughput.take(packet)) chat.hear(peer, packet.data);
    return;
  }
  if (kind === "connected") {
    failed.delete(peer);
    chat.note(`${peer} is here.`);
    node.send({ peer, data: hello }).catch(() => {}); // it has just gone
  } else if (kind === "disconnected") {
    chat.note(`${peer} ${forReason(event.reason)}.`);
    chat.part(peer);
    throughput.part(peer);
  } else if (kind === "signaling resumed") {
    if (held()) keep(node);
  } else if (kind === "failed") {
    failed.set(peer, { at: performance.now(), error: event.error });
    chat.note(forPeer(peer, event.error).split("\n")[0]); // the status has the detail
  }
  later();
}

let due = false;
/** Updates once, after all events that are there. */
function later() {
  if (due) return;
  due = true;
  setTimeout(() => {
    due = false;
    update();
  });
}

async function update() {
  const shown = node;
  if (!shown) return;
  const stats = await shown.stats();
  if (shown !== node) return;
  for (const [id, { at }] of failed) if (performance.now() - at > failureShown || shown.peers.includes(id) || !shown.members.includes(id)) failed.delete(id);
  const { id: me, host, topology } = shown;
  const ids = new Set([...shown.members, ...shown.peers, ...Object.keys(stats.links).map(Number), ...failed.keys()]);
  const peers = [...ids].sort((a, b) => a - b).map((id) => {
    const link = stats.links[id];
    const there = shown.peers.includes(id), through = link ?? stats.links[host];
    const state = there ? (through?.interrupted ? "interrupted" : "connected") : failed.has(id) ? "failed" : "connecting";
    return { id, state, relayed: there && !link, path: path(link, state, host), host: topology === "star" && id === host };
  });
  drawing.show({ me, host, topology, peers: peers.map(({ id, state, relayed }) => ({ id, state, relayed })) });
  table.show(peers, probes, stats.signaling);
  chat.confirm(stats.links);
  by("seal").hidden = me !== host;
  by("seal").disabled = shown.sealed;
  by("seal").textContent = shown.sealed ? "Closed for newcomers" : "Close the room for newcomers";
  by("dropped").textContent = forDropped(stats.dropped);
  report(stats, peers);
}

/** Whether this tab hosts a star. */
const held = () => node?.topology === "star" && node.id === node.host;

/** @param {any} link @param {string} state @param {number} host */
function path(link, state, host) {
  if (state !== "connected" && state !== "interrupted") return "–";
  if (!link) return `through host ${host}`;
  if (link.local === "signaling") return "through the signaling server";
  return link.local ? `${link.local} – ${link.remote || "?"}` : "…";
}

/** @param {any} stats @param {{id: number, state: string}[]} peers */
function report(stats, peers) {
  const [failure] = [...failed].slice(-1);
  const silent = peers.filter((p) => p.state === "interrupted").map((p) => p.id);
  const nobody = !peers.some((p) => p.state === "connected");
  if (stats.signalingError) status(`${forRoom(stats.signalingError)}\nOpen links go on, but nobody new can come.`, "bad", "Join again");
  else if (!navigator.onLine && (silent.length || nobody)) status(offline, "wait");
  else if (silent.length) status(`Nothing is heard of ${silent.join(", ")} at the moment; trying to reach them again. What you say is kept for them.`, "wait");
  else if (stats.signaling && node.status === "connecting" && !failure) status(forAway(node.hostAway), "wait");
  else if (!stats.signaling) status(lost + (loss?.code === "bad_message" ? `\n${forRoom(loss)}` : ""), "wait");
  else if (failure) status(forPeer(failure[0], failure[1].error) + (nobody && failed.size > 1 ? yours : ""), "bad");
  else status("");
}

by("create").addEventListener("submit", (/** @type {SubmitEvent} */ e) => {
  e.preventDefault();
  enter("./", { topology: new FormData(by("create")).get("topology") });
});
by("join").addEventListener("submit", (/** @type {SubmitEvent} */ e) => {
  e.preventDefault();
  const room = roomOf(by("room").value);
  if (roomOf(location.hash) === room) go();
  else location.hash = room;
});
by("leave").addEventListener("click", out);
by("again").addEventListener("click", () => {
  const room = node?.room ?? roomOf(by("room").value);
  enter(`./${encodeURIComponent(room)}`, {}, room);
});
addEventListener("keydown", (e) => joining && e.key === "Escape" && out());
by("seal").addEventListener("click", () => node.seal().catch((/** @type {any} */ error) => chat.note(`The room stays open: ${error.message}`)));
addEventListener("hashchange", go);
addEventListener("pagehide", () => joining?.abort()); // a node of its own closes itself
addEventListener("pageshow", (e) => e.persisted && location.reload()); // its links ended when it was left
for (const name of ["online", "offline"]) addEventListener(name, later);
setInterval(() => {
  if (!node) return;
  probes.ask(node);
  chat.tell();
  update();
}, 1000);

by("command").textContent = `rtc-client chat ${new URL("lobby", location.href.replace(/^http/, "ws").replace(/#.*/, ""))}`;
go();
if (!globalThis.RTCPeerConnection) status(noWebRtc, "bad");
