// Whether a path that has ended was closed by the peer, or was lost. libdatachannel closes a path by itself when its ICE has
// failed, after 30 s of silence: all of it may be closed by the time of the first event, as when the peer closes it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { RTCPeerConnection as DataChannel } from "node-datachannel/polyfill";
import { Plain, Player, cuttable, startServer } from "./support.js";

const server = await startServer();
test.after(() => server.stop());

// Its sockets cannot be cut from here, so this end of the path does what the stack was seen to do.
class Stack extends DataChannel {
  static last;
  shown;
  constructor(...args) {
    super(...args);
    Stack.last = this;
  }
  get connectionState() {
    return this.shown?.[0] ?? super.connectionState;
  }
  get iceConnectionState() {
    return this.shown?.[1] ?? super.iceConnectionState;
  }
}

test("why a path has ended, also for peers that do not take part in repairs", async (t) => {
  for (const [name, silence, reason, ...events] of [
    ["libdatachannel's ICE fails", 30, "lost", "ice connected failed"],
    ["it does, and all is closed when its event comes", 30, "lost", "ice closed closed", "ice closed closed", "channels closed closed"],
    ["it does, and its event does not come", 30, "lost", "connection closed closed", "connection closed closed", "channels closed closed"],
    ["its channels close while its ICE is disconnected", 6, "lost", "channels connected disconnected"],
    ["a browser's ICE fails", 15, "lost", "ice connected disconnected", "ice connected failed", "connection failed failed"],
    ["the peer closes libdatachannel's path", 1, "by peer", "connection closed closed", "connection closed closed", "channels closed closed"],
    ["it does, and the channels are the first to tell", 1, "by peer", "channels disconnected connected", "connection closed closed"],
    ["the peer closes a path after a long silence", 60, "by peer", "channels connected connected"],
    ["it does after the ICE has come back", 60, "by peer", "ice connected disconnected", "ice connected connected", "channels connected connected"],
  ]) {
    await t.test(name, async (t) => {
      const net = cuttable(), room = `${server.url}/${name.replace(/[^a-z]/g, "")}`;
      const a = await Player.join(room, { RTCPeerConnection: Stack }), b = await Player.join(room, { ...net, WebSocket: Plain });
      const { now } = performance;
      t.after(() => ((performance.now = now), Promise.all([a.close(), b.close()])));
      await a.event("connected", b.id);
      net.cut();
      performance.now = () => now.call(performance) + 1000 * silence;
      const { link } = a.node.roster.get(b.id);
      for (const event of events) {
        const [what, ...shown] = event.split(" ");
        Stack.last.shown = shown;
        if (what === "channels") for (const lane of link.lanes) lane.channel.dispatchEvent(new Event("close"));
        else Stack.last.dispatchEvent(new Event(what === "ice" ? "iceconnectionstatechange" : "connectionstatechange"));
      }
      assert.equal((await a.event("disconnected", b.id)).reason, reason);
    });
  }
});
