package forwarded

import (
	"crypto/ecdh"
	"crypto/rand"
	"fmt"
	"sync/atomic"

	"example.org/rtcpeer/rtcpeer/transport"
)

// toPeer is the transport of the paths to one peer.
type toPeer struct {
	mux    *Mux
	peer   uint32
	closed atomic.Bool
}

func (t *toPeer) NewPath(config transport.PathConfig) (transport.Path, error) {
	if t.closed.Load() {
		return nil, fmt.Errorf("forwarded: new path: %w", transport.ErrClosed)
	}
	own, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("forwarded: new path: %w", err)
	}
	return newPath(t.mux, t.peer, own, config), nil
}

// OnChange never calls f. When the carrier loses its connection, it calls Mux.Lose instead.
func (*toPeer) OnChange(func()) (stop func()) { return func() {} }

func (t *toPeer) Close() error {
	t.closed.Store(true)
	return nil
}
