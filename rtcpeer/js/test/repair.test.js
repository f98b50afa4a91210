// What is decided about the path of a link. The cases are those of repair_test.go, read from there: one line each, with the
// second at which each thing happens, and what is done about it. So the two ends of a link decide alike, whatever they are
// written in. Further cases are those that only a page has.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { Repair, slept } from "../src/repair.js";
import { root } from "./support.js";

const tickEach = 500;

/** Drives one repair, as a link does. */
class Simulated {
  at = 0; // ms
  heard = true;
  idle = false; // heard with each second tick alone
  ticks = 0;
  asleep = false;
  throttled = 1; // ticks of which one comes
  sight = {};
  over = false;
  told = [];

  constructor(offers, lostAfter, asks) {
    this.repair = new Repair(offers, lostAfter, this.clocks());
    this.asks = asks;
  }

  clocks() {
    return { now: this.at, wall: this.at };
  }

  /** Lets time pass, with its ticks and the tries that come between them. */
  passUntil(end) {
    while (!this.over) {
      let at = (this.ticks + 1) * tickEach, tick = true;
      const { due } = this.repair;
      if (due > this.at && due < at && !this.asleep && this.throttled === 1) [at, tick] = [due, false];
      if (at >= end) return void (this.at = end);
      this.at = at;
      if (tick) this.ticks++;
      if (this.asleep || (tick && this.ticks % this.throttled)) continue;
      this.tick();
    }
  }

  tick() {
    this.do(this.repair.tick(this.clocks(), { ...this.sight, heard: this.heard && (!this.idle || this.ticks % 2 === 0) }));
  }

  take(what) {
    const { repair, at, sight } = this;
    if (what === "quiet" || what === "heard") this.heard = what === "heard";
    else if (what === "closed") (this.heard = false), this.do(repair.pathClosed(at, sight));
    else if (what === "changed") this.do(repair.changed(at, 0));
    else if (what === "changed+") this.do(repair.changed(at, tickEach));
    else if (what === "answered") this.do(repair.answered(at, sight));
    else if (what.startsWith("requested")) this.do(repair.requested(at, sight, what.endsWith("!")));
    else if (what === "made") sight.making = true;
    else if (what === "reached") sight.advanced = true;
    else if (what === "failed") (this.sight = {}), this.do(repair.failed(at));
    else if (what === "moved" || what === "relayed") (this.sight = {}), (this.heard = true), this.do(repair.moved(at, what === "relayed"));
    else if (what === "asleep") this.asleep = true;
    else if (what === "awake") (this.asleep = false), this.tick(); // with the tick that was due
    else if (what === "throttled") this.throttled = 120;
    else assert.fail(what);
  }

  do(steps) {
    const words = [];
    for (const step of steps) {
      if (step === "try") this.sight = { making: this.repair.offers };
      if (step === "drop") this.sight = {};
      if (step === "give up") this.over = true;
      if (step !== "ask" || this.asks) words.push(step.replace(" ", "-"));
    }
    if (words.length) this.told.push(`${Math.round(this.at) / 1000} ${words.join(" ")}`);
  }
}

function simulate(offers, lostAfter, script, asks) {
  const s = new Simulated(offers, lostAfter, asks);
  const words = script.split(/\s+/);
  while (words.length && !s.over) {
    const [at, what] = words.splice(0, 2);
    s.idle = what === "idle";
    s.passUntil(at * 1000);
    if (what === "end" || what === "idle") break;
    s.take(what);
  }
  return s.told.join(", ");
}

const times = { "-1": -1, "time.Millisecond": 1, "time.Second": 1000 };
const ms = (go) => times[go] ?? parseInt(go, 10) * 1000;

test("what Go decides", async (t) => {
  const source = readFileSync(join(root, "rtcpeer/repair_test.go"), "utf8");
  const cases = [...source.matchAll(/^\t\t\{"(.*)", (offers|answers), (.*), "(.*)",\s*"(.*)"\},$/gm)];
  assert.ok(cases.length > 60, `${cases.length} cases found in repair_test.go`);
  for (const [, name, role, lostAfter, script, want] of cases) {
    if (script.includes(" relaxed ")) continue; // that is a path that neither end checks, and a browser always does
    await t.test(name, () => assert.equal(simulate(role === "offers", ms(lostAfter), script, want.includes("ask")), want, script));
  }
});

test("timers that fire once a minute", async (t) => {
  for (const [name, offers, script, want] of [
    ["a link that is heard needs nothing", true, "2 throttled 900 end", ""],
    ["silence is told at the second tick, and the link is given up at the third", true, "2 throttled 70 quiet 400 end", "180 interrupt try, 240 give-up"],
    ["heard again", true, "2 throttled 70 quiet 200 heard 900 end", "180 interrupt try, 240 resume drop"],
    ["the path closes", false, "2 throttled 70 closed 130 end", "70 try, 120 interrupt try"],
    ["another path takes over meanwhile", false, "2 throttled 70 closed 71 moved 400 end", "70 try"],
  ]) {
    await t.test(name, () => assert.equal(simulate(offers, 30000, script, false), want, script));
  }
});

test("a frozen page is recognized by the steady clock, a suspended machine only by the wall clock", () => {
  const before = { now: 1000, wall: 500000 };
  for (const [name, steady, wall, want] of [
    ["a tick", 500, 500, false],
    ["a late tick", 2000, 2000, false],
    ["the page was frozen", 14000, 14000, true],
    ["the machine was suspended", 500, 3600500, true],
    ["the wall clock was set back", 500, -3600000, false],
    ["the wall clock was set back while the page was frozen", 14000, -3600000, true],
    ["the wall clock was corrected", 500, 1500, false],
  ]) {
    const at = { now: before.now + steady, wall: before.wall + wall };
    assert.equal(slept(before, at), want, name);
    assert.deepEqual(new Repair(true, 60000, before).tick(at, { heard: true }), want ? ["ask"] : [], name);
  }
});

test("time in which the machine was suspended does not count as silence", () => {
  for (const wall of [10000, 3600000]) {
    for (const steady of [1000, wall]) {
      assert.deepEqual(new Repair(true, 5000, { now: 0, wall: 0 }).tick({ now: steady, wall }, {}), ["ask"]);
    }
  }
});
