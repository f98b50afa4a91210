// SHA-256 of data that comes piece by piece, which crypto.subtle cannot do. It is three times as fast as sha256.js (105 and
// 35 MiB per second of CPU time), which is for short data and has to be small.

import { roots, start } from "../sha256.js";

const constants = Int32Array.from(roots), words = new Int32Array(64);

/** The hash of data that comes piece by piece. */
export class Sha256 {
  state = Int32Array.from(start);
  block = new Uint8Array(64); // whose first length % 64 bytes wait for more
  length = 0;

  /** @param {Uint8Array} data */
  update(data) {
    let at = 0, used = this.length % 64;
    this.length += data.length;
    while (used && at < data.length) {
      this.block[used++] = data[at++];
      if (used > 63) used = this.compress(this.block, 0);
    }
    for (; at + 64 <= data.length; at += 64) this.compress(data, at);
    this.block.set(data.subarray(at), used);
    return this;
  }

  /** Takes 64 bytes. Returns 0. @param {Uint8Array} data @param {number} at */
  compress(data, at) {
    const w = words, k = constants, s = this.state;
    let a = s[0], b = s[1], c = s[2], d = s[3], e = s[4], f = s[5], g = s[6], h = s[7];
    for (let i = 0; i < 64; i++) {
      if (i < 16) w[i] = (data[at++] << 24) | (data[at++] << 16) | (data[at++] << 8) | data[at++];
      else {
        const x = w[i - 15], y = w[i - 2];
        w[i] = w[i - 16] + w[i - 7] + (((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3)) + (((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10));
      }
      const t = (h + (((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7))) + ((e & f) ^ (~e & g)) + k[i] + w[i]) | 0;
      h = g;
      g = f;
      f = e;
      e = (d + t) | 0;
      d = c;
      const u = (((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10))) + ((a & b) ^ (a & c) ^ (b & c));
      c = b;
      b = a;
      a = (t + u) | 0;
    }
    s[0] += a;
    s[1] += b;
    s[2] += c;
    s[3] += d;
    s[4] += e;
    s[5] += f;
    s[6] += g;
    s[7] += h;
    return 0;
  }

  /** @returns {Uint8Array} 32 bytes */
  digest() {
    const last = new Sha256(), { length } = this;
    last.state.set(this.state);
    last.block.set(this.block);
    last.length = length;
    const end = new DataView(new ArrayBuffer(((119 - (length % 64)) % 64) + 9));
    end.setUint8(0, 0x80);
    end.setBigUint64(end.byteLength - 8, BigInt(length) * 8n);
    last.update(new Uint8Array(end.buffer));
    const digest = new DataView(new ArrayBuffer(32));
    last.state.forEach((x, i) => digest.setInt32(4 * i, x));
    return new Uint8Array(digest.buffer);
  }
}
