// The public rooms of the server, for people who have no link to a room.

import { list } from "./rtcpeer.js";

const by = (/** @type {string} */ id) => /** @type {any} */ (document.getElementById(id));
const most = 50; // rooms that are shown
/** @type {AbortController | null} */ let asking = null;

/** Asks the server for the public rooms when they are looked at. @param {string | undefined} token @param {(room: string) => void} enter */
export function openLobby(token, enter) {
  by("meet").addEventListener("toggle", async () => {
    asking?.abort();
    if (!by("meet").open) return;
    const mine = (asking = new AbortController());
    by("rooms-hint").textContent = "Asking the server …";
    by("rooms").replaceChildren();
    try {
      const { rooms } = await list("./", { limit: most, token, signal: mine.signal });
      if (mine !== asking) return;
      by("rooms").replaceChildren(...rooms.map((room) => entry(room, enter)));
      by("rooms-hint").textContent = rooms.length ? "" : "None at the moment. To start one, look under Advanced.";
    } catch (/** @type {any} */ error) {
      if (mine === asking) by("rooms-hint").textContent = `The list of rooms is not available: ${error.message}`;
    }
  });
}

/** Gives up asking, and shows the rooms no longer. */
export function closeLobby() {
  asking?.abort();
  asking = null;
  by("meet").open = false;
}

/** @param {any} room @param {(room: string) => void} enter */
function entry({ room, members, maxMembers, locked, password }, enter) {
  const li = document.createElement("li"), button = document.createElement("button"), words = document.createElement("span");
  button.type = "button";
  button.className = "quiet";
  button.textContent = room;
  button.disabled = !!locked;
  button.addEventListener("click", () => enter(room));
  const what = [members === 1 ? "1 person" : `${members} people`, maxMembers < 100 && `${maxMembers} at most`, locked && "locked", password && "with a password"];
  words.textContent = what.filter(Boolean).join(", ");
  li.append(button, words);
  return li;
}
