package doctor

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"text/tabwriter"
	"time"

	"example.org/rtcpeer/cmd/rtc-client/internal/format"
	"example.org/rtcpeer/rtcpeer/doctor"
)

// A diagnosis is the result of doctor. It is printed as the object of --json or as the table.
type diagnosis struct {
	URL         string         `json:"url"`
	SignalingMS float64        `json:"signaling_ms"` // time until the welcome
	RelayLinks  bool           `json:"relay_links"`  // the server offers links through itself
	Error       string         `json:"error,omitempty"`
	Checks      []checkReport  `json:"checks"`
	Mapping     doctor.Mapping `json:"mapping,omitempty"`
	Outlook     doctor.Outlook `json:"outlook,omitempty"`
	OK          bool           `json:"ok"`

	joined time.Duration
	report doctor.Report
	err    error // of joining the room or of the checks
}

type checkReport struct {
	URL    string  `json:"url"`
	Over   string  `json:"over,omitempty"`
	OK     bool    `json:"ok"`
	MS     float64 `json:"ms"`
	Mapped string  `json:"mapped,omitempty"`
	Relay  string  `json:"relay,omitempty"`
	Error  string  `json:"error,omitempty"`
	Remedy string  `json:"remedy,omitempty"`
}

// settle fills in the fields to print. err, if not nil, is why the checks could not be made.
func (d *diagnosis) settle(err error) {
	d.SignalingMS, d.err = format.Milliseconds(d.joined), err
	if err != nil {
		d.Error = format.Error(err)
		return
	}
	d.Mapping, d.Outlook = d.report.Mapping, d.report.Outlook()
	d.OK = d.Outlook != doctor.Nobody
	for _, c := range d.report.Checks {
		r := checkReport{
			URL: c.URL, Over: c.Over, OK: c.Err == nil, MS: format.Milliseconds(c.Took),
			Mapped: address(c.Mapped), Relay: address(c.Relay), Remedy: c.Remedy,
		}
		if c.Err != nil {
			r.Error = format.Error(c.Err)
		}
		d.Checks = append(d.Checks, r)
	}
}

// failure returns an error if no peer could be reached from this machine.
func (d *diagnosis) failure() error {
	switch {
	case d.err != nil:
		return d.err
	case !d.OK:
		return errors.New(string(d.Outlook))
	}
	return nil
}

func (d *diagnosis) writeJSON(w io.Writer) error { return json.NewEncoder(w).Encode(d) }

func (d *diagnosis) writeTable(w io.Writer) error {
	tw := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	if d.err != nil {
		return nil // the caller reports the error, and there is nothing else to print
	}
	fmt.Fprintf(tw, "%s\t%s\tok\n", d.URL, format.Duration(d.joined))
	for _, c := range d.report.Checks {
		fmt.Fprintf(tw, "%s\t%s\t%s\n", c.URL, format.Duration(c.Took), outcome(c))
	}
	fmt.Fprintf(tw, "\nmapping: %s\nlinks through the server: %s\n%s\n", d.mapping(), d.relaying(), d.Outlook)
	for _, c := range d.report.Checks {
		if c.Remedy != "" {
			fmt.Fprintf(tw, "\n%s: %s\n", c.URL, c.Remedy)
		}
	}
	return tw.Flush()
}

func (d *diagnosis) relaying() string {
	if d.RelayLinks {
		return "offered to members with --relay-links"
	}
	return "not offered"
}

func (d *diagnosis) mapping() string {
	if len(d.report.Checks) == 0 {
		return "unknown; a STUN server can tell (--ice-server)"
	}
	return mappingWords[d.Mapping]
}

var mappingWords = map[doctor.Mapping]string{
	doctor.MappingUnknown:     "unknown; a second STUN server can tell (--ice-server)",
	doctor.MappingNone:        "none, this machine has a public address",
	doctor.MappingIndependent: "endpoint-independent, the same address for every destination",
	doctor.MappingSymmetric:   "symmetric, a different address for each destination",
	doctor.MappingBlocked:     "no answer over UDP",
}

// outcome describes the result of a check in a few words.
func outcome(c doctor.Check) string {
	switch {
	case c.Err != nil:
		return "failed: " + format.Clean(format.Error(c.Err))
	case c.TURN():
		return "ok, a relay at " + c.Relay.String()
	}
	return "ok, this machine is " + c.Mapped.String()
}

func address(a netip.AddrPort) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}
