package main

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/cmd/internal/cli"
	"example.org/rtcpeer/testdata/binaries"
	"example.org/rtcpeer/testdata/skip"
)

// The commands as a user has them: processes, what they print, and how they end.
func TestScripts(t *testing.T) {
	bin := t.TempDir() // without the other program, in whose place is this test binary
	require.NoError(t, os.Symlink(filepath.Join(binaries.Build(t), "signal-server"), filepath.Join(bin, "signal-server")))
	t.Setenv("PATH", bin+string(os.PathListSeparator)+os.Getenv("PATH"))

	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("..", "..", "testdata", "scripts", "rtc-client"),
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			env.Values[jobsKey{}] = make(map[string]*job)
			return nil
		},
		Condition: func(cond string) (bool, error) {
			switch cond {
			case "root":
				return os.Getuid() == 0, nil
			case "long": // the first line of a script that takes long: RTCPEER_LONG=1 runs it
				return !skip.ShortRun(), nil
			}
			return false, errors.New("the only conditions are root and long")
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"start":   start,
			"say":     say,
			"feed":    feed,
			"hangup":  hangup,
			"signal":  notifyJob,
			"ends":    ends,
			"waitfor": waitFor,
			"mistake": mistake,
			"help":    help,
			"demo-ok": demoOK,
			"ping-ok": pingOK,

			"interrupted-ok": interruptedOK,

			"waitpart": waitPart,
			"forbid":   forbid,
			"tmpfs":    tmpfs,
			"noise":    noise,
		},
	})
}

// patience is how long a script waits for an expected line. A link whose other end was killed is lost after
// --lost-after, 30 seconds by default; everything else takes a moment.
const patience = time.Minute

// waitfor FILE REGEXP waits until a line of FILE matches, and sets the variables that the groups of
// REGEXP name.
func waitFor(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: waitfor FILE REGEXP")
	}
	want := regexp.MustCompile("(?m)" + args[1])
	for end := time.Now().Add(patience); ; {
		match := want.FindStringSubmatch(ts.ReadFile(args[0]))
		if match == nil && time.Now().Before(end) {
			<-time.After(5 * time.Millisecond) // another process writes: there is nothing to be woken by
			continue
		}
		if match == nil {
			ts.Fatalf("%s has no line like %q after %v:\n%s", args[0], args[1], patience, ts.ReadFile(args[0]))
		}
		for i, name := range want.SubexpNames() {
			if name != "" {
				ts.Setenv(name, match[i])
			}
		}
		return
	}
}

// mistake REGEXP ARG... runs rtc-client, which must refuse its arguments: one line on stderr, nothing on
// stdout, exit code 2.
func mistake(ts *testscript.TestScript, _ bool, args []string) {
	err := ts.Exec("rtc-client", args[1:]...)
	exit, ok := errors.AsType[*exec.ExitError](err)
	t := failing{ts}
	require.True(t, ok, "%v", err)
	require.Equal(t, cli.ExitUsage, exit.ExitCode())
	require.Empty(t, ts.ReadFile("stdout"))
	require.Regexp(t, "^rtc-client: .*"+args[0]+".*\n$", ts.ReadFile("stderr"))
}

// help COMMAND REGEXP... checks the command's --help, which fits on two screens of 40 lines.
func help(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(ts.Exec("rtc-client", args[0], "--help"))
	text, t := ts.ReadFile("stdout"), failing{ts}
	require.LessOrEqual(t, strings.Count(text, "\n"), 80)
	require.NotRegexp(t, "(?m)^.{81}", text)
	for _, want := range args[1:] {
		require.Regexp(t, want, text)
	}
}

// demo-ok TOPOLOGY PEERS PACKETS checks stdout: the one object of a demo in which everything arrived.
func demoOK(ts *testscript.TestScript, _ bool, args []string) {
	peers, packets := number(ts, args[1]), number(ts, args[2])
	var got struct {
		Topology string
		OK       bool
		Peers    []struct {
			ID        int
			ConnectMS float64        `json:"connect_ms"`
			Received  map[string]int `json:"received"`
			RTT       map[string]int `json:"rtt_us"`
		}
	}
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &got))
	t := failing{ts}
	require.Equal(t, args[0], got.Topology)
	require.True(t, got.OK)
	require.Len(t, got.Peers, peers)
	for i, p := range got.Peers {
		require.Equal(t, i == 0, p.ID == 1, "ascending, from the host")
		require.Positive(t, p.ConnectMS, "peer %d", p.ID)
		for _, mode := range []string{"unreliable", "unreliable_ordered", "reliable"} {
			require.Equal(t, (peers-1)*packets, p.Received[mode], "%s packets of peer %d", mode, p.ID)
			require.Positive(t, p.RTT[mode], "%s round trip of peer %d", mode, p.ID)
		}
	}
}

// A pinged is a peer in the object of a ping.
type pinged struct {
	ID            int
	Interruptions int
	LongestMS     float64 `json:"longest_interruption_ms"`
	Paths         int

	Unreliable        trips
	UnreliableOrdered trips `json:"unreliable_ordered"`
	Reliable          trips
}

type trips struct {
	Sent, Received int
	RTT            map[string]int `json:"rtt_us"`
}

// ping-ok FILE COUNT ID... checks the one object of a ping in which everything came back from each:
// COUNT pings, or any number if that is 0.
func pingOK(ts *testscript.TestScript, _ bool, args []string) {
	var got struct{ Peers []pinged }
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &got))
	t, want := failing{ts}, number(ts, args[1])
	var ids []string
	for _, p := range got.Peers {
		ids = append(ids, strconv.Itoa(p.ID))
		for _, f := range []trips{p.Unreliable, p.UnreliableOrdered, p.Reliable} {
			require.True(t, f.Sent == want || want == 0, "%d sent", f.Sent)
			require.Equal(t, f.Sent, f.Received)
			times := []int{f.RTT["min"], f.RTT["p50"], f.RTT["max"]}
			require.True(t, slices.IsSorted(times) && times[0] > 0, "%v", f.RTT)
		}
	}
	require.ElementsMatch(t, args[2:], ids)
}

// interrupted-ok FILE ID checks the one object of a ping in which that peer was interrupted: no reliable
// ping was lost, and some of the others were.
func interruptedOK(ts *testscript.TestScript, _ bool, args []string) {
	var got struct{ Peers []pinged }
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &got))
	t := failing{ts}
	require.Len(t, got.Peers, 1)
	p := got.Peers[0]
	require.EqualValues(t, number(ts, args[1]), p.ID)
	require.Positive(t, p.Interruptions)
	require.Greater(t, p.LongestMS, 1000.0)
	require.Positive(t, p.Paths)
	require.Equal(t, p.Reliable.Sent, p.Reliable.Received)
	require.Greater(t, p.Reliable.RTT["max"], 1_000_000)
	for _, m := range []trips{p.Unreliable, p.UnreliableOrdered} {
		require.Equal(t, p.Reliable.Sent, m.Sent)
		require.Less(t, m.Received, m.Sent)
		require.Positive(t, m.Received)
	}
}

func number(ts *testscript.TestScript, arg string) int {
	n, err := strconv.Atoi(arg)
	ts.Check(err)
	return n
}

// failing lets testify fail a script.
type failing struct{ ts *testscript.TestScript }

func (f failing) Errorf(format string, args ...any) { f.ts.Logf(format, args...) }
func (f failing) FailNow()                          { f.ts.Fatalf("see above") }
