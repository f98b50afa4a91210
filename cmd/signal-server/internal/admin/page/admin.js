// The page of the administration: what the server holds, and what can be done about it.
//
//	token -> look (every two seconds) -> ask /metrics, /rooms, /rooms/{room}, /bans -> show
//	a button -> the dialog -> ask, with what was filled in -> look
//
// The token is kept in the session's storage, which ends with the tab, and goes into the header of each request,
// so that no other page can ask in its name. Whatever members have chosen, names and metadata, is shown as text.

const by = (/** @type {string} */ id) => /** @type {any} */ (document.getElementById(id));
const every = 2000; // ms between two looks
const mostRows = 200; // of rooms; finding one is quicker than reading more
const minute = 60000;

let chosen = ""; // the room whose members are shown
let timer = 0;
let looks = 0; // the number of the present look: an older one shows nothing
/** @type {{at: number, counts: Map<string, number>}[]} */ let past = []; // what was refused, in the last minute

const token = () => sessionStorage.getItem("token") ?? "";

/** @param {string} text @param {"" | "wait" | "bad"} [kind] */
function status(text, kind = "") {
  if (by("status").textContent !== text) by("status").textContent = text;
  by("status").className = kind;
}

class Refused extends Error {}

/** Asks the server. @param {string} method @param {string} path @param {any} [body] */
async function ask(method, path, body) {
  const response = await fetch(path, {
    method, cache: "no-store", credentials: "omit",
    headers: { Authorization: `Bearer ${token()}`, ...(body && { "Content-Type": "application/json" }) },
    body: body && JSON.stringify(body),
  });
  if (response.status === 401) throw new Refused("That is not the server's --admin-token.");
  if (!response.ok && response.status !== 404) throw new Error((await response.text()).trim() || response.statusText);
  return response.status === 404 ? null : response;
}

const json = async (/** @type {string} */ path) => (await ask("GET", path))?.json() ?? null;

/** Shows the form for the token. */
function out(text = "") {
  clearTimeout(timer);
  looks++;
  past = [];
  sessionStorage.removeItem("token");
  for (const id of ["all", "drain", "forget"]) by(id).hidden = true;
  by("login").hidden = false;
  by("token").focus();
  status(text, text ? "bad" : "");
}

/** Looks, and shows what is there, and again after a while. */
async function look() {
  clearTimeout(timer);
  const mine = ++looks;
  try {
    const [metrics, rooms, members, bans] = await Promise.all([
      ask("GET", "metrics").then((r) => r?.text()), json("rooms"), chosen ? json(`rooms/${chosen}`) : null, json("bans"),
    ]);
    if (mine !== looks) return;
    for (const id of ["all", "drain", "forget"]) by(id).hidden = false;
    by("login").hidden = true;
    const figures = read(metrics ?? "");
    showNow(figures, rooms.length);
    showRefused(figures);
    showRooms(rooms);
    showMembers(members);
    showBans(bans);
    if (by("status").className !== "bad") status(figures.get("draining") ? "The server is draining and admits nobody." : "", "wait");
  } catch (error) {
    if (mine !== looks) return;
    if (error instanceof Refused) return out(error.message);
    status(`The server does not answer: ${/** @type {Error} */ (error).message}`, "wait");
  }
  timer = setTimeout(look, every);
}

/** The figures of /metrics, by name and labels. @param {string} text @returns {Map<string, number>} */
function read(text) {
  const figures = new Map();
  for (const line of text.split("\n")) {
    const m = line.match(/^(?:signal_server_)?([a-z_]+(?:\{[^}]*\})?) (\S+)$/);
    if (m) figures.set(m[1], Number(m[2]));
  }
  return figures;
}

/** @param {Map<string, number>} figures @param {number} rooms */
function showNow(figures, rooms) {
  const value = (/** @type {string} */ name) => figures.get(name) ?? 0;
  const list = [
    ["Rooms", rooms], ["Members", value("members")], ["Sessions", value("sessions")], ["Waiting to be matched", value("waiting")],
    ["Connections", value("connections")], ["TURN relays", value("turn_relays")],
    ["TURN connections over TCP and TLS", value("turn_streams")], ["Memory", `${Math.round(value("process_resident_memory_bytes") / 2 ** 20)} MiB`],
    ["Open files", `${value("process_open_fds")} of ${value("process_max_fds")}`],
  ];
  by("now").replaceChildren(...list.map(([name, number]) => element("div", {}, element("dt", {}, String(name)), element("dd", {}, String(number)))));
  const draining = !!figures.get("draining");
  by("drain").textContent = draining ? "Admit members again" : "Drain";
  by("drain").dataset.draining = draining ? "yes" : "";
}

/** @param {Map<string, number>} figures */
function showRefused(figures) {
  const counts = new Map([...figures].filter(([name, n]) => n > 0 &&
    /^(refused_total|dropped_total|turn_refused_total|connections_closed_total|admin_refused_total|accept_errors_total|log_dropped_total)/.test(name)));
  const now = Date.now();
  past = past.filter(({ at }) => at > now - minute);
  past.push({ at: now, counts });
  const before = past[0].counts;
  const rows = [...counts].sort().map(([name, n]) => row("", [words(name), String(n), String(n - (before.get(name) ?? 0))]));
  show(by("refused"), rows);
  by("refused").hidden = rows.length === 0;
  by("nothing-refused").hidden = rows.length > 0;
}

/** A figure in words. @param {string} name */
function words(name) {
  const [, figure, label] = name.match(/^(\w+?)(?:_total)?(?:\{\w+="(.*)"\})?$/) ?? [, name, ""];
  return [figure.replaceAll("_", " "), label].filter(Boolean).join(": ");
}

/** @param {any[]} rooms */
function showRooms(rooms) {
  const part = by("find").value.trim();
  const found = rooms.filter((room) => room.name.includes(part));
  const is = (/** @type {any} */ room) => ["public", "locked", "sealed", "password"].filter((word) => room[word]).join(", ");
  show(by("rooms"), found.slice(0, mostRows).map((room) => row(room.name, [
    element("button", { type: "button", className: "name", onclick: () => choose(room.name) }, room.name),
    room.topology, `${room.members} of ${room.max_members}`, is(room), ago(room.created),
    element("div", { className: "line" },
      button(room.locked ? "Unlock" : "Lock", () => act(() => ask(room.locked ? "DELETE" : "PUT", `rooms/${room.name}/lock`))),
      button("Close", () => inDialog(`Close the room ${room.name}`, "Close", [reason()], (f) => ask("DELETE", `rooms/${room.name}?${why(f)}`)))),
  ], room.name === chosen)));
  by("more").textContent = rooms.length === 0 ? "No rooms." :
    found.length > mostRows ? `${found.length - mostRows} more rooms: type a part of the name to find them.` : "";
}

/** @param {any[] | null} members */
function showMembers(members) {
  by("room").hidden = !members;
  if (!members) return;
  by("room-title").textContent = `Members of ${chosen}`;
  const room = chosen;
  show(by("members"), members.map((m) => row(String(m.id), [
    String(m.id), nameOf(m), m.remote ?? "", m.connected ? "connected" : "away", String(m.relays ?? 0), ago(m.since),
    element("div", { className: "line" },
      button("Kick", () => inDialog(`Remove ${m.id} from ${room}`, "Kick", [reason()], (f) => ask("DELETE", `rooms/${room}/${m.id}?${why(f)}`))),
      button("Ban", () => banMember(room, m))),
  ])));
}

/** @param {any[]} bans */
function showBans(bans) {
  show(by("bans"), bans.map((b) => row(String(b.number), [
    b.room ? `${b.id} of ${b.room}` : b.subject ?? b.prefix, b.until ? new Date(b.until).toLocaleString() : "forever", b.reason ?? "",
    element("div", { className: "line" }, button("Lift", () => act(() => ask("DELETE", `bans/${b.number}`)))),
  ])));
}

const length = () => ({ name: "for", label: "For", options: /** @type {[string, string][]} */ ([["1h", "an hour"], ["24h", "a day"], ["168h", "a week"], ["", "forever"]]) });
const terms = (/** @type {FormData} */ f) => ({ for: f.get("for"), reason: f.get("reason") });

/** @param {string} room @param {any} m */
function banMember(room, m) {
  const whom = /** @type {[string, string][]} */ ([[JSON.stringify({ room, id: m.id }), `member ${m.id} of this room`]]);
  if (m.subject) whom.push([JSON.stringify({ subject: m.subject }), `${m.subject}, in all rooms`]);
  if (m.remote) whom.push([JSON.stringify({ prefix: m.remote }), `address ${m.remote}, and everybody who shares it`]);
  inDialog(`Ban ${m.id}`, "Ban", [{ name: "whom", label: "Whom", options: whom }, length(), reason()],
    (f) => ask("POST", "bans", { ...JSON.parse(String(f.get("whom"))), ...terms(f) }));
}

/** @param {any} m */
function nameOf(m) {
  const name = m.metadata?.name;
  return typeof name === "string" ? name : m.metadata === undefined ? "" : JSON.stringify(m.metadata).slice(0, 100);
}

/** @param {string} room */
function choose(room) {
  chosen = chosen === room ? "" : room;
  look();
}

/** @param {string} date */
function ago(date) {
  const seconds = Math.max(0, Math.round((Date.now() - Date.parse(date)) / 1000));
  for (const [unit, size] of /** @type {[string, number][]} */ ([["d", 86400], ["h", 3600], ["min", 60]])) {
    if (seconds >= 2 * size) return `${Math.floor(seconds / size)} ${unit}`;
  }
  return `${seconds} s`;
}

/** An element. @param {string} tag @param {object} properties @param {...(string | Node)} children */
function element(tag, properties, ...children) {
  const e = Object.assign(document.createElement(tag), properties);
  e.append(...children);
  return e;
}

const button = (/** @type {string} */ text, /** @type {() => void} */ onclick) => element("button", { type: "button", onclick }, text);

/** @param {string} key @param {(string | Node)[]} cells @param {boolean} [marked] */
function row(key, cells, marked = false) {
  const tr = element("tr", { className: marked ? "chosen" : "" }, ...cells.map((cell) => element("td", {}, cell)));
  tr.dataset.key = key;
  return tr;
}

/** Replaces the rows of a table, each cell with its heading for narrow screens, and leaves the focus on the button that had it. @param {any} table @param {HTMLElement[]} rows */
function show(table, rows) {
  const focus = document.activeElement;
  const key = table.contains(focus) ? /** @type {any} */ (focus).closest("tr")?.dataset.key : undefined;
  const text = focus?.textContent;
  const headings = [...table.tHead.rows[0].cells].map((th) => th.textContent);
  for (const r of rows) [...r.children].forEach((td, i) => Object.assign(/** @type {HTMLElement} */ (td).dataset, { label: headings[i] }));
  table.tBodies[0].replaceChildren(...rows);
  if (key === undefined) return;
  const same = rows.find((r) => r.dataset.key === key);
  [...(same?.querySelectorAll("button") ?? [])].find((b) => b.textContent === text)?.focus();
}

const reason = () => ({ name: "reason", label: "Reason, sent to those affected", maxLength: 100 });
const why = (/** @type {FormData} */ f) => new URLSearchParams({ reason: String(f.get("reason") ?? "") });

/**
 * Asks what to do, and does it.
 * @param {string} title @param {string} verb
 * @param {{name: string, label: string, options?: [string, string][], [key: string]: any}[]} fields
 * @param {(f: FormData) => Promise<any>} does
 */
function inDialog(title, verb, fields, does) {
  by("dialog-title").textContent = title;
  by("dialog-do").textContent = verb;
  by("dialog-fields").replaceChildren(...fields.map(({ label, options, ...properties }) => element("label", {}, label,
    options ? element("select", properties, ...options.map(([value, text]) => element("option", { value }, text))) : element("input", { autocomplete: "off", ...properties }))));
  const dialog = by("dialog");
  dialog.returnValue = "";
  dialog.onclose = () => {
    if (dialog.returnValue === "do") act(() => does(new FormData(dialog.querySelector("form"))));
  };
  dialog.showModal();
}

/** Does something, says what went wrong, and looks. @param {() => Promise<any>} does */
async function act(does) {
  try {
    status((await does()) === null ? "It no longer exists." : "", "wait");
  } catch (error) {
    if (error instanceof Refused) return out(error.message);
    status(/** @type {Error} */ (error).message, "bad");
  }
  look();
}

by("login").onsubmit = (/** @type {Event} */ event) => {
  event.preventDefault();
  sessionStorage.setItem("token", by("token").value);
  by("token").value = "";
  status("");
  look();
};
by("forget").onclick = () => out();
by("find").oninput = look;
by("drain").onclick = () => (by("drain").dataset.draining ? act(() => ask("DELETE", "drain"))
  : inDialog("Admit nobody, and send all members away", "Drain", [], () => ask("POST", "drain")));
by("ban").onclick = () => inDialog("Ban an address, or a network", "Ban",
  [{ name: "prefix", label: "Address or network, for example 203.0.113.0/24", required: true }, length(), reason()],
  (f) => ask("POST", "bans", { prefix: String(f.get("prefix")).trim(), ...terms(f) }));
by("host").textContent = location.host;
if (token()) look();
else out();
