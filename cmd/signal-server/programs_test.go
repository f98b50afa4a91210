package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/testdata/skip"
)

// Programs of others, which run with a server.

// needs returns the path of a program. Without it the test is skipped, or fails in .ci/run.
func needs(t *testing.T, program, pkg string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		skip.Missing(t, "no %s here: apt-get install -y %s", program, pkg)
	}
	return path
}

// given are the addresses that freeAddress has returned.
var given sync.Map

// freeAddress is one of the loopback interface that nobody uses, and that no other test gets. Its port is below those that
// Linux gives to connections, which could take it before somebody listens, or while a server that listens there restarts.
func freeAddress(t *testing.T) string {
	t.Helper()
	for {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 10_000+rand.IntN(22_000)))
		if err != nil {
			require.ErrorIs(t, err, syscall.EADDRINUSE)
			continue
		}
		require.NoError(t, l.Close())
		if _, taken := given.LoadOrStore(l.Addr().String(), true); !taken {
			return l.Addr().String()
		}
	}
}

// background runs a program until the test ends, or stop is called, and returns when it listens.
func background(t *testing.T, cmd *exec.Cmd, addresses ...string) (stop func()) {
	t.Helper()
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	require.NoError(t, cmd.Start())
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	stop = func() {
		_ = cmd.Process.Kill()
		<-ended
	}
	t.Cleanup(func() {
		stop()
		if t.Failed() {
			t.Logf("%s\n%s", cmd, output.String())
		}
	})
	deadline := time.Now().Add(time.Minute)
	for _, address := range addresses {
		for !listens(address) {
			require.True(t, time.Now().Before(deadline), "%s does not listen at %s", cmd, address)
			select {
			case <-ended:
				require.Fail(t, "it has ended")
			case <-time.After(5 * time.Millisecond): // another process starts: there is nothing to be woken by
			}
		}
	}
	return stop
}

func listens(address string) bool {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return false
	}
	conn.Close()
	return true
}
