package main

import "fmt"

// problems are what is wrong with the options: all of it, so that who corrects them need not try again
// for each.
type problems []error

func (p *problems) add(format string, args ...any) {
	*p = append(*p, fmt.Errorf(format, args...))
}

// check adds a problem where err is one; a flag's name says whose.
func (p *problems) check(flag string, err error) {
	if err != nil {
		p.add("%s: %w", flag, err)
	}
}

// atLeast adds a problem for a secret that is too short. It never shows it.
func (p *problems) atLeast(flag string, s secret, bytes int) {
	if s != "" && len(s) < bytes {
		p.add("%s: want at least %d bytes, as openssl rand -hex %d makes", flag, bytes, bytes)
	}
}

func (p *problems) within(flag string, value, low, high int) {
	if value < low || value > high {
		p.add("%s %d: want %d to %d", flag, value, low, high)
	}
}

// at adds to each where the flag it begins with was found.
func (p problems) at(s *settings) problems {
	for i, err := range p {
		p[i] = s.locate(err)
	}
	return p
}

// first is the only one that is told by a server that does not start.
func (p problems) first() error {
	if len(p) == 0 {
		return nil
	}
	return usageError{fmt.Errorf(seeHelp, p[0])}
}
