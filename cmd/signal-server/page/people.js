// Who is who: what the others have told of themselves, by the ids that only the details show.

import { person } from "./me.js";

const most = 1000; // people that are remembered

export class People {
  /** @type {Map<number, import("./me.js").Person>} */ known = new Map();
  /** @type {any} */ node = null;

  /** @param {any} node @param {import("./me.js").Person} me */
  open(node, me) {
    this.node = node;
    this.known.clear();
    this.known.set(node.id, me);
  }

  /** @param {number} id @param {any} said */
  set(id, said) {
    this.known.delete(id);
    this.known.set(id, person(said));
    if (this.known.size > most) this.known.delete([...this.known.keys()].find((other) => other !== this.node.id));
  }

  /** A program, or somebody of whom nothing has come yet, is a guest. @param {number} id */
  of(id) {
    return this.known.get(id) ?? { name: "Guest", emoji: "👤", color: -1 };
  }

  /** A name that nobody else here has: of two foxes the second is Blue Fox 2. @param {number} id */
  name(id) {
    const { name } = this.of(id), { node } = this;
    const before = [node.id, ...node.peers].filter((other) => other < id && this.of(other).name === name).length;
    return before ? `${name} ${before + 1}` : name;
  }

  /** @param {number[]} ids */
  names(ids) {
    const names = ids.slice(0, 5).map((id) => this.name(id));
    return ids.length > 5 ? `${names.join(", ")} and ${ids.length - 5} more` : names.join(", ");
  }
}
