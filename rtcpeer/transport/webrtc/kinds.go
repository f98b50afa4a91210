package webrtc

import (
	"fmt"
	"slices"
	"strings"
	"sync"
)

// kinds counts candidates by kind, for the cause of a path that finds no route. Safe for all.
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
	const most = 16 // the other end chooses the words
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

// String is like "2 host, 1 srflx", or "none".
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

// kindOf finds the kind in a candidate line: "... typ host ..." (RFC 8839 5.1), or returns "". A browser hides its
// own addresses behind names that end in .local, which nobody resolves here.
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

// noRelay says why a path that may use relays alone has none.
func noRelay(why string) string {
	if why == "" {
		why = "there is no TURN server that can be asked"
	}
	return "Config.RelayOnly is set, and there is no relay: " + why
}

// routeDetail says what someone needs to know whose path finds no route. withoutRelay is what the TURN servers said.
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
