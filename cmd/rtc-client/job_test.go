package main

import (
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// A job is a process beside a script, which talks to it while it runs: unlike those that testscript
// starts, it has its output in files, NAME.out and NAME.err, and its stdin is held open.
type job struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser
	ended chan struct{}
}

type jobsKey struct{}

func jobNamed(ts *testscript.TestScript, name string) *job {
	j := ts.Value(jobsKey{}).(map[string]*job)[name]
	if j == nil {
		ts.Fatalf("no job %q", name)
	}
	return j
}

// start NAME PROGRAM ARG... starts a job. It is killed at the end of the script.
func start(ts *testscript.TestScript, _ bool, args []string) {
	path, err := exec.LookPath(args[1])
	ts.Check(err)
	j := &job{cmd: exec.Command(path, args[2:]...), ended: make(chan struct{})}
	j.cmd.Dir = ts.MkAbs(".")

	for stream, to := range map[string]*io.Writer{".out": &j.cmd.Stdout, ".err": &j.cmd.Stderr} {
		f, err := os.Create(ts.MkAbs(args[0] + stream))
		ts.Check(err)
		defer f.Close()
		*to = f
	}
	j.stdin, err = j.cmd.StdinPipe()
	ts.Check(err)
	ts.Check(j.cmd.Start())
	ts.Value(jobsKey{}).(map[string]*job)[args[0]] = j
	go func() {
		j.cmd.Wait()
		close(j.ended)
	}()
	ts.Defer(func() {
		j.cmd.Process.Kill()
		<-j.ended
	})
}

// say NAME TEXT writes a line to the job's stdin.
func say(ts *testscript.TestScript, _ bool, args []string) {
	_, err := io.WriteString(jobNamed(ts, args[0]).stdin, strings.Join(args[1:], " ")+"\n")
	ts.Check(err)
}

// feed NAME FILE has a file written to the job's stdin, while the script goes on.
func feed(ts *testscript.TestScript, _ bool, args []string) {
	stdin, text := jobNamed(ts, args[0]).stdin, ts.ReadFile(args[1])
	go io.WriteString(stdin, text) // ends with the job
}

// hangup NAME ends the job's stdin.
func hangup(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(jobNamed(ts, args[0]).stdin.Close())
}

// jobSignals are INT, TERM and KILL, and on Unix STOP (the job stands still, as on a machine that sleeps) and CONT.
var jobSignals = map[string]os.Signal{"INT": os.Interrupt, "TERM": syscall.SIGTERM, "KILL": os.Kill}

// signal NAME SIGNAL sends one of them.
func notifyJob(ts *testscript.TestScript, _ bool, args []string) {
	signal := jobSignals[args[1]]
	if signal == nil {
		ts.Fatalf("no signal %q on this system", args[1])
	}
	ts.Check(jobNamed(ts, args[0]).cmd.Process.Signal(signal))
}

// ends NAME CODE waits for the end of the job, which must have that exit code; -1 is that of a job
// that was killed.
func ends(ts *testscript.TestScript, _ bool, args []string) {
	j := jobNamed(ts, args[0])
	select {
	case <-j.ended:
	case <-time.After(patience):
		ts.Fatalf("%s has not ended after %v:\n%s", args[0], patience, ts.ReadFile(args[0]+".err"))
	}
	if got := strconv.Itoa(j.cmd.ProcessState.ExitCode()); got != args[1] {
		ts.Fatalf("%s: exit code %s, want %s:\n%s", args[0], got, args[1], ts.ReadFile(args[0]+".err"))
	}
}
