// Package cluster makes several signal servers one: the members of a room may be connected to any of them.
//
//	session on A --- frames ---> owner of the room (B) ---> members at B, and over the bus at A and C
//
// Each room has one owner, the server that runs it in its rooms.Store as a server alone does. Who owns it stands in a key
// on the Bus, with a rooms.Record: enough to go on with the room. A key is claimed by compare-and-swap. It names the
// lease of its owner: one key with a time to live for each server, which renews it every second, however many rooms it
// has. A room whose owner's lease is over can be claimed by the next server that needs it. Nobody acts as an owner
// longer than its lease by its own monotonic clock, which ends before the key does. Every message to the server of a
// session carries the lease, and one of a former owner is not believed.
//
// On the side of a session there is a Place: it sends the client's frames to the owner as they came, holds them back while
// there is none, and finds the next owner when the lease of the last one is over. On the owner's side there is a visitor,
// which is a rooms.Session like any other.
//
// Between two servers runs a pipe: messages arrive once and in order, over a bus that may lose them, until the pipe
// breaks because the other server is too slow or gone. Then the sessions are attached anew.
//
// A Node starts a goroutine each for its lease, its records, its watch, its loose places and its timers. Close ends them.
//
// Lock order: those of package rooms, Node.mu, Place.mu, visitor.mu, pipe.mu.
package cluster
