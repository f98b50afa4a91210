package memory_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"example.org/rtcpeer/rtcpeer/transport"
	"example.org/rtcpeer/rtcpeer/transport/memory"
	"example.org/rtcpeer/rtcpeer/transport/transporttest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestTransport(t *testing.T) {
	for _, c := range []struct {
		name    string
		options memory.Options
	}{
		{"perfect network", memory.Options{}},
		{"delay", memory.Options{Delay: time.Millisecond}},
		{"rate", memory.Options{Rate: 100 << 20}},
	} {
		t.Run(c.name, func(t *testing.T) { transporttest.Run(t, pairs(c.options)) })
	}
}

func TestModes(t *testing.T) {
	for _, c := range []struct {
		name    string
		faults  transporttest.Faults
		options memory.Options
	}{
		{"loss", transporttest.Faults{Loss: true}, memory.Options{Loss: 0.2}},
		{"jitter", transporttest.Faults{Reorder: true}, memory.Options{Jitter: time.Millisecond, Rate: 2 << 20}},
		{"reorder", transporttest.Faults{Reorder: true}, memory.Options{Delay: time.Millisecond, Reorder: 0.1}},
		{"all", transporttest.Faults{Loss: true, Reorder: true},
			memory.Options{Delay: time.Millisecond, Jitter: time.Millisecond, Loss: 0.2, Reorder: 0.1, Rate: 1 << 20}},
	} {
		t.Run(c.name, func(t *testing.T) { transporttest.RunLossy(t, c.faults, pairs(c.options)) })
	}
}

func TestMoving(t *testing.T) {
	for _, c := range []struct {
		name  string
		sever func(net *memory.Network, a, b *memory.Transport)
	}{
		{"one host moves", func(net *memory.Network, a, _ *memory.Transport) { net.Move(a) }},
		{"a NAT forgets", func(net *memory.Network, a, b *memory.Transport) { net.Forget(a, b) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			transporttest.RunMoving(t, func(t *testing.T) (_, _ transport.Transport, sever func()) {
				net := memory.NewNetwork(memory.Options{Delay: time.Millisecond})
				a, b := net.Transport(), net.Transport()
				return a, b, func() { c.sever(net, a, b) }
			})
		})
	}
}

func pairs(o memory.Options) transporttest.NewPair {
	return func(t *testing.T) (_, _ transport.Transport) {
		net := memory.NewNetwork(o)
		a, b := net.Transport(), net.Transport()
		t.Cleanup(func() {
			require.NoError(t, a.Close())
			require.NoError(t, b.Close())
		})
		return a, b
	}
}
