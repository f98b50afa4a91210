/** @param {Uint8Array} data @returns {Uint8Array} 32 bytes */
export declare function sha256(data: Uint8Array): Uint8Array;
/** @param {Uint8Array} key @param {Uint8Array} text @returns {Uint8Array} 32 bytes */
export declare function hmac(key: Uint8Array, text: Uint8Array): Uint8Array;
