package webrtc

import (
	"sync"
	"syscall/js"
	"time"

	"example.org/rtcpeer/rtcpeer/transport"
)

// figures holds the latest result of getStats. The result arrives as an event of the page, so Stats does not
// wait for it: a handler may call Stats.
type figures struct {
	running sync.WaitGroup // the goroutine of a refresh

	mu     sync.Mutex // guards the fields below
	stats  transport.Stats
	asking bool // a refresh is running, has failed, or stop was called
}

// stop waits for a running refresh and prevents further ones. The path's done must be closed.
func (f *figures) stop() {
	f.mu.Lock()
	f.asking = true
	f.mu.Unlock()
	f.running.Wait()
}

func (f *figures) last() transport.Stats {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.stats
}

// refresh asks for new figures, unless a refresh is running or has failed before. Its goroutine ends with the
// answer or with the path.
func (f *figures) refresh(p *path) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.asking {
		return
	}
	f.asking = true
	f.running.Go(func() {
		report, err := await(p.done, func() js.Value { return p.pc.Call("getStats") })
		f.mu.Lock()
		defer f.mu.Unlock()
		if err == nil {
			f.stats, f.asking = statsOf(report), false
		}
	})
}

// statsOf reads an RTCStatsReport: transport -> selected pair -> its two candidates.
func statsOf(report js.Value) transport.Stats {
	get := func(id js.Value) js.Value {
		if id.Type() != js.TypeString {
			return js.Undefined()
		}
		return report.Call("get", id)
	}
	carrier := first(report, "transport")
	if !carrier.Truthy() {
		return transport.Stats{}
	}
	stats := transport.Stats{BytesSent: uint64(number(carrier, "bytesSent")), BytesReceived: uint64(number(carrier, "bytesReceived"))}
	if pair := get(carrier.Get("selectedCandidatePairId")); pair.Truthy() {
		stats.RTT = time.Duration(number(pair, "currentRoundTripTime") * float64(time.Second))
		stats.Local = word(get(pair.Get("localCandidateId")), "candidateType")
		stats.Remote = word(get(pair.Get("remoteCandidateId")), "candidateType")
	}
	return stats
}

// first returns the first entry of a kind, or undefined.
func first(report js.Value, kind string) js.Value {
	for all := report.Call("values"); ; {
		next := all.Call("next")
		if next.Get("done").Bool() {
			return js.Undefined()
		}
		if entry := next.Get("value"); entry.Get("type").String() == kind {
			return entry
		}
	}
}

func number(entry js.Value, name string) float64 {
	if v := entry.Get(name); v.Type() == js.TypeNumber {
		return v.Float()
	}
	return 0
}

func word(entry js.Value, name string) string {
	if entry.Truthy() {
		return entry.Get(name).String()
	}
	return ""
}
