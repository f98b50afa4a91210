//go:build unix

package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/signaling/signalclient"
)

// A linkedReport is what a linkedNode has seen since it joined. A link is well if it is the one that was made at first.
type linkedReport struct {
	Room         string
	ID           rtcpeer.PeerID
	Peers        []rtcpeer.PeerID
	Links        int // that ever were made
	Interrupted  int
	Disconnected int
	Misses       int           // packets that were lost, repeated or out of order
	Received     map[int]int   // packets, by peer
	Silence      time.Duration // longest time between two packets of one peer
	Resumed      int           // how often it came back to a server
	Away         string        // why it has no server now
	Ended        string        // why it has ended
}

// A linkedNode is a real node that sends a numbered packet over each of its links ten times a second.
type linkedNode struct {
	node *rtcpeer.Node

	mu     sync.Mutex // guards the fields below
	report linkedReport
	last   map[rtcpeer.PeerID]uint64
	heard  map[rtcpeer.PeerID]time.Time
}

func joinLinked(ctx context.Context, url, room string) (*linkedNode, error) {
	node, err := rtcpeer.Join(ctx, url+"/"+room, rtcpeer.Config{WebRTC: onLoopback, Signaling: signalclient.Config{BackoffMax: 500 * time.Millisecond}})
	if err != nil {
		return nil, err
	}
	n := &linkedNode{node: node, last: make(map[rtcpeer.PeerID]uint64), heard: make(map[rtcpeer.PeerID]time.Time)}
	n.report = linkedReport{Room: node.Room(), ID: node.ID(), Received: make(map[int]int)}
	return n, nil
}

// send sends until ctx ends.
func (n *linkedNode) send(ctx context.Context) {
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	numbers := make(map[rtcpeer.PeerID]uint64)
	for {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
		for _, peer := range n.node.Peers() {
			numbers[peer]++
			_ = n.node.Send(ctx, rtcpeer.Packet{Peer: peer, Data: binary.BigEndian.AppendUint64(nil, numbers[peer])})
		}
	}
}

// receive notes what comes until the node has ended.
func (n *linkedNode) receive() {
	for {
		ev, err := n.node.Receive(context.Background())
		n.mu.Lock()
		if err != nil {
			n.report.Ended = err.Error()
			n.mu.Unlock()
			return
		}
		switch ev.Kind {
		case rtcpeer.PeerInterrupted:
			n.report.Interrupted++
		case rtcpeer.PeerDisconnected:
			n.report.Disconnected++
		case rtcpeer.PacketReceived:
			n.packet(ev.Packet)
		}
		n.mu.Unlock()
	}
}

// packet is called with mu held.
func (n *linkedNode) packet(p rtcpeer.Packet) {
	number, now := binary.BigEndian.Uint64(p.Data), time.Now()
	if number != n.last[p.Peer]+1 {
		n.report.Misses++
	}
	if heard := n.heard[p.Peer]; !heard.IsZero() {
		n.report.Silence = max(n.report.Silence, now.Sub(heard))
	}
	n.last[p.Peer], n.heard[p.Peer] = number, now
	n.report.Received[int(p.Peer)]++
}

func (n *linkedNode) now() linkedReport {
	st := n.node.Stats()
	n.mu.Lock()
	defer n.mu.Unlock()
	r := n.report
	r.Received = make(map[int]int)
	for peer, count := range n.report.Received {
		r.Received[peer] = count
	}
	r.Peers, r.Links, r.Resumed = n.node.Peers(), st.Total.Links, st.Resumed
	if err := cmp.Or(st.SignalingErr, st.SignalingLost); err != nil {
		r.Away = fmt.Sprintf("for %v: %v", st.SignalingSince.Round(time.Millisecond), err)
	}
	return r
}

// linkedNodes is a program: real nodes in rooms of four, whose links it holds open. Its arguments are the URL of the
// servers and the number of rooms. It writes a line with the reports of all nodes once each has its links and for each
// line that it reads, and ends when there are no more.
func linkedNodes() {
	if err := runLinkedNodes(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func runLinkedNodes(url, rooms string) error {
	count, err := strconv.Atoi(rooms)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	var nodes []*linkedNode
	defer func() {
		for _, n := range nodes {
			wg.Go(func() { n.node.Close() })
		}
	}()
	for i := range count * ofRoom {
		n, err := joinLinked(ctx, url, fmt.Sprintf("linked-%d", i/ofRoom))
		if err != nil {
			return err
		}
		nodes = append(nodes, n)
		wg.Go(n.receive)
		wg.Go(func() { n.send(ctx) })
	}
	linked := func(n *linkedNode) bool { return len(n.node.Peers()) == ofRoom-1 }
	if !eventually(ctx, func() bool { return !slices.ContainsFunc(nodes, func(n *linkedNode) bool { return !linked(n) }) }) {
		return fmt.Errorf("a link was not made")
	}
	out := json.NewEncoder(os.Stdout)
	for lines := bufio.NewScanner(os.Stdin); ; {
		var reports []linkedReport
		for _, n := range nodes {
			reports = append(reports, n.now())
		}
		if err := out.Encode(reports); err != nil || !lines.Scan() {
			return err
		}
	}
}

// A linked is the process with the nodes.
type linked struct {
	ask   io.Writer
	tell  *json.Decoder
	first []linkedReport
	last  []linkedReport
}

func startLinked(t *testing.T, url string, rooms int) *linked {
	t.Helper()
	cmd := exec.Command("linked-nodes", url, strconv.Itoa(rooms))
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	cmd.Stderr = os.Stderr
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		in.Close()
		_ = cmd.Wait()
	})
	l := &linked{ask: in, tell: json.NewDecoder(out)}
	require.NoError(t, l.tell.Decode(&l.first))
	l.last = l.first
	return l
}

func (l *linked) report(t *testing.T) (list []linkedReport) {
	t.Helper()
	_, err := io.WriteString(l.ask, "\n")
	require.NoError(t, err)
	require.NoError(t, l.tell.Decode(&list))
	return list
}

// well waits until all nodes are back at a server and have heard each other again. Each must have its id, and the links
// that it had at first.
func (l *linked) well(t *testing.T, after string) {
	t.Helper()
	var list []linkedReport
	require.True(t, eventually(t.Context(), func() bool {
		list = l.report(t)
		return !slices.ContainsFunc(list, func(r linkedReport) bool { return r.Away != "" && r.Ended == "" })
	}), "%s: %+v", after, list)
	require.True(t, eventually(t.Context(), func() bool {
		list = l.report(t)
		for i, r := range list {
			for peer, count := range r.Received {
				if count <= l.last[i].Received[peer] && r.Ended == "" {
					return false
				}
			}
		}
		return true
	}), "%s: %+v, was %+v", after, list, l.last)
	for i, r := range list {
		was := l.first[i]
		require.Empty(t, r.Ended, "%s: %+v", after, r)
		require.Equal(t, was.ID, r.ID, after)
		require.Equal(t, was.Peers, r.Peers, after)
		require.Equal(t, []int{ofRoom - 1, 0, 0}, []int{r.Links, r.Disconnected, r.Misses}, "%s: %+v", after, r)
	}
	l.last = list
}

// summary is a line for people.
func (l *linked) summary() string {
	links, packets, interrupted, resumed := 0, 0, 0, 0
	var silence time.Duration
	for _, r := range l.last {
		links += r.Links
		interrupted += r.Interrupted
		resumed += r.Resumed
		silence = max(silence, r.Silence)
		for _, count := range r.Received {
			packets += count
		}
	}
	return fmt.Sprintf("%d nodes: %d links, none lost, %d interruptions; %d packets in order, longest time between two %v; back at a server %d times",
		len(l.last), links/2, interrupted, packets, silence.Round(time.Millisecond), resumed)
}
