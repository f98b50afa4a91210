package transfer_test

import (
	"bufio"
	"context"
	"io"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling/signalserver"
)

// The program of GUIDE.md is that of the example, which does what it says.
func TestREADME(t *testing.T) {
	readme, err := os.ReadFile("../GUIDE.md")
	require.NoError(t, err)
	_, section, ok := strings.Cut(string(readme), "\n## Files\n")
	require.True(t, ok)
	block := regexp.MustCompile("(?s)```go\n(.*?)```").FindStringSubmatch(section)
	require.NotNil(t, block)
	example, err := os.ReadFile("example_test.go")
	require.NoError(t, err)
	require.Contains(t, string(example), block[1])

	server, err := signalserver.New(signalserver.Config{})
	require.NoError(t, err)
	defer server.Shutdown(context.WithoutCancel(t.Context()))
	web := httptest.NewServer(server)
	defer web.Close()
	url := "ws" + strings.TrimPrefix(web.URL, "http") + "/lobby"

	ctx, cancel := context.WithCancel(t.Context())
	results := make(chan error, 2)
	names := []string{"cat.jpg", "dog.jpg"}
	var said [2]*bufio.Reader
	var dirs [2]string
	for i, name := range names {
		path := filepath.Join(t.TempDir(), name)
		require.NoError(t, os.WriteFile(path, []byte("picture of "+name), 0o600))
		dirs[i] = t.TempDir()
		read, write := io.Pipe()
		said[i] = bufio.NewReader(read)
		go func() { results <- exchange(ctx, url, path, dirs[i], write) }()
	}
	for i, other := range []string{"dog.jpg", "cat.jpg"} {
		line, err := said[i].ReadString('\n')
		require.NoError(t, err)
		require.Equal(t, "saved "+other+"\n", line)
		text, err := os.ReadFile(filepath.Join(dirs[i], other))
		require.NoError(t, err)
		require.Equal(t, "picture of "+other, string(text))
	}
	cancel()
	for range names {
		require.ErrorIs(t, <-results, context.Canceled)
	}
}
