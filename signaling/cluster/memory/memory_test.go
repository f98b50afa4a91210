package memory_test

import (
	"testing"

	"example.org/rtcpeer/signaling/cluster"
	"example.org/rtcpeer/signaling/cluster/bustest"
	"example.org/rtcpeer/signaling/cluster/memory"
)

func TestBus(t *testing.T) {
	bustest.Run(t, func(*testing.T) func() cluster.Bus {
		hub := new(memory.Hub)
		return func() cluster.Bus { return hub.Bus() }
	})
}
