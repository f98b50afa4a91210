package ping

import (
	"time"

	"example.org/rtcpeer/cmd/rtc-client/internal/modes"
	"example.org/rtcpeer/cmd/rtc-client/internal/roundtrip"
	"example.org/rtcpeer/rtcpeer"
)

// A pingedPeer is a peer that is pinged, and what is known of it over all links that this end has had with it.
// It is one row of the table.
type pingedPeer struct {
	// Fixed at construction.
	id   rtcpeer.PeerID
	link rtcpeer.PeerID // the link that the pings use: its own or, in a star, the host's

	away bool // it was lost, and may come back
	gone bool // it has left

	modes   [len(modes.All)]roundtrip.Times // by mode
	outages []time.Duration                 // past interruptions of the link
	present rtcpeer.LinkStats               // the latest figures of the present link
	beats   *beatsReport                    // the latest figures; nil: none yet
	paths   int                             // paths of the links before the present one
	resent  uint64                          // packets resent on the links before the present one
}

func newPingedPeer(id rtcpeer.PeerID, node rtcpeer.Stats) *pingedPeer {
	p := &pingedPeer{id: id, link: id}
	if node.Topology == rtcpeer.Star && node.ID != node.Host {
		p.link = node.Host
	}
	p.sample(node.Links)
	return p
}

// sample records the figures of the link, if there is one.
func (p *pingedPeer) sample(links map[rtcpeer.PeerID]rtcpeer.LinkStats) {
	if l, ok := links[p.link]; ok {
		p.present = l
	}
}

// linkEvent records an event of the link, and the length of the outage that it ended, or 0.
func (p *pingedPeer) linkEvent(kind rtcpeer.EventKind, outage time.Duration) {
	if outage > 0 {
		p.outages = append(p.outages, outage)
	}
	if kind == rtcpeer.PeerDisconnected {
		p.paths, p.resent = p.paths+p.present.Paths, p.resent+resentOver(p.present)
		p.present.Paths, p.present.Lanes = 0, nil
	}
}

// leave records that the peer is gone. outage is the length of an outage that had not ended, or 0.
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
