//go:build unix

package interop

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/testdata/npm"
)

// A kind of player.
type kind struct {
	name string
	host string // kind of host; "" is this process
	wasm string // Go program; "" is the JavaScript module
	dial string // what goes before the URL of a room

	secret string // of the star that it joins; "": none

	// What a stack does not do, for the table's notes. gently: not all at once. keeps: it sends again what
	// it should not, which the test expects of it, so as to see when that is over. loses: every link of it loses
	// a record, which an idle link misses for longer than one may be silent that is not connected yet.
	gently, keeps, loses string
}

var (
	inChromium = kind{name: "Chromium", host: "chromium"}
	inFirefox  = kind{name: "Firefox", host: "firefox"}
	inGo       = kind{name: "Go native"}
	inWasm     = kind{name: "Go wasm", host: "chromium", wasm: "player.wasm"}
	inWerift   = kind{name: "werift", host: "werift",
		gently: "werift 0.25.2: the tests send one exchange at a time. If datagrams are lost, for example in a burst to a busy " +
			"Node, werift can keep back a complete reliable message that came before the repetition of an earlier one, until " +
			"the next message of that channel (InboundStream.popMessages). The FORWARD-TSN of an unreliable channel then " +
			"drops that message (receiveForwardTsnChunk prunes all channels), and the channel delivers nothing any more, " +
			"as a trace shows",
		keeps: "werift 0.25.2 treats maxRetransmits 0 as if it were not set (SCTP.maybeAbandon), so all channels on which it " +
			"sends are reliable. According to its source more than 0 is worse: it then gives up the packet that waits first, " +
			"reliable or not",
		loses: "werift 0.25.2 gives its DTLS Finished the number that follows in the old epoch, and counts anew only after it " +
			"(Flight5 and Flight6, sendFinished). The later record of the same number counts as repeated and is dropped " +
			"(RFC 6347, section 4.1.2.6), and SCTP sends its contents again after a second at the earliest. A quiet link " +
			"that waits to be authenticated is lost by that, and made anew: a guest without a secret learns what it lacks " +
			"after several tries, and is not tried here",
	}
	kinds = []kind{
		inChromium, inFirefox, inGo, inWasm,
		{name: "libdatachannel", host: "libdatachannel"}, {name: "libwebrtc", host: "libwebrtc"}, inWerift,
	}
	openChromium = kind{name: "Chromium, addresses open", host: "chromium " + open}
	openFirefox  = kind{name: "Firefox, addresses open", host: "firefox " + open}

	// inGodot are stand-ins for games, which have no place among kinds: they have channel 0 alone, and
	// rules of their own.
	inGodot     = kind{name: "Godot's stand-in", host: "godot"}
	inAddon     = kind{name: "Godot's stand-in with the addon", host: "godot"} // its script, translated
	inGoByGodot = kind{name: "Go native, godot+ws", dial: "godot+"}
)

func (k kind) browser() bool { return k.program() == "chromium" || k.program() == "firefox-esr" }

// program is what a host needs.
func (k kind) program() string {
	switch name, _, _ := strings.Cut(k.host, " "); name {
	case "":
		return "go"
	case "chromium":
		return "chromium"
	case "firefox":
		return "firefox-esr"
	default:
		return "node"
	}
}

// missing says why there are no players of a kind here, or "".
func (k kind) missing() string {
	if _, err := exec.LookPath(k.program()); err != nil {
		return fmt.Sprintf("no %s here: apt-get install -y %[1]s", strings.Replace(k.program(), "node", "nodejs npm", 1))
	}
	if k.program() == "node" {
		if err := npm.Install(packages); err != nil {
			return err.Error()
		}
	}
	return ""
}

// enter has a player of a kind join a room, in a tab of its own or in a frame.
func (l *lab) enter(ctx context.Context, k kind, url string, topology rtcpeer.Topology, tab bool) (*participant, error) {
	if k.host == "" {
		node, err := rtcpeer.Join(ctx, url, config(topology, k.secret))
		if err != nil {
			return nil, err
		}
		return participate(k.name, native{node}), nil
	}
	h, err := l.host(k)
	if err != nil {
		return nil, err
	}
	p := page{Tab: tab, Wasm: k.wasm}
	if k.wasm != "" {
		p.Args = []string{"-test.run=^TestPlayer$"}
	}
	r, err := l.open(ctx, h, p)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", k.name, err)
	}
	return r.enter(ctx, k, url, topology, nil)
}

func (r *remote) enter(ctx context.Context, k kind, url string, topology rtcpeer.Topology, own map[string]any) (*participant, error) {
	if err := r.join(ctx, call{URL: url, Topology: topology, Secret: k.secret, Config: own}); err != nil {
		return nil, fmt.Errorf("%s: %w; %v", k.name, err, r.end())
	}
	return participate(k.name, r), nil
}

// version is that of what a kind of player runs on.
func (k kind) version() string {
	switch k.host {
	case "":
		return fmt.Sprintf("%s with pion/webrtc %s", runtime.Version(), command("go", "list", "-m", "-f", "{{.Version}}", "github.com/pion/webrtc/v4"))
	case "chromium":
		if k.wasm != "" {
			return runtime.Version() + " in Chromium"
		}
		return word(command("chromium", "--version"), 1)
	case "firefox":
		return word(command("firefox-esr", "--version"), 2)
	case "libdatachannel", "godot":
		return "node-datachannel " + packageVersion("node-datachannel")
	case "libwebrtc":
		return "@roamhq/wrtc " + packageVersion("@roamhq/wrtc")
	}
	return packageVersion(k.host)
}

// command returns what a program prints, or why it does not.
func command(name string, args ...string) string {
	cmd := exec.Command(name, args...)
	out, err := cmd.Output()
	if err != nil {
		return err.Error()
	}
	return string(bytes.TrimSpace(out))
}

func word(text string, i int) string {
	if list := strings.Fields(text); i < len(list) {
		return list[i]
	}
	return text
}

func packageVersion(name string) string {
	var p struct{ Version string }
	b, err := os.ReadFile(filepath.Join(packages, "node_modules", name, "package.json"))
	if err == nil {
		err = json.Unmarshal(b, &p)
	}
	if err != nil {
		return err.Error()
	}
	return p.Version
}
