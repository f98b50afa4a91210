package settings

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"example.org/rtcpeer/cmd/internal/cli"
)

// Problems are the errors in the options. All are collected, so that the user can correct them together.
type Problems []error

// Add adds a problem. The format is that of fmt.Errorf.
func (p *Problems) Add(format string, args ...any) {
	*p = append(*p, fmt.Errorf(format, args...))
}

// Check adds err, if it is not nil, as a problem of a flag.
func (p *Problems) Check(flag string, err error) {
	if err != nil {
		p.Add("%s: %w", flag, err)
	}
}

// AtLeast adds a problem if a secret is too short. The text never contains the secret.
func (p *Problems) AtLeast(flag string, s Secret, bytes int) {
	if s != "" && len(s) < bytes {
		p.Add("%s: want at least %d bytes, for example from openssl rand -hex %d", flag, bytes, bytes)
	}
}

// Within adds a problem if the value of a flag is not between low and high.
func (p *Problems) Within(flag string, value, low, high int) {
	if value < low || value > high {
		p.Add("%s %d: want %d to %d", flag, value, low, high)
	}
}

// Writable returns an error if no file can be created in a folder. It leaves nothing behind.
func Writable(folder string) error {
	file, err := os.CreateTemp(folder, ".check-config-*")
	if err != nil {
		if p, ok := errors.AsType[*fs.PathError](err); ok {
			err = p.Err // without the name of the file
		}
		return fmt.Errorf("cannot write to %s: %w", folder, err)
	}
	return errors.Join(file.Close(), os.Remove(file.Name()))
}

// AddNew adds the problems of more that name no flag that has a problem already. A problem that names a Config
// field is left out if there are others, because its flag is probably one of theirs.
func (p *Problems) AddNew(more Problems) {
	said := make(map[string]bool)
	for _, err := range *p {
		for _, name := range flagNames(err.Error()) {
			said[name] = true
		}
	}
	for _, err := range more {
		isSaid := slices.ContainsFunc(flagNames(err.Error()), func(name string) bool { return said[name] })
		if !isSaid && (len(said) == 0 || !strings.Contains(err.Error(), "Config.")) {
			*p = append(*p, err)
		}
	}
}

// Tell prints all problems but the last one, which it returns.
func (p Problems) Tell(w io.Writer) error {
	if len(p) == 0 {
		return nil
	}
	last := len(p) - 1
	for _, err := range p[:last] {
		fmt.Fprintf(w, "%s: %v\n", Program, err)
	}
	return cli.Mistake(Program, p[last])
}
