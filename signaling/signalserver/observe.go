package signalserver

import "time"

// A Phase is something of which Config.Observe is told how long it took.
type Phase string

const (
	// PhaseJoin is from the join message of a newcomer until its welcome is queued, waiting for
	// Config.Admit and Config.Recovery included. Refusals are not told.
	PhaseJoin Phase = "join"
	// PhaseResume is the same for a member that comes back.
	PhaseResume Phase = "resume"
	// PhaseMatch is the same for those who are matched: mostly the wait for the others.
	PhaseMatch Phase = "match"
	// PhaseAdmit is the time that Config.Admit took, whatever its answer.
	PhaseAdmit Phase = "admit"
	// PhaseSignal is from a signal's last byte until it is in the outbox of the other member.
	PhaseSignal Phase = "signal"
	// PhaseWrite is the way into the socket of the frames that waited together, which may be one.
	PhaseWrite Phase = "write"
	// PhaseBus is how long the bus took to renew the lease of this server, once a second (Config.Bus).
	PhaseBus Phase = "bus"
)

// observe tells Config.Observe what took how long, if it wants to know.
func (s *Server) observe(p Phase, since time.Time) {
	s.took(p, time.Since(since))
}

func (s *Server) took(p Phase, took time.Duration) {
	if s.config.Observe != nil {
		s.config.Observe(p, took)
	}
}
