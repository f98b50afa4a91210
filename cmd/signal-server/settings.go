package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
	"go.yaml.in/yaml/v3"
)

// A lookup is os.LookupEnv.
type lookup func(name string) (value string, found bool)

// Settings are what stands in the environment and in the file of --config, for kong, which gives flags of
// the command line precedence.
type settings struct {
	// Fixed at construction.
	env lookup

	// Owned by kong's Parse.
	read bool
	file map[string]any
}

const configFlag = "config"

// Validate is called by kong, and has nothing to say.
func (s *settings) Validate(*kong.Application) error { return nil }

// Resolve returns the value of a flag that is not on the command line, or nil.
func (s *settings) Resolve(c *kong.Context, parent *kong.Path, flag *kong.Flag) (any, error) {
	if flag.Name == "help" || flag.Name == "version" {
		return nil, nil
	}
	if value, found := s.env(environmentName(flag.Name)); found && value != "" {
		return value, nil
	}
	if flag.Name == configFlag || !slices.ContainsFunc(parent.Flags, isConfig) {
		return nil, nil
	}
	if err := s.open(c, parent.Flags); err != nil {
		return nil, err
	}
	return s.file[flag.Name], nil
}

func isConfig(f *kong.Flag) bool { return f.Name == configFlag }

func environmentName(flag string) string {
	return "SIGNAL_SERVER_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// open reads the file, once, when the first flag asks for it.
func (s *settings) open(c *kong.Context, flags []*kong.Flag) error {
	if s.read {
		return nil
	}
	s.read = true
	name, _ := s.env(environmentName(configFlag))
	for _, p := range c.Path {
		if p.Flag != nil && p.Flag.Name == configFlag {
			name, _ = c.FlagValue(p.Flag).(string)
		}
	}
	if name == "" {
		return nil
	}
	var err error
	if s.file, err = readSettings(name, flags); err != nil {
		return &fileError{fmt.Errorf("--config %s: %w", name, err)}
	}
	return nil
}

// A fileError is about the file, while kong would blame the first flag that is looked up in it.
type fileError struct{ error }

// readSettings returns a flat map from flags to their values. What is no flag is an error: a limit that
// is misspelled would be no limit.
func readSettings(name string, flags []*kong.Flag) (map[string]any, error) {
	content, err := os.ReadFile(name)
	if err != nil {
		return nil, errors.Unwrap(err)
	}
	var nodes map[string]yaml.Node
	if err := yaml.Unmarshal(content, &nodes); err != nil {
		return nil, err
	}
	values := make(map[string]any)
	for key, node := range nodes {
		if key == configFlag || !slices.ContainsFunc(flags, func(f *kong.Flag) bool { return f.Name == key }) {
			return nil, fmt.Errorf("line %d: unknown setting %q", node.Line, key)
		}
		if values[key], err = settingOf(&node); err != nil {
			return nil, fmt.Errorf("line %d: %s: %w", node.Line, key, err)
		}
	}
	return values, nil
}

// settingOf returns a value as it would stand on the command line, or a list of such.
func settingOf(n *yaml.Node) (any, error) {
	switch n.Kind {
	case yaml.ScalarNode:
		if n.Tag == "!!null" {
			return nil, nil
		}
		return n.Value, nil
	case yaml.SequenceNode:
		list := []any{}
		for _, item := range n.Content {
			if item.Kind != yaml.ScalarNode {
				return nil, errors.New("want a list of plain values")
			}
			list = append(list, item.Value)
		}
		return list, nil
	}
	return nil, errors.New("want a value or a list")
}
