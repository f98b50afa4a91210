// What another end calls a file, and what it may be called here.

import { text } from "../basics.js";

const maxSafeName = 255; // bytes

/**
 * Returns a name that is safe in a folder of any system: one element of a path, at most 255 bytes of UTF-8, without control
 * characters, without characters that change the direction of writing or that Windows does not allow, not the name of a
 * device of Windows, without a dot at the beginning, and without a dot or space at the end. It replaces unsafe characters by
 * "_", and an empty name by "unnamed".
 * @param {string} name @returns {string}
 */
export function safeName(name) {
  name = name.replace(/[/\\ ]+$/, "").replace(/^.*[/\\]/s, "");
  name = name.replace(/[<>:"|?*\u2028\u2029\ufeff]|\p{Cc}|\p{Cs}|\p{Bidi_Control}/gu, "_").replace(/^ +/, "").replace(/[. ]+$/, "");
  if (!name) return "unnamed";
  name = name.replace(/^\./, "_");
  if (/^(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³]) *(\.|$)/i.test(name)) name = "_" + name;
  return fit(name);
}

const length = (/** @type {string} */ s) => text.encode(s).length;

/** Cuts a name between two characters. Its extension stays. @param {string} name */
function fit(name) {
  if (length(name) <= maxSafeName) return name;
  let extension = /.(\.[^.]*)$/s.exec(name)?.[1] ?? "";
  if (length(extension) > 16) extension = "";
  const stem = name.slice(0, name.length - extension.length);
  return shorten(stem, maxSafeName - length(extension)).replace(/[. ]+$/, "") + extension;
}

/** Cuts a text between two characters. @internal @param {string} words @param {number} most in bytes */
export function shorten(words, most) {
  const characters = [...words.slice(0, most)];
  while (length(characters.join("")) > most) characters.pop();
  return characters.join("");
}

/** Returns a text of the other end without the characters that control a terminal. @internal @param {string} words */
export const printable = (words) => words.replace(/\p{Cc}|\p{Bidi_Control}/gu, "\ufffd");
