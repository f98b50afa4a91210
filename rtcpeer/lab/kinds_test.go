//go:build linux

package lab

import "fmt"

// A kind is what stands between a seat and the public network.
type kind struct {
	name  string
	key   string // for the names of tests and rooms
	open  bool   // a router that translates nothing: the seat has a public address
	rules string // of nftables, on the router; its interfaces are wan and lan1, lan2

	without []string // ways to the TURN server that the rules close: udp, tcp
}

// A home router lets in what answers something, and drops the rest. That it drops counts: if it
// answered, its connection tracking would keep the port for what came from outside too early, and give
// the player another one.
var firewall = chain("filter", "input", `iifname "wan" ct state new drop`) +
	chain("filter", "forward", `iifname "wan" ct state new drop`)

var kinds = []kind{
	{name: "public address", key: "public", open: true},
	// The port towards everybody is the player's own: one hole for all (RFC 4787: endpoint-
	// independent mapping, address and port-dependent filtering).
	{name: "port-preserving NAT", key: "preserving", rules: firewall + chain("nat", "postrouting", `oifname "wan" masquerade`)},
	// Another port for each address that the player sends to.
	{name: "symmetric NAT", key: symmetric, rules: firewall + chain("nat", "postrouting", `oifname "wan" masquerade random,fully-random`)},
	{name: "UDP blocked", key: blocked, rules: firewall + chain("nat", "postrouting", `oifname "wan" masquerade`) +
		chain("filter", "forward", `oifname "wan" meta l4proto udp drop`), without: []string{"udp"}},
	// What is left is TURN over TLS, on the port of the signaling.
	{name: "only TCP 443", key: webOnly, rules: firewall + chain("nat", "postrouting", `oifname "wan" masquerade`) +
		chain("filter", "forward", `oifname "wan" meta l4proto != tcp drop`) +
		chain("filter", "forward", `oifname "wan" tcp dport != 443 drop`), without: []string{"udp", "tcp"}},
}

const symmetric, blocked, webOnly = "symmetric", "blocked", "webonly"

// relayed reports whether a pair has no path but through the TURN server: a symmetric NAT shows the
// other one a port that it has not told of, which helps only where the other one lets everybody in.
func relayed(a, b kind) bool {
	switch {
	case a.without != nil || b.without != nil:
		return true
	case a.key == symmetric:
		return !b.open
	}
	return b.key == symmetric && !a.open
}

// lost is the rule of an interface on which a tenth of what comes in is lost.
func lost(iface string) string {
	return chain("filter", "prerouting", `iifname "`+iface+`" numgen random mod 100 < 10 drop`)
}

// priorities are those that netfilter gives the hooks by custom.
var priorities = map[string]int{"prerouting": -300, "input": 0, "forward": 0, "postrouting": 100}

// chain is one of nftables with one rule, in the table lab. Given twice for a hook it has both rules.
func chain(kind, hook, rule string) string {
	return fmt.Sprintf("table ip lab {\n\tchain lab_%s {\n\t\ttype %s hook %s priority %d\n\t\t%s\n\t}\n}\n", hook, kind, hook, priorities[hook], rule)
}
