package signalserver

import "time"

// A Phase is a step whose duration Config.Observe gets.
type Phase string

const (
	// PhaseJoin is from the join message of a newcomer until its welcome is queued, including the wait for
	// Config.Admit and Config.Recovery. Refused joins are not observed.
	PhaseJoin Phase = "join"
	// PhaseResume is the same for a member that resumes.
	PhaseResume Phase = "resume"
	// PhaseMatch is the time from a Join with a Match until the match is complete: mostly the wait for the others.
	PhaseMatch Phase = "match"
	// PhaseAdmit is the time that Config.Admit took, whatever its result.
	PhaseAdmit Phase = "admit"
	// PhaseSignal is from the first byte of a signal's frame, without the wait for Config.MessageRate, until the
	// signal is in the outbox of the other member.
	PhaseSignal Phase = "signal"
	// PhaseWrite is the time of one write to the socket, of one or more frames.
	PhaseWrite Phase = "write"
	// PhaseBus is how long the bus took to renew the lease of this server, once a second (Config.Bus).
	PhaseBus Phase = "bus"
)

// observe reports the time since a phase began to Config.Observe, if there is one.
func (s *Server) observe(p Phase, since time.Time) {
	s.took(p, time.Since(since))
}

func (s *Server) took(p Phase, took time.Duration) {
	if s.config.Observe != nil {
		s.config.Observe(p, took)
	}
}
