//go:build linux

package lab

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	pion "github.com/pion/webrtc/v4"
	"golang.org/x/sys/unix"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/rtcpeer/transfer"
)

// A runner is a program at one end of a path that sends to the other end, or counts what comes, as it is told on stdin.
// It is a role of the test binary, or runner.mjs, over one of the stacks:
//
//	stdout: linked 365.2     the two are connected, so many milliseconds after it began
//	        first 401.8      and the first packet has come
//	stdin:  bulk 16384 5     sends reliable packets of that size for 5 s
//	        state 5          sends an unreliable packet of 200 bytes 60 times a second, with the time in it
//	        flood 1000 5     sends unreliable packets of that size for 5 s, 20 MB/s of them
//	stdout: done bulk        the last of it may still be on its way
//	stdin:  count 4          counts for 4 s what comes
//	stdout: counted {...}    a tally
//	stdin:  close
//	both:   description {}   bare Pion's, for the other end and of the other end
type runner struct {
	sendBulk  func([]byte) error // waits for room
	sendState func([]byte)
	close     func()

	out   io.Writer
	began time.Time

	mu      sync.Mutex // guards the fields below
	counted *tally     // nil: nothing is being counted
	last    time.Time  // of the bulk
	heard   bool
}

// A tally is what a runner has counted.
type tally struct {
	Bytes int       `json:"bytes"` // of bulk
	Gap   float64   `json:"gap"`   // the longest time without any of it, in milliseconds
	Ages  []float64 `json:"ages"`  // how long each packet of state was on its way, in milliseconds
}

// stateSize and stateRate are what a game sends of one player.
const (
	stateSize = 200
	stateRate = 60
)

// run is the process of a runner: runner STACK URL for rtcpeer, runner STACK offer|answer for Pion.
func run(stdin io.Reader, stdout, stderr io.Writer, args []string) int {
	r := &runner{out: stdout, began: time.Now()}
	lines := make(chan string)
	go func() {
		for scanner := bufio.NewScanner(stdin); scanner.Scan(); {
			lines <- scanner.Text()
		}
		close(lines)
	}()
	var err error
	switch stack := args[0]; stack {
	case "rtcpeer", yielding, filing, flooding:
		err = r.join(args[1], stack)
	case "tcp":
		err = r.dial(args[1] == "offer", roadServer+":"+args[2])
	default:
		err = r.connect(stack, args[1] == "offer", lines)
	}
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	for line := range lines {
		var size int
		var seconds float64
		switch {
		case line == "close":
			r.close()
			return 0
		case scan(line, "bulk %d %g", &size, &seconds):
			go r.bulk(make([]byte, size), time.Duration(seconds*float64(time.Second)))
		case scan(line, "state %g", &seconds):
			go r.state(time.Duration(seconds * float64(time.Second)))
		case scan(line, "flood %d %g", &size, &seconds):
			go r.flood(size, time.Duration(seconds*float64(time.Second)))
		case scan(line, "count %g", &seconds):
			go r.count(time.Duration(seconds * float64(time.Second)))
		}
	}
	return 0
}

func scan(line, format string, to ...any) bool {
	n, err := fmt.Sscanf(line, format, to...)
	return err == nil && n == len(to)
}

func (r *runner) bulk(p []byte, lasts time.Duration) {
	for end := time.Now().Add(lasts); time.Now().Before(end); {
		if err := r.sendBulk(p); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	fmt.Fprintln(r.out, "done bulk")
}

func (r *runner) state(lasts time.Duration) {
	ticker := time.NewTicker(time.Second / stateRate)
	defer ticker.Stop()
	for end := time.Now().Add(lasts); time.Now().Before(end); <-ticker.C {
		p := make([]byte, stateSize)
		binary.BigEndian.PutUint64(p, math.Float64bits(milliseconds(time.Now())))
		r.sendState(p)
	}
	fmt.Fprintln(r.out, "done state")
}

func (r *runner) flood(size int, lasts time.Duration) {
	const rate = 20e6 // bytes a second
	sent, began := 0, time.Now()
	for now := began; now.Sub(began) < lasts; now = time.Now() {
		for ; float64(sent) < now.Sub(began).Seconds()*rate; sent += size {
			r.sendState(make([]byte, size))
		}
		time.Sleep(time.Millisecond)
	}
	fmt.Fprintln(r.out, "done flood")
}

func milliseconds(t time.Time) float64 { return float64(t.UnixNano()) / 1e6 }

func (r *runner) count(lasts time.Duration) {
	r.mu.Lock()
	r.counted, r.last = &tally{Ages: []float64{}}, time.Now()
	r.mu.Unlock()
	time.Sleep(lasts)
	r.mu.Lock()
	counted := r.counted
	r.counted = nil
	r.mu.Unlock()
	text, err := json.Marshal(counted)
	if err != nil {
		panic(err) // numbers
	}
	fmt.Fprintf(r.out, "counted %s\n", text)
}

func (r *runner) linked() {
	fmt.Fprintln(r.out, "linked", time.Since(r.began).Seconds()*1000)
}

func (r *runner) heardBulk(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	if !r.heard {
		r.heard = true
		fmt.Fprintln(r.out, "first", time.Since(r.began).Seconds()*1000)
	}
	if r.counted != nil {
		r.counted.Bytes += n
		r.counted.Gap = max(r.counted.Gap, now.Sub(r.last).Seconds()*1000)
		r.last = now
	}
}

func (r *runner) heardState(p []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.counted == nil:
	case len(p) != stateSize: // of a flood
		r.counted.Bytes += len(p)
	default:
		r.counted.Ages = append(r.counted.Ages, milliseconds(time.Now())-math.Float64frombits(binary.BigEndian.Uint64(p)))
	}
}

// join makes it a member of a room.
func (r *runner) join(url, stack string) error {
	ctx := context.Background()
	config := rtcpeer.Config{Topology: rtcpeer.Mesh, Channels: []rtcpeer.Mode{rtcpeer.Reliable}}
	channel := 0
	if stack == yielding {
		config.Bulk = []int{1}
		channel = 1
	}
	node, err := rtcpeer.Join(ctx, url, config)
	if err != nil {
		return err
	}
	fmt.Fprintln(r.out, "joined", node.ID())
	var peer rtcpeer.PeerID
	r.sendBulk = func(p []byte) error {
		return node.Send(ctx, rtcpeer.Packet{Peer: peer, Channel: channel, Data: p})
	}
	r.sendState = func(p []byte) { _ = node.TrySend(rtcpeer.Packet{Peer: peer, Mode: rtcpeer.Unreliable, Data: p}) }
	r.close = func() { node.Close() }
	var files *transfer.Files
	if stack == filing {
		if files, err = transfer.New(node, 1, transfer.Config{}); err != nil {
			return err
		}
		go r.receiveFiles(ctx, files)
	}
	go func() {
		for {
			event, err := node.Receive(ctx)
			if err != nil {
				return
			}
			switch {
			case files != nil && files.Handle(event):
			case event.Kind == rtcpeer.PeerConnected:
				peer = event.Peer
				if files == nil {
					_ = r.sendBulk([]byte{0})
				} else {
					r.sendBulk = sendFile(ctx, files, peer)
				}
				r.linked()
			case event.Kind == rtcpeer.PacketReceived && event.Packet.Mode == rtcpeer.Reliable:
				r.heardBulk(len(event.Packet.Data))
			case event.Kind == rtcpeer.PacketReceived:
				r.heardState(event.Packet.Data)
			}
		}
	}()
	return nil
}

// sendFile sends a file without an end, and returns what adds to it. A first piece of it is on its way at once.
func sendFile(ctx context.Context, files *transfer.Files, to rtcpeer.PeerID) func([]byte) error {
	content, add := io.Pipe()
	go func() {
		content.CloseWithError(files.Send(ctx, to, transfer.File{Name: "bulk", Size: -1, Content: content}))
	}()
	write := func(p []byte) error {
		_, err := add.Write(p)
		return err
	}
	go write(make([]byte, 16<<10))
	return write
}

// receiveFiles counts what comes of files.
func (r *runner) receiveFiles(ctx context.Context, files *transfer.Files) {
	for {
		offer, err := files.Accept(ctx)
		if err != nil {
			return
		}
		go offer.Receive(ctx, heard{r}, nil)
	}
}

// A heard counts what is written to it.
type heard struct{ *runner }

func (h heard) Write(p []byte) (int, error) {
	h.heardBulk(len(p))
	return len(p), nil
}

// dial makes it an end of a TCP connection, over which the first end sends.
func (r *runner) dial(listens bool, address string) error {
	var conn net.Conn
	if listens {
		listener, err := net.Listen("tcp", address)
		if err != nil {
			return err
		}
		fmt.Fprintln(r.out, "joined 0")
		if conn, err = listener.Accept(); err != nil {
			return err
		}
		listener.Close()
		if _, err = conn.Write([]byte{0}); err != nil {
			return err
		}
	} else {
		var err error
		if conn, err = net.Dial("tcp", address); err != nil {
			return err
		}
		fmt.Fprintln(r.out, "joined 0")
	}
	r.linked()
	if err := useCubic(conn.(*net.TCPConn)); err != nil {
		return err
	}
	r.sendBulk = func(p []byte) error {
		_, err := conn.Write(p)
		return err
	}
	r.close = func() { conn.Close() }
	go func() {
		for p := make([]byte, 64<<10); ; {
			n, err := conn.Read(p)
			if err != nil {
				return
			}
			r.heardBulk(n)
		}
	}()
	return nil
}

// useCubic sets the congestion control of most systems.
func useCubic(conn *net.TCPConn) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	var refused error
	if err := raw.Control(func(fd uintptr) {
		refused = unix.SetsockoptString(int(fd), unix.IPPROTO_TCP, unix.TCP_CONGESTION, "cubic")
	}); err != nil {
		return err
	}
	return refused
}

// highWater is how much a program over Pion gives it before it waits.
const highWater = 1 << 20

// connect makes it an end of a connection of Pion's, with its default settings or lean ones.
func (r *runner) connect(stack string, offers bool, lines <-chan string) error {
	var e pion.SettingEngine
	if stack == "lean" {
		e.EnableSctpSnap(true)
		e.EnableSCTPZeroChecksum(true)
		e.SetDTLSInsecureSkipHelloVerify(true)
		e.SetSCTPMaxReceiveBufferSize(4 << 20)
		e.SetSCTPRTOMax(time.Second)
	}
	pc, err := pion.NewAPI(pion.WithSettingEngine(e)).NewPeerConnection(pion.Configuration{})
	if err != nil {
		return err
	}
	negotiated, ordered, never := true, false, uint16(0)
	ids := []uint16{0, 2}
	bulk, err := pc.CreateDataChannel("bulk", &pion.DataChannelInit{Negotiated: &negotiated, ID: &ids[0]})
	if err != nil {
		return err
	}
	state, err := pc.CreateDataChannel("state", &pion.DataChannelInit{Negotiated: &negotiated, ID: &ids[1], Ordered: &ordered, MaxRetransmits: &never})
	if err != nil {
		return err
	}
	low := make(chan struct{}, 1)
	bulk.SetBufferedAmountLowThreshold(highWater / 2)
	bulk.OnBufferedAmountLow(func() {
		select {
		case low <- struct{}{}:
		default:
		}
	})
	opened := make(chan struct{})
	bulk.OnOpen(func() {
		_ = bulk.Send([]byte{0})
		r.linked()
		close(opened)
	})
	bulk.OnMessage(func(m pion.DataChannelMessage) { r.heardBulk(len(m.Data)) })
	state.OnMessage(func(m pion.DataChannelMessage) { r.heardState(m.Data) })
	r.sendBulk = func(p []byte) error {
		for bulk.BufferedAmount() > highWater {
			<-low
		}
		return bulk.Send(p)
	}
	r.sendState = func(p []byte) { _ = state.Send(p) }
	r.close = func() { pc.Close() }
	if err := r.describe(pc, offers, lines); err != nil {
		return err
	}
	<-opened
	return nil
}

// describe exchanges whole descriptions over stdin and stdout.
func (r *runner) describe(pc *pion.PeerConnection, offers bool, lines <-chan string) error {
	gathered := pion.GatheringCompletePromise(pc)
	local := func(d pion.SessionDescription, err error) error {
		if err != nil {
			return err
		}
		if err := pc.SetLocalDescription(d); err != nil {
			return err
		}
		<-gathered
		text, err := json.Marshal(pc.LocalDescription())
		if err != nil {
			return err
		}
		fmt.Fprintf(r.out, "description %s\n", text)
		return nil
	}
	remote := func() error {
		text, _ := strings.CutPrefix(<-lines, "description ")
		var d pion.SessionDescription
		if err := json.Unmarshal([]byte(text), &d); err != nil {
			return fmt.Errorf("description %q: %w", text, err)
		}
		return pc.SetRemoteDescription(d)
	}
	if offers {
		if err := local(pc.CreateOffer(nil)); err != nil {
			return err
		}
		return remote()
	}
	if err := remote(); err != nil {
		return err
	}
	return local(pc.CreateAnswer(nil))
}
