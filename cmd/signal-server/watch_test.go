package main

import (
	"crypto/tls"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/cluster/natsnode"
	"example.org/rtcpeer/testdata/skip"
)

// The alerts and the dashboard of deploy ask for figures that there are, with labels that they have.
func TestWatchedFiguresExist(t *testing.T) {
	cert, key, roots := writeCertificate(t, t.TempDir(), 1)
	p := start(t, nil, append(append([]string{}, turnHere...), "--tls-cert="+cert, "--tls-key="+key, "--turn-listen-tls=off", "--grace=0s",
		"--metrics-listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0", "--admin-token="+adminToken)...)
	figures := p.other(t, "--metrics-listen") + "/metrics"
	d := websocket.Dialer{TLSClientConfig: &tls.Config{RootCAs: roots}}
	// What has a label is there once it has happened.
	member := callBy(t, d, p.url, nil)
	servers := member.join(signaling.Join{Room: "lobby"}).ICEServers
	require.Equal(t, signaling.CodeTopologyMismatch, callBy(t, d, p.url, nil).refused(signaling.Join{Room: "lobby", Topology: signaling.Star}))
	require.NoError(t, member.conn.NetConn().Close())
	awaitFigure(t, figures, `dropped_total{word="grace_over"}`, 1)
	own := servers[len(servers)-1]
	own.Credential = "wrong"
	_, err := turnClient(t, own).Allocate()
	require.Error(t, err)

	there := make(map[string]bool)
	for _, url := range []string{figures, pageOf(startShared(t)) + "metrics"} {
		for name := range scrape(t, url) {
			name, _, _ = strings.Cut(name, "{")
			there[name] = true
		}
	}
	for _, name := range []string{"grafana.json", "alerts.yaml"} {
		content, err := os.ReadFile(filepath.Join("deploy", name))
		require.NoError(t, err)
		wanted := regexp.MustCompile(`\b(signal_server_|process_|go_)[a-z_]+\b`).FindAllString(string(content), -1)
		require.Greater(t, len(wanted), 10)
		for _, figure := range wanted {
			require.True(t, there[strings.TrimPrefix(figure, namespace)], "%s: there is no %s", name, figure)
		}
	}
	require.InDelta(t, time.Now().Add(time.Hour).Unix(), scrape(t, figures)[`certificate_expires_seconds{name="game.example"}`], 60)
}

// startShared is a server that shares its rooms.
func startShared(t *testing.T) *program {
	t.Helper()
	n, err := natsnode.Start(natsnode.Config{Name: "n", Listen: "127.0.0.1:0"})
	require.NoError(t, err)
	t.Cleanup(n.Close)
	return startOn(t, n.URL(), "one")
}

// The figures of a server that shares its rooms move, and say which server it is.
func TestClusterFigures(t *testing.T) {
	skip.Long(t)
	t.Parallel()
	n, err := natsnode.Start(natsnode.Config{Name: "n", Listen: "127.0.0.1:0"})
	require.NoError(t, err)
	t.Cleanup(n.Close)
	one, other := startOn(t, n.URL(), "one"), startOn(t, n.URL(), "other")
	require.EqualValues(t, 1, scrape(t, pageOf(one)+"metrics")[`info{cluster="default",name="one"}`])
	require.Contains(t, scrape(t, pageOf(start(t, nil, "--server-name=alone"))+"metrics"), `info{cluster="",name="alone"}`)
	awaitFigure(t, pageOf(one)+"metrics", "cluster_servers", 2)
	awaitFigure(t, pageOf(other)+"metrics", "cluster_servers", 2)
	call(t, one.url, nil).join(signaling.Join{Room: "lobby"})
	require.Len(t, call(t, other.url, nil).join(signaling.Join{Room: "lobby"}).Members, 1)
	awaitFigure(t, pageOf(one)+"metrics", "cluster_rooms_owned", 1)
	awaitFigure(t, pageOf(one)+"metrics", "cluster_visitors", 1)
	awaitFigure(t, pageOf(other)+"metrics", "cluster_visitors", 0)
	is := scrape(t, pageOf(one)+"metrics")
	require.Positive(t, is[`cluster_messages_total{direction="in"}`])
	require.Positive(t, is[`cluster_messages_total{direction="out"}`])
	require.True(t, eventually(t.Context(), func() bool {
		is := scrape(t, pageOf(one)+"metrics")
		return is["cluster_leases_renewed_total"] > 0 && is[`seconds_count{phase="bus"}`] > 0
	}))
	n.Close()
	awaitFigure(t, pageOf(one)+"metrics", "cluster_away", 1)
	awaitFigure(t, pageOf(one)+"metrics", "cluster_leases_lost_total", 1)
}

func startOn(t *testing.T, nats, name string) *program {
	t.Helper()
	p := start(t, nil, "--nats="+nats, "--server-name="+name, "--resume-key=0123456789abcdef")
	t.Cleanup(func() { p.stop() })
	awaitFigure(t, pageOf(p)+"metrics", "cluster_away", 0)
	return p
}

// Prometheus understands the alerts: each fires when all goes wrong, and none when nothing does.
func TestAlerts(t *testing.T) {
	t.Parallel()
	program := needs(t, "promtool", "prometheus")
	out, err := exec.Command(program, "check", "rules", "deploy/alerts.yaml").CombinedOutput()
	require.NoError(t, err, "%s", out)
	out, err = exec.Command(program, "test", "rules", "testdata/alerts.test.yaml").CombinedOutput()
	require.NoError(t, err, "%s", out)
}

// Each panel of the dashboard has a place of its own, and asks something.
func TestDashboard(t *testing.T) {
	content, err := os.ReadFile("deploy/grafana.json")
	require.NoError(t, err)
	var dashboard struct {
		Panels []struct {
			ID      int
			Type    string
			Title   string
			GridPos struct{ X, Y, W, H int }
			Targets []struct{ RefID, Expr string }
		}
	}
	require.NoError(t, json.Unmarshal(content, &dashboard))
	seen := make(map[any]bool)
	for _, panel := range dashboard.Panels {
		require.False(t, seen[panel.ID] || seen[panel.Title] || seen[panel.GridPos], panel.Title)
		seen[panel.ID], seen[panel.Title], seen[panel.GridPos] = true, true, true
		require.LessOrEqual(t, panel.GridPos.X+panel.GridPos.W, 24)
		require.Equal(t, panel.Type == "row", len(panel.Targets) == 0, panel.Title)
		for _, target := range panel.Targets {
			require.NotEmpty(t, target.Expr)
			require.Equal(t, strings.Count(target.Expr, "("), strings.Count(target.Expr, ")"), target.Expr)
		}
	}
}
