//go:build !unix

package firefox

import (
	"errors"
	"os/exec"
)

// group does nothing: there are no process groups.
func group(*exec.Cmd) {}

// killGroup ends the command alone. Firefox ends its other processes.
func killGroup(cmd *exec.Cmd) { _ = cmd.Process.Kill() }

// freezeGroup needs signals.
func freezeGroup(*exec.Cmd, bool) error { return errors.ErrUnsupported }
