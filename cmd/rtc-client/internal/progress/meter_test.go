package progress

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/testdata/bubble"
)

// On a terminal the bar is below the messages, on one line, and out of the way of a question.
func TestMeter(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		m := &Meter{said: &out, shown: true}
		set := func(g *Gauge, n int64) string {
			out.Reset()
			time.Sleep(110 * time.Millisecond) // the bar is drawn at most ten times a second
			g.Set(n)
			return out.String()
		}
		one := m.Add(strings.Repeat("ä", 24)+"\n.txt", 1000)
		bar := set(one, 100)
		require.Contains(t, bar, strings.Repeat("ä", 23)+"… ")
		require.Contains(t, bar, " 10% ")
		require.NotContains(t, bar, "\n")
		require.Contains(t, set(one, 150), " 15% ")

		out.Reset()
		fmt.Fprintln(m, "a message")
		require.Regexp(t, `^\r +\ra message\n$`, out.String())

		m.Hold(true)
		require.Empty(t, set(one, 200), "the bar hides a question")
		m.Hold(false)
		other := m.Add("other", -1)
		require.Contains(t, set(other, 300), "2 files")
		require.Contains(t, set(other, 400), " 60% ", "600 of 1000 bytes: nothing more is known of the second file")

		one.Over()
		other.Over()
		require.EqualValues(t, 200, one.Done())
		require.EqualValues(t, 100, one.Before())
		bar = set(m.Add("a\x1bb", 10), 5)
		require.Contains(t, bar, " 50% ", "files that are over do not count")
		require.NotContains(t, bar, "\x1bb")
	})
}
