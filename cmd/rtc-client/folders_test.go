package main

import (
	"os"
	"os/exec"
	"strconv"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// waitpart FILE BYTES waits until a file has so many bytes.
func waitPart(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.ParseInt(args[1], 10, 64)
	ts.Check(err)
	for end := time.Now().Add(patience); ; {
		info, err := os.Stat(ts.MkAbs(args[0]))
		if err == nil && info.Size() >= want {
			return
		}
		if time.Now().After(end) {
			ts.Fatalf("%s has not %d bytes after %v: %v", args[0], want, patience, err)
		}
		<-time.After(time.Millisecond) // another process writes: there is nothing to be woken by
	}
}

// forbid DIR makes a folder one that cannot be written to, until the end of the script.
func forbid(ts *testscript.TestScript, _ bool, args []string) {
	dir := ts.MkAbs(args[0])
	ts.Check(os.Chmod(dir, 0o500))
	ts.Defer(func() { os.Chmod(dir, 0o700) })
	if os.Getuid() != 0 {
		return
	}
	// Permissions do not hold root back.
	if out, err := exec.Command("chattr", "+i", dir).CombinedOutput(); err != nil {
		ts.Fatalf("chattr +i: %v: %s", err, out)
	}
	ts.Defer(func() { exec.Command("chattr", "-i", dir).Run() })
}

// tmpfs DIR SIZE makes a folder a small disk, until the end of the script. It needs root.
func tmpfs(ts *testscript.TestScript, _ bool, args []string) {
	dir := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(dir, 0o700))
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size="+args[1], "tmpfs", dir).CombinedOutput(); err != nil {
		ts.Fatalf("mount: %v: %s", err, out)
	}
	ts.Defer(func() { exec.Command("umount", "-l", dir).Run() })
}

// noise FILE BYTES makes a file that no other is like.
func noise(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.ParseInt(args[1], 10, 64)
	ts.Check(err)
	b := make([]byte, n)
	seed := uint64(len(args[0]))
	for i := range b {
		seed = seed*6364136223846793005 + 1442695040888963407
		b[i] = byte(seed >> 56)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), b, 0o600))
}
