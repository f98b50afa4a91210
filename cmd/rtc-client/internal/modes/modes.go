// Package modes has what the commands show of each transfer mode, and in which order.
package modes

import "example.org/rtcpeer/rtcpeer"

// All are the transfer modes, in the order in which they are shown: the fastest first.
var All = [...]rtcpeer.Mode{rtcpeer.Unreliable, rtcpeer.UnreliableOrdered, rtcpeer.Reliable}

// PerMode is something of each mode, under the names of the modes in JSON.
type PerMode[T any] struct {
	Unreliable        T `json:"unreliable"`
	UnreliableOrdered T `json:"unreliable_ordered"`
	Reliable          T `json:"reliable"`
}

// Each returns what f returns for each mode.
func Each[T any](f func(rtcpeer.Mode) T) PerMode[T] {
	return PerMode[T]{f(rtcpeer.Unreliable), f(rtcpeer.UnreliableOrdered), f(rtcpeer.Reliable)}
}
