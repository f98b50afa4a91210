package webrtc

import (
	"fmt"
	"strings"
	"sync"
)

// kinds counts candidates by kind, for the cause of a link that finds no path. Safe for all.
type kinds struct {
	mu    sync.Mutex
	order []string
	count map[string]int
}

func (k *kinds) add(kind string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.count == nil {
		k.count = make(map[string]int)
	}
	if k.count[kind] == 0 {
		k.order = append(k.order, kind)
	}
	k.count[kind]++
}

func (k *kinds) has(kind string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.count[kind] > 0
}

// String is like "2 host, 1 srflx", or "none".
func (k *kinds) String() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.order) == 0 {
		return "none"
	}
	parts := make([]string, len(k.order))
	for i, kind := range k.order {
		parts[i] = fmt.Sprintf("%d %s", k.count[kind], kind)
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
