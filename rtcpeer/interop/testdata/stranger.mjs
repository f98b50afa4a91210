// A client of rtcpeer.v1 that was written from signaling/PROTOCOL.md alone, with nothing of rtcpeer.js: what a client in
// another language needs. It takes part in "Repairs" without second paths. It sends back what a peer sends, but for the packet
// "bye CODE TEXT" it ends the link with that. It prints "joined ID", "connected ID", "packet ID CHANNEL TEXT",
// "bye ID REASON CODE TEXT", "gone ID" and "error CODE TEXT".
//
//   node stranger.mjs URL [TOPOLOGY]      with ws and @roamhq/wrtc as dependencies; ends with its standard input

import { randomBytes } from "node:crypto";
import { createRequire } from "node:module";

const require = createRequire(process.cwd() + "/"), { WebSocket } = require("ws"), { RTCPeerConnection } = require("@roamhq/wrtc");
const [url, topology] = process.argv.slice(2);
const say = (...words) => console.log(words.join(" "));
const tryAgainAfter = 5000, beatEach = 1000, byeTime = 200, keeps = 65536, random = () => randomBytes(16).toString("hex");
let ours, star, isHost, iceServers;
const links = new Map(); // by id: { id, name, pc, attempt, channels, timer, ... }; name is empty for a member without repairs
const ended = new Set(); // members whose link one of the two has ended

const socket = new WebSocket(url, "rtcpeer.v1");
const tell = (message) => socket.readyState === WebSocket.OPEN && socket.send(JSON.stringify(message));
const signal = (to, data) => tell({ kind: "signal", to, data });
const join = { kind: "join", room: new URL(url).pathname.slice(1), topology, channels: [], features: ["repair"], incarnation: random() };
socket.on("open", () => tell(join));
socket.on("close", (code, reason) => say("closed", code, reason));
socket.on("message", (data) => handlers[JSON.parse(data).kind]?.(JSON.parse(data)));

const handlers = {
  welcome(m) {
    [ours, star, isHost, iceServers] = [m.id, m.topology === "star", m.host === m.id, m.ice_servers ?? []];
    say("joined", ours);
    for (const member of m.members ?? []) meet(member);
  },
  joined: (m) => meet(m.member),
  left: (m) => (m.reason === "kicked" || !links.get(m.id)?.up) && end(m.id),
  ice_servers: (m) => (iceServers = m.ice_servers),
  error: (m) => say("error", m.code, m.text),
  signal: (m) => signaled(m.from, m.data).catch((error) => say("error", "signal", error.message)),
};

/** The member with the larger id offers. */
function meet({ id, channels, features }) {
  ended.delete(id);
  if (channels?.length) return signal(id, { type: "refuse", text: "this client has channel 0 alone" });
  if (ours > id) offer(id, 1, features?.includes("repair") ? random() : "");
}

async function offer(id, attempt, name) {
  const link = connect(id, attempt, name);
  link.timer = setTimeout(() => offer(id, attempt + 1, name), tryAgainAfter); // a signal can be lost
  await link.pc.setLocalDescription(await link.pc.createOffer());
  signal(id, { type: "offer", attempt, link: name || undefined, sdp: link.pc.localDescription.sdp });
}

async function signaled(from, m) {
  const link = links.get(from);
  const attempt = m.attempt || link?.attempt || 1;
  if (m.type === "refuse" && m.bye && !ended.has(from)) say("bye", from, 1, m.bye.code, m.bye.text); // over the path it did not arrive
  if (m.type === "refuse") return m.bye && ended.add(from), end(from);
  if (ended.has(from)) return m.link && signal(from, { type: "refuse", text: "this link has ended", attempt, link: m.link });
  if (m.type === "offer" && m.repair) return signal(from, { type: "repair", attempt }); // without the link: there is only a new one
  if (m.type === "repair" && ours > from && attempt >= (link?.attempt ?? 0)) return offer(from, attempt + 1, random());
  if (m.type === "offer" && (!link || attempt > link.attempt)) {
    const { pc, described } = connect(from, attempt, m.link ?? "");
    await pc.setRemoteDescription({ type: "offer", sdp: m.sdp });
    described();
    await pc.setLocalDescription(await pc.createAnswer());
    signal(from, { type: "answer", attempt, link: m.link, sdp: pc.localDescription.sdp });
  } else if (link?.attempt !== attempt) {
    return; // it belongs to a connection that another one has replaced
  } else if (m.type === "answer") {
    await link.pc.setRemoteDescription({ type: "answer", sdp: m.sdp });
    link.described();
  } else if (m.type === "candidate" && m.candidate) {
    await link.isDescribed; // it may come before its description
    await link.pc.addIceCandidate({ candidate: m.candidate, sdpMid: m.sdpMid, sdpMLineIndex: m.sdpMLineIndex });
  }
}

// ---- Connections and their data channels ----

const streams = [["control"], ["reliable"], ["ordered", { maxRetransmits: 0 }], ["unreliable", { ordered: false, maxRetransmits: 0 }]];

function connect(id, attempt, name) {
  end(id);
  const pc = new RTCPeerConnection({ iceServers });
  const link = { id, name, pc, attempt, open: 0, channels: [], taken: 0, untold: 0, keeps: Infinity };
  link.isDescribed = new Promise((resolve) => (link.described = resolve));
  links.set(id, link);
  const lost = () => links.get(id) === link && (end(id), name && ours > id && offer(id, attempt + 1, random()));
  pc.onicecandidate = ({ candidate: c }) =>
    c && signal(id, { type: "candidate", attempt, candidate: c.candidate, sdpMid: c.sdpMid, sdpMLineIndex: c.sdpMLineIndex });
  pc.onconnectionstatechange = () => pc.connectionState === "failed" && lost();
  for (let i = name ? 0 : 1; i < streams.length; i++) {
    const channel = (link.channels[i] = pc.createDataChannel(streams[i][0], { negotiated: true, id: i, ...streams[i][1] }));
    channel.binaryType = "arraybuffer";
    channel.onopen = () => ++link.open === (name ? 4 : 3) && (name ? control(link, 1, ...randomBytes(32), ...varint(keeps)) : up(link));
    if (!i || !name) channel.onclose = lost; // other channels may be reported as closed before the last frames of stream 0
    channel.onmessage = ({ data }) => links.get(id) === link && (i ? receive : controlled)(link, Buffer.from(data), i);
  }
  return link;
}

function up(link) {
  clearTimeout(link.timer);
  link.timer = link.name && setInterval(beat, beatEach, link, 0);
  link.up = true;
  say("connected", link.id);
}

function end(id, ms = 0) {
  const link = links.get(id);
  links.delete(id);
  clearTimeout(link?.timer);
  setTimeout(() => link?.pc.close(), ms);
  if (link?.up) say("gone", id);
}

const varint = (n) => (n < 128 ? [n] : [(n % 128) + 128, ...varint(Math.floor(n / 128))]);
const fromVarint = (bytes) => bytes.reduceRight((n, byte) => n * 128 + (byte & 127), 0);
const control = ({ channels: [stream] }, ...frame) => stream?.readyState === "open" && stream.send(Buffer.from(frame));
const beat = (link, flags) => ((link.untold = 0), control(link, 4, flags, ...varint(link.taken)));

function controlled(link, m) {
  if (m[0] === 1) up(Object.assign(link, { keeps: fromVarint(m.subarray(33)) }));
  if (m[0] === 4 && m[1] & 1) beat(link, 2);
  if (m[0] !== 5) return; // a bye
  const text = m.findIndex((byte, i) => i > 1 && byte < 128) + 1; // after the code
  say("bye", link.id, m[1], fromVarint(m.subarray(2, text)), m.subarray(text || m.length));
  if (m[1] !== 2) ended.add(link.id);
  end(link.id);
}

// ---- Packets: in a star as SceneMultiplayer's frames, of which this is the guest's part ----

function receive(link, m, i) {
  if (i === 1) link.taken++;
  if (i === 1 && (link.untold += m.length) >= link.keeps / 8) beat(link, 0);
  const relayed = star && m[0] === 0x07 && m.length >= 6;
  if (relayed && m[1] !== 0x03) return say(["error auth", "connected", "gone"][m[1]], m.readInt32LE(2));
  if (isHost && star || star && m[relayed ? 6 : 0] !== 0x03) return say("error", "frame", m.toString("hex"));
  const payload = m.subarray(relayed ? 7 : star ? 1 : 0);
  say("packet", relayed ? m.readInt32LE(2) : link.id, i, payload);
  const [, code, text] = /^bye (\d+) (.*)/.exec(payload) ?? [];
  if (!code) return link.channels[i].send(m); // to where it came from
  control(link, 5, 1, ...varint(Number(code)), ...Buffer.from(text));
  ended.add(link.id);
  end(link.id, byeTime);
}

process.stdin.on("end", () => (tell({ kind: "leave" }), process.exit())).resume();
