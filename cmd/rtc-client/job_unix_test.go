//go:build unix

package main

import "syscall"

func init() { jobSignals["STOP"], jobSignals["CONT"] = syscall.SIGSTOP, syscall.SIGCONT }
