package interop

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall/js"
	"testing"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/signaling/signalclient"
)

// TestPlayer is a player in a page: it does what the test at the other end of the page's WebSocket asks.
func TestPlayer(t *testing.T) {
	a := &agent{calls: make(chan call, 1024), hear: make(chan struct{})}
	close(a.hear)
	take := js.FuncOf(func(_ js.Value, args []js.Value) any {
		var c call
		if err := json.Unmarshal([]byte(args[0].String()), &c); err != nil {
			panic(err) // the test made it
		}
		a.calls <- c
		return nil
	})
	defer take.Release()
	js.Global().Call("playing", take)
	for c := range a.calls {
		answer := a.do(t.Context(), c)
		answer.Answer = c.N
		a.say(answer)
		if c.Do == "close" {
			break
		}
	}
	a.wg.Wait()
}

// agent does calls, one after the other.
type agent struct {
	calls chan call
	node  native
	wg    sync.WaitGroup // pump

	mu   sync.Mutex    // guards the field below
	hear chan struct{} // closed while events are taken
}

func (a *agent) do(ctx context.Context, c call) (s said) {
	var err error
	switch c.Do {
	case "join":
		a.node.Node, err = rtcpeer.Join(ctx, c.URL, config(c.Topology, c.Secret))
		if err == nil {
			s.ID = a.node.ID()
			a.wg.Go(func() { a.pump(ctx) })
		}
	case "send":
		err = a.node.Send(ctx, c.Packet.packet())
	case "flood":
		err = a.node.Flood(ctx, c.Packet.packet(), c.Count)
	case "deaf":
		a.mu.Lock()
		a.hear = make(chan struct{})
		a.mu.Unlock()
	case "hear":
		close(a.hearing())
	case "stats":
		var f facts
		f, err = a.node.Facts(ctx)
		s.Stats = &f
	case "close":
		err = a.node.Close()
	}
	s.Error = failureOf(err)
	return s
}

func (a *agent) hearing() chan struct{} {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.hear
}

// pump tells events until the node ends.
func (a *agent) pump(ctx context.Context) {
	for {
		<-a.hearing()
		ev, err := a.node.Receive(ctx)
		if err != nil {
			a.say(said{Ended: failureOf(err)})
			return
		}
		a.say(said{Event: eventOf(ev)})
	}
}

func (a *agent) say(s said) {
	frame, err := json.Marshal(s)
	if err != nil {
		panic(fmt.Sprintf("%+v: %v", s, err))
	}
	js.Global().Call("say", string(frame))
}

func failureOf(err error) *failure {
	if err == nil {
		return nil
	}
	f := &failure{Text: err.Error()}
	for code, of := range codes {
		if errors.Is(err, of) {
			f.Code = code
		}
	}
	return f
}

func eventOf(ev rtcpeer.Event) *event {
	out := &event{Kind: ev.Kind.String(), Peer: ev.Peer}
	switch ev.Kind {
	case rtcpeer.PacketReceived:
		out.Packet = packetOf(ev.Packet)
	case rtcpeer.PeerDisconnected:
		out.Reason = ev.Reason.String()
	case rtcpeer.PeerFailed:
		out.Error = ev.Err.Error()
	}
	return out
}

// TestJoinRefused checks the errors with which a page cannot join. TestPageIsRefused runs it in a page, and sets the
// environment variables that it reads.
func TestJoinRefused(t *testing.T) {
	for _, row := range []struct {
		name, url, want string
		retry           bool
	}{
		{"no server", "ws://127.0.0.1:1/lobby", "is signal-server running there?", true},
		{"not a WebSocket", os.Getenv("PAGE") + "/lobby", "closed with 1006", true},
		{"user name", "ws://user:secret@127.0.0.1:1/lobby", "a browser cannot send a user name", false},
		{"another topology", os.Getenv("URL"), "topology_mismatch", false},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, err := rtcpeer.Join(t.Context(), row.url, config(rtcpeer.Star, ""))
			require.ErrorContains(t, err, row.want)
			require.NotContains(t, err.Error(), "secret")
			require.Equal(t, row.retry, signalclient.Retry(err))
			t.Log(err)
		})
	}
}
