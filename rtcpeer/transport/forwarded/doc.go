// Package forwarded makes paths whose frames somebody else forwards and cannot read: the signaling server, when two
// peers find no other way to each other.
//
//	lane.Write -> path -> encrypt -> Mux.Next    -> carrier: peer, frame -> ... -> the other end
//	lane.Read  <- path <- decrypt <- Mux.Receive <- carrier: peer, frame <- ... <- the other end
//
// The carrier takes frames from Next whenever it can send one, so that what waits does so here, where it can be
// measured, and not in front of the carrier's own messages. The stream of a path keeps its order. A carrier may drop
// frames, and a path of which a frame is missing ends with transport.ErrLost: a link makes another one then, and sends
// again what has not arrived.
//
// The two ends exchange public keys of P-256 in their descriptions, where WebRTC has the fingerprints of certificates.
// HKDF-SHA256 makes one key for each direction of the shared secret, and AES-256-GCM encrypts the frames, with their
// numbers as nonces. Path.Binding is made of the public keys, so that a proof of a secret which covers it fails if
// somebody has put in keys of its own.
//
//	offering end                               answering end
//	  Offer   -- description, key ------------>  Answer
//	  Accept  <------------ description, key --
//	          == hello =======================>  open
//	  open    <======================= hello ==
//
// "Forwarded paths" in signaling/PROTOCOL.md has the bytes, testdata/wire/forwarded.json examples.
//
// An end sends at most window bytes that have not arrived, and at most laneWindow bytes on a lane that the other end's
// program has not read. It sends nothing more on reliable lanes while what is on its way takes maxQueueing longer than
// it could: the queues on the way stay short for the other lanes.
//
// Over loopback through signal-server without limits, on two cores, in one run: 108 MB/s in packets of 16 KiB, beside
// 53 MB/s over WebRTC; 64 bytes there and back take 0.13 ms, beside 0.16 ms.
//
//	go test -run xxx -bench BenchmarkRelayLinks ./cmd/signal-server
//
// All methods may be called from any goroutine. The package imports the standard library and package transport alone.
package forwarded
