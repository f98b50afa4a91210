package signalclient

import (
	"log/slog"
	"time"

	"example.org/rtcpeer/signaling"
)

// A Config says how a Client connects. The zero value works.
//
// In a browser it has no TLS, Header, proxy: those are the browser's. A program that sets them does
// not compile for js, rather than connect without what it asked for. Such a server wants its secret
// in the query of the URL, or in signaling.Join.Token.
type Config struct {
	// DialTimeout bounds each attempt to connect, from the name lookup to the welcome. Zero means
	// 10s.
	DialTimeout time.Duration
	// DeadAfter is how long a write may take until the connection counts as lost. Zero means 45s.
	// A browser shows no pings and sends none, so that a silent connection is lost when the
	// browser says so, which may take the operating system's many minutes, or when Client.Check
	// finds it.
	DeadAfter time.Duration
	// CheckTimeout is how long the server may be silent after Client.Check, until the connection
	// counts as lost. Zero means 2s.
	CheckTimeout time.Duration
	// RedialFor is how long to try after a connection was lost. Zero means for ever; negative
	// means not at all.
	RedialFor time.Duration
	// BackoffMin bounds the wait before the first redial, which is random, from 0 to BackoffMin.
	// The bound doubles with each further one, up to BackoffMax. Zero means 200ms and 15s.
	BackoffMin, BackoffMax time.Duration
	// Dialect is what the server speaks. Nil means signaling.V1Client. One in which nobody can come
	// back ends the client with its first connection.
	Dialect *signaling.ClientDialect
	// Log is told of lost connections, of attempts at level debug, and of the return. Nil means
	// nobody.
	Log *slog.Logger
}

func (c Config) own() Config { return c }
