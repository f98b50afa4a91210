package signalclient

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"example.org/rtcpeer/signaling"
)

func (c Config) withDefaults() (Config, error) {
	for _, d := range []struct {
		name  string
		value time.Duration
	}{
		{"DialTimeout", c.DialTimeout},
		{"DeadAfter", c.DeadAfter},
		{"CheckTimeout", c.CheckTimeout},
		{"BackoffMin", c.BackoffMin},
		{"BackoffMax", c.BackoffMax},
	} {
		if d.value < 0 {
			return c, fmt.Errorf("signalclient: Config.%s %v: want 0 or more", d.name, d.value)
		}
	}
	c.DialTimeout = cmp.Or(c.DialTimeout, 10*time.Second)
	c.DeadAfter = cmp.Or(c.DeadAfter, 45*time.Second)
	c.CheckTimeout = cmp.Or(c.CheckTimeout, 2*time.Second)
	c.BackoffMax = cmp.Or(c.BackoffMax, max(15*time.Second, c.BackoffMin))
	c.BackoffMin = cmp.Or(c.BackoffMin, min(200*time.Millisecond, c.BackoffMax))
	if c.BackoffMin > c.BackoffMax {
		return c, fmt.Errorf("signalclient: Config.BackoffMin %v: want at most BackoffMax, %v", c.BackoffMin, c.BackoffMax)
	}
	if c.Dialect == nil {
		c.Dialect = signaling.V1Client()
	}
	if d := c.Dialect; d.Encode == nil || d.NewDecoder == nil || d.Closed == nil {
		return c, errors.New("signalclient: Config.Dialect: want Encode, NewDecoder and Closed")
	}
	c.Log = cmp.Or(c.Log, slog.New(slog.DiscardHandler))
	return c.own(), nil
}
