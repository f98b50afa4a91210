//go:build linux

package lab

import (
	"cmp"
	"context"
	"os"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/testdata/skip"
)

// How many worlds with a fault there are at a time. They mostly wait; browsers work more.
const faultWorlds, browserWorlds = 8, 3

// Links outlive faults of the network and of the programs. Its worlds wait most of the time, so TestPairs, which works,
// goes on beside it.
func TestFaults(t *testing.T) {
	t.Parallel()
	need(t, "ip", "nft")
	tryAll(t, faultTrials(skip.Everything()), faultWorlds, "RTCPEER_LAB_FAULTS")
}

func faultTrials(long bool) (trials []trial) {
	for i := range faults {
		f := &faults[i]
		for _, p := range f.places(long) {
			trials = append(trials, trial{f, goWithGo, p, len(trials)})
		}
	}
	return trials
}

// And so do those of browsers. Nothing else goes on meanwhile: a Firefox that gets too little of the machine is late.
func TestBrowserFaults(t *testing.T) {
	need(t, "ip", "nft", string(chromiumStack), string(firefoxStack))
	tryAll(t, browserFaultTrials(skip.Everything()), browserWorlds, "RTCPEER_LAB_BROWSER_FAULTS")
}

func browserFaultTrials(long bool) (trials []trial) {
	for i := range browserFaults {
		f := &browserFaults[i]
		for _, p := range f.parts(long) {
			trials = append(trials, trial{&f.fault, p.cast, p.place, len(trials)})
		}
	}
	return trials
}

// tryAll tries them in as many worlds at a time, and publishes the table in the file that the variable names.
func tryAll(t *testing.T, trials []trial, worlds int, variable string) {
	kit := newKit(t)
	// The longest first: then none is waited for alone.
	slices.SortStableFunc(trials, func(a, b trial) int { return cmp.Compare(b.fault.lasts, a.fault.lasts) })
	var all findings
	var wg sync.WaitGroup
	slots := make(chan struct{}, worlds)
	for _, try := range trials {
		slots <- struct{}{}
		wg.Go(func() {
			all.try(t, kit, try)
			<-slots
		})
	}
	wg.Wait()
	all.publish(t, os.Getenv(variable))
}

type trial struct {
	fault *fault
	cast  cast
	place place
	order int // of its row in the table
}

// places are where the fault is tried.
func (f *fault) places(long bool) []place {
	if !long {
		return []place{f.short}
	}
	if f.long != nil {
		return f.long()
	}
	return everywhere()
}

// name is that of its test.
func (try trial) name() string {
	if try.cast == goWithGo {
		return try.fault.key + "/" + try.place.String()
	}
	return try.fault.key + "/" + try.cast.key + "/" + try.place.String()
}

func (all *findings) try(t *testing.T, kit kit, try trial) {
	// Not t.Parallel, which has fewer tests at a time (TestMain).
	t.Run(try.name(), func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), patience+try.fault.lasts)
		defer cancel()
		s := newScene(t, kit, try.fault, try.cast, try.place)
		f := s.measure(try.place, s.play(ctx, try.place.position))
		f.order = try.order
		all.add(f)
		if os.Getenv("RTCPEER_LAB_REPORT_ONLY") == "" {
			require.Empty(t, f.exceeded())
		}
	})
}
