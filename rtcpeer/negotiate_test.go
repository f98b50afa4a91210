package rtcpeer

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling"
)

// One line a case: what comes in, in order, and what is to be done for it.
func TestNegotiation(t *testing.T) {
	tests := []struct {
		name   string
		offers bool
		in     string // start, retry, or a signal: type[attempt], and perhaps the link that it is for: /id
		want   string // steps, separated by spaces
	}{
		{"the larger id offers", true, "start", "offer"},
		{"the smaller waits", false, "start", ""},
		{"an answer completes it", true, "start answer1", "offer accept"},
		{"candidates follow", true, "start answer1 candidate1 candidate1", "offer accept add add"},
		{"an early candidate waits for the answer", true, "start candidate1 answer1 candidate1", "offer accept add add"},
		{"the answering end takes the offer", false, "start offer1 candidate1", "answer add"},
		{"an early candidate waits for the offer", false, "start candidate1 offer1", "answer add"},
		{"a retry makes a new offer", true, "start retry", "offer offer"},
		{"an answer to the first attempt comes too late", true, "start retry answer1 answer2", "offer offer accept"},
		{"so does its candidate", true, "start retry answer2 candidate1 candidate2", "offer offer accept add"},
		{"candidates of the first attempt are forgotten", true, "start candidate1 retry answer2", "offer offer accept"},
		{"a newer offer replaces the older", false, "start offer1 offer2", "answer answer"},
		{"an older or repeated offer does not", false, "start offer2 offer1 offer2", "answer"},
		{"a repeated answer neither", true, "start answer1 answer1", "offer accept"},
		{"offers do not cross", true, "start offer1 answer1", "offer accept"},
		{"an answering end ignores answers", false, "start answer1 offer1 answer1", "answer"},
		{"the retry of an answering end is nothing", false, "start retry offer1", "answer"},
		{"programs that do not count are understood", true, "start candidate0 answer0 candidate0", "offer accept add add"},
		{"in both roles", false, "start candidate0 offer0 candidate0", "answer add add"},
		{"the end of candidates is nothing", true, "start answer1 end1", "offer accept"},
		{"the offering end has its link in mind by itself", true, "start answer1/A candidate1", "offer accept add"},
		{"a newer offer for the same link", false, "start offer1/A offer2/A candidate1 candidate2", "answer answer add"},
		{"a repeated offer for the same link", false, "start offer2/A offer2/A offer1/A", "answer"},
		{"an offer for another link counts whatever its number", false, "start offer5/A offer1/B candidate5 candidate1", "answer answer add"},
		{"and has later ones", false, "start offer5/A offer1/B offer1/B offer2/B", "answer answer answer"},
		{"so has one of a program that names no links", false, "start offer5/A offer1 offer1", "answer answer"},
		{"where no links are named the number decides", false, "start offer5 offer1 offer5", "answer"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n := negotiation{offers: tt.offers}
			var done []string
			for _, in := range strings.Fields(tt.in) {
				var steps []step
				n, steps = take(n, in)
				for _, s := range steps {
					done = append(done, []string{"", "offer", "answer", "accept", "add"}[s.kind])
				}
			}
			require.Equal(t, tt.want, strings.Join(done, " "))
		})
	}
}

func take(n negotiation, in string) (negotiation, []step) {
	switch in {
	case "start":
		return n.start()
	case "retry":
		return n.retry()
	}
	in, link, _ := strings.Cut(in, "/")
	s := signaling.SignalData{Attempt: int(in[len(in)-1] - '0'), Type: signaling.SignalType(in[:len(in)-1]), Link: link}
	switch s.Type {
	case signaling.Candidate:
		s.Candidate = "candidate:"
	case "end":
		s.Type = signaling.Candidate
	}
	return n.receive(s)
}

// Attempts of a pair are counted over all its links, so that no signal of an earlier link is taken for one of a later link. A
// member whose signals name no links may begin to count anew.
func TestAttemptNumbersContinue(t *testing.T) {
	repairs := []string{signaling.FeatureRepair}
	tests := []struct {
		name   string
		self   PeerID
		member signaling.Member
		in     string
		want   int // attempt after it
	}{
		{"the offering end", 5, signaling.Member{ID: 1, Features: repairs}, "start", 4},
		{"the offering end, where there are no repairs", 5, signaling.Member{ID: 1}, "start", 4},
		{"the answering end", 1, signaling.Member{ID: 5, Features: repairs}, "start", 3},
		{"the answering end, and a newer offer", 1, signaling.Member{ID: 5, Features: repairs}, "offer4/A", 4},
		{"the answering end, and a program that counts from 1 again", 1, signaling.Member{ID: 5, Features: repairs}, "offer1/A", 1},
		{"the answering end, where there are no repairs", 1, signaling.Member{ID: 5}, "start", 0},
		{"the answering end, where there are no repairs, and an offer", 1, signaling.Member{ID: 5}, "offer1", 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := newPeer(bareNode(tt.self))
			p.member, p.attempt = tt.member, 3
			n, _ := take(newLink(p, nil).state, tt.in)
			require.Equal(t, tt.want, n.attempt)
		})
	}
}

// The number of a further offer for a link may be larger than the next one, but not by any amount: somebody has forged it.
// The first offer for a link may have any number.
func TestForgedNumberOfAnOffer(t *testing.T) {
	offer := func(attempt int, link string) signaling.SignalData {
		return signaling.SignalData{Type: signaling.Offer, Attempt: attempt, Link: link}
	}
	n := negotiation{attempt: 3}
	n, steps := n.receive(offer(maxAttempt, "A"))
	require.Len(t, steps, 1)
	n, steps = n.receive(offer(7, "B"))
	require.Len(t, steps, 1)
	for _, attempt := range []int{7 + maxJump + 1, maxAttempt} {
		forged, steps := n.receive(offer(attempt, "B"))
		require.Empty(t, steps)
		require.Equal(t, n, forged)
	}
	n, steps = n.receive(offer(7+maxJump, "B"))
	require.Len(t, steps, 1)
	require.Equal(t, 7+maxJump, n.attempt)
}

func TestNegotiationIsPure(t *testing.T) {
	n, _ := negotiation{offers: true}.start()
	c := func(i int) signaling.SignalData {
		return signaling.SignalData{Type: signaling.Candidate, Attempt: 1, Candidate: fmt.Sprint(i)}
	}
	n, _ = n.receive(c(1))
	a, _ := n.receive(c(2))
	b, _ := n.receive(c(3))
	require.Equal(t, "2", a.early[1].Candidate)
	require.Equal(t, "3", b.early[1].Candidate)
	for i := range 2 * maxCandidates {
		n, _ = n.receive(c(i))
	}
	require.Len(t, n.early, maxCandidates, "what another peer can make this end keep is bounded")
}

// Where attempts are not numbered there is one, in both roles.
func TestOneAttempt(t *testing.T) {
	link := func(self PeerID, m signaling.Member) *link {
		p := newPeer(bareNode(self))
		p.member = m
		return newLink(p, nil)
	}
	n := link(5, signaling.Member{ID: 1, OneAttempt: true}).state
	require.False(t, n.retries())
	n, _ = n.start()
	require.False(t, n.retries())
	require.True(t, link(5, signaling.Member{ID: 1}).state.retries())

	n = link(1, signaling.Member{ID: 5, OneAttempt: true}).state
	n, steps := take(n, "offer0")
	require.Len(t, steps, 1)
	_, steps = take(n, "offer0")
	require.Empty(t, steps)
}

// A member that floods another with signals gets no link, and the program is told why. Candidates are dropped instead.
func TestSignalFlood(t *testing.T) {
	n := bareNode(1)
	p := newPeer(n)
	p.member = signaling.Member{ID: 5} // the larger id: this end waits for its offer
	n.roster.peers[5] = p
	p.running = true
	l := n.roster.make(p, nil)
	for range 2 * signalBacklog {
		taken, flood := n.roster.take(5, &signaling.SignalData{Type: signaling.Candidate, Candidate: "candidate:"})
		require.True(t, taken)
		require.False(t, flood)
	}
	for i := range signalBacklog/2 + 1 {
		taken, flood := n.roster.take(5, &signaling.SignalData{Type: signaling.Answer, SDP: "v=0"})
		require.True(t, taken)
		require.Equal(t, i == signalBacklog/2, flood)
	}
	err := l.connect()
	require.ErrorIs(t, err, errTooManySignals)
	require.ErrorAs(t, err, new(*PeerError))
}

// bareNode is a node of a mesh whose goroutines are not started.
func bareNode(id PeerID) *Node {
	n := &Node{id: id, log: slog.New(slog.DiscardHandler), roster: newRoster(), room: newRoom(nil, signaling.Welcome{ID: id, Host: Server, Topology: Mesh}, nil)}
	n.chooseRoute()
	return n
}
