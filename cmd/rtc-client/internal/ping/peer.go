package ping

import (
	"time"

	"example.org/rtcpeer/cmd/rtc-client/internal/modes"
	"example.org/rtcpeer/cmd/rtc-client/internal/roundtrip"
	"example.org/rtcpeer/rtcpeer"
)

// A pingedPeer is what is known of a peer that is pinged, over all the links that there were with it: one row
// of the table.
type pingedPeer struct {
	// Fixed at construction.
	id   rtcpeer.PeerID
	link rtcpeer.PeerID // whose link the pings go over: its own or, in a star, the host's

	away bool // it was lost, and may come back
	gone bool // it has left

	modes   [len(modes.All)]roundtrip.Times // by mode
	outages []time.Duration                 // of the link, those that are over
	present rtcpeer.LinkStats               // of the present link, as last seen
	beats   *beatsReport                    // as last known; nil: never
	paths   int                             // of the links before that one
	resent  uint64                          // likewise: packets that were sent again
}

func newPingedPeer(id rtcpeer.PeerID, node rtcpeer.Stats) *pingedPeer {
	p := &pingedPeer{id: id, link: id}
	if node.Topology == rtcpeer.Star && node.ID != node.Host {
		p.link = node.Host
	}
	p.sample(node.Links)
	return p
}

// sample notes what the link tells of itself, while there is one.
func (p *pingedPeer) sample(links map[rtcpeer.PeerID]rtcpeer.LinkStats) {
	if l, ok := links[p.link]; ok {
		p.present = l
	}
}

// linkEvent takes what has happened to the link, and how long an outage was that has ended.
func (p *pingedPeer) linkEvent(kind rtcpeer.EventKind, outage time.Duration) {
	if outage > 0 {
		p.outages = append(p.outages, outage)
	}
	if kind == rtcpeer.PeerDisconnected {
		p.paths, p.resent = p.paths+p.present.Paths, p.resent+resentOver(p.present)
		p.present.Paths, p.present.Lanes = 0, nil
	}
}

// leave notes that the peer is gone, and the outage that did not end before.
func (p *pingedPeer) leave(outage time.Duration) {
	p.away, p.gone = false, true
	if outage > 0 {
		p.outages = append(p.outages, outage)
	}
}

func resentOver(l rtcpeer.LinkStats) (n uint64) {
	for _, lane := range l.Lanes {
		n += lane.Resent
	}
	return n
}

func (p *pingedPeer) path() path {
	if p.link != p.id {
		return path{}
	}
	return pathOf(p.present)
}
