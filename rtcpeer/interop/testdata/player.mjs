// A player: one node that does what the test asks over a WebSocket, in a page or in Node. frames_test.go
// says what the frames are.

const channels = ["reliable", "unreliable_ordered", "unreliable"];

let candidates = 0; // of others, that this page's connections were given

const { prototype } = globalThis.RTCPeerConnection ?? {};
if (prototype) {
  const { addIceCandidate } = prototype;
  prototype.addIceCandidate = function (candidate) {
    candidates++;
    return addIceCandidate.call(this, candidate);
  };
}

/** Plays until it is told to close, with what rtcpeer.js exports; config is what the stack needs. */
export async function play(socket, { join, sharedSecret }, config = {}) {
  const say = (frame) => socket.readyState === 1 && socket.send(JSON.stringify(frame));
  const failure = (e) => ({ code: e.code ?? "", text: e.message ?? String(e) });
  const deeds = {
    join: async ({ url, topology, secret, config: own }) => {
      node = await join(url, { topology, channels, auth: secret && sharedSecret(secret), ...config, ...own });
      pump();
      return { id: node.id };
    },
    send: async ({ packet }) => node.send({ ...packet, data: bytes(packet.data) }),
    flood: async ({ packet, count }) => {
      const data = bytes(packet.data);
      for (let i = 0; i < count; i++) {
        node.trySend({ ...packet, data });
        if (i % 16 === 0) await breath();
      }
    },
    deaf: async () => (hears = new Promise((resolve) => (hear = resolve))) && {},
    hear: async () => hear(),
    stats: async () => {
      const { room, resumed, dropped, waiting, links, game } = await node.stats();
      return { stats: { room, resumed, dropped, waiting, candidates, game, remote: Object.fromEntries(Object.entries(links).map(([id, link]) => [id, link.remote])) } };
    },
    seal: async () => node.seal(),
    close: async () => node?.close(),
  };
  let node, hear, hears;

  async function pump() {
    try {
      for (;;) {
        await hears;
        const { done, value } = await node.next();
        if (done) return say({ ended: { code: "closed", text: "closed" } });
        const { packet, error, ...event } = value;
        say({ event: { ...event, ...(packet && { packet: { ...packet, data: base64(packet.data) } }), ...(error && { error: error.message }) } });
      }
    } catch (e) {
      say({ ended: failure(e) });
    }
  }

  let closed;
  const over = new Promise((resolve) => (closed = resolve));
  socket.addEventListener("message", async ({ data }) => {
    const call = JSON.parse(data);
    try {
      say({ answer: call.n, ...(await deeds[call.do](call)) });
    } catch (e) {
      say({ answer: call.n, error: failure(e) });
    }
    if (call.do === "close") closed();
  });
  await over;
  say({ exit: 0 });
}

/** Lets everything else run once, without the four milliseconds of a timer. */
const breath = () =>
  new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port2.onmessage = () => (port1.close(), port2.close(), resolve());
    port1.postMessage(0);
  });

const bytes = (text) => Uint8Array.from(atob(text ?? ""), (c) => c.charCodeAt(0));

function base64(data) {
  let text = "";
  for (let i = 0; i < data.length; i += 4096) text += String.fromCharCode(...data.subarray(i, i + 4096));
  return btoa(text);
}
