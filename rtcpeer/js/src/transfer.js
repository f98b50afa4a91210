// transfer: files over one reliable channel of a node. It is a module of its own, so that pages which do not want it need
// not load it:
//
//   import { Files } from "./transfer.js";
//   const files = new Files(node, 1);
//   for await (const event of node) if (!files.handle(event)) ...
//
//   sendFile -> Sending -> Transfer --- node.send ---> the other end
//   handle ---> Files ---> Transfer -> Receiving -> Offer.toBlob, Offer.pipeTo
//
// The wire and the rules are those of the Go package rtcpeer/transfer, which may be at the other end.

export { Files } from "./transfer/files.js";
export { Offer } from "./transfer/offer.js";
export { TransferError } from "./transfer/errors.js";
export { safeName } from "./transfer/name.js";
