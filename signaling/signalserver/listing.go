package signalserver

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"sync"

	"example.org/rtcpeer/signaling"
)

// A listing is the public rooms in the order of their names, so that a page goes on where the one
// before has ended, whatever has come and gone. Its mu comes after Server.mu.
type listing struct {
	mu    sync.Mutex // guards rooms
	rooms []*room
}

// listScan is how many rooms one list looks at, at most: the rest is for the next page.
const listScan = 1000

func (l *listing) add(r *room) {
	l.mu.Lock()
	defer l.mu.Unlock()
	i, _ := slices.BinarySearchFunc(l.rooms, r, byName)
	l.rooms = slices.Insert(l.rooms, i, r)
}

func (l *listing) remove(r *room) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if i, found := slices.BinarySearchFunc(l.rooms, r, byName); found {
		l.rooms = slices.Delete(l.rooms, i, i+1)
	}
}

func (l *listing) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.rooms)
}

// after returns the next rooms behind a name, and whether there are more.
func (l *listing) after(name signaling.RoomName) (rooms []*room, more bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	i, found := slices.BinarySearchFunc(l.rooms, &room{name: name}, byName)
	if found {
		i++
	}
	rest := l.rooms[i:]
	return slices.Clone(rest[:min(len(rest), listScan)]), len(rest) > listScan
}

// page answers a list.
func (l *listing) page(q signaling.List) signaling.Rooms {
	limit := q.Limit
	if limit == 0 {
		limit = signaling.DefaultRooms
	}
	rooms, more := l.after(readCursor(q.After))
	page := signaling.Rooms{Rooms: []signaling.PublicRoom{}}
	for i, r := range rooms {
		if len(page.Rooms) == limit {
			page.Next = cursor(rooms[i-1].name)
			return page
		}
		if info, ok := r.public(); ok && matches(r.fields, q.Filter) {
			page.Rooms = append(page.Rooms, info)
		}
	}
	if more {
		page.Next = cursor(rooms[len(rooms)-1].name)
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

// A cursor is the name of the last room of a page. What is none begins with the first room.
func cursor(name signaling.RoomName) string {
	return base64.RawURLEncoding.EncodeToString([]byte(name))
}

func readCursor(after string) signaling.RoomName {
	name, _ := base64.RawURLEncoding.DecodeString(after)
	return signaling.RoomName(name)
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
