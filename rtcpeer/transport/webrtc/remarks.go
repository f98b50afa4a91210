//go:build !js

package webrtc

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/pion/logging"
)

// remarks are facts about one path that Pion reports only in its log. TestRemarks fails if a new version of
// Pion words them differently. Safe for concurrent use.
type remarks struct {
	mu      sync.Mutex // guards the fields below
	relays  []string   // why TURN servers gave no relay
	streams []uint16   // streams of the other end that this end does not have
}

// maxRemarks is how many of each are kept. It is limited because the other end decides how many streams there
// are.
const maxRemarks = 8

// relayFailures are the beginnings of Pion's log messages when a TURN server gives no relay. (ice/gather.go)
var relayFailures = []string{
	"failed to allocate on TURN client", "failed to create new TURN client", "failed to listen on TURN client",
	"Failed to dial TCP address", "Failed to dial DTLS address", "Failed to create DTLS client", "Failed to connect to relay",
	"Failed to resolve TCP address", "Failed to resolve UDP address", "Failed to resolve relay address", "Failed to resolve TURN host",
}

// stream handles a debug message of Pion's SCTP. There may be one for each packet.
func (r *remarks) stream(format string, args []any) {
	id, ok := newStream(format, args)
	if !ok {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.streams) < maxRemarks {
		r.streams = append(r.streams, id)
	}
}

// relay handles a warning of Pion's ICE.
func (r *remarks) relay(format string, args []any) {
	if !slices.ContainsFunc(relayFailures, func(failure string) bool { return strings.HasPrefix(format, failure) }) {
		return
	}
	said := relayFailure(args)
	r.mu.Lock()
	defer r.mu.Unlock()
	if said != "" && len(r.relays) < maxRemarks {
		r.relays = append(r.relays, said)
	}
}

// newStream returns the stream that the other end has begun, if the message reports one. (sctp/association.go)
func newStream(format string, args []any) (id uint16, ok bool) {
	if len(args) < 2 || !strings.HasSuffix(format, "accepted a new stream (streamIdentifier: %d)") {
		return 0, false
	}
	id, ok = args[1].(uint16)
	return id, ok
}

// relayFailure returns a text that says which server gave no relay, as far as Pion reports it, and why. Pion's
// arguments are the network, if at all, then the server, and then the error. The text is empty for a server
// without an address of that network.
func relayFailure(args []any) string {
	words := make([]string, len(args))
	for i, a := range args {
		words[i] = fmt.Sprint(a)
	}
	if len(words) > 2 {
		words = words[1:]
	}
	why := &words[len(words)-1]
	switch {
	case strings.Contains(*why, "no suitable address"):
		return ""
	case strings.Contains(*why, "all retransmissions failed"):
		*why = "no answer"
	case strings.Contains(*why, "error 401"):
		*why += ": it does not accept the user name and the password"
	}
	return "TURN server " + strings.Join(words, ": ")
}

// stray returns the latest stream of the other end that this end does not have.
func (r *remarks) stray() (id uint16, known bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.streams) == 0 {
		return 0, false
	}
	return r.streams[len(r.streams)-1], true
}

// withoutRelay returns why there is no relay, or "".
func (r *remarks) withoutRelay() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Join(r.relays, "; ")
}

// listeningFactory makes loggers that collect remarks.
type listeningFactory struct {
	logging.LoggerFactory
	to *remarks
}

func (f listeningFactory) NewLogger(scope string) logging.LeveledLogger {
	switch l := f.LoggerFactory.NewLogger(scope); scope {
	case "sctp":
		return streamListener{l, f.to}
	case "ice":
		return relayListener{l, f.to}
	default:
		return l
	}
}

type streamListener struct {
	logging.LeveledLogger
	to *remarks
}

func (l streamListener) Debugf(format string, args ...any) {
	l.to.stream(format, args)
	l.LeveledLogger.Debugf(format, args...)
}

type relayListener struct {
	logging.LeveledLogger
	to *remarks
}

func (l relayListener) Warnf(format string, args ...any) {
	l.to.relay(format, args)
	l.LeveledLogger.Warnf(format, args...)
}
