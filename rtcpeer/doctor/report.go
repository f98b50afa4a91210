//go:build !js

package doctor

import "slices"

// A Report is the result of all checks.
type Report struct {
	Checks  []Check // in the order of the URLs
	Mapping Mapping
}

// An Outlook says which peers links could connect to.
type Outlook string

// What Report.Outlook returns.
const (
	Everybody Outlook = "links connect with every peer: directly where possible, otherwise through the TURN server"
	Most      Outlook = "links connect with most peers, but not with peers behind a symmetric NAT or without UDP: a TURN server would help"
	Few       Outlook = "links connect only within the same network and with peers that have a public address: a TURN server would help"
	Near      Outlook = "links connect only within the same network and with peers that have a public address, because no STUN or TURN server is known: signal-server --turn runs both"
	Nobody    Outlook = "no link leaves this network: no STUN or TURN server has answered"
)

// Outlook returns what the checks mean for links.
func (r Report) Outlook() Outlook {
	works := func(turn bool) bool {
		return slices.ContainsFunc(r.Checks, func(c Check) bool { return c.Err == nil && c.TURN() == turn })
	}
	switch {
	case works(true):
		return Everybody
	case len(r.Checks) == 0:
		return Near
	case !works(false):
		return Nobody
	case r.Mapping == MappingSymmetric:
		return Few
	}
	return Most
}
