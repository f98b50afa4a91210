package settings

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/alecthomas/kong"

	"example.org/rtcpeer/cmd/internal/cli"
)

// An Environment is a list of variables as NAME=value, as os.Environ returns it.
type Environment []string

// Lookup is like os.LookupEnv.
func (e Environment) Lookup(name string) (value string, found bool) {
	for _, one := range e {
		if key, v, ok := strings.Cut(one, "="); ok && key == name {
			value, found = v, true
		}
	}
	return value, found
}

// A Loader finds the values in the environment and in the file of --config. It is a resolver of kong; flags
// on the command line take precedence. An error there, or on the command line, is kept, and its flag is treated
// as if it were not set, so that all errors are found at once.
type Loader struct {
	// Fixed at construction.
	env Environment

	// Owned by kong's Parse.
	read  bool
	known map[string]setting // by name of the flag
	found map[string]string  // where the value of a flag was found, if not on the command line
	wrong Problems
	// unfit are the flags whose setting is wrong. Other problems that depend on them cannot be judged.
	unfit  map[string]bool
	noFile bool // the file cannot be read, so no problem of any flag can be judged
}

// NewLoader returns a Loader for one command line.
func NewLoader(env Environment) *Loader { return &Loader{env: env} }

// A setting is a value from the environment or the file.
type setting struct {
	value any // a string as on the command line, a list of such, or a secret
	place string
}

// Program is the name of the program, with which its messages begin.
const Program = "signal-server"

const configFlag = "config"

// kubernetes matches the variables that Kubernetes sets in each container if there is a service named
// signal-server.
var kubernetes = regexp.MustCompile(`^SIGNAL_SERVER_(SERVICE_HOST|SERVICE_PORT(_.*)?|PORT(_[0-9]+_.*)?)$`)

// Parse lets kong parse the command line. It removes each argument that is wrong, keeps the error, and parses
// again.
func (s *Loader) Parse(parser *kong.Kong, args []string) (*kong.Context, error) {
	for {
		c, err := parser.Parse(args)
		parsing, ok := errors.AsType[*kong.ParseError](err)
		if !ok || parsing.Context == nil || parsing.Context.Error == nil {
			s.addBlank(c)
			return c, err
		}
		path := parsing.Context.Path
		at := len(args) - len(path[len(path)-1].Remainder())
		if at < 0 || at >= len(args) {
			return c, err
		}
		err = clearer(err, args[at], flagsOf(parsing.Context.Model.Node))
		s.add(err, flagNames(err.Error())...)
		end := at + 1
		for isFlag := strings.HasPrefix(args[at], "-") && !strings.Contains(args[at], "="); isFlag && end < len(args) && !strings.HasPrefix(args[end], "-"); {
			end++ // skip its value
		}
		args = slices.Concat(args[:at], args[end:])
	}
}

// clearer rewrites an error of kong about an argument where kong suggests less than it could, or speaks of its
// own tokens.
func clearer(err error, arg string, known []string) error {
	text := err.Error()
	if strings.HasPrefix(text, "unknown flag ") {
		name, _, _ := strings.Cut(arg, "=")
		meant := nearest(strings.TrimLeft(name, "-"), known)
		return fmt.Errorf("unknown flag %s%s", name, didYouMean(meant, func(flag string) string { return strconv.Quote("--" + flag) }))
	}
	if what, ended := strings.CutSuffix(text, ` but got "EOL" (<EOL>)`); ended {
		return fmt.Errorf("%s, but got no value", what)
	}
	return withAddresses(err)
}

// addBlank keeps an error for each flag that is blank on the command line, because a shell variable that is not
// set looks so: --auth-jwt=$KEY would let everybody in, and --config=$FILE would set no limits.
func (s *Loader) addBlank(c *kong.Context) {
	if c == nil {
		return
	}
	for _, p := range c.Path {
		if p.Flag == nil || p.Resolved {
			continue
		}
		if v := reflect.ValueOf(c.FlagValue(p.Flag)); (v.Kind() == reflect.String || v.Kind() == reflect.Slice) && v.Len() == 0 {
			s.add(fmt.Errorf("--%s: %w", p.Flag.Name, errBlank), p.Flag.Name)
		}
	}
}

var errBlank = errors.New("blank: want a value, or leave the setting out")

// add keeps an error in the settings of some flags.
func (s *Loader) add(err error, flags ...string) {
	s.wrong = append(s.wrong, err)
	if s.unfit == nil {
		s.unfit = make(map[string]bool)
	}
	for _, name := range flags {
		s.unfit[name] = true
	}
}

// Problems returns all errors: those in the settings, and those in found, which were found after the settings
// had been read. To an error in found that begins with a flag it adds where the flag's value comes from. It
// leaves out errors that depend on a flag whose setting is wrong.
func (s *Loader) Problems(found Problems) Problems {
	all := slices.Clone(s.wrong)
	for _, err := range found {
		if s.noFile || slices.ContainsFunc(flagNames(err.Error()), func(name string) bool { return s.unfit[name] }) {
			continue
		}
		all = append(all, s.locate(err))
	}
	return all
}

// Validate is called by kong.
func (*Loader) Validate(*kong.Application) error { return nil }

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
func (s *Loader) Resolve(c *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	if !s.read {
		s.read, s.known, s.found = true, make(map[string]setting), make(map[string]string)
		s.readEnvironment(flagsOf(c.Model.Node), c.Flags())
		if name := s.name(c); name != "" && slices.ContainsFunc(c.Flags(), isConfig) {
			s.readFile(name, c.Flags())
		}
	}
	one := s.known[flag.Name]
	if one.value != nil {
		s.found[flag.Name] = one.place
	}
	return one.value, nil
}

var flagName = regexp.MustCompile(`--([a-z][a-z-]*)`)

// flagNames returns the flags that a text mentions.
func flagNames(text string) (names []string) {
	for _, m := range flagName.FindAllStringSubmatch(text, -1) {
		names = append(names, m[1])
	}
	return names
}

// locate adds to an error that begins with a flag where the flag's value was found.
func (s *Loader) locate(err error) error {
	if names := flagNames(err.Error()); len(names) > 0 && strings.HasPrefix(err.Error(), "--"+names[0]) && s.found[names[0]] != "" {
		return fmt.Errorf("%w (%s)", err, s.found[names[0]])
	}
	return err
}

func isConfig(f *kong.Flag) bool { return f.Name == configFlag }

// notSet reports whether a flag can be given only on the command line.
func notSet(name string) bool { return name == "help" || name == "version" }

func environmentName(flag string) string { return cli.Variable(Program, flag) }

// name returns the name of the file of --config, or "" if there is none.
func (s *Loader) name(c *kong.Context) string {
	name, _ := s.env.Lookup(environmentName(configFlag))
	for _, p := range c.Path {
		if p.Flag != nil && p.Flag.Name == configFlag {
			name, _ = c.FlagValue(p.Flag).(string)
		}
	}
	return name
}

// readEnvironment takes the values of the command's flags from the environment. A misspelled variable would set
// nothing, so it is an error. A variable for a flag of another command is not.
func (s *Loader) readEnvironment(all []string, flags []*kong.Flag) {
	for _, one := range s.env {
		name, _, _ := strings.Cut(one, "=")
		if kubernetes.MatchString(name) {
			continue
		}
		if !slices.ContainsFunc(all, func(flag string) bool { return environmentName(flag) == name }) {
			if flag, is := secretInFile(name, flags); is {
				s.add(fmt.Errorf("environment variable %s: no such setting, did you mean %s=@FILE?", name, environmentName(flag)), flag)
			} else if meant, wrong := meantVariable(name, all); wrong {
				s.add(fmt.Errorf("environment variable %s: no such setting%s", name, didYouMean(meant, environmentName)), meant)
			}
			continue
		}
		i := slices.IndexFunc(flags, func(f *kong.Flag) bool { return environmentName(f.Name) == name && !notSet(f.Name) })
		value, _ := s.env.Lookup(name)
		if i < 0 || value == "" {
			continue
		}
		s.take(flags[i], value, "environment variable "+name)
	}
}

// meantVariable reports whether a variable that is not a setting was probably meant as one: its name begins as
// settings do, or nearly equals the whole name of a setting. flag is the flag that was meant, if it is clear
// which.
func meantVariable(name string, all []string) (flag string, wrong bool) {
	if prefix := environmentName(""); len(name) >= len(prefix) && strings.EqualFold(name[:len(prefix)], prefix) {
		return nearest(strings.ReplaceAll(name[len(prefix):], "_", "-"), all), true
	}
	const most = 2
	i := slices.IndexFunc(all, func(flag string) bool {
		known := environmentName(flag)
		return len(known)-most <= len(name) && len(name) <= len(known)+most && editDistance(strings.ToUpper(name), known) <= most
	})
	if i < 0 {
		return "", false
	}
	return all[i], true
}

// secretInFile reports whether a variable is named as other programs name those for the file of a secret, with
// _FILE at the end.
func secretInFile(name string, flags []*kong.Flag) (flag string, is bool) {
	name, is = strings.CutSuffix(name, "_FILE")
	if !is {
		return "", false
	}
	i := slices.IndexFunc(flags, func(f *kong.Flag) bool {
		return environmentName(f.Name) == name && f.Target.Type() == reflect.TypeFor[Secret]()
	})
	if i < 0 {
		return "", false
	}
	return flags[i].Name, true
}

// take keeps the value of a flag if it has the right type.
func (s *Loader) take(flag *kong.Flag, value any, place string) {
	fit, err := fits(flag, value)
	if err != nil {
		s.add(fmt.Errorf("--%s: %w (%s)", flag.Name, err, place), flag.Name)
		return
	}
	if _, set := s.known[flag.Name]; !set {
		s.known[flag.Name] = setting{fit, place}
	}
}

// addressError matches the error of package netip about an address or a network.
var addressError = regexp.MustCompile(`(netip\.ParsePrefix|ParseAddr)\(("(?:[^"\\]|\\.)*")\): .*`)

// withAddresses rewrites an error about an address or a network, which otherwise speaks of the parser.
func withAddresses(err error) error {
	m := addressError.FindStringSubmatchIndex(err.Error())
	if m == nil {
		return err
	}
	text := err.Error()
	want := "an IP address, for example 203.0.113.7"
	if text[m[2]:m[3]] != "ParseAddr" {
		want = "a network, for example 10.0.0.0/8"
	}
	return fmt.Errorf("%swant %s, not %s", text[:m[0]], want, text[m[4]:m[5]])
}

// fits returns a value for a flag, or an error if the value has the wrong type. It reads a secret at once,
// because the file of a secret may be readable only once.
func fits(flag *kong.Flag, value any) (any, error) {
	target := reflect.New(flag.Target.Type()).Elem()
	scan := kong.ScanFromTokens(kong.Token{Type: kong.FlagValueToken, Value: value})
	if err := flag.Mapper.Decode(&kong.DecodeContext{Value: flag.Value, Scan: scan}, target); err != nil {
		switch target.Interface().(type) {
		case bool:
			err = fmt.Errorf("want true or false, not %q", value)
		default:
			err = withAddresses(err)
		}
		return nil, err
	}
	if choices := flag.EnumSlice(); flag.Enum != "" && !slices.Contains(choices, target.String()) {
		return nil, fmt.Errorf("want one of %s, not %q", strings.Join(choices, ", "), target)
	}
	if secret, is := target.Interface().(Secret); is {
		return secret, nil
	}
	return value, nil
}
