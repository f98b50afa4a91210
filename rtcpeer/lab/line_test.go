//go:build linux

package lab

import (
	"cmp"
	"container/heap"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// away is how long a packet is under way on a far line.
const away = 50 * time.Millisecond

// A line is what happens to IP packets on a pair of TUN devices with a process between them, as tc netem would do
// it if every kernel had it. It does the same both ways, except for the delay.
type line struct {
	Delay  time.Duration // from near to far
	Back   time.Duration // from far to near; 0: as from near to far
	Jitter time.Duration // up to so much more, by chance, so that packets overtake each other
	Loss   float64       // share of the UDP packets that are dropped, by chance; signaling goes over TCP
	Rate   int           // bits a second of the bottleneck; 0: there is none
	Queue  time.Duration // that packets may wait in front of the bottleneck; what would wait longer is dropped
}

// carry starts the process of a line between these devices, which go with it.
func (w *world) carry(l line, near, far string) {
	w.t.Helper()
	options, err := json.Marshal(l)
	if err != nil {
		w.t.Fatal(err)
	}
	p := w.startSelf("line", near, far, string(options))
	if _, err := p.await(w.t.Context(), &p.out, "^ready$"); err != nil {
		w.t.Fatal(err)
	}
}

func (l line) back() time.Duration { return cmp.Or(l.Back, l.Delay) }

func (l line) String() string {
	return fmt.Sprintf("%d ms there, %d ms back", l.Delay.Milliseconds(), l.back().Milliseconds())
}

// longLine makes line 1 a long one.
func (w *world) longLine(l line) {
	w.t.Helper()
	w.carry(l, "line1", "wan")
	w.ip(public, "link set wan netns "+w.prefix+routerName(1))
}

// carryAll is the process of a line with these devices at its ends, until it is killed.
func carryAll(stdout, stderr io.Writer, near, far, options string) int {
	fail := func(err error) int {
		fmt.Fprintln(stderr, err)
		return 1
	}
	var l line
	if err := json.Unmarshal([]byte(options), &l); err != nil {
		return fail(fmt.Errorf("line %q: %w", options, err))
	}
	a, err := openTUN(near)
	if err != nil {
		return fail(err)
	}
	b, err := openTUN(far)
	if err != nil {
		return fail(err)
	}
	fmt.Fprintln(stdout, "ready")
	ended := make(chan error)
	there := newDirection(l, b)
	l.Delay = l.back()
	back := newDirection(l, a)
	go func() { ended <- there.carry(a) }()
	go func() { ended <- back.carry(b) }()
	return fail(<-ended)
}

// A parcel is an IP packet on its way.
type parcel struct {
	data []byte
	due  time.Time
	turn int // of packets that are due at the same time, the one that came first goes first
}

// A direction is one of the two of a line.
type direction struct {
	line
	to    io.Writer
	clear time.Time // when the bottleneck has sent all that has come so far

	mu      sync.Mutex // guards the fields below
	road    parcels
	turn    int
	earlier chan struct{} // has a token when a parcel has come that is due before all others
}

// maxOnRoad is how many packets a direction holds; more are dropped.
const maxOnRoad = 20_000

func newDirection(l line, to io.Writer) *direction {
	return &direction{line: l, to: to, earlier: make(chan struct{}, 1)}
}

// carry takes packets from a device until that fails.
func (d *direction) carry(from io.Reader) error {
	go d.deliver()
	buffer := make([]byte, 1<<16)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return err
		}
		d.take(buffer[:n], time.Now())
	}
}

// take puts a packet on the road, or drops it.
func (d *direction) take(data []byte, now time.Time) {
	if isUDP(data) && rand.Float64() < d.Loss {
		return
	}
	due := now
	if d.Rate > 0 {
		begins := now
		if d.clear.After(now) {
			begins = d.clear
		}
		if begins.Sub(now) > d.Queue {
			return
		}
		due = begins.Add(time.Duration(len(data)*8) * time.Second / time.Duration(d.Rate))
		d.clear = due
	}
	due = due.Add(d.Delay)
	if d.Jitter > 0 {
		due = due.Add(rand.N(d.Jitter))
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.road) >= maxOnRoad {
		return
	}
	d.turn++
	heap.Push(&d.road, parcel{append([]byte(nil), data...), due, d.turn})
	if d.road[0].turn == d.turn {
		select {
		case d.earlier <- struct{}{}:
		default:
		}
	}
}

func isUDP(packet []byte) bool { return len(packet) > 9 && packet[9] == unix.IPPROTO_UDP }

// deliver writes packets when they are due, as long as the process runs.
func (d *direction) deliver() {
	timer := time.NewTimer(0)
	for {
		d.mu.Lock()
		var due []parcel
		for now := time.Now(); len(d.road) > 0 && !d.road[0].due.After(now); {
			due = append(due, heap.Pop(&d.road).(parcel))
		}
		wait := time.Hour
		if len(d.road) > 0 {
			wait = time.Until(d.road[0].due)
		}
		d.mu.Unlock()
		for _, p := range due {
			_, _ = d.to.Write(p.data) // what comes before the device is up is lost
		}
		if len(due) > 0 {
			continue
		}
		timer.Reset(wait)
		select {
		case <-timer.C:
		case <-d.earlier:
		}
	}
}

// parcels is a heap by the time at which they are due.
type parcels []parcel

func (p parcels) Len() int { return len(p) }
func (p parcels) Less(i, j int) bool {
	return p[i].due.Before(p[j].due) || p[i].due.Equal(p[j].due) && p[i].turn < p[j].turn
}
func (p parcels) Swap(i, j int) { p[i], p[j] = p[j], p[i] }
func (p *parcels) Push(x any)   { *p = append(*p, x.(parcel)) }
func (p *parcels) Pop() any {
	old := *p
	last := old[len(old)-1]
	old[len(old)-1] = parcel{}
	*p = old[:len(old)-1]
	return last
}

const tunDevice = "/dev/net/tun"

// openTUN makes a device whose reads and writes are an IP packet each
// (https://docs.kernel.org/networking/tuntap.html). os.OpenFile would watch it before it is one, and be
// told of an error.
func openTUN(name string) (*os.File, error) {
	fd, err := unix.Open(tunDevice, unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", tunDevice, err)
	}
	request, err := unix.NewIfreq(name)
	if err != nil {
		return nil, fmt.Errorf("device %q: %w", name, err)
	}
	request.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
	if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, request); err != nil {
		return nil, fmt.Errorf("making device %q: %w", name, err)
	}
	return os.NewFile(uintptr(fd), name), nil
}
