// A client of rtcpeer.v1 that was written from signaling/PROTOCOL.md alone, with nothing of rtcpeer.js: what a client in
// another language needs. It leaves out "Repairs" and all else that may be left out. What a peer sends it sends back.
//
//   node stranger.mjs URL [TOPOLOGY]      with ws and @roamhq/wrtc as dependencies; ends with its standard input
//
// It prints a line for each event: "joined ID", "connected ID", "packet ID CHANNEL TEXT", "gone ID", "error CODE TEXT".

import { createRequire } from "node:module";

const require = createRequire(process.cwd() + "/");
const { WebSocket } = require("ws");
const { RTCPeerConnection } = require("@roamhq/wrtc");

const [url, topology] = process.argv.slice(2);
const say = (...words) => console.log(words.join(" "));
const tryAgainAfter = 5000;

let ours, star, isHost, iceServers;
const links = new Map(); // by id: { pc, attempt, channels, early, timer }

// ---- Signaling ----

const socket = new WebSocket(url, "rtcpeer.v1");
const tell = (message) => socket.readyState === WebSocket.OPEN && socket.send(JSON.stringify(message));
socket.on("open", () => tell({ kind: "join", room: new URL(url).pathname.slice(1), topology, channels: [] }));
socket.on("close", (code, reason) => say("closed", code, reason));
socket.on("error", (error) => say("error", "socket", error.message));
socket.on("message", (data) => handlers[JSON.parse(data).kind]?.(JSON.parse(data)));

const handlers = {
  welcome(m) {
    ours = m.id;
    star = m.topology === "star";
    isHost = m.host === m.id;
    iceServers = m.ice_servers ?? [];
    say("joined", ours);
    for (const member of m.members ?? []) meet(member);
  },
  joined: (m) => meet(m.member),
  left: (m) => m.reason === "kicked" && end(m.id),
  ice_servers: (m) => (iceServers = m.ice_servers),
  error: (m) => say("error", m.code, m.text),
  signal: (m) => signaled(m.from, m.data).catch((error) => say("error", "signal", error.message)),
};

/** The member with the larger id offers. */
function meet(member) {
  if (member.channels?.length) return tell({ kind: "signal", to: member.id, data: { type: "refuse", text: "this client has channel 0 alone" } });
  if (ours > member.id) offer(member.id, 1);
}

async function offer(id, attempt) {
  const link = connect(id, attempt);
  link.timer = setTimeout(() => offer(id, attempt + 1), tryAgainAfter); // a signal can be lost
  await link.pc.setLocalDescription(await link.pc.createOffer());
  tell({ kind: "signal", to: id, data: { type: "offer", attempt, sdp: link.pc.localDescription.sdp } });
}

async function signaled(from, m) {
  let link = links.get(from);
  const attempt = m.attempt || link?.attempt || 1;
  if (m.type === "refuse") return end(from);
  if (m.type === "offer" && (!link || attempt > link.attempt)) {
    link = connect(from, attempt);
    await link.pc.setRemoteDescription({ type: "offer", sdp: m.sdp });
    link.described();
    await link.pc.setLocalDescription(await link.pc.createAnswer());
    tell({ kind: "signal", to: from, data: { type: "answer", attempt, sdp: link.pc.localDescription.sdp } });
  } else if (link?.attempt !== attempt) {
    return; // it belongs to a connection that another one has replaced
  } else if (m.type === "answer") {
    await link.pc.setRemoteDescription({ type: "answer", sdp: m.sdp });
    link.described();
  } else if (m.type === "candidate" && m.candidate) {
    const { candidate, sdpMid, sdpMLineIndex } = m;
    await link.isDescribed; // it may come before its description
    await link.pc.addIceCandidate({ candidate, sdpMid, sdpMLineIndex });
  }
}

// ---- Connections and their data channels ----

function connect(id, attempt) {
  end(id);
  const pc = new RTCPeerConnection({ iceServers });
  const link = { pc, attempt, open: 0, channels: [] };
  link.isDescribed = new Promise((resolve) => (link.described = resolve));
  links.set(id, link);
  pc.onicecandidate = ({ candidate: c }) => {
    const data = c && { type: "candidate", attempt, candidate: c.candidate, sdpMid: c.sdpMid, sdpMLineIndex: c.sdpMLineIndex };
    if (c) tell({ kind: "signal", to: id, data });
  };
  pc.onconnectionstatechange = () => pc.connectionState === "failed" && lost(id, link);
  const options = [{ ordered: true }, { ordered: true, maxRetransmits: 0 }, { ordered: false, maxRetransmits: 0 }];
  for (const [i, label] of ["reliable", "ordered", "unreliable"].entries()) {
    const channel = pc.createDataChannel(label, { negotiated: true, id: i + 1, ...options[i] });
    channel.binaryType = "arraybuffer";
    channel.onopen = () => ++link.open === 3 && up(id, link);
    channel.onclose = () => lost(id, link);
    channel.onmessage = ({ data }) => receive(id, i, Buffer.from(data));
    link.channels.push(channel);
  }
  return link;
}

function up(id, link) {
  clearTimeout(link.timer);
  link.up = true;
  say("connected", id);
}

function lost(id, link) {
  if (links.get(id) === link) end(id);
}

function end(id) {
  const link = links.get(id);
  links.delete(id);
  clearTimeout(link?.timer);
  link?.pc.close();
  if (link?.up) say("gone", id);
}

// ---- Packets: in a star as SceneMultiplayer's frames, of which this is the guest's part ----

function receive(from, i, message) {
  const send = (bytes) => links.get(from)?.channels[i].send(bytes);
  if (!star) return got(from, i, message, send);
  if (isHost) return say("error", "host", "this client cannot relay");
  if (message[0] === 0x03) return got(from, i, message.subarray(1), (payload) => send(Buffer.concat([Buffer.of(0x03), payload])));
  if (message[0] !== 0x07 || message.length < 6) return say("error", "frame", message.toString("hex"));
  const id = message.readInt32LE(2);
  if (message[1] === 0x01) return say("connected", id);
  if (message[1] === 0x02) return say("gone", id);
  if (message[1] !== 0x03 || message[6] !== 0x03) return say("error", "frame", message.toString("hex"));
  got(id, i, message.subarray(7), (payload) => send(Buffer.concat([message.subarray(0, 7), payload]))); // to where it came from
}

function got(from, i, payload, answer) {
  say("packet", from, i, payload);
  answer(payload);
}

process.stdin.on("end", () => (tell({ kind: "leave" }), process.exit())).resume();
