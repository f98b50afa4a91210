package turnserver

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// A stream is one TCP or TLS connection of a client. Each Read returns one whole message, because Pion collects
// incomplete ones by recursion and without a time limit.
type stream struct {
	net.Conn // TCP, or TLS over it

	// Fixed at construction.
	server  *Server
	raw     net.Conn // the TCP connection
	key     streamKey
	address netip.Prefix

	// Owned by Pion's reading goroutine.
	in *bufio.Reader

	// Safe for concurrent use.
	kept      atomic.Bool // has had an allocation
	closeOnce sync.Once
}

// A streamKey identifies a stream in Pion's events.
type streamKey struct{ remote, local netip.AddrPort }

const (
	// streamOpening is how long a stream may exist without an allocation. It covers the TCP and TLS handshakes and
	// the two requests of an allocation.
	streamOpening = 30 * time.Second
	// streamIdle is how long a client may send nothing. A channel lives for ten minutes and a permission for five, so
	// after this time the allocation relays nothing.
	streamIdle = 10*time.Minute + 30*time.Second
	// streamWrite is how long a client may leave data unread.
	streamWrite = 10 * time.Second

	streamBuffer = 2 << 10 // holds a message of Pion's largest size, 1600 bytes
)

func newStream(s *Server, raw, conn net.Conn) *stream {
	conn.SetDeadline(time.Now().Add(streamOpening))
	return &stream{
		Conn:    conn,
		server:  s,
		raw:     raw,
		key:     streamKey{addrPort(raw.RemoteAddr()), addrPort(raw.LocalAddr())},
		address: countedAs(raw.RemoteAddr()),
		in:      bufio.NewReaderSize(conn, streamBuffer),
	}
}

// keep lifts the streamOpening limit once there is an allocation. It is called in the reading goroutine.
func (s *stream) keep() {
	if !s.kept.Swap(true) {
		s.Conn.SetDeadline(time.Time{})
	}
}

// Read reads one message into p. A message that does not fit is an error, and ends the stream.
func (s *stream) Read(p []byte) (int, error) {
	if s.kept.Load() {
		s.Conn.SetReadDeadline(time.Now().Add(streamIdle))
	}
	n, err := readMessage(s.in, p)
	if errors.Is(err, errMessage) {
		s.server.counters.refuse(refusedInvalid)
	}
	return n, err
}

// Write waits for a client that does not read, but not for long, because the relay behind it waits, too.
func (s *stream) Write(p []byte) (int, error) {
	if s.kept.Load() {
		s.Conn.SetWriteDeadline(time.Now().Add(streamWrite))
	}
	n, err := s.Conn.Write(p)
	if err != nil {
		if errors.Is(err, os.ErrDeadlineExceeded) {
			s.server.counters.refuse(refusedSlow)
		}
		s.end() // the client cannot understand anything after half a message
	}
	return n, err
}

// end closes the connection without TLS's closing message, which would wait for a client that does not read.
func (s *stream) end() { s.raw.Close() }

// Close is called by Pion at the end of its goroutine.
func (s *stream) Close() error {
	s.end()
	s.closeOnce.Do(func() {
		s.server.registry.removeStream(s)
		s.server.registry.running.Done()
	})
	return nil
}

var errMessage = errors.New("turnserver: the message is neither STUN nor channel data of a valid size")

// readMessage reads one STUN message or ChannelData message (RFC 8656 section 12.5: padded to a
// multiple of four on streams) into p.
func readMessage(in *bufio.Reader, p []byte) (int, error) {
	head, err := in.Peek(4)
	if err != nil {
		return 0, err
	}
	size := int(binary.BigEndian.Uint16(head[2:]))
	switch head[0] >> 6 {
	case 0b00:
		size += 20
	case 0b01:
		size = 4 + (size+3)&^3
	default:
		return 0, errMessage
	}
	if size > len(p) {
		return 0, errMessage
	}
	return io.ReadFull(in, p[:size])
}
