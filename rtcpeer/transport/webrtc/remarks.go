//go:build !js

package webrtc

import (
	"fmt"
	"strings"
	"sync"

	"github.com/pion/logging"
)

// remarks are what Pion tells of one path in its log and nowhere else. TestRemarks sees it if a new version of Pion says
// it in other words. Safe for all.
type remarks struct {
	mu      sync.Mutex // guards the fields below
	relays  []string   // why TURN servers gave no relay
	streams []uint16   // of the other end, that this end does not have
}

// maxRemarks is how many of each are kept: the other end decides how many streams there are.
const maxRemarks = 8

// relayFailures are the beginnings of what Pion says when a TURN server gives no relay. (ice/gather.go)
var relayFailures = []string{
	"failed to allocate on TURN client", "failed to create new TURN client", "failed to listen on TURN client",
	"Failed to dial TCP address", "Failed to dial DTLS address", "Failed to create DTLS client", "Failed to connect to relay",
	"Failed to resolve TCP address", "Failed to resolve UDP address", "Failed to resolve relay address", "Failed to resolve TURN host",
}

func (r *remarks) heard(format string, args []any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case strings.HasSuffix(format, "accepted a new stream (streamIdentifier: %d)"): // sctp/association.go
		if id, ok := args[len(args)-1].(uint16); ok && len(r.streams) < maxRemarks {
			r.streams = append(r.streams, id)
		}
	case len(r.relays) < maxRemarks:
		for _, failure := range relayFailures {
			if strings.HasPrefix(format, failure) {
				r.relays = append(r.relays, relayFailure(args))
			}
		}
	}
}

// relayFailure says which server gave no relay, as far as Pion tells, and what came of asking it.
func relayFailure(args []any) string {
	said := "TURN server:"
	for _, a := range args {
		said += fmt.Sprintf(" %v", a)
	}
	if before, _, silent := strings.Cut(said, "all retransmissions failed"); silent {
		return before + "no answer"
	}
	return said
}

// stray returns the stream of the other end that this end does not have.
func (r *remarks) stray() (id uint16, known bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.streams) == 0 {
		return 0, false
	}
	return r.streams[len(r.streams)-1], true
}

// withoutRelay says why there is no relay, or is empty.
func (r *remarks) withoutRelay() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Join(r.relays, "; ")
}

// listeningFactory makes loggers that listen for remarks.
type listeningFactory struct {
	logging.LoggerFactory
	to *remarks
}

func (f listeningFactory) NewLogger(scope string) logging.LeveledLogger {
	return listening{f.LoggerFactory.NewLogger(scope), f.to}
}

type listening struct {
	logging.LeveledLogger
	to *remarks
}

func (l listening) Debugf(format string, args ...any) {
	l.to.heard(format, args)
	l.LeveledLogger.Debugf(format, args...)
}

func (l listening) Warnf(format string, args ...any) {
	l.to.heard(format, args)
	l.LeveledLogger.Warnf(format, args...)
}
