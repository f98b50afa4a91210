package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"text/tabwriter"
	"time"

	"example.org/rtcpeer/cmd/rtc-client/internal/format"
	"example.org/rtcpeer/cmd/rtc-client/internal/modes"
	"example.org/rtcpeer/cmd/rtc-client/internal/roundtrip"
	"example.org/rtcpeer/rtcpeer"
)

// surveyed is what is known of a peer that is pinged, over all the links that there were with it: one row
// of the table.
type surveyed struct {
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

func newSurveyed(id rtcpeer.PeerID, node rtcpeer.Stats) *surveyed {
	p := &surveyed{id: id, link: id}
	if node.Topology == rtcpeer.Star && node.ID != node.Host {
		p.link = node.Host
	}
	p.sample(node.Links)
	return p
}

// sample notes what the link tells of itself, while there is one.
func (p *surveyed) sample(links map[rtcpeer.PeerID]rtcpeer.LinkStats) {
	if l, ok := links[p.link]; ok {
		p.present = l
	}
}

// linkEvent takes what has happened to the link, and how long an outage was that has ended.
func (p *surveyed) linkEvent(kind rtcpeer.EventKind, outage time.Duration) {
	if outage > 0 {
		p.outages = append(p.outages, outage)
	}
	if kind == rtcpeer.PeerDisconnected {
		p.paths, p.resent = p.paths+p.present.Paths, p.resent+resentOver(p.present)
		p.present.Paths, p.present.Lanes = 0, nil
	}
}

// leave notes that the peer is gone, and the outage that did not end before.
func (p *surveyed) leave(outage time.Duration) {
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

func (p *surveyed) path() path {
	if p.link != p.id {
		return path{}
	}
	return pathOf(p.present)
}

// surveyReport is the object of ping --json.
type surveyReport struct {
	Room  string           `json:"room"`
	Peers []surveyedReport `json:"peers"`
}

type surveyedReport struct {
	ID   rtcpeer.PeerID `json:"id"`
	Path *path          `json:"path,omitempty"` // not there behind a star's host
	linkReport
	Beats *beatsReport `json:"beats,omitempty"` // not there if not known
	modes.PerMode[roundtrip.Report]
}

// beatsReport is what the beats of the links tell of a peer.
type beatsReport struct {
	RTT    int64  `json:"rtt_us"`
	Offset *int64 `json:"offset_us,omitempty"` // of its clock; not there if it tells none
}

func newBeatsReport(n *rtcpeer.Node, id rtcpeer.PeerID) *beatsReport {
	rtt, ok := n.RTT(id)
	if !ok {
		return nil
	}
	r := &beatsReport{RTT: rtt.Microseconds()}
	if offset, ok := n.Offset(id); ok {
		r.Offset = new(offset.Microseconds())
	}
	return r
}

// columns are those of the table.
func (r *beatsReport) columns() string {
	if r == nil {
		return "-\t-"
	}
	offset := "-"
	if r.Offset != nil {
		offset = fmt.Sprintf("%+.1f ms", float64(*r.Offset)/1000)
	}
	return format.Duration(time.Duration(r.RTT)*time.Microsecond) + "\t" + offset
}

// linkReport is what has happened to a link, also to one that was lost and made again.
type linkReport struct {
	Interruptions int     `json:"interruptions"`
	LongestMS     float64 `json:"longest_interruption_ms"`
	Paths         int     `json:"paths"`
	Resent        uint64  `json:"resent"`

	longest time.Duration
}

// report tells of the link. ongoing is how long it has been interrupted, or 0.
func (p *surveyed) report(ongoing time.Duration) linkReport {
	outages := slices.Clone(p.outages)
	if ongoing > 0 && !p.gone {
		outages = append(outages, ongoing)
	}
	r := linkReport{Interruptions: len(outages), Paths: p.paths + p.present.Paths, Resent: p.resent + resentOver(p.present)}
	if len(outages) > 0 {
		r.longest = slices.Max(outages)
		r.LongestMS = format.Milliseconds(r.longest)
	}
	return r
}

// print writes the tables, or the object.
func (s *survey) print(asJSON bool) error {
	s.sample()
	if asJSON {
		return json.NewEncoder(s.console.Out).Encode(s.report())
	}
	w := tabwriter.NewWriter(s.console.Out, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "peer\tmode\tsent\tlost\tmin\tp50\tavg\tmax\t")
	for _, p := range s.peers {
		for _, mode := range modes.All {
			t := &p.modes[mode]
			s := t.Spread()
			fmt.Fprintf(w, "%d\t%v\t%d\t%.0f %%\t%s\t%s\t%s\t%s\t\n", p.id, mode, t.Sent, t.Lost(),
				format.Duration(s.Least), format.Duration(s.Median), format.Duration(s.Mean), format.Duration(s.Most))
		}
	}
	fmt.Fprintln(w, "\npeer\tinterruptions\tlongest\tpaths\tsent again\tround trip\tclock\t")
	for _, p := range s.peers {
		r := p.report(s.links.Interruption(p.link))
		fmt.Fprintf(w, "%d\t%d\t%s\t%d\t%d\t%s\t\n", p.id, r.Interruptions, format.Duration(r.longest), r.Paths, r.Resent, p.beats.columns())
	}
	return w.Flush()
}

func (s *survey) report() surveyReport {
	r := surveyReport{Room: s.node.Room()}
	for _, p := range s.peers {
		figures := modes.Each(func(m rtcpeer.Mode) roundtrip.Report { return p.modes[m].Report() })
		r.Peers = append(r.Peers, surveyedReport{p.id, p.path().report(), p.report(s.links.Interruption(p.link)), p.beats, figures})
	}
	return r
}
