package lab

import (
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// away is how long a packet is under way on a far line.
const away = 50 * time.Millisecond

// farLine makes line 1 a pair of TUN devices with a process between them that keeps each packet for a
// while, as tc netem would if every kernel had it. The devices go with the process.
func (w *world) farLine() {
	w.t.Helper()
	p := w.startSelf("line", "line1", "wan")
	if _, err := p.await(w.t.Context(), &p.out, "^ready$"); err != nil {
		w.t.Fatal(err)
	}
	w.ip(public, "link set wan netns "+w.prefix+router(1))
}

// carryAll is the process of a far line with these devices at its ends, until it is killed.
func carryAll(stdout, stderr io.Writer, near, far string) int {
	a, err := openTUN(near)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	b, err := openTUN(far)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	fmt.Fprintln(stdout, "ready")
	ended := make(chan error)
	go func() { ended <- carry(a, b) }()
	go func() { ended <- carry(b, a) }()
	fmt.Fprintln(stderr, <-ended)
	return 1
}

// A parcel is an IP packet on its way.
type parcel struct {
	data []byte
	due  time.Time
}

// carry brings packets from one device to the other, in order. It holds at most a thousand, 20,000 a
// second; then the device that they come from fills, and drops.
func carry(from, to io.ReadWriter) error {
	road := make(chan parcel, 1000)
	go func() {
		for p := range road {
			time.Sleep(time.Until(p.due))
			_, _ = to.Write(p.data) // what comes before the device is up is lost
		}
	}()
	defer close(road)
	buffer := make([]byte, 1<<16)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return err
		}
		road <- parcel{append([]byte(nil), buffer[:n]...), time.Now().Add(away)}
	}
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
