package signalserver

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/rooms"
)

// However many members are taken out of rooms, which costs whoever makes rooms nothing, the state file has the bans that
// hold, and the newest of the others, within its bound.
func TestBansOutliveMuchElse(t *testing.T) {
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
