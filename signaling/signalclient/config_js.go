package signalclient

import (
	"log/slog"
	"time"

	"example.org/rtcpeer/signaling"
)

// A Config says how a Client connects. The zero value works.
//
// In a browser it has no TLS, Header or proxy, because the browser decides about these. A program that sets them does
// not compile for js, instead of connecting without what it asked for. For a server that needs a secret, put it into
// the query of the URL or into signaling.Join.Token.
type Config struct {
	// DialTimeout bounds each attempt to connect, from the name lookup to the welcome. Zero means
	// 10s.
	DialTimeout time.Duration
	// DeadAfter is how long a write may take before the connection counts as lost. Zero means 45s. A page can neither
	// send nor see pings. So a silent connection is lost when the browser says so, which may take as many minutes as
	// the operating system takes, or when Client.Check finds it.
	DeadAfter time.Duration
	// CheckTimeout is how long the server may be silent after Client.Check before the connection counts as lost. Zero
	// means 2s.
	CheckTimeout time.Duration
	// RedialFor is how long to redial after a connection was lost. Zero means forever; negative means not at all.
	RedialFor time.Duration
	// BackoffMin bounds the wait before the first redial, which is random, from 0 to BackoffMin. The bound doubles
	// with each further redial, up to BackoffMax. Zero means 200ms and 15s.
	BackoffMin, BackoffMax time.Duration
	// Dialect is the protocol of the server. Nil means signaling.V1Client. With a dialect without resumption, the
	// client ends with its first connection.
	Dialect *signaling.ClientDialect
	// Log gets a line for each lost connection and each return, and at debug level for each attempt. Nil means no
	// log.
	Log *slog.Logger
}

func (c Config) own() Config { return c }
