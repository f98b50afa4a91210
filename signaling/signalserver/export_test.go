package signalserver

// Pause stops what watches over the sessions, as when the process is stopped. Sweep is what it does when it
// goes on.
func (s *Server) Pause() { s.stop() }

func (s *Server) Sweep() { s.sweepOnce() }
