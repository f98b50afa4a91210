// libdatachannel closes its channels when it finds a path lost, before it says that it is: that is no leaving of the peer.

import assert from "node:assert/strict";
import { test } from "node:test";
import { RTCPeerConnection as DataChannel } from "node-datachannel/polyfill";
import { Plain, Player, cuttable, startServer } from "./support.js";

const server = await startServer();
test.after(() => server.stop());

test("a path that libdatachannel finds lost is lost, also towards those who do not take part in repairs", async (t) => {
  // Its sockets cannot be cut from here, so this end of the path does what libdatachannel does when its ICE fails.
  const net = cuttable();
  class Stack extends DataChannel {
    static last;
    constructor(...args) {
      super(...args);
      Stack.last = this;
    }
    get iceConnectionState() {
      return this.failing ? "disconnected" : super.iceConnectionState;
    }
  }
  const a = await Player.join(server.url + "/r", { RTCPeerConnection: Stack }), b = await Player.join(server.url + "/r", { ...net, WebSocket: Plain });
  t.after(() => Promise.all([a.close(), b.close()]));
  await a.event("connected", b.id);
  Stack.last.failing = true;
  net.cut();
  for (const lane of a.node.roster.get(b.id).link.lanes) lane.channel.dispatchEvent(new Event("close"));
  assert.equal((await a.event("disconnected", b.id)).reason, "lost");
});
