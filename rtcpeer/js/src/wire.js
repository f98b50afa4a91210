// The wire of the WebSocket. Decoding checks everything, so the code behind it may trust.

import { KiB, maxId, modes, text } from "./basics.js";
import { RtcPeerError } from "./errors.js";

/** @typedef {{type: string, attempt?: number, sdp?: string, candidate?: string, sdpMid?: string, sdpMLineIndex?: number, text?: string, link?: string, repair?: boolean, bye?: Bye}} Signal */
/** The code and text with which a program ends a link. @typedef {{code: number, text: string}} Bye */
/** @typedef {{kind: string, [field: string]: any}} Message */

export const protocol = "rtcpeer.v1";
/** The feature of a member that uses paths through the signaling server. */
export const relayFeature = "relay_links";

/** @param {string} why @returns {never} */
export const bad = (why, /** @type {any} */ code = "bad_message") => {
  throw new RtcPeerError(code, why.slice(0, 200));
};

/** @typedef {(value: any, name: string) => any} Check */
/** @type {(test: (value: any) => boolean, want: string) => Check} */
const want = (test, what) => (value, name) => (test(value) ? value : bad(`${name}: want ${what}`));
/** Zero values are nothing, as in the server's language. @type {(check: Check) => Check} */
const optional = (check) => (value, name) => (value ? check(value, name) : undefined);
/** @type {(check: Check, most?: number) => Check} */
const listOf = (check, most = Infinity) => (value, name) => {
  if (!Array.isArray(value) || value.length > most) bad(`${name}: want a list of at most ${most}`);
  return value.map((/** @type {any} */ item) => check(item, name));
};
/** Fields that are not named are left out. @type {(fields: Record<string, Check>) => Check} */
const record = (fields) => (value, name) => {
  if (Object(value) !== value || Array.isArray(value)) bad(`${name}: want an object`);
  const result = /** @type {Record<string, any>} */ ({});
  for (const [field, check] of Object.entries(fields)) {
    const checked = check(value[field], `${name}: ${field}`);
    if (checked !== undefined) result[field] = checked;
  }
  return result;
};

const oneOf = (/** @type {string[]} */ ...words) => want((v) => words.includes(v), words.join(", "));
const whole = (/** @type {number} */ least, most = Infinity) =>
  want((v) => Number.isInteger(v) && v >= least && v <= most, `${least} to ${most}`);
const id = whole(1, maxId), count = whole(0);
const bytes = (/** @type {number} */ least, most = Infinity) =>
  want((v) => typeof v === "string" && v.length >= least && text.encode(v).length <= most, `a string, ${least} to ${most}`);
const string = bytes(0), token = bytes(0, 4096);
/** @type {Check} */ const any = (v) => v;
const flag = optional(any);
const topology = oneOf("mesh", "star");
const channelList = listOf(oneOf(...modes), 255);
/** @type {Check} */
const metadata = want((v) => v === undefined || text.encode(JSON.stringify(v)).length <= 1024, "at most 1024 bytes of JSON");
/** @type {Check} */
const roomName = (v = "", name) =>
  /^[A-Za-z0-9_-]{1,64}$/.test(string(v, name)) ? v : bad(`room name ${JSON.stringify(v)}: want 1 to 64 letters, digits, - and _`, "bad_room");
const iceServers = optional(listOf(record({ urls: listOf(string), username: optional(string), credential: optional(string) })));
/** @type {Check} */ const features = (v, name) => (v?.length === 0 ? undefined : optional(listOf(bytes(1, 32), 16))(v, name));
const ids = optional(listOf(id));
const incarnation = optional(bytes(0, 64));
const member = record({ id, channels: optional(channelList), metadata, one_attempt: flag, features, incarnation });

/** @type {Record<string, Check>} */
const kinds = {
  join: record({
    room: optional(roomName), topology: optional(topology), channels: optional(channelList),
    resume: optional(token), token: optional(token), metadata, one_attempt: flag, features, incarnation, password: optional(bytes(0, 128)),
    new_room: optional(record({
      public: flag, metadata, max_members: optional(count), migrates: flag, host_timeout_ms: optional(whole(0, 600000)),
    })),
    create: optional(oneOf("never", "only")), match: optional(record({ key: bytes(1, 128), size: whole(2, 64) })),
  }),
  list: record({
    filter: optional(want((v) => Object.keys(v).length <= 16 && Object.values(v).every((x) => /^[bns]/.test(typeof x)),
      "strings, numbers, booleans")),
    limit: optional(whole(0, 100)), after: optional(string), token: optional(token),
  }),
  signal: record({ to: optional(id), from: optional(id), data: any }),
  seal: record({}),
  lock: record({ open: flag }),
  metadata: record({ id: optional(id), metadata }),
  kick: record({ id, text: optional(bytes(0, 256)) }),
  leave: record({}),
  successor: record({ id: optional(id) }),
  host_lost: record({ term: whole(1), back: flag }),
  host_changed: record({ host: id, term: whole(1), members: optional(listOf(member)), guests: ids }),
  welcome: record({
    id, room: roomName, topology, host: id, term: optional(count), members: optional(listOf(member)), guests: ids, resume: string,
    resumed: flag, sealed: flag, locked: flag, relay_links: flag, host_away_ms: optional(count), ice_servers: iceServers,
    limits: (v = {}) => v,
  }),
  joined: record({ member }),
  left: record({ id, reason: string }),
  sealed: record({}),
  ice_servers: record({ ice_servers: iceServers }),
  resume: record({ resume: bytes(1, 4096) }),
  rooms: record({
    rooms: optional(listOf(record({
      room: roomName, topology, members: count, max_members: optional(count), locked: flag, password: flag, metadata,
    }))),
    next: optional(string),
  }),
  error: record({ code: bytes(1), text: string, retry_after_ms: optional(count) }),
};

/** @param {any} m @returns {Message} */
export function checked(m) {
  if (typeof m?.kind !== "string") bad("no kind");
  if (!Object.hasOwn(kinds, m.kind)) bad(m.kind, "unknown_kind");
  const message = { kind: m.kind, ...kinds[m.kind](m, m.kind) };
  const { match, new_room: newRoom, members } = message;
  if (match && (message.room || message.resume || message.password)) bad("match: room, password");
  if (newRoom && !Object.keys(newRoom).length) delete message.new_room;
  if (m.kind === "signal") {
    if (!message.to === !message.from) bad("signal: to, from");
    if (message.data === undefined) bad("signal: data");
  }
  if (m.kind === "welcome" && members?.some((/** @type {any} */ other) => other.id === m.id)) bad("welcome: members");
  return message;
}

/** @param {any} frame @returns {Message} */
export function decodeMessage(frame) {
  if (typeof frame !== "string") bad("a binary frame");
  if (frame.length > 256 * KiB) bad(`${frame.length} bytes`, "too_large");
  let value;
  try {
    value = JSON.parse(frame);
  } catch {
    bad("no JSON: " + frame);
  }
  return checked(value);
}

/** @param {Message} message */
export const encodeMessage = (message) => JSON.stringify(checked(message));

/** @type {(said: Bye, name: string) => Bye} */
export const checkedBye = record({ code: whole(0, 65535), text: bytes(0, 256) });

const signalFields = record({
  type: oneOf("offer", "answer", "candidate", "refuse", "repair", "fail"),
  attempt: optional(count), sdp: optional(string), candidate: optional(string),
  sdpMid: optional(string), sdpMLineIndex: optional(count), text: optional(string), link: optional(bytes(0, 64)), repair: flag, bye: optional(checkedBye),
});

/** @param {any} data @returns {Signal} */
export function decodeSignal(data) {
  const signal = signalFields(data, "signal");
  if ((signal.type === "offer" || signal.type === "answer") && !signal.sdp) bad(`signal: ${signal.type} without sdp`);
  return signal;
}

/**
 * The last part of the path is the room, if one is named; http stands for ws. In a page a URL may be relative.
 * @param {string} raw @param {boolean} [named]
 */
export function parseUrl(raw, named) {
  let url, room;
  try {
    url = new URL(raw, globalThis.location?.href);
    url.protocol = url.protocol.replace(/^http/, "ws");
    url.hash = "";
    room = decodeURIComponent(url.pathname.slice(url.pathname.lastIndexOf("/") + 1));
  } catch {}
  if (!url?.host || !/^wss?:$/.test(url.protocol)) throw new RtcPeerError("bad_url", `${raw}: want ws://host:port/room`);
  const bare = url.origin + url.pathname;
  return { url: url.href, room: named && room && roomName(room, "room"), roomUrl: (/** @type {string} */ name) => new URL(name, bare).href };
}
