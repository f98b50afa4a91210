// SHA-256 (FIPS 180-4) and HMAC (RFC 2104). The browser's crypto.subtle is missing in pages that are not secure, such as
// http://192.168.0.7, where WebRTC works. It is also asynchronous, so the state of a link could change between two steps.

const fraction = (/** @type {number} */ x) => ((x % 1) * 2 ** 32) >>> 0;
/** @type {number[]} */ const primes = [];
for (let n = 2; primes.length < 64; n++) if (primes.every((p) => n % p)) primes.push(n);
export const roots = primes.map((p) => fraction(Math.cbrt(p)));
export const start = primes.slice(0, 8).map((p) => fraction(Math.sqrt(p)));

const rotate = (/** @type {number} */ x, /** @type {number} */ n) => (x >>> n) | (x << (32 - n));

/** @param {ArrayLike<number> & Iterable<number>} data @returns {Uint8Array} 32 bytes */
export function sha256(data) {
  const blocks = new DataView(new ArrayBuffer(((data.length + 72) >> 6) << 6));
  new Uint8Array(blocks.buffer).set([...data, 0x80]);
  blocks.setUint32(blocks.byteLength - 4, data.length * 8); // a control frame or a text: never 512 MiB
  const state = Uint32Array.from(start);
  const w = new Uint32Array(64);
  for (let at = 0; at < blocks.byteLength; at += 64) {
    for (let i = 0; i < 64; i++) {
      if (i < 16) w[i] = blocks.getUint32(at + 4 * i);
      else {
        const a = w[i - 15], b = w[i - 2];
        w[i] = w[i - 16] + (rotate(a, 7) ^ rotate(a, 18) ^ (a >>> 3)) + w[i - 7] + (rotate(b, 17) ^ rotate(b, 19) ^ (b >>> 10));
      }
    }
    let [a, b, c, d, e, f, g, h] = state;
    for (let i = 0; i < 64; i++) {
      const t1 = (h + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) + ((e & f) ^ (~e & g)) + roots[i] + w[i]) | 0;
      const t2 = ((rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      [h, g, f, e, d, c, b, a] = [g, f, e, (d + t1) | 0, c, b, a, (t1 + t2) | 0];
    }
    [a, b, c, d, e, f, g, h].forEach((x, i) => (state[i] += x));
  }
  return Uint8Array.from({ length: 32 }, (_, i) => state[i >> 2] >>> (24 - 8 * (i & 3)));
}

/** @param {ArrayLike<number>} key at most 64 bytes @param {Uint8Array} text @returns {Uint8Array} 32 bytes */
export function hmac(key, text) {
  const block = new Uint8Array(64);
  block.set(key);
  const hash = (/** @type {number} */ pad, /** @type {Uint8Array} */ data) => sha256([...block.map((b) => b ^ pad), ...data]);
  return hash(0x5c, hash(0x36, text));
}
