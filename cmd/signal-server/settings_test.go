package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/cmd/signal-server/internal/server"
	"example.org/rtcpeer/cmd/signal-server/internal/settings"
	"example.org/rtcpeer/cmd/signal-server/internal/turn"
)

// read returns the options of a server without running it.
func read(t *testing.T, env settings.Environment, args ...string) (o server.Options, err error) {
	t.Helper()
	var c struct {
		Serve server.Options `cmd:"" default:"withargs"`
	}
	s := settings.NewLoader(env)
	parser, err := kong.New(&c, kong.Resolvers(s))
	require.NoError(t, err)
	_, err = s.Parse(parser, args)
	return c.Serve, errors.Join(err, errors.Join(s.Problems(nil)...))
}

func TestFlagBeforeEnvironmentBeforeFile(t *testing.T) {
	file := writeFile(t, t.TempDir(), "signal-server.yaml", []byte(`
# all kinds of values
listen: 127.0.0.1:1
max-rooms: 10
max-members: 20
max-sessions: 30
grace: 1m
turn: true
no-page:            # empty is not set
ice-server: [stun:a.example, "stun:b.example"]
turn-allow-peer:
  - 10.0.0.0/8
turn-ports: 50000-50010
resume-key: 0123456789abcdef
`))
	env := environ(map[string]string{
		"SIGNAL_SERVER_CONFIG":       file,
		"SIGNAL_SERVER_MAX_MEMBERS":  "21",
		"SIGNAL_SERVER_MAX_SESSIONS": "31",
		"SIGNAL_SERVER_TURN_ADDRESS": "203.0.113.7,2001:db8::1",
	})
	for _, args := range [][]string{{"--max-sessions=32"}, {"serve", "--max-sessions=32", "--config=" + file}} {
		o, err := read(t, env, args...)
		require.NoError(t, err)
		require.Equal(t, []int{10, 21, 32}, []int{o.Limits.MaxRooms, o.Limits.MaxMembers, o.Limits.MaxSessions})
		require.Equal(t, "127.0.0.1:1", o.Server.Listen)
		require.Equal(t, "1m0s", o.Member.Grace.String())
		require.True(t, o.TURN.On)
		require.False(t, o.Server.NoPage)
		require.Equal(t, []string{"stun:a.example", "stun:b.example"}, o.TURN.ICEServer)
		require.Equal(t, "10.0.0.0/8", o.TURN.AllowPeer[0].String())
		require.Equal(t, turn.PortRange{Low: 50000, High: 50010}, o.TURN.Ports)
		require.Len(t, o.TURN.Address, 2)
		require.Empty(t, o.Problems())
	}
	o, err := read(t, append(env, "SIGNAL_SERVER_CONFIG="), "--listen=:2")
	require.NoError(t, err)
	require.Equal(t, 10000, o.Limits.MaxRooms, "a blank variable is not set")
}

func TestMistakesInTheFile(t *testing.T) {
	for content, want := range map[string]string{
		"max-room: 5":                  `line 1: unknown setting "max-room"`,
		"listen: :1\nlisten: :2":       "already set in line 1",
		"config: other.yaml":           `unknown setting "config"`,
		"turn: {on: true}":             "line 1: turn: want one value",
		"ice-server: [[a]]":            "ice-server: want a list of plain values",
		"max-rooms: many":              "--max-rooms",
		"turn: perhaps":                "--turn",
		"turn-ports: 5-4":              "want two ports",
		"turn-address: example.org":    `--turn-address: want an IP address, for example 203.0.113.7, not "example.org"`,
		"turn-allow-peer: 10.0.0.0":    `--turn-allow-peer: want a network, for example 10.0.0.0/8, not "10.0.0.0"`,
		"listen":                       "line 1: want settings, for example max-rooms: 100",
		"[listen]":                     "line 1: want settings",
		"~":                            "",
		"turn: &on true\nno-page: *on": "",
		"~: 5":                         `line 1: unknown setting "~"`,
		"? [a]\n: 5":                   `line 1: unknown setting ""`,
		"\t":                           "yaml:",
		"version: true":                "", // not a setting to mind
	} {
		file := writeFile(t, t.TempDir(), "a.yaml", []byte(content))
		_, err := read(t, nil, "--config="+file)
		if want == "" {
			require.NoError(t, err)
			continue
		}
		require.ErrorContains(t, err, want, content)
	}
	code, _, stderr := tell(t, "--config=/none.yaml")
	require.Equal(t, exitUsage, code)
	require.Equal(t, "signal-server: --config /none.yaml: no such file or directory; see signal-server --help", stderr)
	_, err := read(t, nil, "--config="+writeFile(t, t.TempDir(), "empty.yaml", nil))
	require.NoError(t, err)
}

// All that is wrong is told at once, by a start as by check-config: on the command line, in the environment, in the file,
// with the values and with this host. What depends on a setting that is wrong is not told.
func TestAllMistakesAreTold(t *testing.T) {
	file := writeFile(t, t.TempDir(), "a.yaml", []byte("max-rooms: many\nturn: perhaps\nmax-room: 5\ngrace: soon\nlisten: [a, b]\nmax-members: 7\n"+
		"max-members: 8\nresume-key: '@/none'\nstate-file: /tmp/state\nturn-address: 203.0.113.7\nadmin-listen: 9081\nlog-level: loud\n"))
	env := settings.Environment{"SIGNAL_SERVER_JOIN_RATE=fast", "SIGNAL_SERVER_TLS_CRT=/a.pem", "SIGNAL_SERVER_TLS_KEY=/b.pem", "SIGNAL_SERVER_MAX_OUTBOX=-1",
		"SIGNAL_SERVER_AUTH_JTW=", "SIGNAL_SERVER_HANDSHAKE_TIMEOUT=9999999999h", "SIGNAL_SERVER_RELAY_TOTAL=0", "SIGNAL_SERVER_KEY="}
	args := []string{"--max-roms=7", "--ping-interval=often", "--config=" + file, "--colour", "red", "--join-timeout=-1s", "--drain-delay"}
	wants := []string{
		`unknown flag --max-roms, did you mean "--max-rooms"`,
		`--ping-interval: .*"often"`,
		`unknown flag --colour`,
		`--drain-delay: expected time value`,
		`--join-rate: .*"fast" \(environment variable SIGNAL_SERVER_JOIN_RATE\)`,
		`environment variable SIGNAL_SERVER_TLS_CRT: no such setting, did you mean SIGNAL_SERVER_TLS_CERT\?`,
		`environment variable SIGNAL_SERVER_AUTH_JTW: .*`,
		`--handshake-timeout: .*"9999999999h".* \(environment variable SIGNAL_SERVER_HANDSHAKE_TIMEOUT\)`,
		`--max-rooms: .*"many" \(line 1 of .*\)`,
		`--turn: .*\(line 2 of .*\)`,
		`line 3: unknown setting "max-room", did you mean max-rooms\?`,
		`--grace: .*\(line 4 of .*\)`,
		`line 5: listen: want one value`,
		`line 7: max-members: already set in line 6`,
		`--resume-key: open /none: no such file or directory \(line 8 of .*\)`,
		`--log-level: want one of debug, info, warn, error, not "loud" \(line 12 of .*\)`,
		`--join-timeout -1s: want a positive time, or 0 for no limit`,
		`--max-outbox -1: want .* \(environment variable SIGNAL_SERVER_MAX_OUTBOX\)`,
		`--relay-total 0: want .* \(environment variable SIGNAL_SERVER_RELAY_TOTAL\)`,
		`--admin-listen and --admin-token: set both or neither \(line 11 of .*\)`,
		`--admin-listen "9081": want host:port, .* \(line 11 of .*\)`,
	}
	for _, command := range [][]string{nil, {"serve"}, {"check-config"}} {
		var stdout, stderr bytes.Buffer
		require.Equal(t, exitUsage, run(t.Context(), append(command, args...), &stdout, &stderr, env))
		lines := strings.Split(strings.TrimSpace(stderr.String()), "\n")
		for i, want := range wants {
			require.Less(t, i, len(lines), "no %s", want)
			require.Regexp(t, `^signal-server: [^\n]*`+want, lines[i], stderr.String())
		}
		require.Len(t, lines, len(wants), stderr.String())
		require.Empty(t, stdout.String())
	}
}

// Invalid values, and problems of this host such as an address that it does not have, are reported in one run.
func TestMistakesAndHostProblems(t *testing.T) {
	code, _, stderr := tell(t, "check-config", "--max-rooms=0", "--listen=203.0.113.7:9080", "--turn", "--turn-address=203.0.113.7", "--turn-listen=nowhere",
		"--turn-ttl=1s", "--state-file=/none/state", "--resume-key=0123456789abcdef", "--ice-server="+"stun:"+strings.Repeat("a", 20_000))
	require.Equal(t, exitUsage, code)
	lines := strings.Split(stderr, "\n")
	for i, want := range []string{"--turn-ttl 1s: want", "--max-rooms 0: want", `--turn-listen "nowhere": want`, "--listen 203.0.113.7:9080: bind: ",
		"--state-file: cannot write to /none: no such file", "--ice-server: "} {
		require.Contains(t, lines[i], want, stderr)
	}
	require.Len(t, lines, 6, stderr)
}

// A secret in a pipe can be read only once.
func TestSecretOfAPipe(t *testing.T) {
	for _, place := range []string{"flag", "environment", "file"} {
		r, w, err := os.Pipe()
		require.NoError(t, err)
		_, err = w.WriteString("0123456789abcdef\n")
		require.NoError(t, errors.Join(err, w.Close()))
		name := fmt.Sprintf("@/dev/fd/%d", r.Fd())
		var env settings.Environment
		var args []string
		switch place {
		case "flag":
			args = []string{"--turn-secret=" + name}
		case "environment":
			env = settings.Environment{"SIGNAL_SERVER_TURN_SECRET=" + name}
		case "file":
			args = []string{"--config=" + writeFile(t, t.TempDir(), "a.yaml", []byte("turn-secret: '"+name+"'"))}
		}
		o, err := read(t, env, args...)
		require.NoError(t, errors.Join(err, r.Close()), place)
		require.EqualValues(t, "0123456789abcdef", o.TURN.Secret, place)
	}
}

// The error for a misspelled setting, or a value of the wrong type, names its variable or line, and for a misspelled name the
// most similar setting.
func TestMistakesNameTheirPlace(t *testing.T) {
	file := func(content string) string { return writeFile(t, t.TempDir(), "a.yaml", []byte(content)) }
	for _, c := range []struct {
		name, variable, yaml string
		want                 string // a regular expression
	}{
		{"a variable", "SIGNAL_SERVER_AUTH_JTW=key.pem", "", `environment variable SIGNAL_SERVER_AUTH_JTW: no such setting, did you mean SIGNAL_SERVER_AUTH_JWT\?`},
		{"a variable without a value", "SIGNAL_SERVER_TURN_SECERT=", "", `SIGNAL_SERVER_TURN_SECERT: no such setting, did you mean SIGNAL_SERVER_TURN_SECRET\?`},
		{"a variable in small letters", "signal_server_listen=:1", "", `signal_server_listen: no such setting, did you mean SIGNAL_SERVER_LISTEN\?`},
		{"a variable like nothing", "SIGNAL_SERVER_COLOUR=red", "", `SIGNAL_SERVER_COLOUR: no such setting; see`},
		{"a variable's beginning", "SIGNAL_SEVER_AUTH_JWT=key.pem", "", `environment variable SIGNAL_SEVER_AUTH_JWT: no such setting, did you mean SIGNAL_SERVER_AUTH_JWT\?`},
		{"a variable's beginning, without _", "SIGNALSERVER_LISTEN=:1", "", `SIGNALSERVER_LISTEN: no such setting, did you mean SIGNAL_SERVER_LISTEN\?`},
		{"a blank secret", "SIGNAL_SERVER_RESUME_KEY= \n", "", `--resume-key: blank: want a secret \(environment variable SIGNAL_SERVER_RESUME_KEY\)`},
		{"a variable's type", "SIGNAL_SERVER_MAX_ROOMS=many", "", `--max-rooms: .*"many" \(environment variable SIGNAL_SERVER_MAX_ROOMS\)`},
		{"a variable's choice", "SIGNAL_SERVER_LOG_FORMAT=xml", "", `--log-format: want one of text, json, not "xml" \(environment variable SIGNAL_SERVER_LOG_FORMAT\)`},
		{"a variable's value", "SIGNAL_SERVER_MAX_ROOMS=0", "", `--max-rooms 0: want 1 to \d+ \(environment variable SIGNAL_SERVER_MAX_ROOMS\)`},
		{"a key", "", "\nmax-room: 5", `line 2: unknown setting "max-room", did you mean max-rooms\?`},
		{"a key with _", "", "max_rooms: 5", `line 1: unknown setting "max_rooms", did you mean max-rooms\?`},
		{"a key's type", "", "no-page: true\nmax-rooms: many", `--max-rooms: .* \(line 2 of .*a\.yaml\)`},
		{"a key's value", "", "\n\nlisten: 9080", `--listen "9080": want host:port, for example :9080.* \(line 3 of .*a\.yaml\)`},
		{"a key in large letters", "", "MAX-ROOMS: 5", `line 1: unknown setting "MAX-ROOMS", did you mean max-rooms\?`},
		{"a group", "", "turn-server:\n  max-rooms: 5", `line 1: unknown setting "turn-server": settings cannot be in groups`},
		{"eight or ten", "", "max-rooms: 010", `--max-rooms: want a number, for example 100, not "010" \(line 1 of .*a\.yaml\)`},
		{"a blank key", "", "auth-jwt: ''", `line 1: auth-jwt: blank: want a value`},
		{"a secret's file without quotes", "", "turn-secret: @/run/secret", `line 1: .*quote a value that begins with @: '@FILE'`},
		{"a tab", "", "turn: true\n\tmax-rooms: 5", `line 2: `},
		{"the variable of a secret's file", "SIGNAL_SERVER_TURN_SECRET_FILE=/run/secret", "", `no such setting, did you mean SIGNAL_SERVER_TURN_SECRET=@FILE\?`},
		{"a secret's file without @", "SIGNAL_SERVER_TURN_SECRET=/proc/self/cmdline", "", `--turn-secret: the value is the name of a file: want the secret itself, or @ followed by the name`},
		{"a secret's file without a name", "SIGNAL_SERVER_TURN_SECRET=@", "", `--turn-secret: want the name of a file after @`},
		{"a list for one value", "", "max-rooms: [1, 2]", `line 1: max-rooms: want one value`},
		{"a list of secrets", "", "resume-key: [hunter2, hunter3]", `line 1: resume-key: want one value`},
		{"nothing in a list", "", "ice-server: [~]", `line 1: ice-server: want a list of plain values`},
		{"a second document", "", "turn: true\n---\nturn: false", `line 2: a second YAML document: want one document`},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, command := range []string{"serve", "check-config"} {
				var stdout, stderr bytes.Buffer
				args, env := []string{command}, noEnv
				if c.variable != "" {
					env = settings.Environment{c.variable}
				}
				if c.yaml != "" {
					args = append(args, "--config="+file(c.yaml))
				}
				require.Equal(t, exitUsage, run(t.Context(), args, &stdout, &stderr, env))
				require.Regexp(t, `^signal-server: [^\n]*`+c.want+`[^\n]*\n$`, stderr.String())
				require.NotContains(t, stderr.String(), "hunter2")
				require.Empty(t, stdout.String())
			}
		})
	}
}

// The errors for mistakes on the command line name the flag.
func TestMistakesOfTheCommandLine(t *testing.T) {
	for arg, want := range map[string]string{
		"--MAX-ROOMS=5":      `unknown flag --MAX-ROOMS, did you mean "--max-rooms"?`,
		"-max-rooms=5":       `unknown flag -max-rooms, did you mean "--max-rooms"?`,
		"--max_rooms":        `unknown flag --max_rooms, did you mean "--max-rooms"?`,
		"--confg=a.yaml":     `unknown flag --confg, did you mean "--config"?`,
		"--colour":           "unknown flag --colour; see",
		"--max-rooms":        "--max-rooms: expected number value, but got no value",
		"--max-rooms=010":    `--max-rooms: want a number, for example 100, not "010"`,
		"--grace=10":         `--grace: want a time, for example 30s or 24h, not "10"`,
		"--config=":          "--config: blank: want a value",
		"--auth-jwt=":        "--auth-jwt: blank: want a value",
		"--auth-hook=":       "--auth-hook: blank: want a value",
		"--allow-origin=":    "--allow-origin: blank: want a value",
		"--resume-key=":      "--resume-key: blank: want a value",
		"--listen=":          "--listen: blank: want a value",
		"--turn-address=":    "--turn-address: blank: want a value",
		"--turn-address=a":   `--turn-address: want an IP address, for example 203.0.113.7, not "a"`,
		"--trusted-proxy=\n": `--trusted-proxy "\n": want an address`,
	} {
		code, stdout, stderr := tell(t, "check-config", arg)
		require.Equal(t, exitUsage, code, arg)
		require.Contains(t, stderr, "signal-server: "+want)
		require.Empty(t, stdout)
	}
}

// What Kubernetes sets beside a service of the name signal-server is no setting.
func TestVariablesOfKubernetes(t *testing.T) {
	_, err := read(t, settings.Environment{"SIGNAL_SERVER=wss://game.example", "SIGNALSERVER_SERVICE_HOST=10.0.0.7", "SIGNALSERVER_PORT=tcp://10.0.0.7:443", "PATH=/bin"})
	require.NoError(t, err)
	for _, variable := range []string{"SERVICE_HOST=10.0.0.7", "SERVICE_PORT=443", "SERVICE_PORT_HTTPS=443", "PORT=tcp://10.0.0.7:443",
		"PORT_443_TCP=tcp://10.0.0.7:443", "PORT_443_TCP_ADDR=10.0.0.7"} {
		_, err := read(t, settings.Environment{"SIGNAL_SERVER_" + variable})
		require.NoError(t, err, variable)
	}
}

// A secret may stand in a file, and the space around it does not count, wherever it stands.
func TestSecrets(t *testing.T) {
	const value = "0123456789abcdef"
	dir := t.TempDir()
	file := writeFile(t, dir, "secret", []byte(value+"\r\n"))
	for _, c := range []struct {
		name, arg string
		env       settings.Environment
		yaml      string
	}{
		{"itself", "--turn-secret=" + value, nil, ""},
		{"with a newline", "--turn-secret=" + value + "\n", nil, ""},
		{"a file", "--turn-secret=@" + file, nil, ""},
		{"a file with a byte order mark", "--turn-secret=@" + writeFile(t, dir, "marked", []byte(settings.ByteOrderMark+value)), nil, ""},
		{"a variable with a newline", "", settings.Environment{"SIGNAL_SERVER_TURN_SECRET=" + value + "\n"}, ""},
		{"a variable that names a file", "", settings.Environment{"SIGNAL_SERVER_TURN_SECRET=@" + file}, ""},
		{"a key that names a file", "", nil, "turn-secret: '@" + file + "'"},
		{"a key with a newline", "", nil, "turn-secret: |\n  " + value + "\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			args := []string{}
			if c.arg != "" {
				args = append(args, c.arg)
			}
			if c.yaml != "" {
				args = append(args, "--config="+writeFile(t, t.TempDir(), "a.yaml", []byte(c.yaml)))
			}
			o, err := read(t, c.env, args...)
			require.NoError(t, err)
			require.EqualValues(t, value, o.TURN.Secret)
		})
	}
	for content, want := range map[string]string{
		"":                            "empty: want a file that contains the secret",
		"\n":                          "empty: want a file that contains the secret",
		"hunter2\nhunter3":            "the secret has several lines: want one line",
		strings.Repeat("hunter", 1e3): "longer than 4096 bytes",
		"hunter2":                     "want at least 16 bytes",
	} {
		for _, flag := range []string{"turn-secret", "resume-key", "admin-token"} {
			code, _, stderr := tell(t, "--admin-listen=:0", "--"+flag+"=@"+writeFile(t, dir, "wrong", []byte(content)))
			require.Equal(t, exitUsage, code)
			require.Contains(t, stderr, "--"+flag+": ")
			require.Contains(t, stderr, want)
			require.NotContains(t, stderr, "hunter")
		}
	}
	_, _, stderr := tell(t, "--turn-secret=@/none")
	require.Contains(t, stderr, "--turn-secret: open /none: no such file")
}

// check-config finds what a start would find on this host.
func TestCheckConfigFindsWhatAStartWouldFind(t *testing.T) {
	for args, want := range map[string]string{
		"--listen=203.0.113.7:9080":                                  "--listen 203.0.113.7:9080: bind: cannot assign requested address",
		"--listen=name.invalid:9080":                                 "--listen name.invalid:9080: ",
		"--turn --turn-address=203.0.113.7 --turn-listen=nowhere":    `--turn-listen "nowhere": want host:port`,
		"--turn --turn-address=203.0.113.7 --turn-listen=[::1]:3478": "--turn: --turn-listen: ",
		"--turn --turn-address=10.0.0.1,10.0.0.2":                    "--turn: ",
		"--turn --turn-address=203.0.113.7 --turn-host=a:b":          `--turn: --turn-host "a:b": `,
		"--state-file=/none/state --resume-key=0123456789abcdef":     "--state-file: cannot write to /none: no such file",
		"--state-file=/tmp --resume-key=0123456789abcdef":            "--state-file: read /tmp: is a directory",
		"--state-file=main.go --resume-key=0123456789abcdef":         "--state-file: main.go: line 1 is not of a state file",
		"--ice-server=stun:" + strings.Repeat("a", 20_000):           "--ice-server: ",
	} {
		code, _, stderr := tell(t, append([]string{"check-config"}, strings.Fields(args)...)...)
		require.Equal(t, exitUsage, code, args)
		require.Contains(t, stderr, want)
		code, _, _ = tell(t, strings.Fields(args)...)
		require.Equal(t, exitUsage, code, "neither does it start: %s", args)
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	code, _, stderr := tell(t, "check-config", "--listen="+taken.Addr().String())
	require.Equal(t, exitOK, code, "it may be the server's own: %s", stderr)

	code, _, stderr = tell(t, "check-config", "--acme-domain=game.example", "--acme-cache=/dev/null/acme")
	require.Equal(t, exitUsage, code, "it could keep no certificate")
	require.Contains(t, stderr, "--acme-cache: cannot write to /dev/null/acme: not a directory")
	dir := t.TempDir()
	code, _, stderr = tell(t, "check-config", "--acme-domain=game.example", "--acme-cache="+dir+"/to/be/made")
	require.Equal(t, exitOK, code, stderr)
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left, "it leaves nothing behind")
}

// Each flag at its edge: what is just allowed, and what is not, with the flag's name in the error.
func TestFlagsAtTheirEdge(t *testing.T) {
	dir := t.TempDir()
	cert, key, _ := writeCertificate(t, dir, 1)
	_, otherKey, _ := writeCertificate(t, t.TempDir(), 2)
	for _, c := range []struct{ good, bad string }{
		{"--max-rooms=1", "--max-rooms=0"},
		{"--max-members=1073741824", "--max-members=1073741825"},
		{"--max-sessions=1", "--max-sessions=-1"},
		{"--max-message=262144", "--max-message=262145"},
		{"--message-rate=0", "--message-rate=-1"},
		{"--max-per-address=0", "--max-per-address=-1"},
		{"--connect-rate=0", "--connect-rate=-1"},
		{"--join-rate=0", "--join-rate=-1"},
		{"--grace=0s", "--grace=-1ns"},
		{"--ping-interval=0s", "--ping-interval=-1ns"},
		{"--drain-delay=0s", "--drain-delay=-1ns"},
		{"--join-timeout=0s", "--join-timeout=-1ns"},
		{"--handshake-timeout=1ms", "--handshake-timeout=0s"},
		{"--handshake-timeout=30s", "--handshake-timeout=31s"},
		{"--max-header=1024", "--max-header=1023"},
		{"--max-outbox=1", "--max-outbox=0"},
		{"--resume-key=0123456789abcdef", "--resume-key=0123456789abcde"},
		{"--turn-secret=0123456789abcdef", "--turn-secret=0123456789abcde"},
		{"--turn-ttl=1m", "--turn-ttl=59s"},
		{"--turn-max-relays=65536", "--turn-max-relays=65537"},
		{"--turn-bandwidth=0", "--turn-bandwidth=-1"},
		{"--turn-ports=1-65535", "--turn-ports=0-65535"},
		{"--turn-ports=7-7", "--turn-ports=7"},
		{"--turn --turn-address=203.0.113.7", "--turn --turn-address=0.0.0.0"},
		{"--turn --turn-address=203.0.113.7 --turn-host=game.example", "--turn-host=game.example"},
		{"--turn-allow-peer=10.0.0.0/8", "--turn-allow-peer=10.0.0.0"},
		{"--ice-server=stun:a", "--ice-server=http:a"},
		{"--ice-server=stuns:a:5349", "--ice-server=stun:"},
		{"--ice-server=turns:a --turn-secret=0123456789abcdef", "--ice-server=turns:a"},
		{"--ice-server=stun:a,stun:b", "--ice-server=stun://a"},
		{"--trusted-proxy=127.0.0.1,10.0.0.0/8,::1", "--trusted-proxy=localhost"},
		{"--tls-cert=" + cert + " --tls-key=" + key, "--tls-cert=" + cert},
		{"--tls-cert=" + cert + " --tls-key=" + key + " --http-redirect=:80", "--http-redirect=:80"},
		{"--tls-cert=" + cert + " --tls-key=" + key, "--tls-cert=" + cert + " --tls-key=" + otherKey},
		{"--acme-domain=game.example", "--acme-domain=localhost"},
		{"--acme-domain=a.example,b.example", "--acme-domain=203.0.113.7"},
		{"--acme-domain=a.example", "--acme-domain=*.a.example"},
		{"--acme-email=ops@a.example", "--acme-email=ops"},
		{"--acme-domain=a.example", "--tls-cert=" + cert + " --tls-key=" + key + " --acme-domain=a.example"},
		{"--acme-directory=https://ca.example/dir", "--acme-directory=http://ca.example/dir"},
		{"--auth-hook=http://localhost/", "--auth-hook=localhost"},
		{"--auth-hook=http://localhost/ --auth-hook-fail-open", "--auth-hook-fail-open"},
		{"--auth-hook-timeout=1ms", "--auth-hook-timeout=0"},
		{"--allow-origin=https://a.example", "--allow-origin=a.example"},
		{"--allow-origin=null", "--allow-origin=https://a.example/"},
		{"--admin-listen=:1 --admin-token=0123456789abcdef", "--admin-listen=:1 --admin-token=0123456789abcde"},
		{"--admin-listen=:1 --admin-token=0123456789abcdef", "--admin-listen=:1"},
		{"--listen=:9080", "--listen=9080"},
		{"--listen=127.0.0.1:0", "--listen=:65536"},
		{"--listen=localhost:http", "--listen=:no-such-service"},
		{"--admin-listen=:1 --admin-token=0123456789abcdef", "--admin-token=0123456789abcdef --admin-listen=1"},
		{"--metrics-listen=off", "--metrics-listen=on"},
		{"--metrics-listen=:9081", "--metrics-listen=localhost:9080"},
		{"--turn --turn-address=203.0.113.7 --turn-listen=:9", "--turn --turn-address=203.0.113.7 --turn-listen=:9080"},
		{"--log-format=json", "--log-format=xml"},
		{"--log-level=debug", "--log-level=loud"},
	} {
		code, stdout, stderr := tell(t, append([]string{"check-config"}, strings.Fields(c.good)...)...)
		require.Equal(t, exitOK, code, "%s: %s", c.good, stderr)
		require.NotEmpty(t, stdout)

		code, stdout, stderr = tell(t, append([]string{"check-config"}, strings.Fields(c.bad)...)...)
		require.Equal(t, exitUsage, code, c.bad)
		flag, value, _ := strings.Cut(strings.Fields(c.bad)[len(strings.Fields(c.bad))-1], "=")
		require.Contains(t, stderr, flag)
		if strings.Contains(flag, "secret") || strings.Contains(flag, "key") || strings.Contains(flag, "token") {
			require.NotContains(t, stderr, value+" ", "a secret is not shown")
		}
		require.Empty(t, stdout)
	}
}

// check-config tells all that is wrong, or what will be.
func TestCheckConfig(t *testing.T) {
	code, stdout, stderr := tell(t, "check-config", "--max-rooms=0", "--grace=-1s", "--resume-key=short")
	require.Equal(t, exitUsage, code)
	require.Empty(t, stdout)
	require.Equal(t, 3, strings.Count(stderr, "signal-server: --"))
	code, _, stderr = tell(t, "--max-rooms=0", "--grace=-1s")
	require.Equal(t, exitUsage, code)
	require.Equal(t, 2, strings.Count(stderr, "signal-server: --"), stderr)

	secret, _ := keyFiles(t, "HS256")
	const hidden = "never-shown-secret"
	code, stdout, stderr = tell(t, "check-config", "--listen=:443", "--acme-domain=game.example", "--turn", "--turn-secret="+hidden,
		"--turn-address=203.0.113.7", "--auth-jwt="+secret, "--allow-origin=https://game.example", "--trusted-proxy=10.0.0.0/8",
		"--metrics-listen=127.0.0.1:9091", "--admin-listen=127.0.0.1:9081", "--admin-token="+hidden, "--resume-key="+hidden)
	require.Equal(t, exitOK, code)
	require.Empty(t, stderr)
	require.NotContains(t, stdout, hidden)
	for _, line := range []string{
		"members: wss on :443, with certificates from Let's Encrypt for game.example, kept in ",
		"X-Forwarded-For is trusted from 10.0.0.0/8",
		"admission: requires a token signed with " + secret,
		"web pages that may connect: those of https://game.example, and this server's own",
		"STUN and TURN: UDP and TCP on :3478, relays on UDP 49152-65535 of 203.0.113.7",
		"TURN over TLS on :5349, as game.example",
		"metrics: /metrics on 127.0.0.1:9091",
		"administration: on 127.0.0.1:9081, with a token",
		"after a restart members can return",
	} {
		require.Contains(t, stdout, line)
	}
	_, stdout, _ = tell(t, "check-config", "--acme-domain=game.example")
	require.Contains(t, stdout, "port 443 of game.example must lead to :9080")
	_, stdout, _ = tell(t, "check-config", "--turn", "--turn-address=203.0.113.7", "--turn-listen-tls=:443")
	require.Contains(t, stdout, "no TURN over TLS: it needs --tls-cert or --acme-domain")
	_, stdout, _ = tell(t, "check-config")
	require.Contains(t, stdout, "members: ws on :9080, without TLS\nadmission: everybody\nno TURN server in this process\nmetrics: /metrics on :9080, open to everybody\n")
}

// The example of DEPLOY.md is right, with the secrets that it has in the environment.
func TestExampleOfSettings(t *testing.T) {
	env := settings.Environment{"SIGNAL_SERVER_ADMIN_TOKEN=" + adminToken, "SIGNAL_SERVER_RESUME_KEY=0123456789abcdef"}
	o, err := read(t, env, "--config=deploy/config.yaml")
	require.NoError(t, err)
	require.Empty(t, o.Problems())
	require.Contains(t, o.Plan(), "relays on UDP 49152-50151")
}
