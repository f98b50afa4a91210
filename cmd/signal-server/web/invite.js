// How others get into the room: its link to copy, the same as a QR code, and a command.

import { svg } from "./svg.js";

const link = /** @type {HTMLInputElement} */ (document.getElementById("link"));
const copyButton = document.getElementById("copy");
const code = document.getElementById("qr");

export function invite(/** @type {any} */ node) {
  const own = new URL(`#${node.room}`, location.href);
  own.searchParams.delete("access_token"); // it is this player's
  const url = own.href;
  link.value = url;
  document.getElementById("chat-command").textContent = `rtc-client chat ${node.url}`;
  code.replaceChildren();
  draw(url);
}

async function draw(/** @type {string} */ url) {
  const { default: qrcode } = await import("./vendor/qrcode.js");
  const qr = qrcode(0, "M");
  qr.addData(url);
  qr.make();
  const n = qr.getModuleCount(), quiet = 3;
  let path = "";
  for (let row = 0; row < n; row++) for (let column = 0; column < n; column++) if (qr.isDark(row, column)) path += `M${column} ${row}h1v1h-1z`;
  const box = `${-quiet} ${-quiet} ${n + 2 * quiet} ${n + 2 * quiet}`;
  const image = svg("svg", { viewBox: box, role: "img", "aria-label": "The link as a QR code", "shape-rendering": "crispEdges" }, svg("path", { d: path }));
  if (link.value === url) code.replaceChildren(image);
}

copyButton.addEventListener("click", async () => {
  copyButton.textContent = (await copy()) ? "Copied" : "Press Ctrl+C";
  setTimeout(() => (copyButton.textContent = "Copy"), 2000);
});

// The clipboard's API is there over https and on localhost alone.
async function copy() {
  try {
    await navigator.clipboard.writeText(link.value);
    return true;
  } catch {
    link.select();
    const copied = document.execCommand("copy");
    if (copied) copyButton.focus();
    return copied;
  }
}
