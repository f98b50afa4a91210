package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
	"go.yaml.in/yaml/v3"
)

// An environment is what os.Environ returns: NAME=value each.
type environment []string

// lookup is os.LookupEnv.
func (e environment) lookup(name string) (value string, found bool) {
	for _, one := range e {
		if key, v, ok := strings.Cut(one, "="); ok && key == name {
			value, found = v, true
		}
	}
	return value, found
}

// Settings are what stands in the environment and in the file of --config, for kong, which gives flags of
// the command line precedence.
type settings struct {
	// Fixed at construction.
	env environment

	// Owned by kong's Parse.
	read  bool
	file  map[string]setting
	found map[string]string // where the value of a flag was found, if not on the command line
}

// A setting is one of the file.
type setting struct {
	value any // as it would stand on the command line, or a list of such
	line  int
}

const (
	configFlag = "config"
	// environmentPrefix begins the name of a flag in the environment.
	environmentPrefix = "SIGNAL_SERVER_"
)

// kubernetes are variables that Kubernetes sets in each container beside a service of the name signal-server.
var kubernetes = regexp.MustCompile(`^SIGNAL_SERVER_(SERVICE_HOST|SERVICE_PORT(_.*)?|PORT(_[0-9]+_.*)?)$`)

// Validate is called by kong before anything else. A variable that is misspelled would set nothing.
func (s *settings) Validate(app *kong.Application) error {
	flags := flagsOf(app.Node)
	for _, one := range s.env {
		name, _, _ := strings.Cut(one, "=")
		known := slices.ContainsFunc(flags, func(flag string) bool { return environmentName(flag) == name })
		if known || !strings.HasPrefix(strings.ToUpper(name), environmentPrefix) || kubernetes.MatchString(name) {
			continue
		}
		return &sourceError{error: fmt.Errorf("environment variable %s: no such setting%s", name, didYouMean(flagName(name), flags, environmentName))}
	}
	return nil
}

// flagsOf returns the flags of all commands.
func flagsOf(n *kong.Node) (names []string) {
	for _, f := range n.Flags {
		names = append(names, f.Name)
	}
	for _, child := range n.Children {
		names = append(names, flagsOf(child)...)
	}
	return names
}

// Resolve returns the value of a flag that is not on the command line, or nil.
func (s *settings) Resolve(c *kong.Context, parent *kong.Path, flag *kong.Flag) (any, error) {
	if flag.Name == "help" || flag.Name == "version" {
		return nil, nil
	}
	if value, found := s.env.lookup(environmentName(flag.Name)); found && value != "" {
		s.note(flag, "environment variable "+environmentName(flag.Name))
		return value, nil
	}
	if flag.Name == configFlag || !slices.ContainsFunc(parent.Flags, isConfig) {
		return nil, nil
	}
	if err := s.open(c, parent.Flags); err != nil {
		return nil, err
	}
	one, found := s.file[flag.Name]
	if found && one.value != nil {
		s.note(flag, fmt.Sprintf("line %d of %s", one.line, s.name(c)))
	}
	return one.value, nil
}

func (s *settings) note(flag *kong.Flag, place string) {
	if s.found == nil {
		s.found = make(map[string]string)
	}
	s.found[flag.Name] = place
}

var namedFlag = regexp.MustCompile(`^--([a-z-]+)`)

// locate adds to an error that begins with the name of a flag where its value was found.
func (s *settings) locate(err error) error {
	if m := namedFlag.FindStringSubmatch(err.Error()); m != nil && s.found[m[1]] != "" {
		return fmt.Errorf("%w (%s)", err, s.found[m[1]])
	}
	return err
}

func isConfig(f *kong.Flag) bool { return f.Name == configFlag }

func environmentName(flag string) string {
	return environmentPrefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// flagName is the other way round.
func flagName(variable string) string {
	return strings.ToLower(strings.ReplaceAll(variable[len(environmentPrefix):], "_", "-"))
}

// open reads the file, once, when the first flag asks for it.
func (s *settings) open(c *kong.Context, flags []*kong.Flag) error {
	if s.read {
		return nil
	}
	s.read = true
	name := s.name(c)
	if name == "" {
		return nil
	}
	var wrong []error
	if s.file, wrong = readSettings(name, flags); len(wrong) > 0 {
		last := len(wrong) - 1
		return &sourceError{wrong[last], wrong[:last]}
	}
	return nil
}

// name is that of the file; empty if there is none.
func (s *settings) name(c *kong.Context) string {
	name, _ := s.env.lookup(environmentName(configFlag))
	for _, p := range c.Path {
		if p.Flag != nil && p.Flag.Name == configFlag {
			name, _ = c.FlagValue(p.Flag).(string)
		}
	}
	return name
}

// A sourceError is about the file or the environment, while kong would blame the first flag that is looked up
// in it.
type sourceError struct {
	error
	before []error // what else is wrong, to be told first
}

// readSettings returns a flat map from flags to their values, or all that is wrong with the file, by lines. What is no
// flag is an error: a limit that is misspelled would be no limit.
func readSettings(name string, flags []*kong.Flag) (map[string]setting, []error) {
	nodes, err := decodeSettings(name)
	if err != nil {
		return nil, []error{fmt.Errorf("--config %s: %w", name, err)}
	}
	values := make(map[string]setting)
	var wrong []error
	for _, key := range slices.SortedFunc(maps.Keys(nodes), func(a, b string) int { return cmp.Compare(nodes[a].Line, nodes[b].Line) }) {
		node := nodes[key]
		i := slices.IndexFunc(flags, func(f *kong.Flag) bool { return f.Name == key && key != configFlag })
		if i < 0 {
			wrong = append(wrong, fmt.Errorf("--config %s: line %d: unknown setting %q%s", name, node.Line, key, didYouMean(key, namesOf(flags), strings.Clone)))
			continue
		}
		value, err := settingOf(&node, flags[i].IsSlice())
		if err != nil {
			wrong = append(wrong, fmt.Errorf("--config %s: line %d: %s: %w", name, node.Line, key, err))
		} else if err := fits(flags[i], value); err != nil {
			wrong = append(wrong, fmt.Errorf("--%s: %w (line %d of %s)", key, err, node.Line, name))
		}
		values[key] = setting{value, node.Line}
	}
	return values, wrong
}

// fits returns what is wrong with the type of a value for a flag, as kong will find it. Kong stops at the first.
func fits(flag *kong.Flag, value any) error {
	if value == nil {
		return nil
	}
	scan := kong.ScanFromTokens(kong.Token{Type: kong.FlagValueToken, Value: value})
	return flag.Mapper.Decode(&kong.DecodeContext{Value: flag.Value, Scan: scan}, reflect.New(flag.Target.Type()).Elem())
}

func decodeSettings(name string) (nodes map[string]yaml.Node, err error) {
	content, err := os.ReadFile(name)
	if err != nil {
		return nil, errors.Unwrap(err)
	}
	d := yaml.NewDecoder(bytes.NewReader(content))
	if err := d.Decode(&nodes); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	var more yaml.Node
	if err := d.Decode(&more); !errors.Is(err, io.EOF) {
		return nil, cmp.Or(err, fmt.Errorf("line %d: a second document: want one", more.Line))
	}
	return nodes, nil
}

func namesOf(flags []*kong.Flag) (names []string) {
	for _, f := range flags {
		if f.Name != configFlag {
			names = append(names, f.Name)
		}
	}
	return names
}

// settingOf returns a value as it would stand on the command line, or a list of such.
func settingOf(n *yaml.Node, many bool) (any, error) {
	switch {
	case n.Kind == yaml.ScalarNode && n.Tag == "!!null":
		return nil, nil
	case n.Kind == yaml.ScalarNode:
		return n.Value, nil
	case n.Kind != yaml.SequenceNode || !many:
		if many {
			return nil, errors.New("want a value or a list")
		}
		return nil, errors.New("want one value")
	}
	list := []any{}
	for _, item := range n.Content {
		if item.Kind != yaml.ScalarNode || item.Tag == "!!null" {
			return nil, errors.New("want a list of plain values")
		}
		list = append(list, item.Value)
	}
	return list, nil
}

// didYouMean returns the known name that is nearest to a misspelled one, as the end of an error, or nothing if
// none is near; shown is how it is written there.
func didYouMean(name string, known []string, shown func(string) string) string {
	best, distance := "", 1+max(2, len(name)/4)
	for _, candidate := range known {
		if d := editDistance(name, candidate); d < distance {
			best, distance = candidate, d
		}
	}
	if best == "" {
		return ""
	}
	return ", did you mean " + shown(best) + "?"
}

// editDistance is how many characters must be added, removed or changed (Levenshtein).
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			above := row[j+1]
			if a[i] != b[j] {
				diagonal = 1 + min(diagonal, above, row[j])
			}
			row[j+1], diagonal = diagonal, above
		}
	}
	return row[len(b)]
}
