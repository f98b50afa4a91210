/**
 * Holds the packets of one reliable lane that the other end has not yet said to have taken, so that they can be sent
 * again over another path. It has no limit of its own: its user checks size.
 */
export class Kept {
  /** In order. @type {Uint8Array[]} */ packets = [];
  size = 0; // bytes
  first = 0; // number of the first packet: how many came before it

  /** Keeps the bytes themselves, and no copy. @param {Uint8Array} packet */
  push(packet) {
    this.packets.push(packet);
    this.size += packet.length;
  }

  /** Drops the packets before number n. False, and nothing is done, if they were dropped before or never kept. @param {number} n */
  taken(n) {
    if (!(n >= this.first && n <= this.first + this.packets.length)) return false;
    for (const { length } of this.packets.splice(0, n - this.first)) this.size -= length;
    this.first = n;
    return true;
  }
}
