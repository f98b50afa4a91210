//go:build linux

package lab

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"
)

// A process is a program on a host of a world. It ends with the test, and if that failed, all that it has
// written is in the log.
type process struct {
	cmd      *exec.Cmd
	out, err output
	ended    chan struct{}
}

// start runs a program there, in a group of its own: browsers are many processes.
func (w *world) start(host string, env []string, name string, args ...string) *process {
	w.t.Helper()
	return w.startWith(nil, host, env, name, args...)
}

// startWith is start for a program that reads from stdin.
func (w *world) startWith(stdin io.Reader, host string, env []string, name string, args ...string) *process {
	w.t.Helper()
	p := &process{cmd: exec.Command("ip", append([]string{"netns", "exec", w.prefix + host, name}, args...)...), ended: make(chan struct{})}
	p.out.changed, p.err.changed = make(chan struct{}), make(chan struct{})
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = stdin, &p.out, &p.err
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := p.cmd.Start(); err != nil {
		w.t.Fatalf("%s on %s: %v", name, host, err)
	}
	go func() {
		_ = p.cmd.Wait() // its exit code is asked for later
		close(p.ended)
	}()
	w.t.Cleanup(func() {
		if w.t.Failed() {
			p.askWhere()
		}
		_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
		<-p.ended
		if w.t.Failed() {
			w.t.Logf("%s: %v: %v\nstdout: %s\nstderr: %s", host, args, p.cmd.ProcessState, p.out.text(), p.err.text())
		}
	})
	return p
}

// startSelf runs this test binary on the public host, in a role that TestMain knows.
func (w *world) startSelf(role string, args ...string) *process {
	w.t.Helper()
	return w.startSelfAt(public, nil, role, args...)
}

func (w *world) startSelfAt(host string, env []string, role string, args ...string) *process {
	w.t.Helper()
	self, err := os.Executable()
	if err != nil {
		w.t.Fatal(err)
	}
	return w.start(host, append(env, roleVariable+"="+role), self, args...)
}

// askWhere has a Go program end with the stacks of its goroutines on stderr.
func (p *process) askWhere() {
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGQUIT)
	select {
	case <-p.ended:
	case <-time.After(2 * time.Second):
	}
}

// gone waits until it has ended by itself, which is a matter of seconds, whatever the network.
func (p *process) gone(ctx context.Context) error {
	select {
	case <-p.ended:
		return nil
	case <-time.After(leaving):
		return fmt.Errorf("%v has nothing more to do and is still there after %v", p.cmd.Args, leaving)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// leaving is how long a player may take for it: the dial of a TURN server takes 4 s before it is given up,
// and a close on a line that loses packets some time.
const leaving = 15 * time.Second

// signal sends one to the program and all that it has started.
func (p *process) signal(s syscall.Signal) { _ = syscall.Kill(-p.cmd.Process.Pid, s) }

// tell sends a signal to the program alone.
func (p *process) tell(s syscall.Signal) { _ = p.cmd.Process.Signal(s) }

// interrupt is the user's Ctrl-C.
func (p *process) interrupt() { p.tell(syscall.SIGINT) }

// An output is what a process wrote so far.
type output struct {
	mu      sync.Mutex // guards the fields below
	all     strings.Builder
	changed chan struct{} // closed and replaced by each Write
}

var _ io.Writer = (*output)(nil)

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	close(o.changed)
	o.changed = make(chan struct{})
	return o.all.Write(b)
}

func (o *output) text() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.all.String()
}

// await waits for a line, and returns what the first group of the expression matched.
func (p *process) await(ctx context.Context, o *output, line string) (string, error) {
	want := regexp.MustCompile("(?m)" + line)
	for {
		o.mu.Lock()
		match, changed := want.FindStringSubmatch(o.all.String()), o.changed
		o.mu.Unlock()
		if match != nil {
			return match[len(match)-1], nil
		}
		select {
		case <-changed:
		case <-p.ended:
			if !want.MatchString(o.text()) {
				return "", fmt.Errorf("%v ended without %q", p.cmd.Args, line)
			}
		case <-ctx.Done():
			return "", fmt.Errorf("%v: no %q: %w", p.cmd.Args, line, context.Cause(ctx))
		}
	}
}
