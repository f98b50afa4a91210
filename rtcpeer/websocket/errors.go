//go:build !js

package websocket

import "fmt"

// A DialError says why Dial has no connection. It wraps rtcpeer.ErrRefused if the server does not want one.
type DialError struct {
	URL    string // without query
	Status int    // status of an HTTP answer that is not a WebSocket; 0 if there was none
	Err    error
}

func (e *DialError) Error() string { return fmt.Sprintf("websocket: dial %s: %v", e.URL, e.Err) }

// Unwrap returns Err.
func (e *DialError) Unwrap() error { return e.Err }
