// Who the user is to the others: a name, a colour and an emoji. They are made up at the first visit, can be changed, and are
// kept in the browser. A second tab of the same browser is somebody else, so that two tabs can be told apart.

const key = "rtcpeer me";
const maxName = 24; // code points
const colors = ["Red", "Orange", "Gold", "Lime", "Green", "Teal", "Blue", "Indigo", "Purple", "Pink"]; // as room.css
const animals = {
  Fox: "🦊", Owl: "🦉", Bear: "🐻", Cat: "🐱", Dog: "🐶", Frog: "🐸", Panda: "🐼", Koala: "🐨", Tiger: "🐯", Lion: "🦁", Monkey: "🐵", Penguin: "🐧",
  Rabbit: "🐰", Wolf: "🐺", Horse: "🐴", Whale: "🐳", Octopus: "🐙", Turtle: "🐢", Bee: "🐝", Snail: "🐌", Dragon: "🐲", Mouse: "🐭", Duck: "🦆", Crab: "🦀",
};
export const faces = [...Object.values(animals), "🙂", "😎", "🤖", "👻", "👽", "🎃", "🌵", "🍄", "🍕", "🚀", "⚽", "🎸"];

/** @typedef {{name: string, emoji: string, color: number}} Person */

const pick = (/** @type {any[]} */ of) => of[Math.floor(Math.random() * of.length)];

/** What others send may be anything. @param {any} v @returns {Person} */
export function person(v) {
  const name = [...String(v?.name ?? "").slice(0, 200).replace(/\p{C}/gu, "").replace(/\s+/g, " ").trim()].slice(0, maxName).join("");
  const emoji = /^\p{Extended_Pictographic}\uFE0F?(\p{EMod})?/u.exec(String(v?.emoji ?? "").slice(0, 8))?.[0];
  return { name: name || "Guest", emoji: emoji || "🙂", color: colors[v?.color] ? Number(v.color) : 0 };
}

/** @returns {Person} */
function invent() {
  const color = Math.floor(Math.random() * colors.length), animal = pick(Object.keys(animals));
  return { name: `${colors[color]} ${animal}`, emoji: animals[animal], color };
}

/** A browser may keep nothing. @param {"localStorage" | "sessionStorage"} where */
function read(where) {
  try {
    const v = JSON.parse(globalThis[where].getItem(key) ?? "null");
    return v && person(v);
  } catch {
    return null;
  }
}

/** @param {"localStorage" | "sessionStorage"} where @param {Person} me */
function write(where, me) {
  try {
    globalThis[where].setItem(key, JSON.stringify(me));
  } catch {}
}

/** Whether this is the first tab of the browser, and stays so until it is closed. */
function first() {
  if (!navigator.locks) return Promise.resolve(true);
  return new Promise((resolve) => {
    const held = (/** @type {any} */ lock) => (resolve(!!lock), lock && new Promise(() => {}));
    navigator.locks.request(key, { ifAvailable: true }, held).catch(() => resolve(true));
  });
}

/** @returns {Promise<Person>} */
export async function whoAmI() {
  const alone = await first();
  const me = read("sessionStorage") ?? (alone ? read("localStorage") : null) ?? invent();
  write("sessionStorage", me);
  if (alone && !read("localStorage")) write("localStorage", me);
  return me;
}

/** @param {Person} me */
export function remember(me) {
  write("sessionStorage", me);
  write("localStorage", me);
}

const dialog = /** @type {HTMLDialogElement} */ (document.getElementById("me-dialog"));
const form = /** @type {HTMLFormElement} */ (document.getElementById("me-form"));

/** Lets the user change it. @param {Person} me @param {(me: Person) => void} changed */
export function edit(me, changed) {
  const choices = (/** @type {string} */ name, /** @type {any[]} */ of, /** @type {(v: any, i: number) => [any, string]} */ show) =>
    document.getElementById(`me-${name}`).replaceChildren(...of.map((v, i) => {
      const label = document.createElement("label"), input = document.createElement("input"), span = document.createElement("span");
      const [value, text] = show(v, i);
      Object.assign(input, { type: "radio", name, value, checked: String(me[name]) === String(value) });
      input.ariaLabel = text;
      if (name === "color") span.dataset.color = value;
      else span.textContent = text;
      label.append(input, span);
      return label;
    }));
  choices("emoji", [...new Set([me.emoji, ...faces])], (face) => [face, face]);
  choices("color", colors, (name, i) => [i, name]);
  form.elements.namedItem("name").value = me.name;
  form.onsubmit = (e) => {
    if (e.submitter?.id !== "me-save") return;
    changed(person(Object.fromEntries(new FormData(form))));
  };
  dialog.showModal();
}
