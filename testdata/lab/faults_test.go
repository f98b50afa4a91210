package lab

import (
	"cmp"
	"context"
	"os"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// faultWorlds is how many worlds with a fault there are at a time. They mostly wait.
const faultWorlds = 8

// Links outlive faults of the network and of the programs.
func TestFaults(t *testing.T) {
	need(t, "ip", "nft")
	removeAbandoned(t)
	kit := newKit(t)
	var trials []trial
	for i := range faults {
		f := &faults[i]
		for _, p := range f.places() {
			trials = append(trials, trial{f, p, len(trials)})
		}
	}
	// The longest first: then none is waited for alone.
	slices.SortStableFunc(trials, func(a, b trial) int { return cmp.Compare(b.fault.lasts, a.fault.lasts) })
	var all findings
	var wg sync.WaitGroup
	sites := make(chan struct{}, faultWorlds)
	for _, try := range trials {
		sites <- struct{}{}
		wg.Go(func() {
			all.try(t, kit, try)
			<-sites
		})
	}
	wg.Wait()
	all.publish(t)
}

type trial struct {
	fault *fault
	place place
	order int // of its row in the table
}

// places are where the fault is tried in this run.
func (f *fault) places() []place {
	if os.Getenv("RTCPEER_LAB_LONG") == "" {
		return []place{f.short}
	}
	if f.long != nil {
		return f.long()
	}
	return everywhere()
}

func (all *findings) try(t *testing.T, kit kit, try trial) {
	// Not t.Parallel, which has as many tests at a time as there are processors.
	t.Run(try.fault.key+"/"+try.place.String(), func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), patience+try.fault.lasts)
		defer cancel()
		s := newScene(t, kit, try.fault, try.place)
		f := s.measure(try.place, s.play(ctx, try.place.position))
		f.order = try.order
		all.add(f)
		if os.Getenv("RTCPEER_LAB_REPORT_ONLY") == "" {
			require.Empty(t, f.exceeded())
		}
	})
}
