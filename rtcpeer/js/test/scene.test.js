// What is SceneMultiplayer's: commands, framed meshes, the targets of the relay. And places.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Plain, Player, RTCPeerConnection, bare, eventually, orderly, startServer } from "./support.js";

const server = await startServer();
let rooms = 0;

const newRoom = () => `${server.url}/scene-${++rooms}`;
test.after(() => server.stop());

const enter = async (t, url, config) => {
  const player = await Player.join(url, { RTCPeerConnection, channels: ["reliable"], ...config });
  t.after(() => {
    if (!player.shown) assert.equal(orderly(player.events), "");
    return player.close();
  });
  return player;
};

const commands = { remote_call: 0x20, simplify_path: 0x01, confirm_path: 0x02, spawn: 0x14, despawn: 0x05, sync: 0x86 };
const shown = ({ peer, command, data }) => [peer, command, Buffer.from(data).toString("hex")];

test("commands pass through a star, whole", async (t) => {
  const url = newRoom();
  const host = await enter(t, url, { topology: "star" }), a = await enter(t, url), b = await enter(t, url);
  await Promise.all([a.event("connected", b.id), b.event("connected", a.id), host.event("connected", b.id)]);
  for (const [command, first] of Object.entries(commands)) await a.node.send({ command, data: new Uint8Array([first, 7]) });
  await a.node.send({ data: "hi" });
  const want = [...Object.entries(commands).map(([command, first]) => [a.id, command, first.toString(16).padStart(2, "0") + "07"]), [a.id, undefined, "6869"]];
  for (const other of [host, b]) {
    await other.until("all", () => other.packets(a.id).length === want.length);
    assert.deepEqual(other.packets(a.id).map(shown), want);
    assert.equal("command" in other.packets(a.id).at(-1), false);
  }
  for (const [command, data] of [["spawn", [0]], ["spawn", [3, 1]], ["sync", [7, 1, 5, 0, 0, 0]], ["raw", [3]], ["sys", [7]], [true, [4]]]) {
    await assert.rejects(a.node.send({ command, data: new Uint8Array(data) }), { code: "bad_command" }, String(command));
  }
  await a.node.send({ command: "spawn", data: "" }); // sends nothing
});

test("a bare mesh has no commands, and says so", async (t) => {
  const a = await enter(t, newRoom());
  await assert.rejects(a.node.send({ command: "spawn", data: new Uint8Array([4]) }), { code: "bad_command", message: /use a star or config\.framed/ });
});

test("a framed mesh: 03 before each packet, commands as they are, and no relay", async (t) => {
  const url = newRoom();
  const a = await enter(t, url, { topology: "mesh", framed: true });
  const godot = bare(await enter(t, url, { WebSocket: Plain }));
  await Promise.all([a.event("connected", godot.id), godot.event("connected", 1)]);
  godot.tell(1, 3, "036869");
  await a.until("the packet", () => a.packets().length === 1);
  godot.tell(1, 0, "140708");
  await a.until("the command", () => a.packets().length === 2);
  assert.deepEqual(a.packets().map(shown), [[godot.id, undefined, "6869"], [godot.id, "spawn", "140708"]]);
  assert.equal(a.packets()[0].channel, 1);
  await a.node.send({ peer: -7, channel: 1, data: "hi" });
  await a.node.send({ peer: godot.id, command: "sync", data: new Uint8Array([6, 1]) });
  await godot.hears("3 036869", "0 0601");
  for (const bad of ["03", "07", "070109000000", "070205000000", "07030100000003aa", "07030000000003aa"]) godot.tell(1, 0, bad);
  godot.tell(1, 0, "0361");
  await a.until("the last packet", () => a.packets().length === 3);
  assert.equal((await a.node.stats()).dropped.malformed, 6);

  const b = await enter(t, url, { framed: true });
  await b.event("connected", 1);
  await b.node.send({ peer: 1, data: new Uint8Array(16384) });
  await a.until("the largest packet", () => a.packets(b.id)[0]?.data.length === 16384);
});

test("the host relays as Godot's does, for every form of target", async (t) => {
  const url = newRoom();
  const host = await enter(t, url, { topology: "star" });
  const guests = [];
  for (let i = 0; i < 3; i++) guests.push(bare(await enter(t, url, { WebSocket: Plain })));
  const [five, seven, nine] = guests;
  await Promise.all(guests.map((g) => host.event("connected", g.id)));
  await Promise.all(guests.map((g) => g.event("connected", 1)));
  const frame = (id, inner) => "0703" + Buffer.from(new Int32Array([id]).buffer).toString("hex") + inner;
  const targets = [
    [0, [host, seven, nine]], [seven.id, [seven]], [-seven.id, [host, nine]], [-1, [seven, nine]],
    [-five.id, [host, seven, nine]], [-(2 ** 31), [host, seven, nine]], [five.id, [five]], [1, []], [2, []],
  ];
  for (const [channel, lane] of [[0, 0], [1, 3]]) {
    for (const [i, [target, want]] of targets.entries()) {
      const mark = `03${i.toString(16).padStart(2, "0")}aa`;
      const relayed = `${lane} ${frame(five.id, mark)}`;
      five.tell(1, lane, frame(target, mark));
      five.tell(1, lane, "03ff");
      const here = (first) => host.packets(five.id).filter((p) => p.channel === channel && p.data[0] === first).length;
      await host.until(`the end of target ${target}`, () => here(0xff) === i + 1);
      assert.equal(here(i), Number(want.includes(host)), `target ${target}`);
      await host.node.send({ channel, data: `end ${i}` });
      for (const g of guests) {
        await g.hears(`${lane} 03${Buffer.from(`end ${i}`).toString("hex")}`);
        assert.equal(g.shown.includes(relayed), want.includes(g), `target ${target}`);
      }
    }
  }
  assert.equal((await host.node.stats()).dropped.no_target, 4);
});

test("a host that leaves does not announce its guests as gone", async (t) => {
  const url = newRoom();
  const host = await enter(t, url, { topology: "star" }), a = await enter(t, url), b = await enter(t, url);
  await Promise.all([a.event("connected", b.id), b.event("connected", a.id)]);
  await host.close();
  assert.equal((await a.event("disconnected", b.id)).reason, "host gone");
  assert.equal((await b.event("disconnected", a.id)).reason, "host gone");
});

test("a host with places for two refuses the third, until one is free", async (t) => {
  const url = newRoom();
  const host = await enter(t, url, { topology: "star", maxPeers: 2 });
  const a = await enter(t, url), b = await enter(t, url);
  await Promise.all([host.event("connected", a.id), host.event("connected", b.id)]);
  const third = await enter(t, url);
  const { error } = await third.event("failed", 1);
  assert.equal(error.code, "refused");
  assert.match(error.message, /no more than 2 peers are admitted/);
  assert.deepEqual(host.events.filter((e) => e.peer === third.id), []);
  await a.close();
  await host.event("disconnected", a.id);
  await eventually("the place", () => host.node.links().length === 1);
  const fourth = await enter(t, url);
  await host.event("connected", fourth.id);
  await assert.rejects(enter(t, url, { maxPeers: -1 }), { code: "bad_config" });
});

test("a game that is turned away would wait for ever: it is taken out of the room, with the reason", async (t) => {
  class Game extends Plain {
    send(data) {
      const m = JSON.parse(data);
      super.send(JSON.stringify({ ...m, ...(m.kind === "join" && { one_attempt: true }) }));
    }
  }
  for (const [config, why] of [[{ maxPeers: 1 }, /no more than 1 peers are admitted/], [{}, /new connections are refused/]]) {
    const url = newRoom();
    const host = await enter(t, url, { topology: "star", ...config });
    const a = await enter(t, url, { WebSocket: Game });
    await Promise.all([host.event("connected", a.id), a.event("connected", 1)]);
    host.node.refuse = !config.maxPeers;
    const game = await enter(t, url, { WebSocket: Game });
    await eventually("it is told", () => game.ended);
    assert.deepEqual([game.ended.code, why.test(game.ended.message)], ["kicked", true], game.ended.message);
    await eventually("its place is free", () => !host.node.members.includes(game.id));
    assert.deepEqual(host.node.peers, [a.id]);
    assert.throws(() => a.node.kick(1), { code: "not_host" });
  }
});
