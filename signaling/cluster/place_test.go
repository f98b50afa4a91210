package cluster

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling"
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

// A session whose dialect the owner of its room does not know, or that comes with an attempt it has given up, is refused, and
// does not keep the claim of the room.
func TestRefusedVisitorsLeaveNoClaimInUse(t *testing.T) {
	hub := new(hub)
	n := New(Config{Bus: hub, Log: discard(), Dialects: map[string]*signaling.Dialect{signaling.Subprotocol: signaling.V1()}})
	ready := make(chan struct{})
	close(ready)
	n.lease = "a-1"
	n.actFrom(time.Now())
	c := &claim{key: "room.r", lease: "a-1", ready: ready, writing: make(semaphore, 1)}
	n.claims[c.key] = c
	at := visit{process: 7, number: 1}
	n.visitors[at] = &visitor{attempt: 5}
	for name, m := range map[string]*message{
		"unknown dialect": {Kind: kindJoin, Session: 2, Attempt: 1, Key: c.key, Guest: &guest{Dialect: "of another version"}},
		"old attempt":     {Kind: kindJoin, Session: 1, Attempt: 4, Key: c.key, Guest: &guest{Dialect: signaling.Subprotocol}},
	} {
		n.welcome(visit{process: 7, number: m.Session}, m)
		require.Zero(t, c.users, name)
	}
}

// A hub is a Bus to which messages are published, and nobody hears them.
type hub struct{ Bus }

func (*hub) Publish(string, []byte) error { return nil }
func (*hub) MaxMessage() int              { return 1 << 20 }
