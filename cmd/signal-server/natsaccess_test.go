package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/testdata/skip"
)

// startNATS runs a NATS server with a configuration as operators write it, and returns its address.
func startNATS(t *testing.T, config string) (address string) {
	t.Helper()
	options, err := natsserver.ProcessConfigFile(writeFile(t, t.TempDir(), "nats.conf", []byte(config)))
	require.NoError(t, err)
	options.Host, options.Port, options.NoLog, options.NoSigs, options.StoreDir = "127.0.0.1", natsserver.RANDOM_PORT, true, true, t.TempDir()
	s, err := natsserver.NewServer(options)
	require.NoError(t, err)
	s.Start()
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	require.True(t, s.ReadyForConnections(time.Minute))
	return strings.TrimPrefix(strings.TrimPrefix(s.ClientURL(), "nats://"), "tls://")
}

// documented returns the permissions that DEPLOY.md tells operators to give.
func documented(t *testing.T) string {
	t.Helper()
	content, err := os.ReadFile("DEPLOY.md")
	require.NoError(t, err)
	_, rest, found := strings.Cut(string(content), "\n```\nauthorization")
	require.True(t, found)
	block, _, _ := strings.Cut(rest, "```")
	return "authorization" + block
}

// A server that is stopped while it waits for nodes that do not answer ends at once, and not after all of them had their
// time.
func TestStopWhileNATSIsSilent(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	const nodes = 20
	urls := strings.Repeat(",nats://"+silent.Addr().String(), nodes)[1:]
	ctx, cancel := context.WithCancel(t.Context())
	code := make(chan int, 1)
	go func() {
		code <- run(ctx, []string{"--listen=127.0.0.1:0", "--resume-key=0123456789abcdef", "--nats=" + urls}, io.Discard, io.Discard, noEnv)
	}()
	var conns []net.Conn
	accept := func() error {
		conn, err := silent.Accept()
		if err == nil {
			conns = append(conns, conn)
		}
		return err
	}
	require.NoError(t, accept())
	cancel()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for accept() == nil {
		}
	}()
	require.Equal(t, exitOK, <-code)
	silent.Close()
	<-ended
	require.Less(t, len(conns), nodes/2)
	for _, conn := range conns {
		conn.Close()
	}
}

// Wrong credentials and missing permissions are said at the start, and by check-config, with what is missing. Nobody is
// served meanwhile.
func TestNATSThatRefuses(t *testing.T) {
	skip.Long(t)
	t.Parallel()
	allowed := documented(t)
	without := func(subject string) string {
		require.Contains(t, allowed, subject)
		return strings.Replace(allowed, subject, `"none"`, 1)
	}
	const js = "jetstream: enabled\n"
	for _, c := range []struct {
		name, config, user string
		want               string // none: it works
	}{
		{"what DEPLOY.md says", js + allowed, "signal:secret@", ""},
		{"a wrong password", js + allowed, "signal:wrong@", "Authorization Violation"},
		{"no password", js + allowed, "", "Authorization Violation"},
		{"no subject of the servers to publish", js + without(`"rtcpeer.default.>"`), "signal:secret@", "rtcpeer.default.>"},
		{"no subject of the servers to subscribe", js + strings.ReplaceAll(without(`"rtcpeer.default.>", "_INBOX`), `"none".>"`, `"_INBOX.>"`), "signal:secret@", "rtcpeer.default.>"},
		{"no answers", js + without(`"_INBOX.>"`), "signal:secret@", "_INBOX.>"},
		{"no JetStream API", js + without(`"$JS.API.>"`), "signal:secret@", "$JS.API.>"},
		{"no bucket", js + without(`"$KV.rtcpeer_default.>"`), "signal:secret@", "$KV.rtcpeer_default.>"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel() // each waits some seconds for answers that do not come
			flags := []string{"--nats=nats://" + c.user + startNATS(t, c.config), "--resume-key=0123456789abcdef"}
			code, stdout, stderr := tell(t, append([]string{"check-config"}, flags...)...)
			require.NotContains(t, stdout+stderr, "secret@")
			if c.want == "" {
				require.Equal(t, exitOK, code, stderr)
				require.Contains(t, stdout, "NATS: writing is allowed for bucket rtcpeer_default")
				return
			}
			require.Equal(t, exitUsage, code)
			require.Contains(t, stderr, c.want)
			require.Equal(t, 1, strings.Count(stderr, "\n")+1, "one line: %s", stderr)

			var out, said bytes.Buffer
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			code = run(ctx, append([]string{"--listen=127.0.0.1:0"}, flags...), &out, &said, noEnv)
			require.NotEqual(t, exitOK, code, "it does not start")
			require.Contains(t, said.String(), c.want)
			require.NotContains(t, said.String(), "listening")
		})
	}
}

// NATS without JetStream may get it later, as nodes that have just started do: the server starts, is not ready, and says why.
func TestNATSWithoutJetStream(t *testing.T) {
	t.Parallel()
	flags := []string{"--nats=nats://signal:secret@" + startNATS(t, documented(t)), "--resume-key=0123456789abcdef"}
	code, _, stderr := tell(t, append([]string{"check-config"}, flags...)...)
	require.Equal(t, exitUsage, code)
	require.Contains(t, stderr, "needs JetStream")
	p := launchDaemon(t, flags...)
	status, _ := fetch(t, pageOf(&p.program)+"readyz")
	require.Equal(t, http.StatusServiceUnavailable, status)
	for line := range p.log {
		if strings.Contains(line, "cluster") {
			require.Contains(t, line, "no responders")
			break
		}
	}
}

// NATS over TLS, with an authority of one's own and with a certificate of the server's.
func TestNATSOverTLS(t *testing.T) {
	t.Parallel()
	cert, key, _ := writeCertificate(t, t.TempDir(), 1)
	config := fmt.Sprintf("jetstream: enabled\ntls: {cert_file: %q, key_file: %q, ca_file: %q, timeout: 5, verify: %%v}\n", cert, key, cert)
	for _, verify := range []bool{false, true} {
		t.Run(fmt.Sprint("client certificates: ", verify), func(t *testing.T) {
			address := startNATS(t, fmt.Sprintf(config, verify))
			for _, c := range []struct {
				name   string
				flags  []string
				want   string
				refuse bool
			}{
				{"an unknown authority", nil, "certificate signed by unknown authority", true},
				{"no client certificate", []string{"--nats-ca=" + cert}, "", verify},
				{"a client certificate", []string{"--nats-ca=" + cert, "--nats-cert=" + cert, "--nats-key=" + key}, "", false},
			} {
				for _, scheme := range []string{"tls", "nats"} {
					flags := append([]string{"check-config", "--nats=" + scheme + "://" + address, "--resume-key=0123456789abcdef"}, c.flags...)
					code, stdout, stderr := tell(t, flags...)
					if c.refuse {
						require.Equal(t, exitUsage, code, "%s: %s", c.name, stdout)
						require.Contains(t, stderr, c.want)
						continue
					}
					require.Equal(t, exitOK, code, "%s: %s", c.name, stderr)
				}
			}
		})
	}
}
