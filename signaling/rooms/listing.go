package rooms

import (
	"cmp"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"slices"
	"sync"

	"example.org/rtcpeer/signaling"
)

// A listing is the public rooms in an order that nobody can choose: that of their places, which are random
// numbers on a circle. Each list begins somewhere else on it, so no room is first for everybody, and goes on
// where the page before has ended, whatever has come and gone. Its mu comes after Server.mu.
type listing struct {
	mu    sync.Mutex // guards rooms
	rooms []*room    // by place
}

// listScan is how many rooms one list looks at, at most: the rest is for the next page.
const listScan = 1000

func byPlace(a, b *room) int { return cmp.Or(cmp.Compare(a.place, b.place), byName(a, b)) }

func (l *listing) add(r *room) {
	l.mu.Lock()
	defer l.mu.Unlock()
	i, _ := slices.BinarySearchFunc(l.rooms, r, byPlace)
	l.rooms = slices.Insert(l.rooms, i, r)
}

func (l *listing) remove(r *room) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if i, found := slices.BinarySearchFunc(l.rooms, r, byPlace); found {
		l.rooms = slices.Delete(l.rooms, i, i+1)
	}
}

func (l *listing) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.rooms)
}

// A cursor is where a list began on the circle, and how far round it has come.
type cursor struct{ began, passed uint64 }

// after returns the next rooms of a list, and whether there are more.
func (l *listing) after(c cursor) (rooms []*room, more bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	first, _ := slices.BinarySearchFunc(l.rooms, c.began+c.passed, func(r *room, place uint64) int { return cmp.Compare(r.place, place) })
	for i := range l.rooms {
		r := l.rooms[(first+i)%len(l.rooms)]
		if r.place-c.began < c.passed { // once round
			return rooms, false
		}
		if len(rooms) == listScan {
			return rooms, true
		}
		rooms = append(rooms, r)
	}
	return rooms, false
}

// page answers a list.
func (l *listing) page(q signaling.List) signaling.Rooms {
	limit := q.Limit
	if limit == 0 {
		limit = signaling.DefaultRooms
	}
	c := readCursor(q.After)
	rooms, more := l.after(c)
	page := signaling.Rooms{Rooms: []signaling.PublicRoom{}}
	for _, r := range rooms {
		if len(page.Rooms) == limit {
			page.Next = c.String()
			return page
		}
		if info, ok := r.public(); ok && matches(r.fields, q.Filter) {
			page.Rooms = append(page.Rooms, info)
		}
		if c.passed = r.place - c.began + 1; c.passed == 0 { // the last place of all
			return page
		}
	}
	if more {
		page.Next = c.String()
	}
	return page
}

// public returns the room as a list has it: not if it takes nobody any more.
func (r *room) public() (signaling.PublicRoom, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return signaling.PublicRoom{
		Room:       r.name,
		Topology:   r.topology,
		Members:    len(r.members),
		MaxMembers: r.maxMembers,
		Locked:     r.locked,
		Password:   r.terms.Password != nil,
		Metadata:   r.terms.Metadata,
	}, !r.sealed && !r.gone
}

func (c cursor) String() string {
	b := binary.BigEndian.AppendUint64(nil, c.began)
	return base64.RawURLEncoding.EncodeToString(binary.BigEndian.AppendUint64(b, c.passed))
}

// readCursor reads what String wrote. What is none of these begins a list.
func readCursor(after string) cursor {
	b, err := base64.RawURLEncoding.DecodeString(after)
	if err != nil || len(b) != 16 {
		return cursor{began: randomUint64()}
	}
	return cursor{binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:])}
}

// fieldsOf returns what can be asked for: the fields of an object that are strings, numbers and
// booleans.
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
