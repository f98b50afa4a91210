// A page of a program that is made with a bundler: it shows what the others say. The server is at the address's ?server=.

import { BroadcastError, join, list, RtcPeerError, sharedSecret, type Config, type ErrorCode, type Event } from "rtcpeer";
import { Migration } from "rtcpeer/migration";
import { relayLinks } from "rtcpeer/relay-links";
import { json, RequestError, Requests } from "rtcpeer/requests";
import { PeerTimes } from "rtcpeer/times";
import { Files, TransferError } from "rtcpeer/transfer";

const server = new URLSearchParams(location.search).get("server") ?? "ws://localhost:9080";
const times = new PeerTimes();
const config: Config = {
  topology: "star", channels: ["reliable", "reliable"], newRoom: { migrates: true }, migration: new Migration(), relayLinks, times,
  auth: sharedSecret("open sesame"), metadata: { name: "Ann" },
};
const node = await join(`${server}/bundled`, config);
const requests = new Requests(node, { channel: 1, codec: json }), files = new Files(node, 2, { sendOnly: true });
requests.onRequest = (data: number, { peer }) => data * peer;

const show = (text: string) => document.getElementById("said")?.append(`${text}\n`);
const words = (code: ErrorCode): string => (code === "room_full" ? "full" : code);

function take(event: Event): void {
  if (files.handle(event) || requests.take(event)) return;
  switch (event.kind) {
    case "connected":
      node.send({ peer: event.peer, mode: "reliable", data: "hello" }).catch((error: unknown) => {
        if (error instanceof BroadcastError) show(error.peers.join());
        else if (error instanceof RtcPeerError) show(words(error.code));
      });
      break;
    case "packet":
      show(`${event.peer}: ${new TextDecoder().decode(event.packet.data)}`);
      requests.request(event.peer, 2, { timeout: 5000 }).then((answer: number) => show(`${answer === 2 * event.peer}`), (error: unknown) => {
        if (error instanceof RequestError && error.code === "timeout") show("late");
      });
      break;
    case "disconnected":
      show(`${event.peer} is gone: ${event.reason}`);
      break;
    default:
      break;
  }
}

document.addEventListener("drop", (e) => {
  const peer: number | undefined = node.peers[0], file = e.dataTransfer?.files[0];
  if (peer === undefined || !file) return;
  show(`${times.rtt(peer) ?? "?"} ms`);
  files.sendFile(peer, file).catch((error: unknown) => error instanceof TransferError && show(error.code));
});
const { rooms } = await list(server);
show(`${rooms.length} rooms, ${node.members.length} members, ${node.resume === undefined ? "not kept" : "kept"}`);
try {
  for await (const event of node) take(event);
  show("over");
} catch (error) {
  if (error instanceof RtcPeerError) show(words(error.code));
}
