package demo

import (
	"fmt"
	"strings"

	"example.org/rtcpeer/cmd/rtc-client/internal/modes"
)

// missing lists the connections and packets that are missing, for the error of a demo that did not finish in
// time. It names only the first few gaps; these are enough to show a pattern.
func (r *demoRun) missing() string {
	const most = 8
	var text strings.Builder
	n := 0
	for _, p := range r.peers {
		for _, gap := range r.gaps(p) {
			if n++; n <= most {
				text.WriteString("; " + gap)
			}
		}
	}
	if n > most {
		fmt.Fprintf(&text, "; and %d more", n-most)
	}
	return text.String()
}

func (r *demoRun) gaps(p *participant) (list []string) {
	if p.id == 0 {
		return []string{"a peer has not joined"}
	}
	for _, from := range r.peers {
		got := p.received[from.id]
		switch {
		case from == p || from.id == 0:
		case got == nil:
			list = append(list, fmt.Sprintf("peer %d is not connected to peer %d", p.id, from.id))
		default:
			for _, mode := range modes.All {
				if due := min(r.round, r.packets); got[mode] < due {
					list = append(list, fmt.Sprintf("peer %d has not received %d %v packets from peer %d", p.id, due-got[mode], mode, from.id))
				}
			}
		}
	}
	return list
}
