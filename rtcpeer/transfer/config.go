package transfer

import (
	"cmp"
	"fmt"
)

// Config sets the limits of a Files. The zero value works.
type Config struct {
	// Window is how many bytes of a file that is being received may be on their way or wait to be written. A larger one
	// helps on fast, long paths. 0 means 4 MiB; at least MinWindow, at most 64 MiB. What a sender holds is limited by
	// rtcpeer.Config.SendBuffer.
	Window int
	// AtOnce is how many files are sent to one peer at a time; further calls of Send wait. 0 means 4; at most MaxOffers.
	AtOnce int
	// MaxPacket is the largest packet sent, in bytes. It must not exceed rtcpeer.Config.MaxPacket of the nodes. 0 means
	// 16 KiB; at least 2 KiB.
	MaxPacket int
	// SendOnly refuses every offer, so that nobody has to call Accept: the other ends get ErrNotReceiving.
	SendOnly bool
}

const (
	// MinWindow is the smallest window that a receiver may allow, in bytes.
	MinWindow = 64 << 10

	maxWindow = 64 << 20
	minPacket = 2 << 10
)

func (c Config) withDefaults() (Config, error) {
	c.Window = cmp.Or(c.Window, 4<<20)
	c.AtOnce = cmp.Or(c.AtOnce, 4)
	c.MaxPacket = cmp.Or(c.MaxPacket, 16<<10)
	switch {
	case c.Window < MinWindow || c.Window > maxWindow:
		return c, fmt.Errorf("transfer: Config.Window %d: want %d to %d", c.Window, MinWindow, maxWindow)
	case c.AtOnce < 1 || c.AtOnce > MaxOffers:
		return c, fmt.Errorf("transfer: Config.AtOnce %d: want 1 to %d", c.AtOnce, MaxOffers)
	case c.MaxPacket < minPacket:
		return c, fmt.Errorf("transfer: Config.MaxPacket %d: want at least %d", c.MaxPacket, minPacket)
	}
	return c, nil
}
