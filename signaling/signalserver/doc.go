// Package signalserver is the signaling server, an http.Handler. Its rooms bring members together so that they can
// connect to each other directly.
//
//	socket -> session.readLoop -> Dialect.Decode -> package rooms -> session.Deliver
//	                                                                       |
//	socket <- session.writeLoop <-------------------------- outbox <-------+
//
// A session is one WebSocket. Package rooms knows who is in which room; this package has the sockets, the dialects,
// the limits of sessions and addresses, admission and bans. Package signaling and its PROTOCOL.md describe the
// protocol. Sessions that offer no subprotocol speak Config.Plain, with its settings, in the same rooms. The server
// knows the rules of a dialect only through the fields of signaling.Dialect.
//
// An idle session has one goroutine, the reader. A second one, the writer, lives from the first frame in an empty
// outbox until the outbox is empty again. It writes all waiting frames with one system call, because that call is
// most of the cost of a frame. One goroutine of the server, sweep, pings all sessions and ends the dead ones.
// Shutdown ends all goroutines and waits for them.
//
// All exported methods may be called from any goroutine at any time.
//
// Lock order: the locks of rooms, Server.mu, outbox.mu, addresses.mu, counters.mu. No other lock is taken while the
// locks of bans or the journal are held. Nothing that can block is done under any of these locks.
//
// The package does no TLS and knows no particular kind of access token: Config.Admit decides who may join,
// Config.RemoteAddr finds the address of a client, Config.ICEServersFor chooses its ICE servers, and Config.Observe
// gets durations. Rooms, Kick, Ban, CloseRoom and Drain are for the operator of the server. The only file is
// Config.StateFile. After a restart with the same Config.ResumeKey, the members restore their rooms with their
// tickets.
package signalserver
