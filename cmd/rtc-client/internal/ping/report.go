package ping

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

// A report is the object of --json.
type report struct {
	Room  string       `json:"room"`
	Peers []peerReport `json:"peers"`
}

type peerReport struct {
	ID   rtcpeer.PeerID `json:"id"`
	Path *path          `json:"path,omitempty"` // missing if the peer is behind a star's host
	linkReport
	Beats *beatsReport `json:"beats,omitempty"` // missing if not known
	modes.PerMode[roundtrip.Report]
}

// beatsReport is what the heartbeats of the links say about a peer.
type beatsReport struct {
	RTT    int64  `json:"rtt_us"`
	Offset *int64 `json:"offset_us,omitempty"` // of its clock; missing if not known
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

// columns returns the beats as two columns of the table.
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

// linkReport is the history of the link with a peer, including earlier links that were lost.
type linkReport struct {
	Interruptions int     `json:"interruptions"`
	LongestMS     float64 `json:"longest_interruption_ms"`
	Paths         int     `json:"paths"`
	Resent        uint64  `json:"resent"`

	longest time.Duration
}

// report returns the history of the link. ongoing is how long the link has been interrupted, or 0.
func (p *pingedPeer) report(ongoing time.Duration) linkReport {
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

// print writes the tables or the JSON object.
func (r *pingRun) print(asJSON bool) error {
	r.sample()
	if asJSON {
		return json.NewEncoder(r.console.Out).Encode(r.report())
	}
	w := tabwriter.NewWriter(r.console.Out, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "peer\tmode\tsent\tlost\tmin\tp50\tavg\tmax\t")
	for _, p := range r.peers {
		for _, mode := range modes.All {
			t := &p.modes[mode]
			s := t.Spread()
			fmt.Fprintf(w, "%d\t%v\t%d\t%.0f %%\t%s\t%s\t%s\t%s\t\n", p.id, mode, t.Sent, t.Lost(),
				format.Duration(s.Least), format.Duration(s.Median), format.Duration(s.Mean), format.Duration(s.Most))
		}
	}
	fmt.Fprintln(w, "\npeer\tinterruptions\tlongest\tpaths\tsent again\tround trip\tclock\t")
	for _, p := range r.peers {
		link := p.report(r.links.Interruption(p.link))
		fmt.Fprintf(w, "%d\t%d\t%s\t%d\t%d\t%s\t\n", p.id, link.Interruptions, format.Duration(link.longest), link.Paths, link.Resent, p.beats.columns())
	}
	return w.Flush()
}

func (r *pingRun) report() report {
	all := report{Room: r.node.Room()}
	for _, p := range r.peers {
		figures := modes.Each(func(m rtcpeer.Mode) roundtrip.Report { return p.modes[m].Report() })
		all.Peers = append(all.Peers, peerReport{p.id, p.path().report(), p.report(r.links.Interruption(p.link)), p.beats, figures})
	}
	return all
}
