package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/cmd/internal/cli"
	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/signalclient"
)

// listing runs rtc-client list.
func listing(t *testing.T, want int, args ...string) (stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	require.Equal(t, want, run(t.Context(), append([]string{"list"}, args...), strings.NewReader(""), &out, &err), "%s", err.String())
	return out.String(), err.String()
}

func TestList(t *testing.T) {
	server := startServer(t)
	stdout, stderr := listing(t, cli.ExitOK, server)
	require.Empty(t, stdout)
	require.Equal(t, "rtc-client: no public rooms\n", stderr)

	for _, j := range []signaling.Join{
		{Room: "den", Topology: signaling.Star, Password: "p", NewRoom: signaling.NewRoom{Public: true, MaxMembers: 1}},
		{Room: "oasis", NewRoom: signaling.NewRoom{Public: true, Metadata: []byte(`{"map":"desert","level":3,"name":"a` + "\u009b" + `31mb"}`)}},
		{Room: "hidden"},
	} {
		c, err := signalclient.Dial(t.Context(), server, j, signalclient.Config{})
		require.NoError(t, err)
		defer c.Close()
	}
	base := strings.TrimSuffix(server, "/demo")
	stdout, _ = listing(t, cli.ExitOK, server)
	// The server's order is random.
	require.ElementsMatch(t, []string{
		base + `/den    star  1/1     password,full  -`,
		base + `/oasis  mesh  1/1024  open           {"map":"desert","level":3,"name":"a` + "\ufffd" + `31mb"}`,
		"",
	}, strings.Split(stdout, "\n"))
	stdout, _ = listing(t, cli.ExitOK, "--json", "--limit", "1", server)
	require.Equal(t, 1, strings.Count(stdout, "\n"), stdout)
	all, _ := listing(t, cli.ExitOK, "--json", server)
	require.Contains(t, strings.Split(all, "\n"), `{"url":"`+base+`/den","room":"den","topology":"star","members":1,"max_members":1,"password":true}`)
	for _, filter := range [][]string{{"--filter", "map=desert"}, {"--filter", "level=3", "--filter", "map=desert"}} {
		stdout, _ = listing(t, cli.ExitOK, append(filter, server)...)
		require.Equal(t, 1, strings.Count(stdout, "\n"), stdout)
	}
	stdout, _ = listing(t, cli.ExitOK, "--filter", "map=3", server)
	require.Empty(t, stdout)
}

func TestListMistakes(t *testing.T) {
	for want, args := range map[string][]string{
		`--filter "map": want NAME=VALUE`: {"--filter", "map", "ws://127.0.0.1:1"},
		`--limit -1: want a positive`:     {"--limit=-1", "ws://127.0.0.1:1"},
		`no scheme`:                       {"localhost"},
		`a server of Godot's`:             {"godot+ws://127.0.0.1:1"},
		`--filter: 17 fields: at most 16`: append(strings.Fields(many(17)), "ws://127.0.0.1:1"),
	} {
		stdout, stderr := listing(t, cli.ExitUsage, args...)
		require.Empty(t, stdout)
		require.Contains(t, stderr, want)
	}
	_, stderr := listing(t, cli.ExitError, "ws://127.0.0.1:1")
	require.Contains(t, stderr, "is signal-server running there?")
}

// many are n filters.
func many(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(" --filter=" + string(rune('a'+i)) + "=1")
	}
	return b.String()
}
