// Package signalserver is the signaling server: rooms of members who find each other in order to
// connect directly, as an http.Handler.
//
//	socket -> session.readLoop -> Dialect.Decode -> package rooms -> session.Deliver
//	                                                                       |
//	socket <- session.writeLoop <-------------------------- outbox <-------+
//
// A session is one WebSocket. Package rooms knows who is in which room; this package has the sockets, the dialects, the
// limits of sessions and addresses, admission and bans.
// Package signaling and its PROTOCOL.md tell what is spoken. Sessions that offer no subprotocol speak
// Config.Plain, with its settings, in the same rooms: the server knows of no dialect's rules but as
// fields of signaling.Dialect.
//
// A session has one goroutine while it is idle, the reader. A second one, the writer, lives from the
// first frame in an empty outbox until the outbox is empty again; it writes what waits with one call, for
// that call is most of what a frame costs. One more goroutine of the server,
// sweep, pings all sessions and ends the dead ones. Shutdown ends all of them and waits.
//
// All exported methods may be called from any goroutine at any time.
//
// Lock order: those of rooms, Server.mu, outbox.mu, addresses.mu, counters.mu. Those of bans and the journal are over
// none of ours. Nothing that can block is done under any of them.
//
// The package does no TLS, and knows no kind of access token: Config.Admit decides who may join,
// Config.RemoteAddr where a request comes from, Config.ICEServersFor what a member gets, and Config.Observe
// hears how long things took. Rooms, Kick, Ban, CloseRoom and Drain are for who runs the server. It keeps
// nothing on disk but Config.StateFile. After a restart with the same Config.ResumeKey the members bring their
// rooms back with their tickets.
package signalserver
