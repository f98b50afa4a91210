// Package cli has what the programs under cmd have in common: what their exit codes mean, which errors are
// mistakes of the user, and the version that was built. It prints nothing and reads no flags.
package cli

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
)

// The exit codes of the programs.
const (
	ExitOK    = 0
	ExitError = 1 // it ran, and something did not work
	ExitUsage = 2 // it could not start as told
)

// ExitCode returns the exit code of a program that ends with err, which may be nil.
func ExitCode(err error) int {
	if err == nil {
		return ExitOK
	}
	if _, ok := errors.AsType[usageError](err); ok {
		return ExitUsage
	}
	return ExitError
}

// A usageError is a mistake in what the program was told.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// Usage marks err as a mistake in what the program was told. It wraps err and keeps its text.
func Usage(err error) error { return usageError{err} }

// Usagef returns an error that is a mistake in what the program was told. The format is that of fmt.Errorf.
func Usagef(format string, args ...any) error { return Usage(fmt.Errorf(format, args...)) }

// UnlessInterrupted returns err, or nil if ctx is done: then the user wanted the end.
func UnlessInterrupted(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// Version returns the version of the running program as the Go tool recorded it: "(devel)" if it did not.
func Version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}
