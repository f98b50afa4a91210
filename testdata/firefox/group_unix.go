//go:build unix

package firefox

import (
	"os/exec"
	"syscall"
)

// group puts a command that is not yet started into a process group of its own.
func group(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// killGroup ends all processes of the group.
func killGroup(cmd *exec.Cmd) { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }

// freezeGroup stops all processes of the group, or has them go on.
func freezeGroup(cmd *exec.Cmd, freeze bool) error {
	if freeze {
		return syscall.Kill(-cmd.Process.Pid, syscall.SIGSTOP)
	}
	return syscall.Kill(-cmd.Process.Pid, syscall.SIGCONT)
}
