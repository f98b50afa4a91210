// The page: into a room and out of it, and what goes on inside.
//
//   #room -> go -> enter -> join -> listen -> take -> chat, probes, throughput, signs -> people, stage, files
//                                     update (each second, and after events) -> stage, peers
//
// The fragment of the URL says which room this is; it never reaches a log of the server.

import { join, match } from "./rtcpeer.js";
import { Migration } from "../../../rtcpeer/js/migration.js";
import { relayLinks } from "../../../rtcpeer/js/relay-links.js";
import { Chat } from "./chat.js";
import { FileDesk } from "./files.js";
import { isUnfit, watchFitness } from "./fit.js";
import { invite } from "./invite.js";
import { closeLobby, openLobby } from "./lobby.js";
import { edit, person, remember, whoAmI } from "./me.js";
import { Peers } from "./peers.js";
import { People } from "./people.js";
import { forget, keep, keepPassword, passwordOf, recall, release } from "./place.js";
import { hello, isHello, Probes } from "./probe.js";
import { roomName } from "./roomnames.js";
import { moveSign, pageSign, readSign } from "./signs.js";
import { Stage } from "./stage.js";
import { Throughput } from "./throughput.js";
import { forAway, forDropped, forPeer, forReason, forRoom, noWebRtc, whyUnreachable } from "./words.js";

const by = (/** @type {string} */ id) => /** @type {any} */ (document.getElementById(id));
const people = new People(), chat = new Chat(people, title, (pasted) => drop(0, pasted)), table = new Peers(), throughput = new Throughput(people, roundTrip);
const note = (/** @type {string} */ text) => void chat.note(text);
const files = new FileDesk(people, note, (peer) => chat.admits(peer) && (chat.news(), true));
const stage = new Stage(people, { move, press, hit, drop, note });
const failureShown = 60000; // ms
const helloWithin = 1500; // ms in which a page says who it is; a program never does
const roomTries = 3; // how many names to try for a new room; it is very unlikely that one is taken
const emoji = ["👋", "❤️", "😂", "🎉", "👍", "🔥"];
const migrates = { migrates: true, hostTimeout: 30000 }; // ms: the server's default grace period, which every other member has
const lostPlace = ["resume_refused", "host_replaced"];
const replaced = "While you were away, somebody else became the host.";
const offline = "This device is offline. What you say is kept, and sent when it is back.";
const yours = "\nNo other member is reached either: it is probably the network of this device.";
const lost = "The connection to the server is lost; trying again. Your connections to others stay open.";

/** @type {any} */ let node = null; // while in a room
let migration = new Migration(); // of the last room
let probes = new Probes();
/** @type {Map<number, {at: number, error: any}>} */ let failed = new Map(); // peers without a link
/** @type {Map<number, number>} */ let unnamed = new Map(); // those who have just come, and when
/** @type {Set<number>} */ let unfit = new Set(); // pages that had better not be the host
let heir = 0; // whom this host has named as the next one
let through = 0; // the host of a star, as far as events have told
let keeps = false; // whether this tab comes back to its place when it is reloaded: see keepPlace
/** @type {any} */ let loss = null; // why the server was lost the last time
/** @type {AbortController | null} */ let joining = null; // while on the way into a room
let thrown = emoji[0]; // what a click on the stage throws
let played = false; // whether the tip is of no more use
/** @type {{x: number, y: number} | null} */ let moving = null; // where to, in the next frame
let picked = 0; // whose dialog is open

// ?connect-timeout=SECONDS is how long a link may take to open, for users who know that a path is slow or blocked.
const query = new URLSearchParams(location.search);
const connectTimeout = 1000 * Number(query.get("connect-timeout")) || undefined;
// ?access_token=TOKEN is for a server with --auth-jwt or --auth-hook.
const token = query.get("access_token") ?? undefined;
// ?words=N is the number of words in the name of a new room.
const words = Number(query.get("words"));

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

const roomOf = (/** @type {string} */ text) => text.trim().replace(/.*[#/]|\?.*/gs, "");

/** What was typed, perhaps as words that were said on the phone. */
function typed() {
  const room = roomOf(by("room").value);
  return /\s/.test(room) ? room.toLowerCase().replace(/\s+/g, "-") : room;
}

/** Does as the fragment says. */
function go() {
  const room = roomOf(location.hash);
  if (node && node.room === room) return;
  if (room) enter(room);
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
  files.close();
  node?.close();
  joining = node = null;
  show();
}

function show() {
  const away = !!(node || joining);
  by("start").hidden = away;
  by("leave").hidden = !away;
  by("leave").textContent = node ? "Leave" : "Cancel";
  by("inside").hidden = by("invite").hidden = by("room-name").hidden = !node;
  document.body.classList.toggle("in-room", !!node);
  if (away) closeLobby();
  for (const id of ["room-dialog", "person"]) if (!node) by(id).close();
  title();
}

function title() {
  document.title = node ? `${chat.unread ? `(${chat.unread}) ` : ""}${node.room} · rtcpeer` : "rtcpeer";
}

/** Into a room, which this page follows when its host changes. @param {string} room @param {any} config */
const joinRoom = (room, config) => join(`./${encodeURIComponent(room)}`, { ...config, migration: (migration = new Migration()) });

/** Creates a room under a new name. Its creator has id 1: with any other id, the room existed. @param {any} config */
async function newRoom(config) {
  for (let tries = 1; ; tries++) {
    const created = await joinRoom(roomName(words), config);
    if (created.id === 1 || tries === roomTries) return created;
    await created.close();
  }
}

/**
 * @param {string} room its name; empty: not known yet
 * @param {any} [config] of join
 * @param {(config: any) => Promise<any>} [open]
 * @param {string} [doing] the words for that
 */
async function enter(room, config = {}, open = (/** @type {any} */ config) => joinRoom(room, config), doing = `Joining ${room} …`) {
  leave();
  const mine = (joining = new AbortController());
  const { hash } = location;
  show();
  by("room").value = room;
  by("leave").focus();
  status(doing, "wait");
  let entered;
  const password = config.password || (room && passwordOf(room));
  // A page that was reloaded comes back to its place, or as a guest if another one is the host by then: see keepPlace.
  const { peer: former, ...kept } = room ? await recall(room) : {};
  const place = { ...config, ...kept, ...(password && { password }), ...(isSecureContext && { relayLinks }) };
  if (place.topology === "star") place.newRoom = { ...place.newRoom, ...migrates };
  if (mine !== joining) return;
  try {
    entered = await open({ ...place, connectTimeout, token, metadata: me, signal: mine.signal, log: (_, why) => (loss = why) });
  } catch (/** @type {any} */ error) {
    if (place.resume && lostPlace.includes(error.code)) {
      forget(room);
      if (mine === joining) again(room, { topology: place.topology, password }, error);
      return;
    }
    if (error.code === "unreachable") error.code = await whyUnreachable(`./${room}`);
    if (mine === joining) explain(error);
    return;
  }
  if (mine !== joining || hash !== location.hash) return entered.close(); // given up, or the fragment changed and go follows
  joining = null;
  node = entered;
  probes = new Probes();
  failed = new Map();
  unnamed = new Map();
  unfit = new Set();
  heir = 0;
  through = node.topology === "star" ? node.host : 0;
  status("");
  by("where").textContent = `Room ${node.room}, a ${node.topology}. You are ${node.id}.`;
  by("room-name").textContent = node.room;
  by("password-line").hidden = true;
  by("password").value = by("new-password").value = "";
  location.hash = node.room;
  keepPassword(node.room, password);
  people.open(node, me);
  stage.open();
  chat.open(node);
  throughput.open(node);
  files.open(node);
  keepPlace(true);
  if (place.resume && node.id !== former) chat.note(replaced);
  if (token) node.setMetadata(me); // it may grant another name, which the answer has
  invite(node);
  show();
  by("invite").focus({ preventScroll: true });
  update();
  listen(node);
}

/** Back at the start, with the reason. The button, unlike the input, opens no keyboard on a phone. @param {any} error */
function explain(error) {
  const { room } = node ?? {};
  leave();
  if (room && lostPlace.includes(error.code)) return enter(room); // the server was restarted, or this tab asleep
  if (room) by("room").value = room;
  status(globalThis.RTCPeerConnection ? forRoom(error) : noWebRtc, "bad", by("room").value && "Try again");
  by(by("room").value ? "join" : "create").querySelector("button").focus();
  if (error.code !== "wrong_password") return;
  by("again").hidden = true;
  by("password-line").hidden = false;
  by("password").value = "";
  by("password").focus();
}

/** Into a room where the place is lost. @param {string} room @param {any} config @param {any} why */
async function again(room, config, { code }) {
  await enter(room, config);
  if (node && code === "host_replaced") chat.note(replaced);
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
  if (kind === "packet") return heard(peer, packet);
  files.handle(event);
  if (kind === "connected") {
    failed.delete(peer);
    unnamed.set(peer, performance.now());
    named(peer, event.metadata);
    node.send({ peer, data: hello }).catch(() => {}); // it has just gone
  } else if (kind === "disconnected") {
    greet(peer);
    chat.note(`${forReason(event.reason)}.`, peer);
    chat.part(peer, reached(peer));
    throughput.part(peer);
    unfit.delete(peer);
    if (peer === picked) by("person").close();
  } else if (kind === "updated") {
    named(peer, event.metadata);
  } else if (kind === "host changed") {
    heir = 0;
    through = peer;
    keepPlace(true);
    if (held()) chat.note("You are the host now.");
    else chat.note("is the host now.", peer);
    for (const id of node.peers) node.send({ peer: id, data: hello }).catch(() => {}); // it has just gone
  } else if (kind === "signaling resumed") {
    keepPlace(true);
  } else if (kind === "failed") {
    failed.set(peer, { at: performance.now(), error: event.error });
    chat.note(forPeer(people.name(peer), event.error).split("\n")[0]); // the status has the detail
  }
  later();
}

/** @param {number} peer @param {any} packet */
function heard(peer, packet) {
  if (isHello(packet.data)) {
    throughput.meet(peer);
    node.send({ peer, data: pageSign({ person: people.of(node.id), unfit: isUnfit(), ...stage.moved.get(node.id) }) }).catch(() => {}); // it has just gone
    files.meet(peer);
    return;
  }
  const sign = readSign(packet);
  if (!sign) {
    if (probes.take(node, packet) || throughput.take(packet)) return;
    if (!files.pages.has(peer)) greet(peer);
    return chat.hear(peer, packet.data);
  }
  if (sign.file) files.receive(packet, sign.file);
  else if (sign.emoji) stage.throw(peer, person(sign).emoji, sign.x, sign.y);
  else if (sign.x !== undefined && sign.y !== undefined) stage.move(peer, sign.x, sign.y);
  if (sign.unfit !== undefined) unfit[sign.unfit ? "add" : "delete"](peer);
  const shown = node.metadata(peer);
  named(peer, shown?.name ? shown : sign.person);
}

/**
 * Who somebody is: by the metadata, of which an access token may have decided, or for a star's guests by what they tell each
 * other. A program may have metadata without a name.
 * @param {number} id @param {any} person
 */
function named(id, person) {
  if (typeof person?.name !== "string") return;
  people.set(id, person);
  greet(id);
  throughput.update();
  if (id === node.id) tell({ data: pageSign({ person }) });
  later();
}

/** Says that somebody is here, once the name is known. @param {number} peer */
function greet(peer) {
  if (unnamed.delete(peer)) chat.note("is here.", peer);
}

/** Sends a packet to all pages. Peers that are gone, or have no room for it, do not get it. @param {any} packet */
function tell(packet) {
  const pages = node.peers.filter((/** @type {number} */ id) => files.pages.has(id));
  for (const peer of pages.length === node.peers.length ? [0] : pages) {
    try {
      node.trySend({ ...packet, peer });
    } catch {}
  }
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
    return { id, name: people.name(id), state, quality: quality(id), relayed: there && !link, path: there ? path(link, host) : "", kinds: link?.local ? `${link.local} – ${link.remote || "?"}` : "", host: topology === "star" && id === host };
  });
  stage.show({ me, host, topology, peers });
  table.show(peers, probes, stats.signaling);
  chat.confirm(stats.links, reached);
  keepPlace(false);
  by("host-tools").hidden = me !== host;
  by("lock").textContent = shown.locked ? "Unlock the room" : "Lock the room for a while";
  by("lock").disabled = by("seal").disabled = shown.sealed;
  by("seal").textContent = shown.sealed ? "Closed to newcomers" : "Close the room for newcomers";
  by("tip").hidden = played || !shown.peers.length;
  by("dropped").textContent = forDropped(stats.dropped);
  report(stats, peers);
  nameHeir();
}

/** Who is reached over the link with a peer. @param {number} peer */
const reached = (peer) => (peer === through ? [peer, ...node.peers.filter((/** @type {number} */ id) => id !== peer)] : [peer]);

/** Whether this tab hosts a star. */
const held = () => node?.topology === "star" && node.id === node.host;

/**
 * Keeps this tab's place for when its page is reloaded, if the tab hosts a star, or if the room admits no newcomers, so that
 * the reloaded page is not locked out. Otherwise a page that is left is gone at once, for the others as well.
 * @param {boolean} anew also if nothing has changed
 */
function keepPlace(anew) {
  const now = held() || node.sealed || node.locked;
  if (now === keeps && !anew) return;
  keeps = now;
  if (keeps) keep(node);
  else release(node);
}

/** Names the next host, if the server might choose one that had better not be it. */
function nameHeir() {
  if (!held()) return;
  const fit = node.members.find((/** @type {number} */ id) => files.pages.has(id) && !unfit.has(id));
  const named = (unfit.size && fit) || 0;
  if (named !== heir) migration.setSuccessor((heir = named));
}

/** How good the link is with a peer, by the pings of the last half minute. @param {number} peer */
function quality(peer) {
  const { unreliable } = probes.of(peer), known = unreliable.times.filter((time) => time !== null).sort((a, b) => a - b);
  if (!known.length) return "unknown"; // many programs do not answer
  const typical = known[known.length >> 1], loss = 1 - known.length / unreliable.times.length;
  return typical < 100 && loss < 0.03 ? "good" : typical < 250 && loss < 0.1 ? "fair" : "poor";
}

/** @param {any} link @param {number} host */
function path(link, host) {
  if (!link) return `through ${people.name(host)}, the host`;
  const { local, remote } = link;
  if (local === "signaling") return "through the signaling server";
  if (!local) return "…";
  if (local === "relay" || remote === "relay") return "through a relay";
  return local === "host" && remote === "host" ? "direct, same network" : "direct";
}

/** @param {any} stats @param {{id: number, state: string}[]} peers */
function report(stats, peers) {
  const [failure] = [...failed].slice(-1);
  const silent = peers.filter((p) => p.state === "interrupted").map((p) => p.id);
  const nobody = !peers.some((p) => p.state === "connected");
  if (stats.signalingError) status(`${forRoom(stats.signalingError)}\nYour connections to others stay open, but nobody new can join.`, "bad", "Join again");
  else if (!navigator.onLine && (silent.length || nobody)) status(offline, "wait");
  else if (silent.length) status(`Nothing is heard from ${people.names(silent)} at the moment; trying to reach them again. What you say is kept for them.`, "wait");
  else if (stats.signaling && node.status === "connecting" && !failure) status(forAway(node.hostAway, migration.term > 0), "wait");
  else if (!stats.signaling) status(lost + (loss?.code === "bad_message" ? `\n${forRoom(loss)}` : ""), "wait");
  else if (failure) status(forPeer(people.name(failure[0]), failure[1].error) + (nobody && failed.size > 1 ? yours : ""), "bad");
  else status("");
}

// ---- What one does on the stage.

/** @param {number} x @param {number} y @param {boolean} done */
function move(x, y, done) {
  played = true;
  if (done) {
    moving = null;
    return tell({ data: pageSign({ x, y }) }); // sent reliably, because the last unreliable one may be lost
  }
  if (!moving) requestAnimationFrame(() => {
    if (node && moving) tell({ mode: "unreliable_ordered", data: moveSign(moving.x, moving.y) });
    moving = null;
  });
  moving = { x, y };
}

/** @param {number} [x] @param {number} [y] */
function hit(x, y) {
  played = true;
  stage.throw(node.id, thrown, x, y);
  tell({ data: pageSign({ emoji: thrown, x, y }) });
}

/** @param {number} to 0 is everybody @param {File[]} dropped */
function drop(to, dropped) {
  played = true;
  files.send(to, dropped);
}

/** @param {number} id */
function press(id) {
  if (id === node.id) return edit(me, changed);
  picked = id;
  by("person-title").textContent = `${people.of(id).emoji} ${people.name(id)}`;
  by("person-path").textContent = stage.nodes.get(id).ariaLabel.replace(/.*?: /, "");
  by("kick").hidden = node.id !== node.host;
  by("person").showModal();
}

/** @param {import("./me.js").Person} now */
function changed(now) {
  me = now;
  remember(me);
  showMe();
  if (!node) return;
  node.setMetadata(me); // the answer is updated
  named(node.id, me);
}

function showMe() {
  const name = document.createElement("bdi");
  name.textContent = me.name;
  by("me").replaceChildren(me.emoji, " ", name);
  by("me").hidden = false;
}

/** Files that were chosen, for a peer or everybody. @param {any} input @param {() => number} to */
function choose(input, to) {
  input.addEventListener("change", () => {
    drop(to(), [...input.files]);
    input.value = "";
    by("person").close();
  });
}

for (const face of emoji) {
  const button = document.createElement("button");
  Object.assign(button, { type: "button", textContent: face, className: "quiet" });
  button.ariaLabel = `Throw ${face}`;
  button.ariaPressed = String(face === thrown);
  button.addEventListener("click", () => {
    thrown = face;
    for (const other of by("emoji").children) other.ariaPressed = String(other === button);
    hit();
  });
  by("emoji").append(button);
}
choose(by("file"), () => 0);
choose(by("person-file"), () => picked);
// A file that is dropped outside the stage must not replace the page.
for (const name of ["dragover", "drop"]) addEventListener(name, (e) => e.preventDefault());

by("create").addEventListener("submit", (/** @type {SubmitEvent} */ e) => {
  e.preventDefault();
  const form = new FormData(by("create"));
  const config = { topology: form.get("topology"), password: form.get("password") || undefined, newRoom: form.get("public") ? { public: true } : undefined };
  enter("", config, newRoom, "Creating a room …");
});
by("join").addEventListener("submit", (/** @type {SubmitEvent} */ e) => {
  e.preventDefault();
  const room = typed(), password = by("password").value;
  keepPassword(room, password);
  if (roomOf(location.hash) === room) go();
  else location.hash = room;
});
by("match").addEventListener("click", () => enter("", {}, (config) => match("./", "page", 2, config), "Waiting for somebody else who wants to meet people …"));
by("me").addEventListener("click", () => edit(me, changed));
by("leave").addEventListener("click", out);
by("again").addEventListener("click", () => enter(node?.room ?? typed()));
addEventListener("keydown", (e) => joining && e.key === "Escape" && out());
by("seal").addEventListener("click", () => node.seal().catch((/** @type {any} */ error) => chat.note(`The room stays open: ${error.message}`)));
by("lock").addEventListener("click", () => node.setLocked(!node.locked).then(later, (/** @type {any} */ error) => chat.note(`The lock stays as it is: ${error.message}`)));
by("kick").addEventListener("click", () => {
  try {
    node.kick(picked, "by the host");
  } catch (/** @type {any} */ error) {
    chat.note(`${people.name(picked)} stays: ${error.message}`);
  }
});
by("details").addEventListener("toggle", later);
addEventListener("hashchange", go);
addEventListener("pagehide", () => joining?.abort()); // a node that has joined closes itself
addEventListener("pageshow", (e) => e.persisted && location.reload()); // its links ended when it was left
for (const name of ["online", "offline"]) addEventListener(name, later);
setInterval(() => {
  if (!node) return;
  probes.ask(node);
  for (const [peer, at] of unnamed) if (performance.now() - at > helloWithin) greet(peer);
  chat.tell();
  update();
}, 1000);

by("command").textContent = `rtc-client chat ${new URL("lobby", location.href.replace(/^http/, "ws").replace(/#.*/, ""))}`;
let me = await whoAmI();
showMe();
watchFitness(() => node && tell({ data: pageSign({ unfit: isUnfit() }) }));
openLobby(token, (room) => (location.hash = room));
go();
if (!globalThis.RTCPeerConnection) status(noWebRtc, "bad");
