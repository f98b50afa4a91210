package signalclient

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"example.org/rtcpeer/signaling"
)

var (
	// ErrClosed is returned after Close. It wraps net.ErrClosed.
	ErrClosed = fmt.Errorf("signalclient: client closed: %w", net.ErrClosed)
	// ErrBufferFull is returned by Send when 1024 messages or 1 MiB wait for the connection.
	ErrBufferFull = errors.New("signalclient: buffer full: 1024 messages or 1 MiB wait for the connection; try again later")
)

// A DialError says why there is no connection.
type DialError struct {
	URL    string // without user name, password and query
	Status int    // of an HTTP answer that is not a WebSocket; 0 if there was none
	Err    error
	Retry  bool // the same attempt may succeed later

	unreached bool // nothing came from the server or a proxy, not even a refusal
}

func (e *DialError) Error() string { return fmt.Sprintf("signalclient: dial %s: %v", e.URL, e.Err) }

// Unwrap returns Err.
func (e *DialError) Unwrap() error { return e.Err }

// A ProtocolError says that the server sent something that is not in the protocol.
type ProtocolError struct {
	URL      string // as in DialError
	Protocol string // what was expected
	Frame    string // the frame, shortened; empty if there was no frame
	Reason   string
}

func (e *ProtocolError) Error() string {
	text := fmt.Sprintf("signalclient: %s sent something that is not %s: %s", e.URL, e.Protocol, e.Reason)
	if frame := strconv.Quote(e.Frame); e.Frame != "" && !strings.Contains(e.Reason, frame) {
		text += " in " + frame
	}
	return text
}

// A LostError says that a connection was lost and has not come back.
type LostError struct {
	URL string        // as in DialError
	For time.Duration // how long the client has tried: Config.RedialFor, or 0
	Err error         // the last failure
}

func (e *LostError) Error() string {
	if e.For == 0 {
		return fmt.Sprintf("signalclient: %s: connection lost: %v", e.URL, e.Err)
	}
	return fmt.Sprintf("signalclient: %s: connection lost, and not restored within %v: %v", e.URL, e.For, e.Err)
}

// Unwrap returns Err.
func (e *LostError) Unwrap() error { return e.Err }

// Retry reports whether the operation that returned err, an error of this package or a *signaling.Error, may succeed
// later. It is false for all other errors.
func Retry(err error) bool {
	if _, ok := errors.AsType[*LostError](err); ok || errors.Is(err, ErrBufferFull) {
		return true
	}
	if failed, ok := errors.AsType[*DialError](err); ok {
		return failed.Retry
	}
	refused, ok := errors.AsType[*signaling.Error](err)
	return ok && refused.Code.Retry()
}
