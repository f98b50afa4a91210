package cluster

import (
	"testing"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling/rooms"
)

// An answer to an attempt that was given up comes late: the place is not attached by it. Its owner may have let the session
// go meanwhile, and then nobody would attach it again.
func TestAnswerToAnEarlierAttempt(t *testing.T) {
	n := New(Config{Log: discard()})
	who := owner{lease: "a-1", process: 7}
	for name, giveUp := range map[string]func(p *Place){
		"the lease of this server was lost":  func(p *Place) { n.reattach([]*Place{p}) },
		"the lease of the owner may be over": func(p *Place) { n.doubt(who.lease) },
	} {
		answers := make(chan error, 1)
		p := &Place{node: n, number: 1, attempt: 3, owner: who, answers: answers}
		n.places[1] = p
		giveUp(p)
		require.ErrorIs(t, <-answers, rooms.ErrElsewhere, name)
		p.tell(who.process, &message{Kind: kindSeated, Session: 1, Attempt: 3, Lease: who.lease, Attachment: new(rooms.Attachment)})
		require.False(t, p.attached, name)
	}
}
