// Package cli holds what the programs under cmd share: signals, exit codes, the errors that are mistakes of the
// user, how flags are parsed and how their environment variables are named, the tuning of the garbage collector,
// and the version of the build. It has no flags of its own.
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
	ExitUsage = 2 // the command line or the settings are wrong, so it did not start
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

// A usageError is a mistake of the user: in the flags, the environment or the settings.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// Usage marks err as a mistake of the user. It wraps err and keeps its text.
func Usage(err error) error { return usageError{err} }

// Usagef returns an error that is a mistake of the user. The format is that of fmt.Errorf.
func Usagef(format string, args ...any) error { return Usage(fmt.Errorf(format, args...)) }

// UnlessInterrupted returns err, or nil if ctx is done, because then the user asked the program to end.
func UnlessInterrupted(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// Version returns the version of the running program as the Go tool recorded it, or "(devel)" if it recorded
// none.
func Version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}
