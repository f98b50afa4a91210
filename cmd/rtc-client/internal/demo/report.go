package demo

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"

	"example.org/rtcpeer/cmd/rtc-client/internal/format"
	"example.org/rtcpeer/cmd/rtc-client/internal/modes"
	"example.org/rtcpeer/rtcpeer"
)

// A report is the result of a demo. It is printed as the object of --json or as the table.
type report struct {
	Topology rtcpeer.Topology `json:"topology"`
	OK       bool             `json:"ok"` // every packet that was due arrived
	Peers    []peerReport     `json:"peers"`

	links int
	due   int // packets to each peer in each mode
	took  time.Duration
}

type peerReport struct {
	ID        rtcpeer.PeerID       `json:"id"`
	ConnectMS float64              `json:"connect_ms"` // 0: not connected to all others
	Received  modes.PerMode[int]   `json:"received"`
	RTT       modes.PerMode[int64] `json:"rtt_us"` // 0: not measured

	connected time.Duration
	rtt       modes.PerMode[time.Duration]
}

// report must be called while the links are still open, because it counts them.
func (r *demoRun) report(topology rtcpeer.Topology, took time.Duration, err error) report {
	all := report{Topology: topology, OK: err == nil, due: (len(r.peers) - 1) * r.packets, took: took}
	for _, p := range r.peers {
		if p.id != 0 {
			all.links += len(p.node.Stats().Links)
		}
		one := p.report()
		all.OK = all.OK && one.Received == modes.Each(func(rtcpeer.Mode) int { return all.due })
		all.Peers = append(all.Peers, one)
	}
	all.links /= 2
	slices.SortFunc(all.Peers, func(a, b peerReport) int { return cmp.Compare(a.ID, b.ID) })
	return all
}

func (p *participant) report() peerReport {
	return peerReport{
		ID:        p.id,
		ConnectMS: format.Milliseconds(p.connected),
		Received: modes.Each(func(m rtcpeer.Mode) (sum int) {
			for _, got := range p.received {
				sum += got[m]
			}
			return sum
		}),
		RTT:       modes.Each(func(m rtcpeer.Mode) int64 { return p.roundTrips[m].Spread().Median.Microseconds() }),
		connected: p.connected,
		rtt:       modes.Each(func(m rtcpeer.Mode) time.Duration { return p.roundTrips[m].Spread().Median }),
	}
}

func (p *peerReport) packets() int {
	return p.Received.Unreliable + p.Received.UnreliableOrdered + p.Received.Reliable
}

func (r report) writeJSON(w io.Writer) error { return json.NewEncoder(w).Encode(r) }

func (r report) writeTable(w io.Writer) error {
	tw := tabwriter.NewWriter(w, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintln(tw, "\t\tround trip\tround trip\tround trip\tpackets\t")
	fmt.Fprintln(tw, "peer\tconnected\tunreliable\tunreliable ordered\treliable\treceived\t")
	received, due := 0, 0
	for _, p := range r.Peers {
		fmt.Fprintf(tw, "%d\t%s\t%s\t%s\t%s\t%d of %d\t\n", p.ID, format.Duration(p.connected),
			format.Duration(p.rtt.Unreliable), format.Duration(p.rtt.UnreliableOrdered), format.Duration(p.rtt.Reliable), p.packets(), r.due*len(modes.All))
		received += p.packets()
		due += r.due * len(modes.All)
	}
	verdict := map[bool]string{true: "ok", false: "not ok"}[r.OK]
	fmt.Fprintf(tw, "\n%s: %d peers in a %s, %s, %d of %d packets arrived, all in %s\n",
		verdict, len(r.Peers), r.Topology, format.Count(r.links, "link"), received, due, format.Duration(r.took))
	return tw.Flush()
}
