// What the two ends of one path know, and nobody else. Frames are, with numbers that are big-endian:
//
//   tag[4] number[4] ciphertext
//
// The tag tells the paths of two peers apart. The number counts the frames of one direction from 0; it is the nonce, as 12
// bytes.

import { text } from "../basics.js";

export const headerSize = 8, gcmSize = 16;
const keyInfo = text.encode("rtcpeer forwarded path 1");
const curve = { name: "ECDH", namedCurve: "P-256" };

/** A description is the public key of one end, in two lines like those of SDP. @param {Uint8Array} publicKey */
export const describe = (publicKey) => `a=forwarded:1\r\na=fingerprint:p-256 ${hex(publicKey)}\r\n`;

/** The key of a description, which must be in the very form that describe writes. @param {string} sdp */
export function parse(sdp) {
  const digits = /^a=forwarded:1\r\na=fingerprint:p-256 (04[0-9a-f]{128})\r\n$/.exec(sdp)?.[1];
  if (!digits) throw new Error("not the description of a forwarded path: " + sdp.slice(0, 40));
  return Uint8Array.from({ length: 65 }, (_, i) => parseInt(digits.slice(2 * i, 2 * i + 2), 16));
}

/** A new private key, and the bytes of its public one. */
export async function newKey() {
  const pair = await crypto.subtle.generateKey(curve, false, ["deriveBits"]);
  return { privateKey: pair.privateKey, publicKey: new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey)) };
}

export class Keys {
  /** @param {number} tag @param {CryptoKey} out @param {CryptoKey} into */
  constructor(tag, out, into) {
    this.tag = tag;
    this.out = out;
    this.into = into;
  }

  /**
   * The keys of one end, made of its own key and the other end's public one. Rejects if that is not a point of the curve.
   * @param {{privateKey: CryptoKey, publicKey: Uint8Array}} own @param {Uint8Array} other @param {boolean} offers
   */
  static async make(own, other, offers) {
    const { subtle } = crypto;
    const publicKey = await subtle.importKey("raw", /** @type {any} */ (other), curve, false, []);
    const shared = await subtle.deriveBits({ name: "ECDH", public: publicKey }, own.privateKey, 256);
    const [offering, answering] = offers ? [own.publicKey, other] : [other, own.publicKey];
    const salt = await subtle.digest("SHA-256", new Uint8Array([...offering, ...answering]));
    const base = await subtle.importKey("raw", shared, "HKDF", false, ["deriveBits"]);
    const both = await subtle.deriveBits({ name: "HKDF", hash: "SHA-256", salt, info: keyInfo }, base, 512);
    const key = (/** @type {number} */ at) => subtle.importKey("raw", both.slice(at, at + 32), "AES-GCM", false, ["encrypt", "decrypt"]);
    const [first, second] = await Promise.all([key(0), key(32)]);
    return new Keys(new DataView(salt).getUint32(0), offers ? first : second, offers ? second : first);
  }

  /** Encrypts a frame of this end, and puts the id of its receiver before it. @param {number} peer @param {number} number @param {Uint8Array} plain */
  async encrypt(peer, number, plain) {
    const sealed = await crypto.subtle.encrypt(algorithm(number), this.out, /** @type {any} */ (plain));
    const frame = new Uint8Array(4 + headerSize + sealed.byteLength);
    const view = new DataView(frame.buffer);
    view.setUint32(0, peer);
    view.setUint32(4, this.tag);
    view.setUint32(8, number);
    frame.set(new Uint8Array(sealed), 4 + headerSize);
    return frame;
  }

  /** Decrypts a frame of the other end. Rejects if that end has not made it. @param {number} number @param {Uint8Array} sealed */
  async decrypt(number, sealed) {
    return new Uint8Array(await crypto.subtle.decrypt(algorithm(number), this.into, /** @type {any} */ (sealed)));
  }
}

/** @param {number} number */
function algorithm(number) {
  const iv = new Uint8Array(12);
  new DataView(iv.buffer).setUint32(8, number);
  return { name: "AES-GCM", iv };
}

/** @param {Uint8Array} b */
const hex = (b) => Array.from(b, (x) => x.toString(16).padStart(2, "0")).join("");
