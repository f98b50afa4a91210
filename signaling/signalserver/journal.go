package signalserver

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"sync"
	"time"

	"example.org/rtcpeer/signaling/rooms"
)

// A journal is what must survive a restart, in Config.StateFile: which tickets are void before they expire, because
// their members were removed or their rooms ended, and which bans there are. Each record is one line of JSON. There
// is no other state on disk: the members restore their rooms with their tickets.
//
// One goroutine, run, writes the records, so nobody else waits for the disk. There are at most maxRecords; the oldest
// are dropped for new ones, except bans, because members can cause the other records. Only bans depend on dates,
// because the clock may be wrong when the server starts.
type journal struct {
	// Fixed at construction.
	path string // empty: nothing is written
	fail func(error)

	wake chan struct{} // holds a token when there is something to write

	mu      sync.Mutex // guards the fields below
	records []record
	written int // number of records in the file; -1: the file must be rewritten
}

// A record has one of these fields; a Ban has its seat in Ticket.
type record struct {
	Ticket *rooms.Seat `json:"ticket,omitempty"`
	Room   uint64      `json:"room,omitempty"` // the nonce of a room that was ended
	Ban    *Ban        `json:"ban,omitempty"`
	Unban  uint64      `json:"unban,omitempty"` // the Number of an earlier ban
}

// voided records on all servers that the tickets of a member, or of a room, are void.
func (s *Server) voided(of rooms.Seat) {
	if s.node != nil && s.rooms.Void(of) {
		s.node.Tell(opVoid, []rooms.Seat{of})
	}
	s.journal.addVoid(of)
}

// restore applies the records that earlier processes have left in the journal.
func (s *Server) restore() {
	for _, r := range s.journal.records {
		switch {
		case r.Ban != nil && r.Ticket != nil:
			s.bans.restore(*r.Ban, *r.Ticket)
		case r.Unban != 0:
			s.bans.lift(r.Unban)
		case r.Ticket != nil:
			s.rooms.Void(*r.Ticket)
		case r.Room != 0:
			s.rooms.Void(rooms.Seat{Nonce: r.Room})
		}
	}
}

// maxRecords is enough for most of a day in which a member is removed every second.
const maxRecords = 1 << 16

// openJournal reads the records, and rewrites the file to make sure that it can be written.
func openJournal(path string, fail func(error)) (*journal, error) {
	j := &journal{path: path, fail: fail, wake: make(chan struct{}, 1)}
	if path == "" {
		return j, nil
	}
	var err error
	if j.records, err = readRecords(path); err != nil {
		return nil, fmt.Errorf("signalserver: Config.StateFile: %w", err)
	}
	j.trim()
	if err := j.rewrite(j.records); err != nil {
		return nil, fmt.Errorf("signalserver: Config.StateFile: %w", err)
	}
	j.written = len(j.records)
	return j, nil
}

// CheckStateFile returns the error that New would return because of what is in a Config.StateFile. It writes nothing.
func CheckStateFile(path string) error {
	_, err := readRecords(path)
	return err
}

// readRecords returns the records in a file, or none if there is no such file. A line that is no record is an error,
// because the file may be something else, which openJournal must not replace. Only the last line may be half written.
func readRecords(path string) (records []record, err error) {
	content, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	number := 0
	for line := range bytes.Lines(content) {
		number++
		var r record
		err := json.Unmarshal(line, &r)
		switch {
		case err == nil && r != record{}:
			records = append(records, r)
		case bytes.HasSuffix(line, []byte("\n")):
			return nil, fmt.Errorf("%s: line %d is not of a state file: name another file, or delete this one", path, number)
		}
	}
	return records, nil
}

// add adds a record for run to write. It never blocks.
func (j *journal) add(r record) {
	if j.path == "" {
		return
	}
	j.mu.Lock()
	j.records = append(j.records, r)
	j.trim()
	j.mu.Unlock()
	select {
	case j.wake <- struct{}{}:
	default:
	}
}

// addVoid adds a record that the tickets of a member, or of a room, are void.
func (j *journal) addVoid(of rooms.Seat) {
	if of.ID == 0 {
		j.add(record{Room: of.Nonce})
	} else {
		j.add(record{Ticket: &of})
	}
}

// trim drops the oldest records if there are too many, except bans that still hold. The caller holds mu.
func (j *journal) trim() {
	if len(j.records) <= maxRecords {
		return
	}
	lifted := make(map[uint64]bool)
	for _, r := range j.records {
		lifted[r.Unban] = true
	}
	now, spare := time.Now(), maxRecords*3/4
	for i, r := range slices.Backward(j.records) {
		holds := r.Ban != nil && !lifted[r.Ban.Number] && now.Before(untilOf(*r.Ban))
		if spare--; spare < 0 && !holds || r.Unban != 0 || r.Ban != nil && !holds {
			j.records[i] = record{}
		}
	}
	j.records = slices.DeleteFunc(j.records, func(r record) bool { return r == record{} })
	j.written = -1
}

// writeAgain is how long run waits after an error: a full disk should not be kept busy too.
const writeAgain = 10 * time.Second

// run writes added records until ctx ends, and then those that are left.
func (j *journal) run(ctx context.Context) {
	for ok := true; ctx.Err() == nil; {
		wake, again := j.wake, (<-chan time.Time)(nil)
		if !ok {
			wake, again = nil, time.After(writeAgain)
		}
		select {
		case <-wake:
			ok = j.write()
		case <-again:
			ok = j.write()
		case <-ctx.Done():
		}
	}
	j.write()
}

// write appends the new records, or rewrites the file if some were dropped or could not be written. It reports
// whether the file is complete.
func (j *journal) write() bool {
	if j.path == "" {
		return true
	}
	j.mu.Lock()
	anew := j.written < 0
	news := slices.Clone(j.records[max(j.written, 0):])
	j.written = len(j.records)
	j.mu.Unlock()
	var err error
	switch {
	case anew:
		err = j.rewrite(news)
	case len(news) > 0:
		err = j.append(news)
	}
	if err != nil {
		j.mu.Lock()
		j.written = -1
		j.mu.Unlock()
		j.fail(err)
	}
	return err == nil
}

func (j *journal) append(records []record) error {
	file, err := os.OpenFile(j.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(linesOf(records))
	return errors.Join(err, file.Close())
}

// rewrite replaces the file with a new one, so that the file is complete at any moment.
func (j *journal) rewrite(records []record) error {
	next := j.path + ".new"
	if err := os.WriteFile(next, linesOf(records), 0o600); err != nil {
		return err
	}
	return os.Rename(next, j.path)
}

func linesOf(records []record) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	for _, r := range records {
		_ = e.Encode(r) // a record holds nothing that JSON cannot encode
	}
	return b.Bytes()
}
