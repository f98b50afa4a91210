// This tab's place in a room, so that a reloaded page is the same member as before: the host, or a guest if another member is
// the host by then.
//
// A tab that was duplicated has a copy of the storage. So a tab that is about to come back first asks the other tabs. If one
// of them has the place, it answers, and the copy joins as a newcomer.

const key = (/** @type {string} */ room) => `rtcpeer ${room}`;
const answerTime = 200; // ms
/** @type {BroadcastChannel | undefined} */ let tabs;
try {
  tabs = new BroadcastChannel("rtcpeer");
} catch {} // a browser may keep pages from storing anything, and from this
const taken = new Set(); // ids of places that other tabs are in
let held = ""; // id of the place that this tab is in

tabs?.addEventListener("message", ({ data }) => {
  if (data.asks && data.asks === held) tabs.postMessage({ taken: held });
  if (data.taken) taken.add(data.taken);
});

/** Keeps the place, as it is now. @param {any} node */
export function keep(node) {
  node.config.keepPlace = true; // not said in join: only who is in the room knows whether it wants that
  if (!held) held = `${Date.now()} ${Math.random()}`;
  try {
    sessionStorage.setItem(key(node.room), JSON.stringify({ id: held, peer: node.id, topology: node.topology, resume: node.resume }));
  } catch {} // a browser may keep nothing
}

/** Keeps the place no longer: who leaves the page leaves the room. @param {any} node */
export function release(node) {
  node.config.keepPlace = false;
  held = "";
  try {
    sessionStorage.removeItem(key(node.room));
  } catch {}
}

/** @param {string} room */
export function forget(room) {
  held = "";
  try {
    sessionStorage.removeItem(key(room));
    sessionStorage.removeItem(secret(room));
  } catch {}
}

const secret = (/** @type {string} */ room) => `rtcpeer password ${room}`;

/** Keeps the password of a room, for a page that is reloaded or joins again. @param {string} room @param {string} [password] */
export function keepPassword(room, password) {
  try {
    if (password) sessionStorage.setItem(secret(room), password);
  } catch {}
}

/** @param {string} room */
export function passwordOf(room) {
  try {
    return sessionStorage.getItem(secret(room)) || undefined;
  } catch {}
}

/** Who this tab was, and what join needs to come back; or nothing. @param {string} room @returns {Promise<{peer?: number, topology?: string, resume?: string}>} */
export async function recall(room) {
  try {
    const { id, peer, topology, resume } = JSON.parse(sessionStorage.getItem(key(room)) ?? "{}");
    if (!id) return {};
    taken.delete(id);
    tabs?.postMessage({ asks: id });
    await new Promise((resolve) => setTimeout(resolve, answerTime));
    if (taken.has(id)) {
      forget(room);
      return {};
    }
    held = id;
    return { peer, topology, resume };
  } catch {
    return {};
  }
}
