package signalserver

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/rooms"
	"example.org/rtcpeer/testdata/bubble"
)

// However many members are kicked, which anybody who creates rooms can do at no cost, the state file keeps the bans that are
// in force and the latest other records, and stays within its bound.
func TestBansOutliveManyKicks(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	open := func() *journal {
		j, err := openJournal(path, func(err error) { require.NoError(t, err) })
		require.NoError(t, err)
		return j
	}
	j := open()
	day := time.Now().Add(24 * time.Hour)
	for number, b := range []Ban{{Subject: "for ever"}, {Subject: "for a day", Until: day}, {Subject: "lifted"}, {Subject: "over", Until: time.Unix(1, 0)}} {
		b.Number = uint64(1 + number)
		j.add(record{Ban: &b, Ticket: &b.seat})
	}
	j.add(record{Unban: 3})
	const kicks = maxRecords * 3 / 2
	for i := range kicks {
		j.add(record{Ticket: &rooms.Seat{Nonce: 7, ID: signaling.PeerID(1 + i)}})
		if i%10_000 == 0 {
			j.write()
		}
	}
	j.write()
	for range 2 {
		j = open()
		require.LessOrEqual(t, len(j.records), maxRecords)
		require.Greater(t, len(j.records), maxRecords/2)
		require.Equal(t, "for ever", j.records[0].Ban.Subject)
		require.Equal(t, "for a day", j.records[1].Ban.Subject)
		require.Equal(t, signaling.PeerID(kicks), j.records[len(j.records)-1].Ticket.ID)
		for i, r := range j.records[3:] {
			if r.Ticket.ID != j.records[i+2].Ticket.ID+1 {
				require.Fail(t, "a gap", "after %d", j.records[i+2].Ticket.ID)
			}
		}
	}
}

// What cannot be written, as the disk is full or was mounted anew, is written as soon as it can be, without anything new.
func TestStateIsWrittenWhenTheDiskIsBack(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "state")
		var failed atomic.Int64
		j, err := openJournal(path, func(error) { failed.Add(1) })
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { j.run(ctx) })
		defer wg.Wait()
		defer cancel()

		require.NoError(t, os.Remove(path))
		for _, name := range []string{path, path + ".new"} {
			require.NoError(t, os.Mkdir(name, 0o700))
		}
		for id := range signaling.PeerID(100) {
			j.add(record{Ticket: &rooms.Seat{Nonce: 7, ID: 1 + id}})
			synctest.Wait()
		}
		time.Sleep(time.Minute)
		require.NotZero(t, failed.Load())
		require.LessOrEqual(t, failed.Load(), int64(10), "tried now and then")
		for _, name := range []string{path, path + ".new"} {
			require.NoError(t, os.Remove(name))
		}
		time.Sleep(time.Minute)
		again, err := openJournal(path, nil)
		require.NoError(t, err)
		require.Len(t, again.records, 100)
	})
}
