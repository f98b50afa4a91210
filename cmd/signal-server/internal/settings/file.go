package settings

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
	"go.yaml.in/yaml/v3"
)

// readFile takes the settings of the file, a flat map from flags to their values.
func (s *Loader) readFile(name string, flags []*kong.Flag) {
	keys, err := decodeSettings(name)
	if err != nil {
		s.add(fmt.Errorf("--config %s: %w", name, err))
		s.noFile = true
		return
	}
	lines := make(map[string]int)
	for len(keys) > 0 {
		key, node := keys[0], keys[1]
		keys = keys[2:]
		wrong := func(meant, format string, args ...any) {
			s.add(fmt.Errorf("--config %s: line %d: "+format, slices.Concat([]any{name, key.Line}, args)...), meant)
		}
		i := slices.IndexFunc(flags, func(f *kong.Flag) bool { return f.Name == key.Value && !isConfig(f) })
		if i < 0 {
			meant := nearest(key.Value, namesOf(flags))
			if meant == "" && node.Kind == yaml.MappingNode {
				wrong(meant, "unknown setting %q: settings cannot be in groups", key.Value)
				continue
			}
			wrong(meant, "unknown setting %q%s", key.Value, didYouMean(meant, strings.Clone))
			continue
		}
		if lines[key.Value] > 0 {
			wrong(key.Value, "%s: already set in line %d", key.Value, lines[key.Value])
			continue
		}
		lines[key.Value] = key.Line
		value, err := settingOf(node, flags[i].IsSlice())
		if err != nil {
			wrong(key.Value, "%s: %w", key.Value, err)
		} else if value != nil && !notSet(key.Value) {
			s.take(flags[i], value, fmt.Sprintf("line %d of %s", key.Line, name))
		}
	}
}

// decodeSettings returns the keys and values of a file, one after the other.
func decodeSettings(name string) ([]*yaml.Node, error) {
	content, err := os.ReadFile(name)
	if err != nil {
		return nil, errors.Unwrap(err)
	}
	d := yaml.NewDecoder(bytes.NewReader(content))
	var document, more yaml.Node
	if err := d.Decode(&document); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, nil
		}
		if !strings.Contains(err.Error(), "line ") { // the parser names no first line
			err = fmt.Errorf("line 1: %w", err)
		}
		if strings.Contains(err.Error(), "cannot start any token") {
			err = fmt.Errorf("%w: indent with spaces, and quote a value that begins with @: '@FILE'", err)
		}
		return nil, err
	}
	if err := d.Decode(&more); !errors.Is(err, io.EOF) {
		return nil, cmp.Or(err, fmt.Errorf("line %d: a second YAML document: want one document", more.Line))
	}
	root := document.Content[0]
	switch {
	case root.Kind == yaml.MappingNode:
		return root.Content, nil
	case root.Kind == yaml.ScalarNode && root.Tag == "!!null":
		return nil, nil
	}
	return nil, fmt.Errorf("line %d: want settings, for example max-rooms: 100", root.Line)
}

func namesOf(flags []*kong.Flag) (names []string) {
	for _, f := range flags {
		if f.Name != configFlag {
			names = append(names, f.Name)
		}
	}
	return names
}

// settingOf returns a value as a string as on the command line, or as a list of such strings.
func settingOf(n *yaml.Node, many bool) (any, error) {
	n = referred(n)
	switch {
	case n.Kind == yaml.ScalarNode && n.Tag == "!!null":
		return nil, nil
	case n.Kind == yaml.ScalarNode && n.Value == "":
		return nil, errBlank
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
		item = referred(item)
		if item.Kind != yaml.ScalarNode || item.Tag == "!!null" {
			return nil, errors.New("want a list of plain values")
		}
		list = append(list, item.Value)
	}
	return list, nil
}

// referred returns the node to which an alias refers.
func referred(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}
