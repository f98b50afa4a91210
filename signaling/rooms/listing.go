package rooms

import (
	"cmp"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"math"
	"slices"
	"sync"

	"example.org/rtcpeer/signaling"
)

// A listing holds the public rooms in an order that nobody can influence: the order of their positions, which are random
// numbers on a circle. Each List begins at a random position, so no room is first for everyone. The next page continues
// where the page before ended, whatever rooms have come and gone. The mu of a listing comes after Store.mu.
type listing struct {
	mu    sync.Mutex // guards rooms
	rooms []*room    // by position
}

// listScan is the largest number of rooms that one page looks at: the rest is for the next page.
const listScan = 1000

func byPosition(a, b *room) int { return cmp.Or(cmp.Compare(a.position, b.position), byName(a, b)) }

func (l *listing) add(r *room) {
	l.mu.Lock()
	defer l.mu.Unlock()
	i, _ := slices.BinarySearchFunc(l.rooms, r, byPosition)
	l.rooms = slices.Insert(l.rooms, i, r)
}

func (l *listing) remove(r *room) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if i, found := slices.BinarySearchFunc(l.rooms, r, byPosition); found {
		l.rooms = slices.Delete(l.rooms, i, i+1)
	}
}

func (l *listing) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.rooms)
}

// A cursor says where a list began on the circle, and how far it has come.
type cursor struct{ began, passed uint64 }

// after returns the next rooms of a list, at most listScan, and whether there are more.
func (l *listing) after(c cursor) (rooms []*room, more bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	first, _ := slices.BinarySearchFunc(l.rooms, c.began+c.passed, func(r *room, position uint64) int { return cmp.Compare(r.position, position) })
	for i := range l.rooms {
		r := l.rooms[(first+i)%len(l.rooms)]
		if r.position-c.began < c.passed { // all around
			return rooms, false
		}
		if len(rooms) == listScan {
			return rooms, true
		}
		rooms = append(rooms, r)
	}
	return rooms, false
}

// A Page is one server's part of the answer to a List.
type Page struct {
	Rooms []signaling.PublicRoom `json:"rooms"`
	// Offsets says how far around the circle each room is. If there are More rooms, Passed says how far this page
	// goes.
	Offsets []uint64 `json:"offsets"`
	Passed  uint64   `json:"passed"`
	More    bool     `json:"more,omitzero"`
}

// Begin returns a List that says where on the circle it begins, so that several servers can answer it.
func Begin(l signaling.List) signaling.List {
	if l.After == "" {
		l.After = readCursor("").String()
	}
	return l
}

// Page returns this server's part of the answer to a List from Begin.
func (s *Store) Page(l signaling.List) Page { return s.listing.page(l) }

// Merge returns the answer to a List from Begin, made of the pages of all servers.
func Merge(l signaling.List, pages []Page) signaling.Rooms {
	type listed struct {
		offset uint64
		room   signaling.PublicRoom
	}
	var all []listed
	more := false
	passed := uint64(math.MaxUint64)
	for _, p := range pages {
		for i := range min(len(p.Rooms), len(p.Offsets)) {
			all = append(all, listed{p.Offsets[i], p.Rooms[i]})
		}
		if p.More {
			more, passed = true, min(passed, p.Passed) // rooms beyond it are for a later page
		}
	}
	slices.SortFunc(all, func(a, b listed) int { return cmp.Compare(a.offset, b.offset) })
	answer := signaling.Rooms{Rooms: []signaling.PublicRoom{}}
	for _, one := range all {
		if more && one.offset >= passed {
			break
		}
		if len(answer.Rooms) == limitOf(l) {
			more, passed = true, one.offset
			break
		}
		answer.Rooms = append(answer.Rooms, one.room)
	}
	if more {
		answer.Next = cursor{readCursor(l.After).began, passed}.String()
	}
	return answer
}

func limitOf(q signaling.List) int { return cmp.Or(q.Limit, signaling.DefaultRooms) }

// page answers a List from Begin.
func (l *listing) page(q signaling.List) (page Page) {
	c := readCursor(q.After)
	rooms, more := l.after(c)
	for _, r := range rooms {
		if len(page.Rooms) == limitOf(q) {
			page.Passed, page.More = c.passed, true
			return page
		}
		if info, ok := r.public(); ok && matches(r.fields, q.Filter) {
			page.Rooms = append(page.Rooms, info)
			page.Offsets = append(page.Offsets, r.position-c.began)
		}
		if c.passed = r.position - c.began + 1; c.passed == 0 { // this was the last position on the circle
			return page
		}
	}
	page.Passed, page.More = c.passed, more
	return page
}

// public returns the room as List shows it, and false if the room accepts no new members any more.
func (r *room) public() (signaling.PublicRoom, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return signaling.PublicRoom{
		Room:       r.name,
		Topology:   r.topology,
		Members:    len(r.members),
		MaxMembers: r.maxMembers,
		Locked:     r.locked,
		Password:   r.fixed.Password != nil,
		Metadata:   r.fixed.Metadata,
	}, !r.sealed && !r.gone
}

func (c cursor) String() string {
	b := binary.BigEndian.AppendUint64(nil, c.began)
	return base64.RawURLEncoding.EncodeToString(binary.BigEndian.AppendUint64(b, c.passed))
}

// readCursor reads the result of String. Any other text begins a new list.
func readCursor(after string) cursor {
	b, err := base64.RawURLEncoding.DecodeString(after)
	if err != nil || len(b) != 16 {
		return cursor{began: randomUint64()}
	}
	return cursor{binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:])}
}

// fieldsOf returns the fields by which List can filter: those of an object that are strings, numbers or booleans.
func fieldsOf(metadata json.RawMessage) map[string]any {
	var fields map[string]any
	if json.Unmarshal(metadata, &fields) != nil {
		return nil
	}
	for name, value := range fields {
		switch value.(type) {
		case string, float64, bool:
		default:
			delete(fields, name)
		}
	}
	return fields
}

func matches(fields, filter map[string]any) bool {
	for name, want := range filter {
		if value, found := fields[name]; !found || value != want {
			return false
		}
	}
	return true
}
