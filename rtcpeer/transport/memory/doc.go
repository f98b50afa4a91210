// Package memory is a transport in memory: a network of hosts in one process, with delay, jitter, loss,
// reordering, a rate and partitions. It is for tests, both of the toolkit and of programs that use it, and for
// benchmarks of the layers above a transport.
//
//	net := memory.NewNetwork(memory.Options{Delay: 30 * time.Millisecond, Loss: 0.02})
//	a, b := net.Transport(), net.Transport()        one for each node
//	net.Partition(a, b)                             nothing passes between the two, until Heal
//	net.Move(a)                                     a gets a new address: its paths are dead, new ones work
//
//	Write -> flow --- clean network, nothing in flight -> queue -> Read
//	              \-> flights, sorted by arrival; timer -/
//
// Descriptions and candidates name an end of a path within the network. Signaling must carry them from one end
// to the other, as it carries real ones. A path opens one round trip after each end has the other's description
// and at least one of its candidates. It does not open if a candidate is lost or belongs to another path. A
// third host may answer an offer that was meant for another host, as a malicious signaling server could
// arrange. Then the path opens, and its Binding names that third host.
//
// The package keeps no goroutines running: everything that happens later is a timer. Everything may run inside
// a testing/synctest bubble, where Delay and Loss cost no real time, and every random choice comes from
// Options.Seed. There is no encryption, no fragmentation and no congestion control.
package memory
