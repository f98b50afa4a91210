package turnserver_test

import (
	"net"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling/turnserver"
	"example.org/rtcpeer/testdata/skip"
)

// coturn's own client, with its own credentials from the shared secret: two of its clients talk with
// each other through two relays.
func TestCoturnsClient(t *testing.T) {
	t.Parallel()
	program, err := exec.LookPath("turnutils_uclient")
	if err != nil {
		skip.Missing(t, "no turnutils_uclient here: apt-get install -y coturn")
	}
	const secret = "the secret of coturn and us"
	for _, tt := range []struct {
		name, scheme, query string
		flags               []string
	}{
		{"UDP", "turn", "?transport=udp", nil},
		{"UDP by indications", "turn", "?transport=udp", []string{"-s"}},
		{"TCP", "turn", "?transport=tcp", []string{"-t"}},
		{"TLS", "turns", "?transport=tcp", []string{"-t", "-S"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel() // the client waits five seconds for stragglers
			s := serve(t, turnserver.Config{Credentials: turnserver.Credentials{Secret: secret}})
			host, port, err := net.SplitHostPort(address(t, s.ICEServers("a"), tt.scheme, tt.query))
			require.NoError(t, err)
			// -y: client to client; -c: no second port for RTCP; 10 messages of each of 2 clients.
			args := append(tt.flags, "-y", "-c", "-m", "2", "-n", "10", "-u", "uclient", "-W", secret, "-p", port, host)
			out, err := exec.CommandContext(t.Context(), program, args...).CombinedOutput()
			require.NoError(t, err, "%s", out)
			require.Contains(t, string(out), "Total lost packets 0 (0.000000%)", "%s", out)
			st := s.Stats()
			require.GreaterOrEqual(t, st.Allocated, uint64(2))
			require.GreaterOrEqual(t, st.ToPeers, uint64(2*10*100))
			require.Empty(t, st.Refused)
		})
	}
}
