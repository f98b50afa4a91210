// Package memory is a transport in memory: a network of hosts in one process, with delay, jitter,
// loss, reordering, a rate and partitions. It is for tests, ours and those of programs that use the
// toolkit, and for benchmarks of what lies above a transport.
//
//	net := memory.NewNetwork(memory.Options{Delay: 30 * time.Millisecond, Loss: 0.02})
//	a, b := net.Transport(), net.Transport()        one for each node
//	net.Partition(a, b)                             nothing passes between the two, until Heal
//	net.Move(a)                                     a has a new address: its paths are dead, new ones work
//
//	Write -> flow --- clean network, nothing in flight -> queue -> Read
//	              \-> flights, sorted by arrival; timer -/
//
// Descriptions and candidates name an end of a path within the network, so whatever carries them
// from one end to the other carries them as it would the real ones. A path opens one round trip
// after each end has the other's description and at least one of its candidates: a candidate that
// is lost or belongs to another path keeps it from opening. A third host may answer an offer in the place
// of the one that it was for, as a signaling server could have it: the path opens, and its Binding names
// that host.
//
// Nothing here is a goroutine that lasts: what happens later is a timer. Everything may run inside a
// testing/synctest bubble, where a network with Delay and Loss costs no time at all, and every random
// choice comes from Options.Seed. There is no encryption, no fragmentation and no congestion control.
package memory
