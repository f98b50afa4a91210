// Package modes lists the transfer modes in the order in which the commands show them, and has a type for
// values per mode.
package modes

import "example.org/rtcpeer/rtcpeer"

// All are the transfer modes, in the order in which they are shown: the fastest first.
var All = [...]rtcpeer.Mode{rtcpeer.Unreliable, rtcpeer.UnreliableOrdered, rtcpeer.Reliable}

// PerMode is a value for each mode. In JSON the names of the fields are the names of the modes.
type PerMode[T any] struct {
	Unreliable        T `json:"unreliable"`
	UnreliableOrdered T `json:"unreliable_ordered"`
	Reliable          T `json:"reliable"`
}

// Each returns what f returns for each mode.
func Each[T any](f func(rtcpeer.Mode) T) PerMode[T] {
	return PerMode[T]{f(rtcpeer.Unreliable), f(rtcpeer.UnreliableOrdered), f(rtcpeer.Reliable)}
}
