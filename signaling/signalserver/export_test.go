package signalserver

import "time"

// Pause stops what watches over the sessions, as when the process is stopped. Sweep is what it does when it
// goes on.
func (s *Server) Pause() { s.stop() }

func (s *Server) Sweep() { s.sweepOnce() }

// SetClock is what a step of the wall clock looks like to the server.
func (s *Server) SetClock(step time.Duration) { s.clock.Step(step) }
