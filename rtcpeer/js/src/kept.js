/**
 * Holds the packets of one reliable lane that the other end has not yet said to have taken, so that they can be sent
 * again over another path. It has no limit of its own: its user checks size.
 */
export class Kept {
  /** @type {Uint8Array[]} */ packets = [];
  head = 0; // index of the first packet in packets
  size = 0; // bytes
  first = 0; // number of the first packet: how many came before it

  /** The number of the packet that is kept next. */
  get next() {
    return this.first + this.packets.length - this.head;
  }

  /** Keeps the bytes themselves, and no copy. @param {Uint8Array} packet */
  push(packet) {
    this.packets.push(packet);
    this.size += packet.length;
  }

  /** Drops the packets before number n. False, and nothing is done, if they were dropped before or never kept. @param {number} n */
  taken(n) {
    if (!(n >= this.first && n <= this.next)) return false;
    for (; this.first < n; this.first++) {
      this.size -= this.packets[this.head].length;
      this.packets[this.head++] = empty;
    }
    if (this.head > 256 && 2 * this.head > this.packets.length) {
      this.packets.splice(0, this.head);
      this.head = 0;
    }
    return true;
  }

  /** The packets, in order. */
  all() {
    return this.packets.slice(this.head);
  }
}

const empty = new Uint8Array();
