//go:build linux

package lab

import (
	"slices"
	"time"

	"example.org/rtcpeer/rtcpeer"
)

// A browserFault is a fault that a browser can be put through.
type browserFault struct {
	fault
	inShort []part
	firefox bool // it is one of the main ones, which Firefox is put through as well
}

// A part says which members a fault is tried with.
type part struct {
	cast  cast
	place place
}

// parts are what is tried.
func (f *browserFault) parts(long bool) []part {
	if !long {
		return f.inShort
	}
	parts := []part{{chromiumWithGo, f.short}, {chromiumWithChromium, f.short}}
	if f.firefox {
		parts = append(parts, part{firefoxWithGo, f.short})
	}
	return parts
}

var browserFaults = forBrowsers(append(slices.Clone(faults),
	putAway(frozen, 14*time.Second, wakes, place{rtcpeer.Mesh, middle}),
	putAway(frozen, 25*time.Second, wakes, place{rtcpeer.Star, smallest}),
	putAway(frozen, 50*time.Second, wakes, place{rtcpeer.Mesh, largest}),
	putAway(hidden, 30*time.Second, untouched, place{rtcpeer.Mesh, smallest}),
))

// putAway is of a tab that is not in front of its user. One that is hidden goes on, with slow timers.
func putAway(how string, lasts time.Duration, limit limit, short place) fault {
	f := fault{
		key: how + seconds(lasts), name: "tab " + how + ", " + seconds(lasts), lasts: lasts, away: how,
		begin: (*scene).putAway, end: (*scene).putAway,
		limit: limit, short: short,
	}
	if how == frozen {
		f.concerns, f.signaling = theHit, theHit
	}
	return f
}

func forBrowsers(faults []fault) []browserFault {
	short := map[string][]part{
		"udp5s":        {{chromiumWithGo, place{rtcpeer.Mesh, largest}}},
		"udp15s":       {{chromiumWithChromium, place{rtcpeer.Star, largest}}},
		"unplugged12s": {{chromiumWithGo, place{rtcpeer.Star, middle}}, {firefoxWithGo, place{rtcpeer.Mesh, middle}}},
		"asleep14s":    {{chromiumWithGo, place{rtcpeer.Mesh, middle}}, {firefoxWithGo, place{rtcpeer.Star, smallest}}},
		"wifilte":      {{chromiumWithGo, place{rtcpeer.Mesh, smallest}}},
		"natports":     {{chromiumWithChromium, place{rtcpeer.Mesh, middle}}},
		"turnrestart":  {{chromiumWithGo, place{rtcpeer.Star, smallest}}},
		"frozen14s":    {{chromiumWithGo, place{rtcpeer.Mesh, largest}}},
		"hidden30s":    {{chromiumWithGo, place{rtcpeer.Mesh, smallest}}},
	}
	inFirefox := []string{"udp5s", "udp15s", "unplugged12s", "dropped12s", "asleep14s", "asleep50s", "address", "wifilte", "natports", "server"}
	var all []browserFault
	for _, f := range faults {
		all = append(all, browserFault{f, short[f.key], slices.Contains(inFirefox, f.key)})
	}
	return all
}
