//go:build !js

package webrtc

import (
	"net"
	"sync"
	"time"

	piontransport "github.com/pion/transport/v5"
	"github.com/pion/transport/v5/stdnet"
)

// bufferedNet is the system's network with UDP sockets that hold a whole receive window. With the
// kernel's default of some 200 KB a burst of SCTP overflows them, and a lost tail costs a second
// (RTO.Min is fixed in Pion): a reliable stream over loopback then runs at 8 MB/s instead of 50. The
// kernel takes memory for what waits only, and grants at most net.core.rmem_max.
type bufferedNet struct {
	*stdnet.Net
	buffer int // bytes

	mu         sync.Mutex // guards the fields below
	interfaces []*piontransport.Interface
	looked     time.Time
}

// maxBurst is the largest part of a receive window that a socket has to hold at once: the rest of a large window is
// for what a program is slow to take.
const maxBurst = 1 << 20

func newBufferedNet(window int) (*bufferedNet, error) {
	n, err := stdnet.NewNet()
	// The kernel counts a datagram of 1.2 KB as more than twice that.
	return &bufferedNet{Net: n, buffer: 3 * min(window, maxBurst)}, err
}

func (n *bufferedNet) ListenUDP(network string, local *net.UDPAddr) (piontransport.UDPConn, error) {
	conn, err := n.Net.ListenUDP(network, local)
	if err != nil {
		return nil, err
	}
	_ = conn.SetReadBuffer(n.buffer) // what the kernel refuses was a wish
	_ = conn.SetWriteBuffer(n.buffer)
	if udp, ok := conn.(*net.UDPConn); ok {
		return &udpSocket{UDPConn: udp}, nil
	}
	return conn, nil
}

// dialTimeout is how long a TURN server has to take a TCP connection: two more tries after the first, at
// 1 and 3 s. Pion gives such a dial no end, and Close waits for it: in a network that drops what goes to
// a server's port, the system's would hold up the next attempt, or the user's leaving, for two minutes.
const dialTimeout = 4 * time.Second

func (n *bufferedNet) DialTCP(network string, local, remote *net.TCPAddr) (piontransport.TCPConn, error) {
	d := net.Dialer{Timeout: dialTimeout}
	if local != nil {
		d.LocalAddr = local
	}
	conn, err := d.Dial(network, remote.String())
	if err != nil {
		return nil, err
	}
	return conn.(*net.TCPConn), nil
}

// forget has Interfaces look anew: the addresses have changed.
func (n *bufferedNet) forget() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.looked = time.Time{}
}

// Interfaces looks anew, at most once a second: a Transport outlives a change of networks, and many
// paths are made at once, each of which asks several times.
func (n *bufferedNet) Interfaces() ([]*piontransport.Interface, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if time.Since(n.looked) < time.Second {
		return n.interfaces, nil
	}
	now, err := stdnet.NewNet()
	if err != nil {
		return nil, err
	}
	n.interfaces, err = now.Interfaces()
	n.looked = time.Now()
	return n.interfaces, err
}
