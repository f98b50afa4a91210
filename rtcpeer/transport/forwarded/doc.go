// Package forwarded makes paths whose frames a third party forwards but cannot read. The third party is the
// signaling server, used when two peers find no other way to each other.
//
//	lane.Write -> path -> encrypt -> Mux.Next    -> carrier: peer, frame -> ... -> the other end
//	lane.Read  <- path <- decrypt <- Mux.Receive <- carrier: peer, frame <- ... <- the other end
//
// The carrier takes a frame from Next whenever it can send one. So packets wait in this package, where the wait
// can be measured, and not in front of the carrier's own messages. The frames of a path stay in order. A
// carrier may drop frames. A path that misses a frame ends with transport.ErrLost; then the link makes another
// path and sends again what has not arrived.
//
// The two ends exchange public keys of P-256 in their descriptions, where WebRTC has the fingerprints of
// certificates. HKDF-SHA256 derives one key for each direction from the shared secret, and AES-256-GCM encrypts
// the frames, with their numbers as nonces. Path.Binding is made of the public keys, so a proof of a secret
// that covers it fails if somebody has replaced the keys.
//
//	offering end                               answering end
//	  Offer   -- description, key ------------>  Answer
//	  Accept  <------------ description, key --
//	          == hello =======================>  open
//	  open    <======================= hello ==
//
// The format of the bytes is described in "Forwarded paths" in signaling/PROTOCOL.md;
// testdata/wire/forwarded.json has examples.
//
// An end has at most 128 KiB in flight. On one lane it sends at most 128 KiB that the other end's program has not read.
// It sends nothing more on reliable lanes while the bytes in flight take over 100 ms longer than they need to, so that
// the queues on the way stay short for the other lanes.
//
// Over loopback through signal-server without limits, on two cores, in one run: 108 MB/s in packets of 16 KiB, and
// 53 MB/s over WebRTC; 64 bytes there and back take 0.13 ms, and 0.16 ms over WebRTC.
//
//	go test -run xxx -bench BenchmarkRelayLinks ./cmd/signal-server
//
// All methods may be called from any goroutine, but Mux.Next only from one. The package imports only the standard library
// and packages transport and signaling/drop.
package forwarded
