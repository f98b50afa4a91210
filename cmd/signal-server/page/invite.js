// How others get into the room: one button that shares its link or copies it, a QR code, and a command.

import { svg } from "./svg.js";

const by = (/** @type {string} */ id) => /** @type {any} */ (document.getElementById(id));
const link = by("link"), dialog = by("room-dialog");

/** @param {any} node */
export function invite(node) {
  const own = new URL(`#${node.room}`, location.href);
  own.searchParams.delete("access_token"); // it is this player's
  link.value = own.href;
  by("chat-command").textContent = `rtc-client chat ${node.url}`;
  by("qr").replaceChildren();
  by("show-qr").hidden = false;
}

/** Draws the link when it is asked for: the code for that is not loaded before. */
async function draw() {
  const { encode } = await import("./qr.js");
  const { data, size } = encode(link.value, { ecc: "M", border: 3 });
  let path = "";
  for (let row = 0; row < size; row++) for (let column = 0; column < size; column++) if (data[row][column]) path += `M${column} ${row}h1v1h-1z`;
  by("qr").replaceChildren(svg("svg", { viewBox: `0 0 ${size} ${size}`, role: "img", "aria-label": "The link as a QR code", "shape-rendering": "crispEdges" }, svg("path", { d: path })));
  by("show-qr").hidden = true;
}

/** The clipboard's API is there over https and on localhost alone. @param {HTMLElement} button that says whether it worked */
async function copy(button) {
  const words = button.textContent;
  let copied = await navigator.clipboard?.writeText(link.value).then(() => true, () => false);
  if (!copied) {
    const shown = dialog.open;
    if (!shown) dialog.showModal(); // what is not shown cannot be selected
    link.select();
    copied = document.execCommand("copy");
    if (copied && !shown) dialog.close();
    if (copied) button.focus();
  }
  button.textContent = copied ? "Copied" : "Press Ctrl+C";
  setTimeout(() => (button.textContent = words), 2000);
  return copied;
}

by("invite").addEventListener("click", async () => {
  if (!navigator.share) return void copy(by("invite"));
  await navigator.share({ title: "Come into the room", url: link.value }).catch((/** @type {any} */ error) => error.name === "AbortError" || dialog.showModal());
});
by("room-name").addEventListener("click", () => dialog.showModal());
by("copy").addEventListener("click", () => copy(by("copy")));
by("alone-copy").addEventListener("click", () => copy(by("alone-copy")));
by("show-qr").addEventListener("click", draw);
by("alone-qr").addEventListener("click", () => {
  dialog.showModal();
  draw();
});
