// Package signaling is the protocol spoken between the members of a room and a signaling server.
//
//	member 1              server                member 7
//	  ---- join "lobby" --->|
//	  <--- welcome, id 1 ---|
//	                        |<--- join "lobby" ------
//	  <--- joined 7 --------|---- welcome, id 7 ---->
//	  <--- signal from 7 ---|<--- signal to 1 -------   an offer: the larger id offers
//	  ---- signal to 7 ---->|---- signal from 1 ---->   the answer
//	        ...             |         ...               candidates, both ways
//	                        |<--- leave -------------
//	  <--- left 7 ----------|
//
// A message is one JSON object in one WebSocket text frame, subprotocol rtcpeer.v1; only Forwarded is a binary frame.
// The server stamps the sender on a signal and never looks inside. Signals between two members arrive in the order
// sent; between different pairs there is no order. PROTOCOL.md, in the same folder, describes the protocol for authors
// of clients in other languages.
//
// The package holds the messages, their codec, their validation, the limits and the error codes.
// It does no I/O and imports nothing from outside this module. Everything in it may be used from any
// goroutine.
package signaling
