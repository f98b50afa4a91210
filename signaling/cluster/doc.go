// Package cluster makes several signal servers act as one: the members of a room may be connected to any of them.
//
//	session on A --- frames ---> owner of the room (B) ---> members at B, and over the bus at A and C
//
// Each room has one owner, the server that runs it in its rooms.Store just as a single server does. A key on the Bus
// names the owner and holds a rooms.Record, which is enough for another server to take over the room. A key is
// claimed by compare-and-swap. It names the lease of its owner. Each server has one lease, however many rooms it
// owns: a key with a time to live, which it renews every second. When the lease of an owner is over, the next server
// that needs the room can claim it. A server acts as an owner only as long as its lease lasts by its own clocks,
// which is shorter than the key lasts. Every message to the server of a session names the lease, and messages of a
// former owner are ignored.
//
// On the server of a session there is a Place. It sends the client's frames to the owner unchanged, holds them back
// while there is no owner, and finds the next owner when the lease of the last one is over. A former owner returns
// frames that it did not handle, and the Place sends them to the next one. On the owner there is a
// visitor, which is a rooms.Session like any other.
//
// A room moves when its owner stops (HandOver) or dies. Its next owner is the first server with a session in the room
// that claims the key:
//
//	former owner                         server of a session                     next owner
//	HandOver: stop acting, write the
//	records, give back the lease ------> watch, leaseOver, reattach
//	                             <------ opRecall, if frames were sent there
//	frames not handled, the answer ----> Place.takeBack
//	                                     Place.mend: claim, or attach --------> Store.Adopt(Record), Store.Attach
//	                                                                  <-------- what the client does not know yet
//	                                     Place.resend: frames to repeat ------>
//
// If the owner dies, its lease ends by itself and no frames come back, so the Place repeats the latest important ones:
// see returned.go. Package rooms has what happens to the room (moving.go); the tests are signalserver/cluster*_test.go.
//
// Between two servers there is a pipe. It delivers messages once and in order, over a bus that may lose them, until
// the other server is too slow or gone and the pipe breaks. Then the pipe begins anew with a hello, and both servers attach
// their sessions again.
//
// A Node has six goroutines, which Close ends: keep renews the lease, write writes the records, watch follows the leases
// of the others, mend attaches Places that have lost their owner ("loose" ones), tidy deletes keys that are left, and
// tick serves the pipes.
//
// During an update, servers of two versions run side by side. A new kind of message and a new field need no version: older
// servers ignore them. A server that draws a conclusion from the silence of others must know whether they answer its
// question at all. For that it looks at holder.Version: add a constant like answersOwns with the next number, and make
// it the Version of this server. A ticket can get a new field if an older server may ignore it. Otherwise raise
// ticketVersion of package rooms: then the servers of the two versions do not accept each other's tickets, and a member
// that comes back through the other version gets a new id.
//
// Lock order: Node.adopting, the locks of package rooms, Node.mu, Place.mu, visitor.mu, pipe.mu; a rooms.View is locked last.
package cluster
