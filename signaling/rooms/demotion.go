package rooms

import (
	"hash/fnv"
	"slices"

	"example.org/rtcpeer/signaling"
)

// A demotion is what becomes of a host that was lost and replaced. It has lost its id for good, but not its membership: it
// has a place as a guest, with another id, as if that place had been given up after its grace period. So a page that was
// reloaded comes back with its ticket, also into a room that takes no newcomers.
type demotion struct {
	Host  signaling.PeerID `json:"host"`
	Guest signaling.PeerID `json:"guest"`
	place uint64           // number of the guest's place in this process
}

// maxDemoted is how many demotions a room remembers. All tickets hold them.
const maxDemoted = 4

// demote gives a host that was replaced a place as a guest. The caller holds room.mu.
func (r *room) demote(host signaling.PeerID) {
	r.noteDemotion(demotion{Host: host, Guest: r.newID(false)})
}

// noteDemotion records a demotion, of this process or of an earlier one. The caller holds room.mu.
func (r *room) noteDemotion(d demotion) {
	if slices.ContainsFunc(r.demoted, func(known demotion) bool { return known.Host == d.Host }) {
		return
	}
	r.generation++
	d.place = r.generation
	r.lost.add(place{d.Guest, d.place})
	r.demoted = append(slices.Clone(r.demoted[max(0, len(r.demoted)+1-maxDemoted):]), d)
	r.dirty = true
}

// learnDemotions records the demotions that an earlier process has told of. The caller holds room.mu.
func (r *room) learnDemotions(of []demotion) {
	for _, d := range of {
		r.noteDemotion(d)
	}
}

// asGuest returns the ticket for the place as a guest, if t is the ticket of a host that was replaced, and t itself
// otherwise. A program that was the host all the time gets an error, because it cannot change its id: it must join
// anew, with its ticket and another incarnation. The caller holds room.mu.
func (r *room) asGuest(s Session, t ticket, incarnation, subject string) (ticket, error) {
	i := slices.IndexFunc(r.demoted, func(d demotion) bool { return d.Host == t.ID })
	switch {
	case i < 0 && (t.ID != t.Host || t.Term >= r.term):
		return t, nil
	case i < 0 || t.Program == 0 || t.Program == programOf(incarnation):
		return t, replaced()
	}
	d := r.demoted[i]
	if err := r.banned(s, subject, d.Guest); err != nil {
		return t, err
	}
	if slices.Contains(r.kicked, d.Guest) || r.leftForGood(d.Guest) {
		return t, refuseResume("member %d has left room %q", d.Guest, r.name)
	}
	t.ID, t.origin = d.Guest, origin{r.process, d.place}
	return t, nil
}

// programOf returns a hash that tells the programs of a member apart; 0 if the program has no incarnation.
func programOf(incarnation string) uint64 {
	if incarnation == "" {
		return 0
	}
	h := fnv.New64a()
	h.Write([]byte(incarnation))
	return max(1, h.Sum64())
}
