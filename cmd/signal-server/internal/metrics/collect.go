package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"example.org/rtcpeer/cmd/signal-server/internal/connlimit"
	"example.org/rtcpeer/signaling/signalserver"
	"example.org/rtcpeer/signaling/turnserver"
)

const (
	now     = prometheus.GaugeValue
	counted = prometheus.CounterValue
)

// roomFigures is a prometheus.Collector for a signaling server.
type roomFigures struct{ rooms *signalserver.Server }

var (
	sessionsDesc  = desc("sessions", "Open WebSockets.")
	roomsDesc     = desc("rooms", "Rooms.")
	publicDesc    = desc("rooms_public", "Public rooms, which everybody can list.")
	membersDesc   = desc("members", "Members, including those in their grace time.")
	waitingDesc   = desc("waiting", "Sessions that wait to be matched.")
	addressesDesc = desc("addresses", "Addresses that the server keeps limits for.")
	bufferedDesc  = desc("buffered_bytes", "Bytes kept for members; --max-buffered is the limit.")
	drainingDesc  = desc("draining", "1 while the server is draining and admits nobody new.")
	joinsDesc     = desc("joins_total", "Newcomers that got a place in a room.")
	resumesDesc   = desc("resumes_total", "Members that resumed after they had lost their connection.")
	matchesDesc   = desc("matches_total", "Rooms made for matched members.")
	listsDesc     = desc("lists_total", "Answers to list.")
	refusedDesc   = desc("refused_total", "Errors sent to sessions, by code.", "code")
	signalsDesc   = desc("signals_total", "Signals received from members.")
	throttledDesc = desc("throttled_total", "Frames that had to wait for the message rate.")
	framesDesc    = desc("frames_total", "Text frames from members (in) and to members (out).", "direction")
	bytesDesc     = desc("bytes_total", "Bytes in text frames.", "direction")
	droppedDesc   = desc("dropped_total", "Sessions and members that the server gave up (slow, dead, grace_over, detached_full, over_budget), and binary frames that it dropped (relay_unknown, relay_full), by reason.", "word")

	relayFramesDesc    = desc("relay_frames_total", "Binary frames of links that go through the server.")
	relayBytesDesc     = desc("relay_bytes_total", "Bytes in binary frames of links that go through the server.")
	relayThrottledDesc = desc("relay_throttled_total", "Binary frames that had to wait for --relay-rate, for the share of their address, or for --relay-total.")
)

// Describe sends nothing, which makes the collector unchecked. That is safe because all its metrics are fixed
// below.
func (roomFigures) Describe(chan<- *prometheus.Desc) {}

func (f roomFigures) Collect(to chan<- prometheus.Metric) {
	s := f.rooms.Stats()
	draining := 0
	if s.Draining {
		draining = 1
	}
	for _, one := range []sample{
		{sessionsDesc, now, float64(s.Sessions), nil},
		{roomsDesc, now, float64(s.Rooms), nil},
		{publicDesc, now, float64(s.Public), nil},
		{membersDesc, now, float64(s.Members), nil},
		{waitingDesc, now, float64(s.Waiting), nil},
		{addressesDesc, now, float64(s.Addresses), nil},
		{bufferedDesc, now, float64(s.Buffered), nil},
		{drainingDesc, now, float64(draining), nil},
		{joinsDesc, counted, float64(s.Joins), nil},
		{resumesDesc, counted, float64(s.Resumes), nil},
		{matchesDesc, counted, float64(s.Matches), nil},
		{listsDesc, counted, float64(s.Lists), nil},
		{relayFramesDesc, counted, float64(s.RelayedFrames), nil},
		{relayBytesDesc, counted, float64(s.RelayedBytes), nil},
		{relayThrottledDesc, counted, float64(s.RelayThrottled), nil},
		{signalsDesc, counted, float64(s.Signals), nil},
		{throttledDesc, counted, float64(s.Throttled), nil},
		{framesDesc, counted, float64(s.FramesIn), []string{"in"}},
		{framesDesc, counted, float64(s.FramesOut), []string{"out"}},
		{bytesDesc, counted, float64(s.BytesIn), []string{"in"}},
		{bytesDesc, counted, float64(s.BytesOut), []string{"out"}},
	} {
		one.send(to)
	}
	for code, n := range s.Refused {
		sample{refusedDesc, counted, float64(n), []string{string(code)}}.send(to)
	}
	for why, n := range s.Dropped {
		sample{droppedDesc, counted, float64(n), []string{string(why)}}.send(to)
	}
}

// connectionFigures is a prometheus.Collector for the connections of members.
type connectionFigures struct {
	limiter  *connlimit.Limiter
	failures *connlimit.Failures
}

var (
	connectionsDesc = desc("connections", "Open TCP connections: sessions, page loads, and those that have sent no request yet.")
	closedDesc      = desc("connections_closed_total", "Connections closed at once, because there were too many in total or from one address.", "word")
	failedDesc      = desc("accept_errors_total", "Connections that the system could not accept, mostly because no open file was left.")
)

// Describe does nothing, as that of roomFigures.
func (connectionFigures) Describe(chan<- *prometheus.Desc) {}

func (f connectionFigures) Collect(to chan<- prometheus.Metric) {
	s := f.limiter.Stats()
	sample{connectionsDesc, now, float64(s.Open), nil}.send(to)
	for word, n := range s.Closed {
		sample{closedDesc, counted, float64(n), []string{string(word)}}.send(to)
	}
	sample{failedDesc, counted, float64(f.failures.Count()), nil}.send(to)
}

// clusterFigures is a prometheus.Collector for the server's part in a cluster.
type clusterFigures struct{ rooms *signalserver.Server }

var (
	clusterAwayDesc     = desc("cluster_away", "1 while this server has no lease: NATS is away, or it has handed its rooms over.")
	clusterServersDesc  = desc("cluster_servers", "Servers with a lease, as seen by this server.")
	clusterRoomsDesc    = desc("cluster_rooms_owned", "Rooms and queues of matches that this server owns.")
	clusterVisitorsDesc = desc("cluster_visitors", "Sessions of other servers in rooms of this one.")
	clusterLooseDesc    = desc("cluster_unowned", "Sessions of this server whose room has no owner at the moment.")
	clusterRenewedDesc  = desc("cluster_leases_renewed_total", "Renewals of the lease, about one a second.")
	clusterLostDesc     = desc("cluster_leases_lost_total", "Leases lost, mostly because NATS was away or the server was paused.")
	clusterClaimsDesc   = desc("cluster_claims_lost_total", "Rooms given up because another server owned them by then.")
	clusterMessagesDesc = desc("cluster_messages_total", "Messages from other servers (in) and to other servers (out).", "direction")
	clusterResentDesc   = desc("cluster_messages_resent_total", "Messages sent again because they were not acknowledged in time.")
	clusterDroppedDesc  = desc("cluster_dropped_total", "Messages dropped (full, silent, malformed, unknown, too_large, late), by reason.", "word")
)

// Describe does nothing, as that of roomFigures.
func (clusterFigures) Describe(chan<- *prometheus.Desc) {}

func (f clusterFigures) Collect(to chan<- prometheus.Metric) {
	s, ok := f.rooms.ClusterStats()
	if !ok {
		return
	}
	away := 1
	if s.Ready {
		away = 0
	}
	for _, one := range []sample{
		{clusterAwayDesc, now, float64(away), nil},
		{clusterServersDesc, now, float64(s.Servers), nil},
		{clusterRoomsDesc, now, float64(s.Rooms), nil},
		{clusterVisitorsDesc, now, float64(s.Visitors), nil},
		{clusterLooseDesc, now, float64(s.Loose), nil},
		{clusterRenewedDesc, counted, float64(s.LeasesRenewed), nil},
		{clusterLostDesc, counted, float64(s.LeasesLost), nil},
		{clusterClaimsDesc, counted, float64(s.ClaimsLost), nil},
		{clusterMessagesDesc, counted, float64(s.Received), []string{"in"}},
		{clusterMessagesDesc, counted, float64(s.Sent), []string{"out"}},
		{clusterResentDesc, counted, float64(s.Resent), nil},
	} {
		one.send(to)
	}
	for word, n := range s.Dropped { // all words, so that the first drop of each kind shows as an increase
		sample{clusterDroppedDesc, counted, float64(n), []string{string(word)}}.send(to)
	}
}

// turnFigures is a prometheus.Collector for a TURN server.
type turnFigures struct{ turn *turnserver.Server }

var (
	relaysDesc      = desc("turn_relays", "Allocations of the TURN server.")
	streamsDesc     = desc("turn_streams", "TCP and TLS connections of the TURN server.")
	allocatedDesc   = desc("turn_allocated_total", "Allocations made by the TURN server.")
	turnBytesDesc   = desc("turn_bytes_total", "Bytes relayed, from clients to peers and from peers to clients.", "direction")
	turnRefusedDesc = desc("turn_refused_total", "Requests refused and packets dropped, by reason.", "word")
)

// Describe does nothing, as that of roomFigures.
func (turnFigures) Describe(chan<- *prometheus.Desc) {}

func (f turnFigures) Collect(to chan<- prometheus.Metric) {
	s := f.turn.Stats()
	for _, one := range []sample{
		{relaysDesc, now, float64(s.Allocations), nil},
		{streamsDesc, now, float64(s.Streams), nil},
		{allocatedDesc, counted, float64(s.Allocated), nil},
		{turnBytesDesc, counted, float64(s.ToPeers), []string{"to_peers"}},
		{turnBytesDesc, counted, float64(s.ToClients), []string{"to_clients"}},
	} {
		one.send(to)
	}
	for word, n := range s.Refused {
		sample{turnRefusedDesc, counted, float64(n), []string{string(word)}}.send(to)
	}
}
