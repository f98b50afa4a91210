package settings

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"example.org/rtcpeer/cmd/internal/cli"
)

// options has a flag of each kind that the server has.
type options struct {
	Config    string        `placeholder:"FILE"`
	Listen    string        `default:":1"`
	MaxRooms  int           `default:"10"`
	Grace     time.Duration `default:"30s"`
	NoPage    bool
	Secret    Secret   `name:"turn-secret"`
	ICEServer []string `name:"ice-server"`
	LogFormat string   `default:"text" enum:"text,json"`
}

// parse reads the options as the server does, and returns all problems.
func parse(t *testing.T, env Environment, found Problems, args ...string) (o options, problems []string) {
	t.Helper()
	loader := NewLoader(env)
	parser, err := kong.New(&o, append(cli.Values(), kong.Name("test"), kong.Resolvers(loader))...)
	require.NoError(t, err)
	_, err = loader.Parse(parser, args)
	require.NoError(t, err)
	for _, err := range loader.Problems(found) {
		problems = append(problems, err.Error())
	}
	return o, problems
}

func write(t *testing.T, content string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "a.yaml")
	require.NoError(t, os.WriteFile(name, []byte(content), 0o600))
	return name
}

// A value on the command line comes before one in the environment, and that before one in the file. What is empty in
// the environment, or null in the file, is not set.
func TestPrecedence(t *testing.T) {
	const before, variable = "--listen=:2", "SIGNAL_SERVER_LISTEN=:3"
	for _, c := range []struct {
		name string
		env  Environment
		file string
		args []string
		want string
	}{
		{"nowhere", nil, "", nil, ":1"},
		{"command line", Environment{variable}, "listen: :4", []string{before}, ":2"},
		{"environment", Environment{variable}, "listen: :4", nil, ":3"},
		{"file", nil, "listen: :4", nil, ":4"},
		{"empty in the environment", Environment{"SIGNAL_SERVER_LISTEN="}, "listen: :4", nil, ":4"},
		{"twice in the environment", Environment{variable, "SIGNAL_SERVER_LISTEN=:5"}, "", nil, ":5"},
		{"null in the file", nil, "listen: ~", nil, ":1"},
		{"an alias in the file", nil, "ice-server: &a ':6'\nlisten: *a", nil, ":6"},
	} {
		t.Run(c.name, func(t *testing.T) {
			args := c.args
			if c.file != "" {
				args = append(args, "--config="+write(t, c.file))
			}
			o, problems := parse(t, c.env, nil, args...)
			require.Empty(t, problems)
			require.Equal(t, c.want, o.Listen)
		})
	}
	file := write(t, "max-rooms: 5")
	o, problems := parse(t, Environment{"SIGNAL_SERVER_CONFIG=" + file}, nil)
	require.Empty(t, problems)
	require.Equal(t, 5, o.MaxRooms, "the file of the environment")
	o, problems = parse(t, Environment{"SIGNAL_SERVER_CONFIG=" + file, "SIGNAL_SERVER_CONFIG="}, nil)
	require.Empty(t, problems)
	require.Equal(t, 10, o.MaxRooms, "an empty variable means no file")
	_, problems = parse(t, nil, nil, "--config=")
	require.Equal(t, []string{"--config: blank: want a value, or leave the setting out"}, problems)
}

// A problem that was found after the settings were read gets the place of its flag. It is left out if one of its flags
// was set wrongly, because its value is then another one.
func TestProblemsOfWrongSettings(t *testing.T) {
	grace, other := errors.New("--grace 30s: want less"), errors.New("no such host")
	for _, c := range []struct {
		name  string
		env   Environment
		args  []string
		found error
		want  []string
	}{
		{"default", nil, nil, grace, []string{"--grace 30s: want less"}},
		{"command line", nil, []string{"--grace=30s"}, grace, []string{"--grace 30s: want less"}},
		{"environment", Environment{"SIGNAL_SERVER_GRACE=30s"}, nil, grace, []string{"--grace 30s: want less (environment variable SIGNAL_SERVER_GRACE)"}},
		{"a flag in the middle", Environment{"SIGNAL_SERVER_GRACE=30s"}, nil, errors.New("too long: --grace"), []string{"too long: --grace"}},
		{"no flag", Environment{"SIGNAL_SERVER_GRACE=30s"}, nil, other, []string{"no such host"}},
		{"wrong in the environment", Environment{"SIGNAL_SERVER_GRACE=long"}, nil, grace,
			[]string{`--grace: want a time, for example 30s or 24h, not "long" (environment variable SIGNAL_SERVER_GRACE)`}},
		{"misspelled in the environment", Environment{"SIGNAL_SERVER_GRAC=30s"}, nil, grace,
			[]string{"environment variable SIGNAL_SERVER_GRAC: no such setting, did you mean SIGNAL_SERVER_GRACE?"}},
		{"wrong beside another flag", Environment{"SIGNAL_SERVER_GRACE=long"}, nil, errors.New("--listen and --grace: set one"),
			[]string{`--grace: want a time, for example 30s or 24h, not "long" (environment variable SIGNAL_SERVER_GRACE)`}},
		{"wrong, and a problem of no flag", nil, []string{"--listen="}, other, []string{"--listen: " + errBlank.Error(), "no such host"}},
		{"a file that cannot be read", nil, []string{"--config=/none.yaml"}, grace, []string{"--config /none.yaml: no such file or directory"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, problems := parse(t, c.env, Problems{c.found}, c.args...)
			require.Equal(t, c.want, problems)
		})
	}
}

// A value that is wrong does not hide the others.
func TestWrongArgumentsAreRemoved(t *testing.T) {
	o, problems := parse(t, nil, nil, "--colour", "red", "--max-rooms", "many", "--grace=1m", "--no-page=perhaps", "--listen=:2", "--max-rooms=7")
	require.Len(t, problems, 3)
	require.Equal(t, `unknown flag --colour`, problems[0])
	require.Equal(t, `--max-rooms: want a number, for example 100, not "many"`, problems[1])
	require.Contains(t, problems[2], "--no-page")
	require.Equal(t, options{Listen: ":2", MaxRooms: 7, Grace: time.Minute, LogFormat: "text"}, o)
}

func TestNumbersAsTheyAreWritten(t *testing.T) {
	for arg, want := range map[string]any{
		"5": 5, "-5": -5, "0": 0, "010": nil, "0x10": nil, "+5": nil, "5.0": nil, "1e3": nil, " 5": nil, "5 ": nil, "99999999999999999999": nil,
	} {
		o, problems := parse(t, nil, nil, "--max-rooms="+arg)
		if want == nil {
			require.Equal(t, []string{fmt.Sprintf("--max-rooms: want a number, for example 100, not %q", arg)}, problems)
		} else {
			require.Empty(t, problems, arg)
			require.Equal(t, want, o.MaxRooms)
		}
	}
}

// What a value of the file is for a flag that takes one value, and for one that takes several.
func TestSettingOf(t *testing.T) {
	const oneWanted, listWanted, plainWanted = "want one value", "want a value or a list", "want a list of plain values"
	for content, c := range map[string]struct {
		one, many any // or the error
	}{
		"a":          {"a", "a"},
		"010":        {"010", "010"},
		"true":       {"true", "true"},
		"'~'":        {"~", "~"},
		"~":          {nil, nil},
		"''":         {errBlank, errBlank},
		"[a, 5]":     {errors.New(oneWanted), []any{"a", "5"}},
		"[]":         {errors.New(oneWanted), []any{}},
		"[a, [b]]":   {errors.New(oneWanted), errors.New(plainWanted)},
		"[~]":        {errors.New(oneWanted), errors.New(plainWanted)},
		"{a: b}":     {errors.New(oneWanted), errors.New(listWanted)},
		"[&x a, *x]": {errors.New(oneWanted), []any{"a", "a"}},
	} {
		var document yaml.Node
		require.NoError(t, yaml.Unmarshal([]byte(content), &document))
		for many, want := range map[bool]any{false: c.one, true: c.many} {
			got, err := settingOf(document.Content[0], many)
			if wrong, is := want.(error); is {
				require.EqualError(t, err, wrong.Error(), "%s, %v", content, many)
			} else {
				require.NoError(t, err, "%s, %v", content, many)
				require.Equal(t, want, got, "%s, %v", content, many)
			}
		}
	}
}

// A secret is the value or the content of a file, without the space around it. An error does not contain it.
func TestSecretIsDecoded(t *testing.T) {
	dir := t.TempDir()
	file := func(name, content string) string {
		name = filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(name, []byte(content), 0o600))
		return name
	}
	for name, c := range map[string]struct {
		value, want string
		wrong       string // a part of the error
	}{
		"itself":               {"hunter2", "hunter2", ""},
		"space":                {" hunter2\r\n", "hunter2", ""},
		"@ in it":              {"hunter@2", "hunter@2", ""},
		"a file":               {"@" + file("plain", "hunter2\n"), "hunter2", ""},
		"a file of Windows":    {"@" + file("windows", ByteOrderMark+"hunter2\r\n"), "hunter2", ""},
		"no such path":         {"/none/hunter2", "/none/hunter2", ""},
		"a file at its limit":  {"@" + file("limit", strings.Repeat("h", maxSecret)), strings.Repeat("h", maxSecret), ""},
		"a file over it":       {"@" + file("long", strings.Repeat("h", maxSecret+1)), "", "longer than 4096 bytes"},
		"an empty file":        {"@" + file("empty", " \n"), "", "empty"},
		"no file":              {"@" + dir + "/none", "", "no such file"},
		"a folder":             {"@" + dir, "", "is a directory"},
		"no name":              {"@", "", "want the name of a file after @"},
		"the name of a file":   {file("forgotten", "hunter2"), "", "the value is the name of a file"},
		"several lines":        {"hunter2\nhunter3", "", "several lines"},
		"a file of several":    {"@" + file("lines", "hunter2\nhunter3"), "", "several lines"},
		"a file with a NUL":    {"@" + file("binary", "hunter2\x00"), "", "several lines"},
		"nothing but a space":  {" ", "", "blank"},
		"a file with a folder": {"@" + dir + "/", "", "is a directory"},
	} {
		t.Run(name, func(t *testing.T) {
			o, problems := parse(t, nil, nil, "--turn-secret="+c.value)
			if c.wrong == "" {
				require.Empty(t, problems)
				require.EqualValues(t, c.want, o.Secret)
				return
			}
			require.Len(t, problems, 1)
			require.Contains(t, problems[0], c.wrong)
			require.NotContains(t, problems[0], "hunter")
		})
	}
}

// What a misspelled name was probably meant to be.
func TestNearest(t *testing.T) {
	known := []string{"listen", "max-rooms", "max-members", "turn", "max-public-per-address"}
	for name, want := range map[string]string{
		"listen":                 "listen",
		"lsiten":                 "listen",
		"LISTEN":                 "listen",
		"max-room":               "max-rooms",
		"max_rooms":              "max-rooms",
		"maxmembers":             "max-members",
		"max-public-per-addr":    "max-public-per-address", // a quarter of a long name may be wrong
		"public-per-address":     "max-public-per-address",
		"colour":                 "",
		"t":                      "",
		"":                       "",
		"max-rooms-per-address":  "",
		"nothing-like-any-other": "",
	} {
		require.Equal(t, want, nearest(name, known), name)
	}
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "abc", 3}, {"abc", "abc", 0}, {"kitten", "sitting", 3}, {"flaw", "lawn", 2}, {"ab", "ba", 2}, {"abc", "axc", 1}} {
		require.Equal(t, c.want, editDistance(c.a, c.b), "%s %s", c.a, c.b)
		require.Equal(t, c.want, editDistance(c.b, c.a), "%s %s", c.b, c.a)
	}
}

// Which variables are taken for misspelled settings.
func TestMeantVariable(t *testing.T) {
	all := []string{"max-rooms", "turn-secret", "config"}
	for name, c := range map[string]struct {
		flag  string
		wrong bool
	}{
		"SIGNAL_SERVER_MAX_ROMS":  {"max-rooms", true},
		"signal_server_max_rooms": {"max-rooms", true},
		"SIGNAL_SERVER_COLOUR":    {"", true},
		"SIGNAL_SERVER_":          {"", true},
		"SIGNAL_SEVER_MAX_ROOMS":  {"max-rooms", true},
		"SIGNALSERVER_MAX_ROOMS":  {"max-rooms", true},
		"SIGNALSRVR_MAX_ROOMS":    {"", false}, // three letters
		"SIGNAL_SERVER":           {"", false},
		"MAX_ROOMS":               {"", false},
		"PATH":                    {"", false},
	} {
		flag, wrong := meantVariable(name, all)
		require.Equal(t, c.wrong, wrong, name)
		require.Equal(t, c.flag, flag, name)
	}
}

// Only the file of a secret has a variable of its own in other programs.
func TestVariableOfASecretsFile(t *testing.T) {
	_, problems := parse(t, Environment{"SIGNAL_SERVER_TURN_SECRET_FILE=/run/secret", "SIGNAL_SERVER_GRACE_FILE=/run/grace"}, nil)
	require.Equal(t, []string{
		"environment variable SIGNAL_SERVER_TURN_SECRET_FILE: no such setting, did you mean SIGNAL_SERVER_TURN_SECRET=@FILE?",
		"environment variable SIGNAL_SERVER_GRACE_FILE: no such setting",
	}, problems)
}

func TestLookup(t *testing.T) {
	e := Environment{"A=1", "B", "C=x=y", "A=2", "D="}
	for name, want := range map[string]struct {
		value string
		found bool
	}{"A": {"2", true}, "B": {"", false}, "C": {"x=y", true}, "D": {"", true}, "a": {"", false}} {
		value, found := e.Lookup(name)
		require.Equal(t, want.value, value, name)
		require.Equal(t, want.found, found, name)
	}
}

func TestProblems(t *testing.T) {
	var p Problems
	p.Check("--a", nil)
	p.Check("--a", os.ErrNotExist)
	p.AtLeast("--b", "", 16) // not set
	p.AtLeast("--b", "0123456789abcdef", 16)
	p.AtLeast("--b", "hunter2", 16)
	p.Within("--c", 1, 1, 3)
	p.Within("--c", 3, 1, 3)
	p.Within("--c", 0, 1, 3)
	p.Within("--c", 4, 1, 3)
	require.ErrorIs(t, p[0], os.ErrNotExist)
	require.EqualError(t, errors.Join(p...), "--a: file does not exist\n"+
		"--b: want at least 16 bytes, for example from openssl rand -hex 16\n"+
		"--c 0: want 1 to 3\n--c 4: want 1 to 3")

	var w bytes.Buffer
	require.NoError(t, Problems(nil).Tell(&w))
	last := p.Tell(&w)
	require.Equal(t, cli.ExitUsage, cli.ExitCode(last))
	require.EqualError(t, last, "--c 4: want 1 to 3; see signal-server --help")
	require.Equal(t, 3, strings.Count(w.String(), "\n"), "one line for each of the others")
	require.True(t, strings.HasPrefix(w.String(), "signal-server: --a: file does not exist\n"))
}

// Problems of the host are told if they say something new.
func TestAddNew(t *testing.T) {
	for _, c := range []struct {
		name string
		p    Problems
		more string
		new  bool
	}{
		{"none before", nil, "--a: wrong", true},
		{"of another flag", Problems{errors.New("--b: wrong")}, "--a: wrong", true},
		{"of the same flag", Problems{errors.New("--b: wrong"), errors.New("--a 5: wrong")}, "--a: no such file", false},
		{"of a flag named beside", Problems{errors.New("--b: needs --a")}, "--a: wrong", false},
		{"of a flag with a longer name", Problems{errors.New("--a-b: wrong")}, "--a: wrong", true},
		{"of no flag", Problems{errors.New("--a: wrong")}, "no public address", true},
		{"of a field", nil, "Config.A: wrong", true},
		{"of a field, beside a flag", Problems{errors.New("--a: wrong")}, "Config.A: wrong", false},
	} {
		p := append(Problems(nil), c.p...)
		p.AddNew(Problems{errors.New(c.more)})
		require.Equal(t, c.new, len(p) == len(c.p)+1, c.name)
	}
}

func TestNoneIfZero(t *testing.T) {
	require.Equal(t, -1, NoneIfZero(0))
	require.Equal(t, 5, NoneIfZero(5))
	require.Equal(t, time.Duration(-1), NoneIfZero(time.Duration(0)))
}
