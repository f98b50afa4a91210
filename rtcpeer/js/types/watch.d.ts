import type { RtcNode } from "./node.js";
export declare class Watch {
    /** @type {(() => void)[]} */ undo: (() => void)[];
    suspended: boolean;
    /** @param {RtcNode} node */
    constructor(node: RtcNode);
    /** @param {any} target @param {string} name @param {(e: Event) => void} take */
    on(target: any, name: string, take: (e: Event) => void): void;
    stop(): void;
}
