package main

import (
	"slices"

	"example.org/rtcpeer/cmd/internal/cli"
	"example.org/rtcpeer/rtcpeer"
)

// modes are the transfer modes, in the order in which they are shown: the fastest first.
var modes = [...]rtcpeer.Mode{rtcpeer.Unreliable, rtcpeer.UnreliableOrdered, rtcpeer.Reliable}

// modesOf reads --channels.
func modesOf(words []string) (list []rtcpeer.Mode, err error) {
	for _, word := range words {
		i := slices.IndexFunc(modes[:], func(m rtcpeer.Mode) bool { return m.String() == word })
		if i < 0 {
			return nil, cli.Usagef("--channels: %q: want reliable, unreliable_ordered or unreliable", word)
		}
		list = append(list, modes[i])
	}
	return list, nil
}

// perMode is something of each mode, under the names of the modes in JSON.
type perMode[T any] struct {
	Unreliable        T `json:"unreliable"`
	UnreliableOrdered T `json:"unreliable_ordered"`
	Reliable          T `json:"reliable"`
}

func eachMode[T any](f func(rtcpeer.Mode) T) perMode[T] {
	return perMode[T]{f(rtcpeer.Unreliable), f(rtcpeer.UnreliableOrdered), f(rtcpeer.Reliable)}
}
