// Package rooms holds the rooms of a signaling server. It decides who may join or resume, and sends the members their
// messages.
//
//	Store.Join -> admit -> room (a mutex, no I/O) -> Member -> welcome -> Session.Deliver
//	Member.Signal, Seal, Lock, Kick, Leave, Detach -> room ---------> Session.Deliver of the others
//
// The package knows no sockets: a Session takes the messages of a member, wherever the member is. A Member is a place
// in a room. When its session is lost, the place is kept for the grace period, so a participant whose network has
// changed resumes with its ticket and keeps its id. A room is created by its first member and ends with its last one;
// a star also ends with its host.
//
// All methods may be called from any goroutine. Only Join and Store.SetLocked may block: Join waits for its admit
// function, and while members may still restore the rooms of an earlier process; SetLocked waits for a Record to be
// written. The package starts no goroutines except those of its timers, which Close stops.
//
// Lock order: matcher.mu, Store.mu, listing.mu, room.mu. No other lock is taken while the locks of guards and voids
// are held. No code that can block, takes long or belongs to others runs under any of these locks, except the methods
// of Session and Account, the functions given to Expel and Waiting, and Config.Banned, Config.Voided, Config.Dropped,
// Config.Owns, Config.Acts, Config.Changed and Config.Log. These must return at once. A guard, however, hashes a password
// under its lock.
package rooms
