//go:build linux

package lab

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// A world is a public host and some seats, each behind a router. It ends with its test.
type world struct {
	t      *testing.T
	prefix string // of the names of its namespaces
	kit    kit
}

// A plan says what a world is like.
type plan struct {
	routers  []kind // one for each seat
	oneHouse bool   // two seats, both behind routers[0]
	lossy    bool   // line 1 loses a tenth
	far      bool   // line 1 is long
	line     *line  // line 1, if it is another long one
}

// keys names the kinds of the routers.
func (p plan) keys() string {
	keys := make([]string, len(p.routers))
	for i, k := range p.routers {
		keys[i] = k.key
	}
	return strings.Join(keys, "/")
}

// longLine returns what line h is like, or nil if it is short.
func (p plan) longLine(h int) *line {
	switch {
	case h != 1:
		return nil
	case p.far:
		return &line{Delay: away}
	}
	return p.line
}

const (
	public        = "public"
	serverAddress = "45.0.0.1"
	pagesAddress  = "45.0.0.2" // TCP port 443 of the other one is the signaling server's
	stunAddress   = pagesAddress
)

func seatName(i int) string   { return fmt.Sprint("seat", i) }
func routerName(i int) string { return fmt.Sprint("router", i) }

var worlds atomic.Int64

// slots bound how many worlds there are at a time.
type slots chan struct{}

// take waits for a slot, which is free again after the test.
func (s slots) take(t *testing.T) {
	s <- struct{}{}
	t.Cleanup(func() { <-s })
}

// pairSlots are for worlds that work more than they wait: with a larger -parallel they would need more memory for
// browsers and wait more for the kernel than it is worth.
var pairSlots = make(slots, 4)

func newWorld(t *testing.T, kit kit, p plan) *world {
	t.Helper()
	w := &world{t: t, prefix: fmt.Sprintf("%s%d-%d-", namePrefix, os.Getpid(), worlds.Add(1)), kit: kit}
	t.Cleanup(func() { removeNamespaces(t, w.prefix) })
	w.namespace(public)
	w.ip(public, "addr add "+serverAddress+"/32 dev lo", "addr add "+pagesAddress+"/32 dev lo")
	for i, k := range p.routers {
		h := i + 1
		w.house(h, k, p.longLine(h))
		w.addSeat(h, h, k)
	}
	if p.oneHouse {
		w.addSeat(2, 1, p.routers[0])
	}
	if p.lossy {
		w.nft(public, lost("line1"))
		w.nft(routerName(1), lost("wan"))
	}
	return w
}

// house adds a router, on a line of its own to the public host.
func (w *world) house(h int, k kind, long *line) {
	w.namespace(routerName(h))
	line := fmt.Sprint("line", h)
	if long != nil {
		w.longLine(*long)
	} else {
		w.ip(routerName(h), fmt.Sprintf("link add wan type veth peer name %s netns %s%s", line, w.prefix, public))
	}
	w.ip(public,
		fmt.Sprintf("addr add 45.0.%d.1/24 dev %s", h, line),
		fmt.Sprintf("link set %s up", line))
	w.ip(routerName(h),
		fmt.Sprintf("addr add 45.0.%d.2/24 dev wan", h),
		"link set wan up",
		fmt.Sprintf("route add default via 45.0.%d.1", h))
	if k.rules != "" {
		w.nft(routerName(h), k.rules)
	}
}

// addSeat adds a host at a router, on a network of its own.
func (w *world) addSeat(s, h int, k kind) {
	network := fmt.Sprintf("192.168.%d.", s)
	if k.open {
		network = fmt.Sprintf("45.1.%d.", s)
		w.ip(public, fmt.Sprintf("route add %s0/24 via 45.0.%d.2", network, h))
	}
	w.namespace(seatName(s))
	w.cable(s, h, "eth", network)
	w.ip(seatName(s), fmt.Sprintf("route add default via %s1", network))
}

// cable connects a seat with a router: they are 2 and 1 in that network.
func (w *world) cable(s, h int, device, network string) {
	lan := fmt.Sprint("lan", s)
	w.ip(seatName(s), fmt.Sprintf("link add %s type veth peer name %s netns %s%s", device, lan, w.prefix, routerName(h)))
	w.ip(routerName(h),
		fmt.Sprintf("addr add %s1/24 dev %s", network, lan),
		fmt.Sprintf("link set %s up", lan))
	w.ip(seatName(s),
		fmt.Sprintf("addr add %s2/24 dev %s", network, device),
		fmt.Sprintf("link set %s up", device))
}

// namespace adds one that forwards, without IPv6: addresses of its own making would be paths that no
// router here has a say in.
func (w *world) namespace(name string) {
	w.command("", "ip", "netns", "add", w.prefix+name)
	w.command("", "ip", "netns", "exec", w.prefix+name, "sh", "-ec", `
		ip link set lo up
		echo 1 >/proc/sys/net/ipv4/ip_forward
		for f in /proc/sys/net/ipv6/conf/*/disable_ipv6; do if [ -e $f ]; then echo 1 >$f; fi; done`)
}

func (w *world) ip(namespace string, lines ...string) {
	w.command(strings.Join(lines, "\n"), "ip", "-n", w.prefix+namespace, "-batch", "-")
}

func (w *world) nft(namespace, rules string) {
	w.command(rules, "ip", "netns", "exec", w.prefix+namespace, "nft", "-f", "-")
}

func (w *world) command(stdin, name string, args ...string) {
	w.t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	require.NoError(w.t, err, "%s %v: %s\n%s", name, args, out, stdin)
}

// namePrefix and the process that made it begin the name of each namespace.
const namePrefix = "rtclab"

var ours = regexp.MustCompile(`^` + namePrefix + `(\d+)-`)

// removeAbandoned removes what a run has left that was killed.
func removeAbandoned(t *testing.T) {
	t.Helper()
	for _, name := range namespaces(t, namePrefix) {
		match := ours.FindStringSubmatch(name)
		if _, err := os.Stat("/proc/" + match[1]); err != nil {
			removeNamespaces(t, match[0])
		}
	}
}

func namespaces(t *testing.T, prefix string) (names []string) {
	t.Helper()
	files, err := filepath.Glob("/run/netns/" + prefix + "*")
	require.NoError(t, err)
	for _, f := range files {
		if name := filepath.Base(f); ours.MatchString(name) {
			names = append(names, name)
		}
	}
	return names
}

// removeNamespaces removes them with the processes that are still there.
func removeNamespaces(t *testing.T, prefix string) {
	t.Helper()
	for _, name := range namespaces(t, prefix) {
		pids, err := exec.Command("ip", "netns", "pids", name).Output()
		require.NoError(t, err)
		for _, field := range strings.Fields(string(pids)) {
			var pid int
			if _, err := fmt.Sscan(field, &pid); err == nil {
				_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended by itself
			}
		}
		out, err := exec.Command("ip", "netns", "delete", name).CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
}
