package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"sync"
	"time"

	"example.org/rtcpeer/signaling"
)

// honestPairs is how many pairs come and go at the same time.
const honestPairs = 2

// honest returns a random address that no attacker has.
func honest() netip.Addr {
	return netip.AddrFrom4([4]byte{81, byte(rand.IntN(256)), byte(rand.IntN(256)), byte(1 + rand.IntN(254))})
}

// A sight is what the honest members observe during an attack.
type sight struct {
	mu      sync.Mutex // guards the fields below
	Joins   []time.Duration
	Signals []time.Duration
	Refused []string

	// Set when the attack is over.
	turnedAway float64
	memory     float64
}

// honestCommand is the first argument of the process of the honest members. They have their own process,
// because otherwise the attackers' goroutines, and not the server, would keep them waiting.
const honestCommand = "honest"

// beHonest is the main function of that process. It prints what the honest members have observed as JSON.
func beHonest(ctx context.Context, s *server, length time.Duration, stdout io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, length)
	defer cancel()
	seen := new(sight)
	var wg sync.WaitGroup
	for range honestPairs {
		wg.Go(func() { seen.watch(ctx, s) })
	}
	wg.Wait()
	return json.NewEncoder(stdout).Encode(seen)
}

// watchHonest starts that process and returns what it has observed.
func watchHonest(ctx context.Context, s *server, length time.Duration) (*sight, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self, honestCommand, s.url, length.String())
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("honest members: %w", err)
	}
	seen := new(sight)
	return seen, json.Unmarshal(out, seen)
}

// signalsEach is how many signals a pair exchanges: about as many as two peers that connect.
const signalsEach = 10

// watch lets pairs meet, one after the other, until ctx is done. The last pair may finish.
func (v *sight) watch(ctx context.Context, s *server) {
	for ctx.Err() == nil {
		if err := v.pair(context.WithoutCancel(ctx), s); err != nil {
			v.mu.Lock()
			v.Refused = append(v.Refused, err.Error())
			v.mu.Unlock()
		}
	}
}

func (v *sight) pair(ctx context.Context, s *server) error {
	host, w, err := v.enter(ctx, s, signaling.Join{})
	if err != nil {
		return fmt.Errorf("create a room: %w", err)
	}
	defer host.vanish()
	guest, _, err := v.enter(ctx, s, signaling.Join{Room: w.Room})
	if err != nil {
		return fmt.Errorf("join a room: %w", err)
	}
	defer guest.vanish()
	if m, err := host.receive(); err != nil {
		return fmt.Errorf("hear of a member: %w", err)
	} else if _, is := m.(signaling.Joined); !is {
		return fmt.Errorf("hear of a member: %T", m)
	}
	for range signalsEach {
		began := time.Now()
		if err := guest.send(signaling.Signal{To: w.ID, Data: data(1000)}); err != nil {
			return fmt.Errorf("send a signal: %w", err)
		}
		if _, err := host.receive(); err != nil {
			return fmt.Errorf("receive a signal: %w", err)
		}
		v.note(&v.Signals, time.Since(began))
	}
	return errors.Join(host.send(signaling.Leave{}), guest.send(signaling.Leave{}))
}

func (v *sight) enter(ctx context.Context, s *server, j signaling.Join) (*peer, signaling.Welcome, error) {
	began := time.Now()
	p, w, err := s.enter(ctx, honest(), j)
	if err == nil {
		v.note(&v.Joins, time.Since(began))
	}
	return p, w, err
}

func (v *sight) note(list *[]time.Duration, took time.Duration) {
	v.mu.Lock()
	defer v.mu.Unlock()
	*list = append(*list, took)
}

// row returns a row of the table. It must be called when all members have gone.
func (v *sight) row(name string) string {
	return fmt.Sprintf("| %s | %d | %s, %s | %s | %d | %.0f | %.0f MiB |", name, len(v.Joins), part(v.Joins, 50), part(v.Joins, 99),
		part(v.Signals, 99), len(v.Refused), v.turnedAway, v.memory/(1<<20))
}

// part returns the given percentile of list.
func part(list []time.Duration, percent int) string {
	if len(list) == 0 {
		return "none"
	}
	slices.Sort(list)
	return fmt.Sprintf("%.1f ms", float64(list[(len(list)-1)*percent/100].Microseconds())/1000)
}
