// Package metrics exports the figures of the server to Prometheus.
//
//	Stats of signalserver, turnserver, connlimit, logqueue -> collectors, at each scrape -> Figures.Handler
//	signalserver's Config.Observe -------------------------> histograms -----------------> Figures.Handler
//
// Package server serves the handler on the listener of members, on one of its own, and in the administration.
package metrics

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"example.org/rtcpeer/cmd/signal-server/internal/connlimit"
	"example.org/rtcpeer/cmd/signal-server/internal/logqueue"
	"example.org/rtcpeer/signaling/signalserver"
	"example.org/rtcpeer/signaling/turnserver"
)

// Figures are the metrics for Prometheus. Most come from Stats and are read only for a scrape, so they cost
// nothing in between. Only latencies, the expiry of certificates and the counters of Counter are kept here.
type Figures struct {
	// Fixed at construction.
	registry *prometheus.Registry
	took     map[signalserver.Phase]prometheus.Observer
	others   *prometheus.HistogramVec // for phases that are not in took
	expires  *prometheus.GaugeVec     // expiry of certificates
}

// Namespace is the beginning of the names of all metrics but those of the Go runtime and the process.
const Namespace = "signal_server_"

// latencies are histogram buckets in seconds. They range from the microseconds of a signal to the seconds of a
// join that waits.
var latencies = []float64{25e-6, 100e-6, 250e-6, 1e-3, 2.5e-3, 10e-3, 25e-3, 100e-3, 250e-3, 1, 2.5, 10, 30}

// New returns figures without those of the parts of the server: see Watch.
func New() *Figures {
	f := &Figures{
		registry: prometheus.NewRegistry(),
		took:     make(map[signalserver.Phase]prometheus.Observer),
		others: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    Namespace + "seconds",
			Help:    "Durations: join, resume and match until the welcome is queued, admit by token or hook, a signal from socket to outbox, the write of a frame, the renewal of the lease on the bus.",
			Buckets: latencies,
		}, []string{"phase"}),
	}
	for _, p := range []signalserver.Phase{signalserver.PhaseJoin, signalserver.PhaseResume, signalserver.PhaseMatch,
		signalserver.PhaseAdmit, signalserver.PhaseSignal, signalserver.PhaseWrite, signalserver.PhaseBus} {
		f.took[p] = f.others.WithLabelValues(string(p))
	}
	f.expires = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: Namespace + "certificate_expires_seconds",
		Help: "When the certificate expires, in seconds of Unix time, by the first of its names.",
	}, []string{"name"})
	f.registry.MustRegister(f.others, f.expires, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return f
}

// Certificate sets the figure of a certificate.
func (f *Figures) Certificate(name string, expires time.Time) {
	f.expires.WithLabelValues(name).Set(float64(expires.Unix()))
}

// Observe is the function for signalserver's Config.Observe. For known phases it takes no lock and allocates
// nothing.
func (f *Figures) Observe(p signalserver.Phase, took time.Duration) {
	if o, known := f.took[p]; known {
		o.Observe(took.Seconds())
		return
	}
	f.others.WithLabelValues(string(p)).Observe(took.Seconds())
}

// Counter adds a counter, and returns the function that counts.
func (f *Figures) Counter(name, help string) (count func()) {
	c := prometheus.NewCounter(prometheus.CounterOpts{Name: Namespace + name, Help: help})
	f.registry.MustRegister(c)
	return c.Inc
}

// Info adds a figure whose labels name this server and its cluster, if it has one.
func (f *Figures) Info(server, cluster string) {
	labels := prometheus.Labels{"name": server, "cluster": cluster}
	g := prometheus.NewGauge(prometheus.GaugeOpts{Name: Namespace + "info", Help: "Always 1. The labels name this server: --server-name and --nats-name.", ConstLabels: labels})
	g.Set(1)
	f.registry.MustRegister(g)
}

// Watch adds the figures of connections, the rooms, the log and the TURN server; turn is nil if there is none.
func (f *Figures) Watch(g *connlimit.Limiter, failures *connlimit.Failures, rooms *signalserver.Server, turn *turnserver.Server, log *logqueue.Queue) {
	f.registry.MustRegister(connectionFigures{g, failures}, roomFigures{rooms}, clusterFigures{rooms}, prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: Namespace + "log_dropped_total",
		Help: "Log lines dropped, because stderr was not read in time.",
	}, func() float64 { return float64(log.Lost()) }))
	if turn != nil {
		f.registry.MustRegister(turnFigures{turn})
	}
}

// Handler returns the handler of /metrics.
func (f *Figures) Handler() http.Handler {
	return promhttp.HandlerFor(f.registry, promhttp.HandlerOpts{DisableCompression: true})
}

// Routes returns the handler for a listener that serves only the figures.
func (f *Figures) Routes() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", f.Handler())
	return mux
}

// A sample is one value of a metric. label has the values of the metric's labels, if it has any.
type sample struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value float64
	label []string
}

func (s sample) send(to chan<- prometheus.Metric) {
	to <- prometheus.MustNewConstMetric(s.desc, s.kind, s.value, s.label...)
}

func desc(name, help string, label ...string) *prometheus.Desc {
	return prometheus.NewDesc(Namespace+name, help, label, nil)
}
