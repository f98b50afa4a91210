//go:build !js

package webrtc

import (
	"context"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"
)

// addresses watches the addresses of this machine. It asks for them about once a second while there are
// listeners. The notifications of operating systems differ, and some need privileges. One query of four
// interfaces takes 0.2 ms and 32 KB of garbage (BenchmarkAddresses): a five-thousandth of a core.
type addresses struct {
	// Fixed at construction.
	look    func() ([]string, error)
	changed func()

	running sync.WaitGroup
}

const lookEvery = time.Second

// start starts a goroutine that watches the addresses. It ends soon after the returned function is called; wait
// waits for it.
func (a *addresses) start() (end func()) {
	ctx, cancel := context.WithCancel(context.Background())
	a.running.Go(func() { a.run(ctx) })
	return cancel
}

func (a *addresses) run(ctx context.Context) {
	before, _ := a.look()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		// If the system reports an error, the addresses count as unchanged.
		if now, err := a.look(); err == nil && !slices.Equal(before, now) && ctx.Err() == nil {
			before = now
			a.changed()
		}
	}
}

func (a *addresses) wait() { a.running.Wait() }

// usable returns the addresses that paths of this config can use, sorted: those of interfaces that are up. It
// leaves out loopback and link-local addresses. These lead to no other machine, and change when containers come
// and go.
func (c Config) usable() ([]string, error) {
	interfaces, err := net.Interfaces()
	if err != nil {
		return nil, err
	}
	var list []string
	for _, i := range interfaces {
		if i.Flags&net.FlagUp == 0 || i.Flags&net.FlagLoopback != 0 || c.InterfaceFilter != nil && !c.InterfaceFilter(i.Name) {
			continue
		}
		found, err := i.Addrs()
		if err != nil {
			return nil, fmt.Errorf("interface %s: %w", i.Name, err)
		}
		for _, a := range found {
			if n, ok := a.(*net.IPNet); ok && !n.IP.IsLinkLocalUnicast() && (c.IPFilter == nil || c.IPFilter(n.IP)) {
				list = append(list, i.Name+" "+n.String())
			}
		}
	}
	slices.Sort(list)
	return list, nil
}
