package main

import "example.org/rtcpeer/rtcpeer"

// modes are the transfer modes, in the order in which they are shown: the fastest first.
var modes = [...]rtcpeer.Mode{rtcpeer.Unreliable, rtcpeer.UnreliableOrdered, rtcpeer.Reliable}

// perMode is something of each mode, under the names of the modes in JSON.
type perMode[T any] struct {
	Unreliable        T `json:"unreliable"`
	UnreliableOrdered T `json:"unreliable_ordered"`
	Reliable          T `json:"reliable"`
}

func eachMode[T any](f func(rtcpeer.Mode) T) perMode[T] {
	return perMode[T]{f(rtcpeer.Unreliable), f(rtcpeer.UnreliableOrdered), f(rtcpeer.Reliable)}
}
