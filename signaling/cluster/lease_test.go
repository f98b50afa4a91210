package cluster

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A server that was suspended does not go on as an owner, though its monotonic clock stood still. The wall clocks of
// other servers do not matter, and neither does one that is set back.
func TestLeaseEndsWhileTheMachineSleeps(t *testing.T) {
	n := New(Config{})
	began := time.Now()
	require.False(t, n.acts(), "without a lease")
	n.actFrom(began)
	require.True(t, n.acts())
	n.dateline.Store(began.Add(-time.Minute).UnixNano()) // as after a sleep
	require.False(t, n.acts())
	require.False(t, n.extend(time.Now()), "it is lost")
	n.actFrom(began)
	n.dateline.Store(began.Add(time.Hour).UnixNano()) // as after the wall clock was set back by an hour
	require.True(t, n.acts())
	n.actFrom(began.Add(-leaseHeld))
	n.dateline.Store(began.Add(time.Hour).UnixNano())
	require.False(t, n.acts(), "by the monotonic clock")
}

// A watch that begins again reports leases as they were written last. That is no renewal: a server that does not answer is
// doubted on, or each join would wait for it once more.
func TestDoubtEndsWithARenewal(t *testing.T) {
	n := New(Config{Log: discard()})
	value := []byte(`{"process":7,"server":"s","v":1}`)
	n.leaseSeen("a-1", value, false)
	n.doubt("a-1")
	n.leaseSeen("a-1", value, false)
	require.True(t, n.doubts("a-1"))
	n.leaseSeen("a-1", value, true)
	require.False(t, n.doubts("a-1"))
}
