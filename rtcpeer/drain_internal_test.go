package rtcpeer

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// What a node looks at once in each drainTime, while it waits for the last packets of a link that the other end has ended.
func TestDrainIsOver(t *testing.T) {
	for _, c := range []struct {
		name        string
		before, now drain
		over        bool
	}{
		{"nothing has come", drain{7, false}, drain{7, false}, true},
		{"a packet has come", drain{7, false}, drain{8, false}, false},
		{"a packet waits for a slow program", drain{7, true}, drain{7, true}, false},
		{"the program has taken it, and the next one is not read yet", drain{7, true}, drain{7, false}, false},
		{"a packet was read before that was not handled yet", drain{7, false}, drain{7, true}, false},
	} {
		require.Equal(t, c.over, c.now.isOver(c.before), c.name)
	}
}
