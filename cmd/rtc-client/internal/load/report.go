package load

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"example.org/rtcpeer/cmd/rtc-client/internal/format"
)

// A report is the result of a load. It is printed as the object of --json or as the table.
type report struct {
	Rooms    int            `json:"rooms"`
	Members  int            `json:"members"` // of each room
	Joins    phaseReport    `json:"joins"`
	Messages phaseReport    `json:"messages"`
	Errors   map[string]int `json:"errors"`
	OK       bool           `json:"ok"`
}

func (r *loadRun) report() report {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := report{Rooms: r.rooms, Members: r.size, Joins: r.joins.report(), Messages: r.messages.report(), Errors: r.errors}
	due := r.rooms * r.size
	all.OK = len(all.Errors) == 0 && all.Joins.Count == due && (r.size < 2 || all.Messages.Count == due*r.each)
	return all
}

func (r report) verdict() error {
	if r.OK {
		return nil
	}
	failures := 0
	for _, n := range r.Errors {
		failures += n
	}
	return errors.New("load incomplete: " + format.Count(failures, "error"))
}

func (r report) writeJSON(w io.Writer) error { return json.NewEncoder(w).Encode(r) }

func (r report) writeTable(w io.Writer) error {
	_, err := fmt.Fprintf(w, "%d rooms of %d\njoins      %s\nmessages   %s\n", r.Rooms, r.Members, r.Joins, r.Messages)
	for text, n := range r.Errors {
		if err == nil {
			_, err = fmt.Fprintf(w, "%d times: %s\n", n, text)
		}
	}
	return err
}
