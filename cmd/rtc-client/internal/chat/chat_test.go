package chat

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/cmd/rtc-client/internal/console"
	"example.org/rtcpeer/cmd/rtc-client/internal/pairtest"
	"example.org/rtcpeer/cmd/rtc-client/internal/probe"
	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/testdata/bubble"
)

// A chat outlives its links, in a mesh and as the guest of a star.
func TestChatOutlivesItsLink(t *testing.T) {
	for _, topology := range []rtcpeer.Topology{rtcpeer.Mesh, rtcpeer.Star} {
		t.Run(string(topology), func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				const sendBuffer = 4 * maxLine
				p := pairtest.New(t, topology, rtcpeer.Config{SendBuffer: sendBuffer})
				stdin, typed := io.Pipe()
				var stderr, stdout bytes.Buffer
				chat := chatRun{node: p.Nodes[1], console: &console.Console{In: stdin, Out: &stdout, Err: &stderr}, wait: time.Minute, changed: make(chan struct{}, 1)}
				ended := make(chan error, 1)
				go func() { ended <- chat.run(t.Context()) }()
				var heard []string
				go func() {
					for {
						ev, err := p.Nodes[0].Receive(t.Context())
						if err != nil {
							return
						}
						if ev.Kind == rtcpeer.PacketReceived {
							heard = append(heard, string(ev.Packet.Data[:min(len(ev.Packet.Data), 9)]))
						}
					}
				}()
				say := func(line string) {
					_, err := io.WriteString(typed, line+"\n")
					require.NoError(t, err)
				}
				say("first")
				wait := func(d time.Duration) { time.Sleep(d); synctest.Wait() }
				wait(time.Second)

				// An interruption: what is said waits.
				p.Cut()
				wait(3 * time.Second)
				say("second")
				wait(time.Second)
				require.Equal(t, []string{"first"}, heard)
				p.Heal()
				wait(5 * time.Second)
				require.Equal(t, []string{"first", "second"}, heard)

				// A loss: what was taken is dropped, and what found no room or nobody waits.
				p.Cut()
				wait(3 * time.Second)
				for i := range 8 {
					say(fmt.Sprintf("long line %d", i)[5:] + strings.Repeat(" ", maxLine-100))
				}
				wait(time.Minute)
				say("last")
				wait(time.Second)
				p.Heal()
				wait(time.Minute)
				require.NoError(t, typed.Close())
				require.NoError(t, <-ended)
				require.Equal(t, []string{"first", "second", "line 4   ", "line 5   ", "line 6   ", "line 7   ", "last"}, heard)
				require.Regexp(t, `(?s)^rtc-client: peer 1 joined
rtc-client: peer 1 interrupted: nothing heard for 2 s; new lines to it wait
rtc-client: peer 1 is back after \d s
rtc-client: peer 1 interrupted: nothing heard for 2 s; new lines to it wait
rtc-client: peer 1 lost: nothing heard for 30 s, unsent packets are dropped; still trying while both are in the room
rtc-client: peer 1 is connected again after \d+ s
$`, stderr.String())
			})
		})
	}
}

// A game's commands are no questions of ping, whatever their bytes, and a chat shows none of them.
func TestCommandsOfGamesAreLeftAlone(t *testing.T) {
	var stdout bytes.Buffer
	command := rtcpeer.Packet{Peer: 2, Command: rtcpeer.CommandRemoteCall, Data: probe.New(1)}
	require.False(t, probe.Answer(new(rtcpeer.Offline), command))
	chat := chatRun{console: &console.Console{Out: &stdout}}
	require.NoError(t, chat.hear(command))
	require.Empty(t, stdout.String())
}
