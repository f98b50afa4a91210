package rooms

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/text"
)

// A member may change its metadata at any time. In the long run its changes are announced once every tellEvery. A
// change that comes too soon is announced later, together with those that follow it.
const (
	tellEvery = time.Second
	tellBurst = 10
)

// Describe returns the metadata that the others see, for a member that gave own. The error is a *signaling.Error if
// both together are too large. Any other error says what is wrong with the grant.
func (g Grant) Describe(own json.RawMessage) (json.RawMessage, error) {
	metadata := own
	if g.Metadata != nil {
		metadata = g.Metadata
	}
	if g.Name != "" {
		fields := make(map[string]json.RawMessage)
		_ = json.Unmarshal(metadata, &fields) // anything except an object is replaced by an object
		if fields == nil {
			fields = make(map[string]json.RawMessage)
		}
		fields["name"], _ = text.JSON(g.Name)
		metadata, _ = text.JSON(fields)
	}
	if len(metadata) > signaling.MaxMetadata {
		return nil, forbidden("metadata of %d bytes, including the metadata of the grant: at most %d", len(metadata), signaling.MaxMetadata)
	}
	if metadata != nil && !json.Valid(metadata) {
		return nil, errors.New("Grant.Metadata is not JSON")
	}
	return metadata, nil
}

// SetMetadata changes the metadata of m. Granted parts stay, and if there is no room for the new metadata, nothing
// changes. The answer to s has the metadata that now holds.
func (m *Member) SetMetadata(s Session, own json.RawMessage) error {
	changed, err := m.setMetadata(s, own)
	if err != nil {
		return err
	}
	if changed { // for an Attach on another server; before the answer, in case this one dies
		token, err := m.Token()
		if err != nil {
			return fmt.Errorf("rooms: seal a ticket: %w", err)
		}
		s.Welcomed(m, m.Attachment(), token)
	}
	return m.answerMetadata(s, changed)
}

func (m *Member) setMetadata(s Session, own json.RawMessage) (changed bool, err error) {
	r := m.room
	r.mu.Lock()
	defer r.unlock()
	switch {
	case r.elsewhere:
		return false, ErrElsewhere
	case m.session != s:
		return false, nil
	}
	return m.takeMetadata(own), nil
}

// answerMetadata tells the member the metadata that now holds, and the others if it has changed.
func (m *Member) answerMetadata(s Session, changed bool) error {
	r := m.room
	r.mu.Lock()
	defer r.unlock()
	switch {
	case r.elsewhere: // the next owner answers
		return ErrElsewhere
	case r.members[m.id] != m:
		return nil
	}
	if changed {
		r.tellMetadata(m)
	}
	if m.session == s {
		m.deliver(Prepare(signaling.Metadata{ID: m.id, Metadata: m.info.Metadata}))
	}
	return nil
}

// takeMetadata changes the metadata and reports whether the others see a change. The caller holds room.mu.
func (m *Member) takeMetadata(own json.RawMessage) (changed bool) {
	j := m.attachment().Join
	given, err := Grant{Name: m.name}.Describe(own)
	if err != nil || m.fixed || string(given) == string(j.Metadata) {
		return false
	}
	j.Metadata = given
	cost := MemberCost(j)
	if m.room.fits(j, m) != nil || m.room.store.afford(m.account, cost) != nil {
		return false
	}
	m.describe(j)
	m.charge(m.account, cost)
	return true
}

// tellMetadata announces the current metadata of a member, at once or a little later. The caller holds room.mu.
func (r *room) tellMetadata(m *Member) {
	now := r.store.clock.Now()
	if wait := m.tells.Take(now, tellEvery, tellBurst); wait > 0 {
		m.tell = now + wait
		if m.session != nil { // otherwise, this waits until it is attached again
			m.schedule()
		}
		return
	}
	m.tell = 0
	r.announce(m.id, signaling.Metadata{ID: m.id, Metadata: m.info.Metadata})
}
