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

// Links outlive faults of the network and of the programs. The worlds of this test wait most of the time, so TestPairs, which
// needs much CPU, runs at the same time.
func TestFaults(t *testing.T) {
	t.Parallel()
	need(t, "ip", "nft")
	runAll(t, faultCases(skip.Everything()), faultWorlds, "RTCPEER_LAB_FAULTS")
}

func faultCases(long bool) (cases []faultCase) {
	for i := range faults {
		f := &faults[i]
		for _, p := range f.places(long) {
			cases = append(cases, faultCase{f, goWithGo, p, len(cases)})
		}
	}
	return cases
}

// Links of browsers outlive faults, too. No other test runs at the same time: a Firefox that is short of CPU would be late.
func TestBrowserFaults(t *testing.T) {
	need(t, "ip", "nft", string(chromiumStack), string(firefoxStack))
	runAll(t, browserFaultCases(skip.Everything()), browserWorlds, "RTCPEER_LAB_BROWSER_FAULTS")
}

func browserFaultCases(long bool) (cases []faultCase) {
	for i := range browserFaults {
		f := &browserFaults[i]
		for _, p := range f.parts(long) {
			cases = append(cases, faultCase{&f.fault, p.cast, p.place, len(cases)})
		}
	}
	return cases
}

// runAll runs the cases, in at most worlds worlds at a time. It publishes the table in the file that the environment
// variable names.
func runAll(t *testing.T, cases []faultCase, worlds int, variable string) {
	kit := newKit(t)
	// The longest first: then none is waited for alone.
	slices.SortStableFunc(cases, func(a, b faultCase) int { return cmp.Compare(b.fault.lasts, a.fault.lasts) })
	var all findings
	var wg sync.WaitGroup
	slots := make(chan struct{}, worlds)
	for _, c := range cases {
		slots <- struct{}{}
		wg.Go(func() {
			all.run(t, kit, c)
			<-slots
		})
	}
	wg.Wait()
	all.publish(t, os.Getenv(variable))
}

type faultCase struct {
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
func (c faultCase) name() string {
	if c.cast == goWithGo {
		return c.fault.key + "/" + c.place.String()
	}
	return c.fault.key + "/" + c.cast.key + "/" + c.place.String()
}

func (all *findings) run(t *testing.T, kit kit, c faultCase) {
	// Not t.Parallel, which has fewer tests at a time (TestMain).
	t.Run(c.name(), func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), patience+c.fault.lasts)
		defer cancel()
		s := newScene(t, kit, c.fault, c.cast, c.place)
		f := s.measure(c.place, s.play(ctx, c.place.position))
		f.order = c.order
		all.add(f)
		if os.Getenv("RTCPEER_LAB_REPORT_ONLY") == "" {
			require.Empty(t, f.exceeded())
		}
	})
}
