//go:build linux

package lab

import (
	"fmt"
	"strings"
	"syscall"
)

// betweenTwo is a rule for drop.
const betweenTwo = `ip saddr OTHER meta l4proto udp drop
		ip daddr OTHER meta l4proto udp drop`

// drop has the router of the member drop what the rules match. In them, LAN is its interface to the member,
// and OTHER the address of the other one's router.
func drop(rules string) func(*scene) {
	return func(s *scene) { s.dropAt(s.hit, rules) }
}

func (s *scene) dropAt(h int, rules string) {
	s.world.dropAt(h, strings.ReplaceAll(rules, "OTHER", fmt.Sprintf(wanAddress, s.other)))
}

func (w *world) dropAt(h int, rules string) {
	rules = strings.ReplaceAll(rules, "LAN", fmt.Sprint("lan", h))
	w.nft(routerName(h), fmt.Sprintf("table ip fault {\n\tchain fault {\n\t\ttype filter hook forward priority -10\n\t\t%s\n\t}\n}\n", rules))
}

func (s *scene) dropNothing() { s.allowAt(s.hit) }

func (s *scene) allowAt(h int) { s.nft(routerName(h), "delete table ip fault\n") }

// unplug takes the seat off its network, and its address with it, as a DHCP client does.
func (s *scene) unplug() { s.ip(seatName(s.hit), "addr flush dev eth", "link set eth down") }

func (s *scene) plug() {
	s.ip(seatName(s.hit), "link set eth up", fmt.Sprintf("addr add 192.168.%d.2/24 dev eth", s.hit), s.defaultRoute())
}

func (s *scene) defaultRoute() string {
	return fmt.Sprintf("route add default via 192.168.%d.1", s.hit)
}

// lte is the number of the second router that a seat may have.
const lte = 9

func (s *scene) addLTE() { s.house(lte, homeRouter, nil) }

// plugLTE gives the seat a second network. The default route is the first one's while that is up. What has an
// address of the second one goes there, as on phones; on Linux without that rule it would leave through the
// first.
func (s *scene) plugLTE() {
	s.cable(s.hit, lte, "lte", "192.168.109.")
	s.ip(seatName(s.hit),
		"route add default via 192.168.109.1 metric 100",
		"route add default via 192.168.109.1 table 9",
		"rule add from 192.168.109.2 table 9")
}

// wanAddress is that of a router, by its number.
const wanAddress = "45.0.%d.2"

// moveRouter takes the router's address away, with which the kernel forgets all that it has translated, and
// gives it one, the same or another. From then on it takes other ports.
func (s *scene) moveRouter(from, to string) {
	s.nft(routerName(s.hit), "flush chain ip lab lab_postrouting\n"+
		"add rule ip lab lab_postrouting oifname \"wan\" meta l4proto { tcp, udp } masquerade to :20000-30000\n")
	s.ip(routerName(s.hit),
		fmt.Sprintf("addr del "+from+"/24 dev wan", s.hit),
		fmt.Sprintf("addr add "+to+"/24 dev wan", s.hit),
		fmt.Sprintf("route add default via 45.0.%d.1", s.hit))
}

func (s *scene) killServer() {
	s.server.signal(syscall.SIGKILL)
	<-s.server.ended
}

func (s *scene) restartServer() { s.server = s.startSignaling(s.t.Context()) }
