package webrtc

import (
	"fmt"
	"slices"
	"strings"
	"sync"
)

// kinds counts candidates by kind, to explain why a path finds no route. Safe for concurrent use.
type kinds struct {
	mu   sync.Mutex
	seen []kindCount // a handful at most
}

type kindCount struct {
	kind  string
	count int
}

func (k *kinds) add(kind string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if i := k.index(kind); i >= 0 {
		k.seen[i].count++
		return
	}
	const most = 16 // a limit, because the other end chooses the words
	if len(k.seen) < most {
		k.seen = append(k.seen, kindCount{kind, 1})
	}
}

func (k *kinds) has(kind string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.index(kind) >= 0
}

func (k *kinds) index(kind string) int {
	return slices.IndexFunc(k.seen, func(c kindCount) bool { return c.kind == kind })
}

// String returns text such as "2 host, 1 srflx", or "none".
func (k *kinds) String() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.seen) == 0 {
		return "none"
	}
	parts := make([]string, len(k.seen))
	for i, c := range k.seen {
		parts[i] = fmt.Sprintf("%d %s", c.count, c.kind)
	}
	return strings.Join(parts, ", ")
}

// kindOf returns the kind in a candidate line: "... typ host ..." (RFC 8839 5.1), or "". A browser hides its
// own addresses behind names that end in .local, which this package does not resolve.
func kindOf(line string) string {
	fields := strings.Fields(line)
	for i, f := range fields[:max(len(fields)-1, 0)] {
		if f == "typ" {
			if len(fields) > 4 && strings.HasSuffix(fields[4], ".local") {
				return fields[i+1] + " (hidden by mDNS)"
			}
			return fields[i+1]
		}
	}
	return ""
}

// noRelay returns a text that says why a path that may use only relays has none.
func noRelay(why string) string {
	if why == "" {
		why = "there is no TURN server that can be asked"
	}
	return "Config.RelayOnly is set, and there is no relay: " + why
}

// routeDetail returns an explanation for a path that finds no route. withoutRelay has the errors of the TURN
// servers.
func routeDetail(ice string, local, remote *kinds, withoutRelay string) string {
	detail := fmt.Sprintf("ICE %s, own candidates %s, the other's %s", ice, local.String(), remote.String())
	if withoutRelay != "" {
		return detail + "; " + withoutRelay
	}
	if !local.has("relay") && !remote.has("relay") {
		detail += "; UDP may be blocked or the NATs too strict: a TURN server would help"
	}
	return detail
}
