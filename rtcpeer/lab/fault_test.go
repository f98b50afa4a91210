//go:build linux

package lab

import (
	"fmt"
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

	away      string  // how the member's tab is put away by putAway
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

var faults = []fault{
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
	{
		key: "udp15sturn", name: "UDP blocked, 15s, with TURN over TCP", lasts: 15 * time.Second, turn: true,
		begin: drop("meta l4proto udp drop"), end: (*scene).dropNothing,
		concerns: theHit, limit: anyTime, short: place{rtcpeer.Mesh, smallest},
	},
	{
		key: "oneway40s", name: "UDP from the member dropped, 40s", lasts: 40 * time.Second,
		begin: drop(`iifname "LAN" meta l4proto udp drop`), end: (*scene).dropNothing,
		concerns: theHit, limit: pathReturns, short: place{rtcpeer.Mesh, middle},
	},
	{
		key: "blockedjoin", name: "UDP blocked for the first 25s", lasts: 25 * time.Second, joining: true,
		end:      (*scene).dropNothing,
		concerns: theHit, limit: pathReturns, short: place{rtcpeer.Mesh, largest},
	},
	{
		key: "pair", name: "UDP between two of five dropped, 20s", lasts: 20 * time.Second, seats: 5,
		begin: drop(betweenTwo), end: (*scene).dropNothing,
		concerns: thePair, limit: pathReturns, short: place{rtcpeer.Mesh, middle}, long: inMeshes,
	},
	{
		key: "pairturn", name: "UDP between two of five dropped, 20s, with TURN", lasts: 20 * time.Second, seats: 5, turn: true,
		begin: drop(betweenTwo), end: (*scene).dropNothing,
		concerns: thePair, limit: anyTime, short: place{rtcpeer.Mesh, largest}, long: inMeshes,
	},
	{
		key: "address", name: "another address",
		begin: func(s *scene) {
			s.ip(seatName(s.hit), "addr flush dev eth", fmt.Sprintf("addr add 192.168.%d.3/24 dev eth", s.hit), s.defaultRoute())
		},
		concerns: theHit, signaling: theHit, limit: seesChange, short: place{rtcpeer.Mesh, smallest},
	},
	{
		key: "wifilte", name: "Wi-Fi to LTE, both up",
		prepare: func(s *scene) { s.addLTE(); s.plugLTE() }, begin: (*scene).unplug,
		concerns: theHit, signaling: theHit, limit: seesChange, short: place{rtcpeer.Mesh, middle},
	},
	{
		key: "wifigaplte", name: "Wi-Fi to LTE, 1s between", lasts: time.Second,
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
		key: "server", name: "signaling server killed, back after 5s", lasts: 5 * time.Second,
		begin: (*scene).killServer, end: (*scene).restartServer,
		concerns: nobody, signaling: everybody, limit: untouched, short: place{rtcpeer.Star, smallest}, long: eachTopology,
	},
}

func udpBlocked(lasts time.Duration, short place) fault {
	return fault{
		key: "udp" + seconds(lasts), name: "UDP blocked, " + seconds(lasts), lasts: lasts,
		begin: drop("meta l4proto udp drop"), end: (*scene).dropNothing,
		concerns: theHit, limit: pathReturns, short: short,
	}
}

func unplugged(lasts time.Duration, short place) fault {
	return fault{
		key: "unplugged" + seconds(lasts), name: "no network: interface down, " + seconds(lasts), lasts: lasts,
		begin: (*scene).unplug, end: (*scene).plug,
		concerns: theHit, signaling: theHit, limit: pathReturns, short: short,
	}
}

func allDropped(lasts time.Duration, short place) fault {
	return fault{
		key: "dropped" + seconds(lasts), name: "no network: router drops all, " + seconds(lasts), lasts: lasts,
		begin: drop("drop"), end: (*scene).dropNothing,
		concerns: theHit, signaling: theHit, limit: pathReturns, short: short,
	}
}

func asleep(lasts time.Duration, short place) fault {
	return fault{
		key: "asleep" + seconds(lasts), name: "asleep (SIGSTOP), " + seconds(lasts), lasts: lasts,
		begin:    func(s *scene) { s.recorders[s.hit-1].signal(syscall.SIGSTOP) },
		end:      func(s *scene) { s.recorders[s.hit-1].signal(syscall.SIGCONT) },
		concerns: theHit, signaling: theHit, limit: wakes, short: short,
	}
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.0fs", d.Seconds()) }
