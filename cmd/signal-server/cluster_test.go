//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/cluster/natsnode"
	"example.org/rtcpeer/testdata/skip"
)

func init() {
	programs["nats-node"] = natsNode
	programs["linked-nodes"] = linkedNodes
}

// natsNode is a program: a NATS node that can be killed. Its arguments are its name, its addresses for clients and for
// routes, and the routes of all nodes.
func natsNode() {
	n, err := natsnode.Start(natsnode.Config{Name: os.Args[1], Listen: os.Args[2], Route: os.Args[3], Peers: os.Args[4:]})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	defer n.Close()
	fmt.Fprintln(os.Stderr, "ws://"+strings.TrimPrefix(n.URL(), "nats://")) // as launchCommand has it
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	<-ctx.Done()
}

// A fleet is three servers and three NATS nodes, each a process. Each server reaches NATS through a wire that can be cut.
type fleet struct {
	t         *testing.T
	nodes     [3]*daemon
	addresses [3]string // of nodes, for clients
	routes    [3]string
	wires     [3]*wire
	servers   [3]*daemon
	listens   [3]string
}

func newFleet(t *testing.T) *fleet {
	t.Helper()
	f := &fleet{t: t}
	for i := range f.nodes {
		f.addresses[i], f.routes[i], f.listens[i] = freeAddress(t), freeAddress(t), freeAddress(t)
	}
	for i := range f.nodes {
		f.startNode(i)
	}
	for i := range f.servers {
		f.wires[i] = newWire(t, f.addresses[i:], f.addresses[:i])
		f.startServer(i)
	}
	f.ready()
	return f
}

func (f *fleet) startNode(i int) {
	var peers []string
	for _, r := range f.routes {
		peers = append(peers, "nats://"+r)
	}
	f.nodes[i] = launchCommand(f.t, "nats-node", append([]string{"n" + strconv.Itoa(i), f.addresses[i], f.routes[i]}, peers...)...)
}

func (f *fleet) startServer(i int) {
	f.servers[i] = launchDaemon(f.t, "--listen="+f.listens[i], "--nats=nats://"+f.wires[i].address, "--server-name=s"+strconv.Itoa(i),
		"--resume-key=0123456789abcdef", "--max-per-address=0", "--message-rate=0")
}

// ready waits until all servers are.
func (f *fleet) ready() {
	f.t.Helper()
	require.True(f.t, eventually(f.t.Context(), f.isReady))
}

// A wire leads from one server to NATS.
type wire struct {
	address string
	cut     atomic.Bool

	mu    sync.Mutex // guards conns
	conns map[net.Conn]bool
}

// newWire leads to the first of some addresses that answers.
func newWire(t *testing.T, first, then []string) *wire {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	w := &wire{address: l.Addr().String(), conns: make(map[net.Conn]bool)}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { w.carry(c, slices.Concat(first, then)) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		w.setCut(true)
		wg.Wait()
	})
	return w
}

func (w *wire) carry(c net.Conn, addresses []string) {
	defer c.Close()
	for _, address := range addresses {
		to, err := net.DialTimeout("tcp", address, time.Second)
		if err != nil {
			continue
		}
		defer to.Close()
		w.mu.Lock()
		if w.cut.Load() {
			w.mu.Unlock()
			return
		}
		w.conns[c], w.conns[to] = true, true
		w.mu.Unlock()
		var wg sync.WaitGroup
		for _, ends := range [][2]net.Conn{{c, to}, {to, c}} {
			wg.Go(func() {
				_, _ = io.Copy(ends[0], ends[1])
				ends[0].Close()
				ends[1].Close()
			})
		}
		wg.Wait()
		w.mu.Lock()
		delete(w.conns, c)
		delete(w.conns, to)
		w.mu.Unlock()
		return
	}
}

func (w *wire) setCut(cut bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut.Store(cut)
	if cut {
		for c := range w.conns {
			c.Close()
		}
	}
}

// A guest is a member of a room that comes back whenever its connection is lost, to the next server.
type guest struct {
	fleet *fleet
	join  signaling.Join
	wg    sync.WaitGroup

	mu      sync.Mutex // guards the fields below
	at      int        // server
	conn    *websocket.Conn
	welcome signaling.Welcome
	online  bool
	wrong   []string // what must not happen
	last    error    // for which it could not come back
	got     chan string
	over    bool
}

var errSent = errors.New("sent away")

// enter joins or comes back, and returns when that is done or has failed.
func (g *guest) enter() error {
	d := websocket.Dialer{Subprotocols: []string{signaling.Subprotocol}, HandshakeTimeout: 10 * time.Second}
	conn, res, err := d.Dial("ws://"+g.fleet.listens[g.at], nil)
	if err != nil {
		return err
	}
	res.Body.Close()
	j := g.join
	j.Resume = g.welcome.Resume
	frame, _ := signaling.JSON.Encode(j)
	_ = conn.WriteMessage(websocket.TextMessage, frame)
	conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	_, frame, err = conn.ReadMessage()
	if err != nil {
		conn.Close()
		return err
	}
	conn.SetReadDeadline(time.Time{})
	switch m, _ := signaling.JSON.Decode(frame); m := m.(type) {
	case signaling.Welcome:
		g.mu.Lock()
		if g.welcome.ID != 0 && m.ID != g.welcome.ID {
			g.wrong = append(g.wrong, fmt.Sprintf("id %d became %d", g.welcome.ID, m.ID))
		}
		g.conn, g.welcome, g.online = conn, m, true
		g.mu.Unlock()
		return nil
	case *signaling.Error:
		conn.Close()
		return m
	default:
		conn.Close()
		return errSent
	}
}

// live reads until leave, and comes back.
func (g *guest) live(known func(signaling.PeerID) bool) {
	for {
		g.mu.Lock()
		conn, over := g.conn, g.over
		g.mu.Unlock()
		if over {
			return
		}
		g.read(conn, known)
		g.mu.Lock()
		g.online = false
		over = g.over
		g.mu.Unlock()
		for !over {
			g.at = (g.at + 1) % len(g.fleet.servers)
			err := g.enter()
			if err == nil {
				break
			}
			g.mu.Lock()
			g.last = err
			g.mu.Unlock()
			if why, ok := errors.AsType[*signaling.Error](err); ok && !why.Code.Retry() {
				g.mu.Lock()
				g.wrong = append(g.wrong, why.Error())
				g.over = true
				g.mu.Unlock()
				return
			}
			time.Sleep(200 * time.Millisecond)
			g.mu.Lock()
			over = g.over
			g.mu.Unlock()
		}
	}
}

func (g *guest) read(conn *websocket.Conn, known func(signaling.PeerID) bool) {
	defer conn.Close()
	for {
		_, frame, err := conn.ReadMessage()
		if err != nil {
			return
		}
		m, err := signaling.JSON.Decode(frame)
		g.mu.Lock()
		switch m := m.(type) {
		case signaling.Left:
			if known(m.ID) {
				g.wrong = append(g.wrong, fmt.Sprintf("told that %d has left: %s", m.ID, m.Reason))
			}
		case signaling.Resume:
			g.welcome.Resume = m.Token
		case *signaling.Error:
			if !m.Code.Retry() {
				g.wrong = append(g.wrong, m.Error())
			}
		case signaling.Signal:
			select {
			case g.got <- string(m.Data):
			default:
			}
		}
		g.mu.Unlock()
		_ = err
	}
}

// leave ends live.
func (g *guest) leave() {
	g.end()
	g.wg.Wait()
}

func (g *guest) end() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.over = true
	g.conn.Close()
}

// write sends a message.
func (g *guest) write(m signaling.Message) error {
	frame, err := signaling.JSON.Encode(m)
	if err != nil {
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.conn.WriteMessage(websocket.TextMessage, frame)
}

// leaveNow is for a guest that does not live: it leaves its room. It returns when the server has closed the connection, or
// an error if the server does not.
func (g *guest) leaveNow() error {
	defer g.conn.Close()
	_ = g.write(signaling.Leave{})
	_ = g.conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	for {
		if _, _, err := g.conn.ReadMessage(); err != nil {
			if _, closed := errors.AsType[*websocket.CloseError](err); closed {
				return nil
			}
			return fmt.Errorf("member %d has left: %w", g.welcome.ID, err)
		}
	}
}

// codeOf returns the code of an error that a server has told.
func codeOf(err error) signaling.Code {
	if why, ok := errors.AsType[*signaling.Error](err); ok {
		return why.Code
	}
	return ""
}

// manyRooms are rooms of four, whose members are spread over all servers.
type manyRooms struct {
	fleet  *fleet
	rooms  [][]*guest                  // which newcomers join
	all    []*guest                    // of these rooms and others
	told   map[signaling.PeerID]string // what members of secretRoom tell of themselves
	joins  [2][]time.Duration          // at the server of the room's first member, and at others
	relays [2][]time.Duration
}

const ofRoom = 4

func newManyRooms(t *testing.T, f *fleet, rooms int) *manyRooms {
	t.Helper()
	c := &manyRooms{fleet: f}
	t.Cleanup(c.leave)
	for r := range rooms {
		c.rooms = append(c.rooms, c.members(t, signaling.Join{Room: signaling.RoomName(fmt.Sprintf("room-%d", r))}, r))
	}
	return c
}

// metadataOf is what the i-th member of a room tells of itself.
func metadataOf(i int) string { return fmt.Sprintf(`{"n":%d}`, i) }

// members makes a room with four members, the first of them at a server, and the others at the next ones.
func (c *manyRooms) members(t *testing.T, j signaling.Join, at int) (members []*guest) {
	t.Helper()
	var ids []signaling.PeerID // which never change
	for i := range ofRoom {
		j.Metadata = []byte(metadataOf(i + 1))
		g := &guest{fleet: c.fleet, join: j, at: (at + i) % 3, got: make(chan string, 16)}
		began := time.Now()
		require.NoError(t, g.enter())
		if i > 0 {
			c.joins[min(1, i%3)] = append(c.joins[min(1, i%3)], time.Since(began))
		}
		members, ids = append(members, g), append(ids, g.welcome.ID)
	}
	known := func(id signaling.PeerID) bool { return slices.Contains(ids, id) }
	for _, g := range members {
		g.wg.Go(func() { g.live(known) })
	}
	c.all = append(c.all, members...)
	return members
}

// leave has all leave at the same time: who looks for a server notices it only after its next try.
func (c *manyRooms) leave() {
	for _, g := range c.all {
		g.end()
	}
	for _, g := range c.all {
		g.wg.Wait()
	}
}

// whole waits until all members are connected.
func (c *manyRooms) whole(t *testing.T) {
	t.Helper()
	var away string
	for range 300 {
		if away = c.away(); away == "" {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	require.Empty(t, away, "it does not come back; %q", c.wrong())
}

// away returns a member that is not connected, and why.
func (c *manyRooms) away() string {
	for _, g := range c.all {
		g.mu.Lock()
		online, last := g.online, g.last
		g.mu.Unlock()
		if !online {
			return fmt.Sprintf("%s, member %d: %v", g.join.Room, g.welcome.ID, last)
		}
	}
	return ""
}

// wrong returns what happened that must not.
func (c *manyRooms) wrong() (list []string) {
	for _, g := range c.all {
		g.mu.Lock()
		for _, w := range g.wrong {
			list = append(list, fmt.Sprintf("%s, member %d: %s", g.join.Room, g.welcome.ID, w))
		}
		g.wrong = nil
		g.mu.Unlock()
	}
	return list
}

// newcomers joins each room anew over a server that runs until it is let in, and leaves. It returns after how long the
// last one was in.
func (c *manyRooms) newcomers(t *testing.T, skip int) (took time.Duration) {
	t.Helper()
	began := time.Now()
	var wg sync.WaitGroup
	var mu sync.Mutex // guards what follows
	var failed []string
	var last string
	places := make(chan struct{}, 32)
	for r, members := range c.rooms {
		wg.Go(func() {
			places <- struct{}{}
			defer func() { <-places }()
			at := r % 3
			if at == skip {
				at = (at + 1) % 3
			}
			g := &guest{fleet: c.fleet, join: signaling.Join{Room: members[0].join.Room}, at: at}
			var tries []string
			err := g.enter()
			for ; err != nil && time.Since(began) < 20*time.Second; err = g.enter() {
				tries = append(tries, fmt.Sprintf("%.1f s: %v", time.Since(began).Seconds(), err))
				time.Sleep(50 * time.Millisecond)
			}
			in := time.Since(began)
			if err == nil {
				err = g.leaveNow()
			}
			mu.Lock()
			defer mu.Unlock()
			if in > took {
				took, last = in, fmt.Sprintf("%s over server %d, which had refused it %d times: %v", g.join.Room, at, len(tries), tries[max(0, len(tries)-5):])
			}
			if err != nil {
				failed = append(failed, fmt.Sprintf("%s over server %d: %v", g.join.Room, at, err))
			}
		})
	}
	wg.Wait()
	require.Empty(t, failed)
	t.Logf("the last newcomer: %s", last)
	return took
}

// relay has the first member of each room send to the one at its server, and to one at another.
func (c *manyRooms) relay(t *testing.T) {
	t.Helper()
	for _, members := range c.rooms {
		for k, to := range []*guest{members[3], members[1]} {
			began := time.Now()
			require.NoError(t, members[0].write(signaling.Signal{To: to.welcome.ID, Data: []byte(`"x"`)}))
			select {
			case <-to.got:
			case <-time.After(10 * time.Second):
				require.Fail(t, "no signal", "%s: from %d to %d", to.join.Room, members[0].welcome.ID, to.welcome.ID)
			}
			c.relays[k] = append(c.relays[k], time.Since(began))
		}
	}
}

func percentile(list []time.Duration, p int) time.Duration {
	list = slices.Sorted(slices.Values(list))
	return list[min(len(list)-1, len(list)*p/100)].Round(10 * time.Microsecond)
}

// linkedRooms is how many rooms have real nodes.
const linkedRooms = 6

// Three servers and three NATS nodes, and all that may happen to them. RTCPEER_ROOMS is how many rooms of four there are
// besides those with open links and those with a password, a lock or a seal.
func TestManyServers(t *testing.T) {
	skip.Long(t)
	rooms := 60
	if n, err := strconv.Atoi(os.Getenv("RTCPEER_ROOMS")); err == nil {
		rooms = n
	}
	f := newFleet(t)
	c := newManyRooms(t, f, rooms)
	c.relay(t)
	t.Logf("%d rooms of four over three servers", rooms)
	t.Logf("join at the owner: p50 %v p99 %v; at another server: p50 %v p99 %v", percentile(c.joins[0], 50), percentile(c.joins[0], 99), percentile(c.joins[1], 50), percentile(c.joins[1], 99))
	t.Logf("signal at the owner: p50 %v p99 %v; to another server: p50 %v p99 %v", percentile(c.relays[0], 50), percentile(c.relays[0], 99), percentile(c.relays[1], 50), percentile(c.relays[1], 99))
	c.costs(t)
	c.found(t)
	l := startLinked(t, "ws://"+startHAProxy(t, "", f.listens[:]...), linkedRooms)
	for _, fault := range []struct {
		name  string
		limit time.Duration
		skip  int // a server that newcomers do not ask
		do    func()
		undo  func()
	}{
		{"kill -9 a server", 10 * time.Second, 0, func() { f.servers[0].kill() }, func() { f.startServer(0) }},
		{"kill -9 a NATS node", 10 * time.Second, -1, func() { f.nodes[1].kill() }, func() { f.startNode(1) }},
		{"SIGSTOP a server for 20 s", 10 * time.Second, 1,
			func() { require.NoError(t, f.servers[1].cmd.Process.Signal(syscall.SIGSTOP)) },
			func() {
				time.Sleep(20 * time.Second)
				require.NoError(t, f.servers[1].cmd.Process.Signal(syscall.SIGCONT))
			}},
		{"cut a server from the bus", 10 * time.Second, 2, func() { f.wires[2].setCut(true) }, func() { f.wires[2].setCut(false) }},
	} {
		fault.do()
		took := c.newcomers(t, fault.skip)
		t.Logf("%-28s newcomers in all rooms after %v (limit %v)", fault.name, took.Round(time.Millisecond), fault.limit)
		fault.undo()
		c.well(t, l, fault.name)
		require.LessOrEqual(t, took, fault.limit)
		c.relay(t)
	}
	for i := range f.servers {
		usual := c.newcomers(t, i) // what so many joins take on this machine
		require.NoError(t, f.servers[i].cmd.Process.Signal(syscall.SIGTERM))
		for range f.servers[i].log { // until its end
		}
		_ = f.servers[i].cmd.Wait()
		took := c.newcomers(t, i)
		t.Logf("%-28s newcomers in all rooms after %v, else after %v (limit 1s more)", fmt.Sprintf("SIGTERM to server %d", i), took.Round(time.Millisecond), usual.Round(time.Millisecond))
		f.startServer(i)
		c.well(t, l, fmt.Sprintf("SIGTERM to server %d", i))
		require.LessOrEqual(t, took-usual, time.Second)
	}
	c.relay(t)
	t.Log(l.summary())
}

// well waits until all members are back. None of them may have noticed more than the loss of its server.
func (c *manyRooms) well(t *testing.T, l *linked, after string) {
	t.Helper()
	c.fleet.ready()
	c.whole(t)
	c.settle(t)
	require.Empty(t, c.wrong(), after)
	for at := range c.fleet.servers {
		var err error
		require.True(t, eventually(t.Context(), func() bool { err = c.kept(at); return err == nil }), "%s: at server %d: %v", after, at, err)
	}
	l.well(t, after)
}

// settle waits until newcomers find all four members in each room.
func (c *manyRooms) settle(t *testing.T) {
	t.Helper()
	for try := 0; ; try++ {
		missing := c.missing()
		if missing == 0 {
			return
		}
		require.Less(t, try, 100, "members are missing in rooms: %d", missing)
		time.Sleep(100 * time.Millisecond)
	}
}

// missing returns how many rooms a newcomer finds without all four.
func (c *manyRooms) missing() (count int) {
	for r, members := range c.rooms {
		g := &guest{fleet: c.fleet, join: signaling.Join{Room: members[0].join.Room}, at: r % 3}
		if g.enter() != nil {
			count++
			continue
		}
		if len(g.welcome.Members) != ofRoom {
			count++
		}
		g.leaveNow()
	}
	return count
}
