// Package rooms holds the rooms of a signaling server: who is in them, who may come in or back, and who is told what.
//
//	Store.Join -> Config admits -> room (a mutex, no I/O) -> Member -> welcome -> Session.Deliver
//	Member.Relay, Seal, Lock, Kick, Leave, Detach -> room ---------> Session.Deliver of the others
//
// It knows no sockets: a Session is where the messages of a member go, wherever that is. A Member is a place in a room.
// When its session is lost the place is kept for the grace period, so a participant whose network changed comes back
// with its ticket and keeps its id. A room is created by its first member and ends with its last; a star's room ends
// with its host.
//
// All methods may be called from any goroutine. Only Join may block: for Config.Admit, and for the time in which the rooms of
// an earlier process may come back. The package starts no goroutines but those of its timers, which Close stops.
//
// Lock order: matcher.mu, Store.mu, listing.mu, room.mu. Those of guards and voids are over none of ours. Nothing that
// can block, takes long or is not ours runs under any of them, but for the methods of Session and Account and for
// Config.Banned, Config.Voided, Config.Dropped, Config.Owns, Config.Acts and Config.Changed, which must return at once.
package rooms
