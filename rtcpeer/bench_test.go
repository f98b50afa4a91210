//go:build !js

package rtcpeer_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	mathrand "math/rand/v2"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/datachannel"
	"github.com/pion/interceptor"
	pion "github.com/pion/webrtc/v4"
	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/rtcpeer/transport"
	"example.org/rtcpeer/rtcpeer/transport/memory"
	"example.org/rtcpeer/rtcpeer/transport/webrtc"
	"example.org/rtcpeer/signaling"
	signalingmemory "example.org/rtcpeer/signaling/memory"
	"example.org/rtcpeer/signaling/signalclient"
	"example.org/rtcpeer/signaling/signalserver"
)

// Each benchmark does the same work over bare Pion with our lean settings and over rtcpeer, in one
// run: the ratio of the two is the figure that holds on any machine. "plain" is rtcpeer between members
// that do not take part in repairs: what it was before links outlived their paths.

// BenchmarkConnect: from nothing to both ends open, with signaling over a real server for rtcpeer and by function calls
// for Pion. An operation is one connection of each kind, because the speed of a machine changes while a benchmark runs.
// "paths" is our transport by function calls, and "memory" is rtcpeer with signaling in memory: what is between two of
// them is what the second one adds.
func BenchmarkConnect(b *testing.B) {
	api, tr := leanPion(b), benchTransport(b)
	config := rtcpeer.Config{Transport: tr}
	url := signalServer(b)
	server := signalingmemory.NewServer()
	b.Cleanup(server.Close)
	message := rtcpeer.JoinMessage(config)
	message.Room = "bench"
	signaled := func(dial func() (rtcpeer.Signaler, error)) func() (*rtcpeer.Node, error) {
		return func() (*rtcpeer.Node, error) {
			s, err := dial()
			require.NoError(b, err)
			return rtcpeer.New(b.Context(), s, config)
		}
	}
	kinds := []struct {
		name    string
		connect func() (disconnect func())
		times   []time.Duration
	}{
		{name: "pion", connect: func() func() {
			x, y := connectPion(b, api, 3)
			return func() {
				x.pc.GracefulClose()
				y.pc.GracefulClose()
			}
		}},
		{name: "paths", connect: func() func() {
			x, y := connectPaths(b, tr)
			return func() {
				x.Close()
				y.Close()
			}
		}},
		{name: "memory", connect: secondNode(b, signaled(func() (rtcpeer.Signaler, error) {
			return server.Join(b.Context(), message)
		}))},
		{name: "plain", connect: secondNode(b, signaled(func() (rtcpeer.Signaler, error) {
			return signalclient.Dial(b.Context(), url+"/plain", signaling.Join{Channels: []signaling.Mode{}}, signalclient.Config{})
		}))},
		{name: "rtcpeer", connect: secondNode(b, func() (*rtcpeer.Node, error) {
			return rtcpeer.Join(b.Context(), url+"/bench", config)
		})},
	}
	for b.Loop() {
		for _, i := range mathrand.Perm(len(kinds)) { // what one leaves behind slows the next one
			start := time.Now()
			disconnect := kinds[i].connect()
			kinds[i].times = append(kinds[i].times, time.Since(start))
			disconnect()
		}
	}
	for _, kind := range kinds { // the mean of some that are slow by chance says little
		slices.Sort(kind.times)
		b.ReportMetric(float64(kind.times[len(kind.times)/2].Microseconds()), "p50-us-"+kind.name)
	}
}

// secondNode returns a function that has a second node join, and waits until it and the first have their link.
func secondNode(b *testing.B, join func() (*rtcpeer.Node, error)) (connect func() (disconnect func())) {
	first, err := join()
	require.NoError(b, err)
	b.Cleanup(func() { first.Close() })
	return func() func() {
		second, err := join()
		require.NoError(b, err)
		require.Equal(b, rtcpeer.PeerConnected, next(b, first).Kind)
		require.Equal(b, rtcpeer.PeerConnected, next(b, second).Kind)
		return func() {
			second.Close()
			require.Equal(b, rtcpeer.PeerDisconnected, next(b, first).Kind)
		}
	}
}

// connectPaths makes a path with the lanes of a link.
func connectPaths(b *testing.B, tr transport.Transport) (x, y transport.Path) {
	config := transport.PathConfig{Lanes: []transport.LaneConfig{
		{ID: 1}, {ID: 2, Mode: transport.UnreliableOrdered}, {ID: 3, Mode: transport.Unreliable}, {ID: 4},
	}}
	x, err := tr.NewPath(config)
	require.NoError(b, err)
	y, err = tr.NewPath(config)
	require.NoError(b, err)
	offer, err := x.Offer()
	require.NoError(b, err)
	answer, err := y.Answer(offer)
	require.NoError(b, err)
	require.NoError(b, x.Accept(answer))
	heard := func(e transport.Event, other transport.Path) (opened int) {
		switch e.Kind {
		case transport.EventCandidate:
			require.NoError(b, other.AddCandidate(e.Candidate))
		case transport.EventOpened:
			return 1
		case transport.EventClosed:
			require.NoError(b, e.Err)
		}
		return 0
	}
	for open := 0; open < 2; {
		select {
		case e := <-x.Events():
			open += heard(e, y)
		case e := <-y.Events():
			open += heard(e, x)
		}
	}
	return x, y
}

// overRepairs runs a benchmark of rtcpeer with repairs and without.
func overRepairs(b *testing.B, run func(b *testing.B, repairs bool)) {
	b.Run("plain", func(b *testing.B) { run(b, false) })
	b.Run("rtcpeer", func(b *testing.B) { run(b, true) })
}

// BenchmarkRoundTrip: 64 bytes there and back, unreliable.
func BenchmarkRoundTrip(b *testing.B) {
	const size = 64
	b.Run("pion", func(b *testing.B) {
		x, y := connectPion(b, leanPion(b), 3)
		defer x.pc.GracefulClose()
		defer y.pc.GracefulClose()
		const unreliable = 2
		go func() {
			buf := make([]byte, 1200)
			for {
				n, err := y.lanes[unreliable].Read(buf)
				if err != nil {
					return
				}
				y.lanes[unreliable].Write(buf[:n])
			}
		}()
		data, buf := make([]byte, size), make([]byte, 1200)
		send := func() { x.lanes[unreliable].Write(data) }
		back := sentAgain(b, send)
		b.ReportAllocs()
		for b.Loop() {
			send()
			if _, err := x.lanes[unreliable].Read(buf); err != nil {
				b.Fatal(err)
			}
			back.Add(1)
		}
	})
	overRepairs(b, func(b *testing.B, repairs bool) {
		nodes := benchGroup(b, rtcpeer.Mesh, repairs, 1, 5)
		go func() {
			for {
				ev, err := nodes[5].Receive(b.Context())
				if err != nil {
					return
				}
				nodes[5].TrySend(ev.Packet) // back to whom it came from
			}
		}()
		packet := rtcpeer.Packet{Peer: 5, Mode: rtcpeer.Unreliable, Data: make([]byte, size)}
		send := func() { nodes[1].TrySend(packet) }
		back := sentAgain(b, send)
		b.ReportAllocs()
		for b.Loop() {
			send()
			if _, err := nodes[1].Receive(b.Context()); err != nil {
				b.Fatal(err)
			}
			back.Add(1)
		}
		nodes[5].Close()
	})
}

// sentAgain calls send whenever nothing has come back for a second: an unreliable packet may be lost. It returns the
// count of what has come back.
func sentAgain(b *testing.B, send func()) (back *atomic.Uint64) {
	back = new(atomic.Uint64)
	go func() {
		each := time.NewTicker(time.Second)
		defer each.Stop()
		for before := back.Load(); ; before = back.Load() {
			select {
			case <-each.C:
				if back.Load() == before {
					send()
				}
			case <-b.Context().Done():
				return
			}
		}
	}()
	return back
}

// BenchmarkThroughput: one way, reliable, the sender held back by what is unacknowledged (1 MiB).
func BenchmarkThroughput(b *testing.B) {
	for _, size := range []int{1 << 10, 16 << 10} {
		b.Run(fmt.Sprintf("pion/%dKiB", size>>10), func(b *testing.B) { throughputPion(b, size) })
		b.Run(fmt.Sprintf("plain/%dKiB", size>>10), func(b *testing.B) { throughput(b, size, false) })
		b.Run(fmt.Sprintf("rtcpeer/%dKiB", size>>10), func(b *testing.B) { throughput(b, size, true) })
	}
}

func throughputPion(b *testing.B, size int) {
	x, y := connectPion(b, leanPion(b), 3)
	defer x.pc.GracefulClose()
	defer y.pc.GracefulClose()
	done := make(chan struct{}, 1)
	go func() {
		buf := make([]byte, 32<<10)
		for {
			n, err := y.lanes[0].Read(buf)
			if err != nil {
				return
			}
			if payload := append(make([]byte, 0, n), buf[:n]...); payload[0] == 1 {
				done <- struct{}{}
			}
		}
	}()
	const limit = 1 << 20
	low := make(chan struct{}, 1)
	x.lanes[0].SetBufferedAmountLowThreshold(limit / 2)
	x.lanes[0].OnBufferedAmountLow(func() {
		select {
		case low <- struct{}{}:
		default:
		}
	})
	data := make([]byte, size)
	b.SetBytes(int64(size))
	b.ReportAllocs()
	for b.Loop() {
		for x.lanes[0].BufferedAmount()+uint64(size) > limit {
			<-low
		}
		x.lanes[0].Write(data)
	}
	data[0] = 1
	x.lanes[0].Write(data)
	<-done
}

func throughput(b *testing.B, size int, repairs bool) {
	nodes := benchGroup(b, rtcpeer.Mesh, repairs, 1, 5)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			ev, err := nodes[5].Receive(b.Context())
			if err != nil || ev.Packet.Data[0] == 1 {
				return
			}
		}
	}()
	packet := rtcpeer.Packet{Peer: 5, Data: make([]byte, size)}
	b.SetBytes(int64(size))
	b.ReportAllocs()
	for b.Loop() {
		if err := nodes[1].Send(b.Context(), packet); err != nil {
			b.Fatal(err)
		}
	}
	packet.Data[0] = 1
	require.NoError(b, nodes[1].Send(b.Context(), packet))
	<-done
}

// BenchmarkFanout: a host passes what one guest sends on to eight others; an operation is one packet
// of 256 bytes that all eight have, in the reliable mode.
func BenchmarkFanout(b *testing.B) {
	const guests, size = 8, 256
	b.Run("pion", func(b *testing.B) {
		api := leanPion(b)
		source, in := connectPion(b, api, 3)
		var out []pionEnd
		var got [guests]chan struct{}
		for i := range guests {
			at, guest := connectPion(b, api, 3)
			out = append(out, at)
			got[i] = make(chan struct{}, 1<<16)
			go func() {
				buf := make([]byte, 1200)
				for {
					if _, err := guest.lanes[0].Read(buf); err != nil {
						return
					}
					got[i] <- struct{}{}
				}
			}()
			defer guest.pc.GracefulClose()
			defer at.pc.GracefulClose()
		}
		defer source.pc.GracefulClose()
		defer in.pc.GracefulClose()
		go func() {
			buf := make([]byte, 1200)
			for {
				n, err := in.lanes[0].Read(buf)
				if err != nil {
					return
				}
				for _, o := range out {
					o.lanes[0].Write(buf[:n])
				}
			}
		}()
		data := make([]byte, size)
		b.ReportAllocs()
		window := newWindow()
		for b.Loop() {
			source.lanes[0].Write(data)
			window.wait(func() {
				for i := range got {
					<-got[i]
				}
			})
		}
	})
	overRepairs(b, func(b *testing.B, repairs bool) {
		ids := []rtcpeer.PeerID{1, 2}
		for i := range guests {
			ids = append(ids, rtcpeer.PeerID(10+i))
		}
		nodes := benchGroup(b, rtcpeer.Star, repairs, ids...)
		packet := rtcpeer.Packet{Peer: -1, Data: make([]byte, size)}
		b.ReportAllocs()
		window := newWindow()
		for b.Loop() {
			if err := nodes[2].Send(b.Context(), packet); err != nil {
				b.Fatal(err)
			}
			window.wait(func() {
				for i := range guests {
					nodes[rtcpeer.PeerID(10+i)].Receive(b.Context())
				}
			})
		}
	})
}

// BenchmarkState: state of 200 bytes in a larger room. In the mesh, each of 16 members sends an unreliable packet to all
// others; in the star, one of 100 guests does, and the host relays it. An operation is what all of them receive of that.
func BenchmarkState(b *testing.B) {
	b.Run("mesh-16", func(b *testing.B) { state(b, rtcpeer.Mesh, 16, 16) })
	b.Run("star-100", func(b *testing.B) { state(b, rtcpeer.Star, 101, 1) })
}

// state has the last of the members send.
func state(b *testing.B, topology rtcpeer.Topology, members, senders int) {
	const size, ahead = 200, 8 // rounds on their way
	var ids []rtcpeer.PeerID
	for i := range members {
		ids = append(ids, rtcpeer.PeerID(i+1))
	}
	nodes := benchGroup(b, topology, true, ids...)
	var received atomic.Int64
	some := make(chan struct{}, 1)
	for _, node := range nodes {
		go func() {
			for {
				ev, err := node.Receive(b.Context())
				if err != nil {
					return
				}
				if ev.Kind == rtcpeer.PacketReceived {
					received.Add(1)
					select {
					case some <- struct{}{}:
					default:
					}
				}
			}
		}()
	}
	packet := rtcpeer.Packet{Mode: rtcpeer.Unreliable, Data: make([]byte, size)}
	each := int64(senders * (members - 1))
	var sent, given int64         // packets that were to be received; of these, those that were given up
	await := func(rounds int64) { // until only so many are on their way
		for received.Load()+given < sent-rounds*each {
			select {
			case <-some:
			case <-time.After(time.Second): // the rest was dropped
				given = sent - received.Load()
			}
		}
	}
	b.ReportAllocs()
	began := time.Now()
	for b.Loop() {
		for _, id := range ids[members-senders:] {
			if err := nodes[id].TrySend(packet); err != nil {
				b.Fatal(err)
			}
		}
		sent += each
		await(ahead)
	}
	await(0)
	b.ReportMetric(float64(time.Since(began).Nanoseconds())/float64(received.Load()), "ns/packet")
	b.ReportMetric(100*float64(given)/float64(sent), "%lost")
}

// BenchmarkOverload: what is left of state in a process that cannot do all its work. In a star, each of 20 members sends
// 200 bytes to all others, unreliably, as often as it says: 60 times a second can be done, 1,000 times cannot. It
// reports how old the packets are that arrive, and how much of what was offered did not. An operation is a second.
func BenchmarkOverload(b *testing.B) {
	for _, rate := range []int{60, 1000} {
		b.Run(fmt.Sprintf("%d-a-second", rate), func(b *testing.B) { overload(b, 20, time.Second/time.Duration(rate)) })
	}
}

func overload(b *testing.B, members int, every time.Duration) {
	const size = 200
	var ids []rtcpeer.PeerID
	for i := range members {
		ids = append(ids, rtcpeer.PeerID(i+1))
	}
	nodes := benchGroup(b, rtcpeer.Star, true, ids...)
	began := time.Now()
	var measured atomic.Bool
	var offered atomic.Int64
	ages := make([][]time.Duration, members)
	ctx, stop := context.WithCancel(b.Context())
	var all sync.WaitGroup
	for i, id := range ids {
		node := nodes[id]
		all.Go(func() {
			for {
				ev, err := node.Receive(ctx)
				if err != nil {
					return
				}
				if ev.Kind == rtcpeer.PacketReceived && measured.Load() {
					ages[i] = append(ages[i], time.Since(began)-time.Duration(binary.LittleEndian.Uint64(ev.Packet.Data)))
				}
			}
		})
		all.Go(func() {
			tick := time.NewTicker(every)
			defer tick.Stop()
			data := make([]byte, size)
			for {
				select {
				case <-ctx.Done():
					return
				case <-tick.C:
				}
				binary.LittleEndian.PutUint64(data, uint64(time.Since(began)))
				if measured.Load() {
					offered.Add(int64(members - 1))
				}
				_ = node.TrySend(rtcpeer.Packet{Mode: rtcpeer.Unreliable, Data: data}) // it cannot wait, and may be dropped
			}
		})
	}
	<-time.After(5 * time.Second) // queues have filled by then
	measured.Store(true)
	for b.Loop() {
		<-time.After(time.Second)
	}
	stop()
	all.Wait()
	arrived := slices.Sorted(slices.Values(slices.Concat(ages...)))
	require.NotEmpty(b, arrived)
	b.ReportMetric(float64(arrived[len(arrived)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(arrived[len(arrived)*99/100].Microseconds())/1000, "p99-ms")
	b.ReportMetric(100-100*float64(len(arrived))/float64(offered.Load()), "%dropped")
	b.ReportMetric(float64(len(arrived))/b.Elapsed().Seconds(), "packets/s")
}

// window lets a number of operations be on their way, so that the work and not the waiting is timed.
type window struct{ ahead int }

func newWindow() *window { return &window{} }

func (w *window) wait(one func()) {
	if w.ahead < 32 {
		w.ahead++
		return
	}
	one()
}

// BenchmarkSend and BenchmarkReceive: what our layers cost, over a transport that costs nearly
// nothing.
func BenchmarkSend(b *testing.B) {
	for _, topology := range []rtcpeer.Topology{rtcpeer.Mesh, rtcpeer.Star} {
		for _, mode := range []rtcpeer.Mode{rtcpeer.Reliable, rtcpeer.Unreliable} {
			b.Run(fmt.Sprintf("%s/%v", topology, mode), func(b *testing.B) {
				network := memory.NewNetwork(memory.Options{})
				nodes := group(b, topology, func() transport.Transport { return network.Transport() }, rtcpeer.Config{}, 1, 5)
				go drain(nodes[5])
				packet := rtcpeer.Packet{Peer: 5, Mode: mode, Data: make([]byte, 64)}
				b.ReportAllocs()
				for b.Loop() {
					if err := nodes[1].Send(b.Context(), packet); err != nil {
						b.Fatal(err)
					}
				}
				b.StopTimer()
				nodes[5].Close()
			})
		}
	}
}

func drain(n *rtcpeer.Node) {
	for {
		if _, err := n.Receive(context.Background()); err != nil {
			return
		}
	}
}

func BenchmarkReceive(b *testing.B) {
	network := memory.NewNetwork(memory.Options{})
	nodes := group(b, rtcpeer.Mesh, func() transport.Transport { return network.Transport() }, rtcpeer.Config{}, 1, 5)
	packet := rtcpeer.Packet{Peer: 5, Data: make([]byte, 64)}
	b.ReportAllocs()
	for b.Loop() {
		nodes[1].TrySend(packet)
		if _, err := nodes[5].Receive(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkMemory reports what one end of an open link with its three channels takes, heap and stacks,
// in a mesh of eleven.
func BenchmarkMemory(b *testing.B) {
	const members = 11
	const links = members * (members - 1) / 2
	b.Run("pion", func(b *testing.B) {
		for b.Loop() {
			api := leanPion(b)
			before := inUse()
			var ends []pionEnd
			for range links {
				x, y := connectPion(b, api, 3)
				for _, end := range []pionEnd{x, y} {
					for _, l := range end.lanes {
						go func() { // a reader for each channel, as any program has
							buf := make([]byte, 1200)
							for {
								if _, err := l.Read(buf); err != nil {
									return
								}
							}
						}()
					}
				}
				ends = append(ends, x, y)
			}
			b.ReportMetric(float64(inUse()-before)/links/2/1024, "KiB/end")
			for _, e := range ends {
				e.pc.GracefulClose()
			}
		}
	})
	overRepairs(b, func(b *testing.B, repairs bool) {
		var ids []rtcpeer.PeerID
		for i := range members {
			ids = append(ids, rtcpeer.PeerID(i+1))
		}
		for b.Loop() {
			before := inUse()
			nodes := benchGroup(b, rtcpeer.Mesh, repairs, ids...)
			b.ReportMetric(float64(inUse()-before)/links/2/1024, "KiB/end")
			for _, n := range nodes {
				n.Close()
			}
		}
	})
}

// inUse is the heap and the stacks after a collection.
func inUse() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse + m.StackInuse)
}

func benchTransport(b *testing.B) transport.Transport {
	tr, err := webrtc.New(webrtc.Config{MaxMessage: 32 << 10})
	require.NoError(b, err)
	b.Cleanup(func() { tr.Close() })
	return tr
}

func benchGroup(b *testing.B, topology rtcpeer.Topology, repairs bool, ids ...rtcpeer.PeerID) map[rtcpeer.PeerID]*rtcpeer.Node {
	tr := benchTransport(b)
	r := newRoom(topology)
	r.bare = !repairs
	return r.group(b, func() transport.Transport { return tr }, rtcpeer.Config{}, ids...)
}

// BenchmarkIdle reports the bytes that each end of an idle link sends in a second, as SCTP counts
// them: without those of ICE, which checks each path by itself. An operation is nothing.
func BenchmarkIdle(b *testing.B) {
	const watched = 10 * time.Second
	overRepairs(b, func(b *testing.B, repairs bool) {
		nodes := benchGroup(b, rtcpeer.Mesh, repairs, 1, 5)
		sent := func(id rtcpeer.PeerID) uint64 { return nodes[id].Stats().Links[6-id].BytesSent }
		<-time.After(4 * time.Second) // what the making of the link has left
		answers, asks := sent(1), sent(5)
		<-time.After(watched)
		for b.Loop() {
		}
		b.ReportMetric(float64(sent(5)-asks)/watched.Seconds(), "B/s-offering")
		b.ReportMetric(float64(sent(1)-answers)/watched.Seconds(), "B/s-answering")
	})
}

func signalServer(b testing.TB) (url string) {
	server, err := signalserver.New(signalserver.Config{MessageRate: 1 << 20, MessageBurst: 1 << 20}) // the first node's session serves every join
	require.NoError(b, err)
	web := httptest.NewServer(server)
	b.Cleanup(func() {
		server.Shutdown(context.Background())
		web.Close()
	})
	return "ws" + strings.TrimPrefix(web.URL, "http")
}

// leanPion is bare Pion with the settings that our transport chose, but for the size of its sockets.
func leanPion(b *testing.B) *pion.API {
	var engine pion.SettingEngine
	tr, err := webrtc.New(webrtc.Config{MaxMessage: 32 << 10, SettingEngine: func(e *pion.SettingEngine) { engine = *e }})
	require.NoError(b, err)
	tr.Close()
	engine.SetNet(nil)
	return pion.NewAPI(pion.WithSettingEngine(engine), pion.WithMediaEngine(&pion.MediaEngine{}), pion.WithInterceptorRegistry(&interceptor.Registry{}))
}

// pionEnd is a PeerConnection with detached channels: reliable, ordered and unreliable.
type pionEnd struct {
	pc    *pion.PeerConnection
	lanes []*datachannel.DataChannel
}

func connectPion(b *testing.B, api *pion.API, lanes int) (pionEnd, pionEnd) {
	opened := make(chan struct{}, 2*lanes)
	make1 := func() pionEnd {
		pc, err := api.NewPeerConnection(pion.Configuration{Certificates: pionCertificates()})
		require.NoError(b, err)
		end := pionEnd{pc: pc, lanes: make([]*datachannel.DataChannel, lanes)}
		for i := range lanes {
			negotiated, id, ordered, retransmits := true, uint16(i+1), i < 2, uint16(0)
			init := &pion.DataChannelInit{Negotiated: &negotiated, ID: &id, Ordered: &ordered}
			if i > 0 {
				init.MaxRetransmits = &retransmits
			}
			dc, err := pc.CreateDataChannel(fmt.Sprint(i), init)
			require.NoError(b, err)
			dc.OnOpen(func() {
				raw, _ := dc.Detach()
				end.lanes[i] = raw.(*datachannel.DataChannel)
				opened <- struct{}{}
			})
		}
		return end
	}
	x, y := make1(), make1()
	toX, toY := make(chan pion.ICECandidateInit, 64), make(chan pion.ICECandidateInit, 64)
	x.pc.OnICECandidate(trickle(toY))
	y.pc.OnICECandidate(trickle(toX))
	offer, err := x.pc.CreateOffer(nil)
	require.NoError(b, err)
	require.NoError(b, x.pc.SetLocalDescription(offer))
	require.NoError(b, y.pc.SetRemoteDescription(offer))
	answer, err := y.pc.CreateAnswer(nil)
	require.NoError(b, err)
	require.NoError(b, y.pc.SetLocalDescription(answer))
	require.NoError(b, x.pc.SetRemoteDescription(answer))
	for open := 0; open < 2*lanes; {
		select {
		case c := <-toX:
			x.pc.AddICECandidate(c)
		case c := <-toY:
			y.pc.AddICECandidate(c)
		case <-opened:
			open++
		}
	}
	return x, y
}

func trickle(to chan<- pion.ICECandidateInit) func(*pion.ICECandidate) {
	return func(c *pion.ICECandidate) {
		if c != nil {
			to <- c.ToJSON()
		}
	}
}

// pionCertificates is one for all, as our transport has.
var pionCertificates = sync.OnceValue(func() []pion.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	cert, err := pion.GenerateCertificate(key)
	if err != nil {
		panic(err)
	}
	return []pion.Certificate{*cert}
})
