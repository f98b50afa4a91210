//go:build !js

package webrtc

import (
	"net"
	"sync"
	"time"

	piontransport "github.com/pion/transport/v5"
	"github.com/pion/transport/v5/stdnet"
)

// bufferedNet is the system's network with UDP sockets that hold a whole receive window. With the kernel's
// default of about 200 KB, a burst of SCTP overflows them. A lost tail then costs SCTP's retransmission timeout
// (see SetSCTPRTOMax in transport.go), and a reliable stream over loopback runs at 8 MB/s instead of 50. The
// kernel uses memory only for datagrams that wait, and grants at most net.core.rmem_max.
type bufferedNet struct {
	*stdnet.Net
	buffer int // bytes

	mu         sync.Mutex // guards the fields below
	interfaces []*piontransport.Interface
	looked     time.Time
}

// maxBurst is the largest part of a receive window, in bytes, that a socket must hold at once. The rest of a
// large window is for data that the program has not read yet.
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
	_ = conn.SetReadBuffer(n.buffer) // a smaller buffer works too
	_ = conn.SetWriteBuffer(n.buffer)
	if udp, ok := conn.(*net.UDPConn); ok {
		return &udpSocket{UDPConn: udp}, nil
	}
	return conn, nil
}

// dialTimeout is how long a TURN server may take to accept a TCP connection. It has time for two retries after
// the first attempt, at 1 and 3 s. Pion sets no limit for such a dial, and Close waits for it. In a network
// that drops packets to the server's port, the system's limit would delay the next attempt, or the end of the
// program, by two minutes.
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

// forget makes Interfaces ask the system again, because the addresses have changed.
func (n *bufferedNet) forget() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.looked = time.Time{}
}

// Interfaces asks the system for its interfaces, at most once a second. It asks again because a Transport may
// outlive a change of networks, and not more often because many paths are made at once and each asks several
// times.
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
