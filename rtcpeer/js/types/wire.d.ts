export type Signal = {
    type: string;
    attempt?: number;
    sdp?: string;
    candidate?: string;
    sdpMid?: string;
    sdpMLineIndex?: number;
    text?: string;
    link?: string;
    repair?: boolean;
};
export type Message = {
    kind: string;
    [field: string]: any;
};
/** @typedef {{type: string, attempt?: number, sdp?: string, candidate?: string, sdpMid?: string, sdpMLineIndex?: number, text?: string, link?: string, repair?: boolean}} Signal */
/** @typedef {{kind: string, [field: string]: any}} Message */
export declare const protocol = "rtcpeer.v1";
/** @param {string} why @returns {never} */
export declare const bad: (why: string, code?: string) => never;
export type Check = (value: any, name: string) => any;
/** @param {any} m @returns {Message} */
export declare function checked(m: any): Message;
/** @param {any} frame @returns {Message} */
export declare function decodeMessage(frame: any): Message;
/** @param {Message} message */
export declare const encodeMessage: (message: Message) => string;
/** @param {any} data @returns {Signal} */
export declare function decodeSignal(data: any): Signal;
/**
 * The last part of the path is the room, if one is named; http stands for ws. In a page a URL may be relative.
 * @param {string} raw @param {boolean} [named]
 */
export declare function parseUrl(raw: string, named?: boolean): {
    url: string;
    room: any;
    roomUrl: (/** @type {string} */ name: string) => string;
};
