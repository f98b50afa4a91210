package lab

import (
	"fmt"
	"slices"
	"strings"
	"syscall"
	"time"

	"example.org/rtcpeer/rtcpeer"
)

// A fault is something that happens to the network or to a program while members are connected.
type fault struct {
	key  string // for the names of tests
	name string

	lasts      time.Duration // from begin to end
	prepare    func(*scene)  // before begin; nil: nothing
	begin, end func(*scene)  // end may be nil
	joining    bool          // it begins before the member that it is at has a link

	seats     int     // 0: three
	turn      bool    // there is a TURN server, with the signaling server; otherwise STUN alone
	relayOnly bool    // members use no other path
	concerns  concern // whose links it reaches
	signaling concern // who may lose the signaling server

	limit limit
	short place          // where it is tried in the short form
	long  func() []place // where in the long form; nil: everywhere
}

// A place is a room and a member in it, to which the fault happens.
type place struct {
	topology rtcpeer.Topology
	position position
}

// A position is the place of a member's id in the order of ids. The smallest is the room's creator: in a
// star, the host.
type position int

const (
	smallest position = iota
	middle
	largest
)

func (p position) String() string { return [...]string{"smallest", "middle", "largest"}[p] }

func (p place) String() string { return fmt.Sprintf("%s/%s", p.topology, p.position) }

func everywhere() (all []place) {
	for _, t := range []rtcpeer.Topology{rtcpeer.Mesh, rtcpeer.Star} {
		all = append(all, place{t, smallest}, place{t, middle}, place{t, largest})
	}
	return all
}

// inMeshes are the places where a link of two members that are not the host can be cut.
func inMeshes() []place { return everywhere()[:3] }

// eachTopology is for faults that are at nobody.
func eachTopology() []place { return []place{{rtcpeer.Mesh, smallest}, {rtcpeer.Star, smallest}} }

var faults = slices.Concat(
	udpBlocked(5*time.Second, place{rtcpeer.Mesh, smallest}),
	udpBlocked(15*time.Second, place{rtcpeer.Star, largest}),
	udpBlocked(40*time.Second, place{rtcpeer.Mesh, middle}),
	unplugged(12*time.Second, place{rtcpeer.Star, middle}),
	unplugged(60*time.Second, place{rtcpeer.Mesh, largest}),
	allDropped(12*time.Second, place{rtcpeer.Mesh, largest}),
	allDropped(60*time.Second, place{rtcpeer.Star, middle}),
	asleep(14*time.Second, place{rtcpeer.Star, smallest}),
	asleep(25*time.Second, place{rtcpeer.Mesh, smallest}),
	asleep(50*time.Second, place{rtcpeer.Mesh, largest}),
	[]fault{
		{
			key: "oneway40s", name: "UDP from the member dropped, 40 s", lasts: 40 * time.Second,
			begin: drop(`iifname "LAN" meta l4proto udp drop`), end: (*scene).dropNothing,
			concerns: theHit, limit: pathReturns, short: place{rtcpeer.Mesh, middle},
		},
		{
			key: "blockedjoin", name: "UDP blocked for the first 25 s", lasts: 25 * time.Second, joining: true,
			end:      (*scene).dropNothing,
			concerns: theHit, limit: pathReturns, short: place{rtcpeer.Mesh, largest},
		},
		{
			key: "pair", name: "UDP between two of five dropped, 20 s", lasts: 20 * time.Second, seats: 5,
			begin: drop(betweenTwo), end: (*scene).dropNothing,
			concerns: thePair, limit: pathReturns, short: place{rtcpeer.Mesh, middle}, long: inMeshes,
		},
		{
			key: "pairturn", name: "the same, with a TURN server", lasts: 20 * time.Second, seats: 5, turn: true,
			begin: drop(betweenTwo), end: (*scene).dropNothing,
			concerns: thePair, limit: anyTime, short: place{rtcpeer.Mesh, largest}, long: inMeshes,
		},
		{
			key: "address", name: "another address",
			begin: func(s *scene) {
				s.ip(seat(s.hit), "addr flush dev eth", fmt.Sprintf("addr add 192.168.%d.3/24 dev eth", s.hit), s.defaultRoute())
			},
			concerns: theHit, signaling: theHit, limit: seesChange, short: place{rtcpeer.Mesh, smallest},
		},
		{
			key: "wifilte", name: "Wi-Fi to LTE, both up",
			prepare: func(s *scene) { s.addLTE(); s.plugLTE() }, begin: (*scene).unplug,
			concerns: theHit, signaling: theHit, limit: seesChange, short: place{rtcpeer.Mesh, middle},
		},
		{
			key: "wifigaplte", name: "Wi-Fi to LTE, 1 s between", lasts: time.Second,
			prepare: (*scene).addLTE, begin: (*scene).unplug, end: (*scene).plugLTE,
			concerns: theHit, signaling: theHit, limit: seesChange, short: place{rtcpeer.Star, largest},
		},
		{
			key: "natports", name: "the NAT forgets: other ports",
			begin:    func(s *scene) { s.moveRouter(wanAddress, wanAddress) },
			concerns: theHit, signaling: theHit, limit: natForgets, short: place{rtcpeer.Mesh, largest},
		},
		{
			key: "nataddress", name: "the NAT gets another address",
			begin:    func(s *scene) { s.moveRouter(wanAddress, "45.0.%d.3") },
			concerns: theHit, signaling: theHit, limit: natForgets, short: place{rtcpeer.Star, middle},
		},
		{
			key: "turnrestart", name: "TURN and signaling server restarted, links relayed", lasts: time.Second, turn: true, relayOnly: true,
			begin: (*scene).killServer, end: (*scene).restartServer,
			concerns: everybody, signaling: everybody, limit: restarts, short: place{rtcpeer.Mesh, smallest}, long: eachTopology,
		},
		{
			key: "server", name: "signaling server killed, back after 5 s", lasts: 5 * time.Second,
			begin: (*scene).killServer, end: (*scene).restartServer,
			concerns: nobody, signaling: everybody, limit: untouched, short: place{rtcpeer.Star, smallest}, long: eachTopology,
		},
	},
)

func udpBlocked(lasts time.Duration, short place) []fault {
	return []fault{{
		key: fmt.Sprintf("udp%v", lasts), name: fmt.Sprintf("UDP blocked, %v", lasts), lasts: lasts,
		begin: drop("meta l4proto udp drop"), end: (*scene).dropNothing,
		concerns: theHit, limit: pathReturns, short: short,
	}}
}

func unplugged(lasts time.Duration, short place) []fault {
	return []fault{{
		key: fmt.Sprintf("unplugged%v", lasts), name: fmt.Sprintf("no network: interface down, %v", lasts), lasts: lasts,
		begin: (*scene).unplug, end: (*scene).plug,
		concerns: theHit, signaling: theHit, limit: pathReturns, short: short,
	}}
}

func allDropped(lasts time.Duration, short place) []fault {
	return []fault{{
		key: fmt.Sprintf("dropped%v", lasts), name: fmt.Sprintf("no network: router drops all, %v", lasts), lasts: lasts,
		begin: drop("drop"), end: (*scene).dropNothing,
		concerns: theHit, signaling: theHit, limit: pathReturns, short: short,
	}}
}

func asleep(lasts time.Duration, short place) []fault {
	return []fault{{
		key: fmt.Sprintf("asleep%v", lasts), name: fmt.Sprintf("asleep (SIGSTOP), %v", lasts), lasts: lasts,
		begin:    func(s *scene) { s.recorders[s.hit-1].signal(syscall.SIGSTOP) },
		end:      func(s *scene) { s.recorders[s.hit-1].signal(syscall.SIGCONT) },
		concerns: theHit, signaling: theHit, limit: wakes, short: short,
	}}
}

// betweenTwo is a rule for drop.
const betweenTwo = `ip saddr OTHER meta l4proto udp drop
		ip daddr OTHER meta l4proto udp drop`

// drop has the router of the member drop what the rules match. In them, LAN is its interface to the member,
// and OTHER the address of the other one's router.
func drop(rules string) func(*scene) {
	return func(s *scene) { s.dropAt(s.hit, rules) }
}

func (s *scene) dropAt(h int, rules string) {
	rules = strings.NewReplacer("LAN", fmt.Sprint("lan", h), "OTHER", fmt.Sprintf(wanAddress, s.other)).Replace(rules)
	s.nft(router(h), fmt.Sprintf("table ip fault {\n\tchain fault {\n\t\ttype filter hook forward priority -10\n\t\t%s\n\t}\n}\n", rules))
}

func (s *scene) dropNothing() { s.allowAt(s.hit) }

func (s *scene) allowAt(h int) { s.nft(router(h), "delete table ip fault\n") }

// unplug takes the seat off its network, and its address with it, as a DHCP client does.
func (s *scene) unplug() { s.ip(seat(s.hit), "addr flush dev eth", "link set eth down") }

func (s *scene) plug() {
	s.ip(seat(s.hit), "link set eth up", fmt.Sprintf("addr add 192.168.%d.2/24 dev eth", s.hit), s.defaultRoute())
}

func (s *scene) defaultRoute() string {
	return fmt.Sprintf("route add default via 192.168.%d.1", s.hit)
}

// lte is the number of the second router that a seat may have.
const lte = 9

func (s *scene) addLTE() { s.house(lte, homeRouter, false) }

// plugLTE gives the seat a second network. The default route is the first one's while that is up. What has an
// address of the second one goes there, as on phones; on Linux without that rule it would leave through the
// first.
func (s *scene) plugLTE() {
	s.cable(s.hit, lte, "lte", "192.168.109.")
	s.ip(seat(s.hit),
		"route add default via 192.168.109.1 metric 100",
		"route add default via 192.168.109.1 table 9",
		"rule add from 192.168.109.2 table 9")
}

// wanAddress is that of a router, by its number.
const wanAddress = "45.0.%d.2"

// moveRouter takes the router's address away, with which the kernel forgets all that it has translated, and
// gives it one, the same or another. From then on it takes other ports.
func (s *scene) moveRouter(from, to string) {
	s.nft(router(s.hit), "flush chain ip lab lab_postrouting\n"+
		"add rule ip lab lab_postrouting oifname \"wan\" meta l4proto { tcp, udp } masquerade to :20000-30000\n")
	s.ip(router(s.hit),
		fmt.Sprintf("addr del "+from+"/24 dev wan", s.hit),
		fmt.Sprintf("addr add "+to+"/24 dev wan", s.hit),
		fmt.Sprintf("route add default via 45.0.%d.1", s.hit))
}

func (s *scene) killServer() {
	s.server.signal(syscall.SIGKILL)
	<-s.server.ended
}

func (s *scene) restartServer() { s.server = s.startServers(s.t.Context()) }
