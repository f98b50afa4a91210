package main

import (
	"fmt"
	"net"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/rtcpeer/transport/webrtc"
	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/testdata/skip"
)

// turnHere runs the TURN server on loopback, behind a public address that is not this host's.
var turnHere = []string{"--turn", "--turn-address=203.0.113.7", "--turn-host=127.0.0.1", "--turn-listen=127.0.0.1:0"}

// One flag, and two members who have no other path than this server have a link.
func TestLinkThroughOwnTURN(t *testing.T) {
	p := start(t, nil, turnHere...)
	config := rtcpeer.Config{WebRTC: webrtc.Config{RelayOnly: true, Loopback: true, IPv4Only: true}}
	var nodes []*rtcpeer.Node
	for range 2 {
		node, err := rtcpeer.Join(t.Context(), p.url+"/lobby", config)
		require.NoError(t, err)
		defer node.Close()
		nodes = append(nodes, node)
	}
	for _, node := range nodes {
		ev, err := node.Receive(t.Context())
		require.NoError(t, err)
		require.Equal(t, rtcpeer.PeerConnected, ev.Kind)
	}
	require.NoError(t, nodes[0].Send(t.Context(), rtcpeer.Packet{Peer: nodes[1].ID(), Mode: rtcpeer.Reliable, Data: make([]byte, 1000)}))
	_, err := nodes[1].Receive(t.Context())
	require.NoError(t, err)
	figures := scrape(t, pageOf(p)+"metrics")
	require.Positive(t, figures["turn_relays"])
	require.Positive(t, figures["turn_allocated_total"])
	require.Greater(t, figures[`turn_bytes_total{direction="to_peers"}`], 1000.0)
	require.Greater(t, figures[`turn_bytes_total{direction="to_clients"}`], 1000.0)
}

// A tab that a TURN server refuses says which server that was, and what it answered (fault L12). Firefox only
// knows 701: no answer.
func TestTabShowsTheAnswerOfTheTURNServer(t *testing.T) {
	skip.Long(t)
	t.Parallel()
	turn, p := start(t, nil, turnHere...), start(t, nil)
	member := call(t, turn.url, nil).join(signaling.Join{Room: "lobby"})
	address := member.ICEServers[len(member.ICEServers)-1].URLs[0]
	inEachBrowser(t, func(t *testing.T, show func(script, url string) view) {
		page := show("", pageOf(p))
		page.text(t, fmt.Sprintf(`void import("/rtcpeer.js").then(async ({ join }) => {
			const config = { topology: "mesh", iceTransportPolicy: "relay", connectTimeout: 13000, iceServers: [{ urls: %q, username: "member", credential: "wrong" }] };
			const [one, two] = [await join("/%s", config), await join("/%[2]s", config)];
			two.on("failed", ({ error }) => (globalThis.why ??= error.message));
		})`, address, strings.ReplaceAll(t.Name(), "/", "-")))
		page.waitFor(t, `globalThis.why`)
		require.Regexp(t, `waiting for path: ICE \w+, own candidates none, the other.s none; `+regexp.QuoteMeta(strings.TrimSuffix(address, "?transport=udp"))+`\S* (401 Unauthorized|701 )`, page.text(t, `why`))
	})
}

// Each member has credentials of its own, which do not show the room, and gets new ones before they end.
func TestCredentialsOfMembers(t *testing.T) {
	p := start(t, nil, append(turnHere, "--turn-secret=0123456789abcdef",
		"--ice-server=stun:a.example:3478", "--ice-server=turn:b.example:3478?transport=udp")...)
	a, b := call(t, p.url, nil).join(signaling.Join{Room: "lobby"}), call(t, p.url, nil).join(signaling.Join{Room: "lobby"})
	require.Len(t, a.ICEServers, 4)
	require.Equal(t, signaling.ICEServer{URLs: []string{"stun:a.example:3478"}}, a.ICEServers[0])
	external, stun, own := a.ICEServers[1], a.ICEServers[2], a.ICEServers[3]
	require.Equal(t, []string{"turn:b.example:3478?transport=udp"}, external.URLs)
	require.True(t, strings.HasPrefix(stun.URLs[0], "stun:127.0.0.1:"))
	require.Len(t, own.URLs, 2)
	require.Equal(t, own.Username, external.Username, "one secret, one credential")
	require.NotContains(t, own.Username, "lobby")
	require.NotEqual(t, own.Username, b.ICEServers[3].Username)

	relay, err := turnClient(t, own).Allocate()
	require.NoError(t, err)
	require.NoError(t, relay.Close())
	own.Credential = "wrong"
	_, err = turnClient(t, own).Allocate()
	require.Error(t, err)
	require.EqualValues(t, 1, min(1, scrape(t, pageOf(p)+"metrics")[`turn_refused_total{word="auth"}`]))
}

// Without --turn there is nothing of it, for nobody.
func TestNoTURNByDefault(t *testing.T) {
	p := start(t, nil)
	require.Empty(t, call(t, p.url, nil).join(signaling.Join{}).ICEServers)
}

func TestAddressesThatCannotBeUsed(t *testing.T) {
	taken, err := net.ListenPacket("udp4", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	web, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer web.Close()
	for _, c := range []struct{ args, want string }{
		{"--metrics-listen=" + web.Addr().String(), "in use: choose another address with --metrics-listen"},
		{"--turn-listen=" + taken.LocalAddr().String(), `--turn: --turn-listen "` + taken.LocalAddr().String() + `": listen udp4`},
		{"--turn-listen=localhost:3478", `--turn: --turn-listen: "localhost:3478": want an IP address`},
		{"--turn-listen=nowhere", `--turn-listen "nowhere": want host:port`},
	} {
		code, _, stderr := tell(t, append(turnHere, "--listen=127.0.0.1:0", c.args)...)
		require.Equal(t, exitUsage, code)
		require.Contains(t, stderr, c.want)
	}
}
