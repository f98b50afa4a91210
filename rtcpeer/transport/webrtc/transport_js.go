package webrtc

import (
	"errors"
	"fmt"
	"sync/atomic"
	"syscall/js"

	"example.org/rtcpeer/rtcpeer/transport"
)

// Transport makes paths over the browser's WebRTC.
type Transport struct {
	config      Config
	constructor js.Value
	closed      atomic.Bool
	changes     listeners
}

// New returns a transport. It returns an error if the browser has no WebRTC, as in a worker. The caller must
// Close the transport after its paths.
func New(config Config) (*Transport, error) {
	c, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	constructor := js.Global().Get("RTCPeerConnection")
	if constructor.Type() != js.TypeFunction {
		return nil, errors.New("webrtc: no RTCPeerConnection: run in the window of a page, in a browser that allows WebRTC")
	}
	t := &Transport{config: c, constructor: constructor}
	t.changes.start = func() (end func()) { return watchAddresses(t.changes.call) }
	return t, nil
}

// NewPath returns this end of a new path, as transport.Transport says. The caller must Close it. After Close of the
// Transport the error is transport.ErrClosed.
func (t *Transport) NewPath(config transport.PathConfig) (transport.Path, error) {
	if t.closed.Load() {
		return nil, fmt.Errorf("webrtc: new path: %w", transport.ErrClosed)
	}
	if config.Direct && t.config.RelayOnly {
		return nil, errNoRoute
	}
	return newPath(t, config)
}

// OnChange calls f when the network of the page may have changed (see watchAddresses), until stop is called or the
// Transport is closed, as transport.Transport says. f must not block.
func (t *Transport) OnChange(f func()) (stop func()) { return t.changes.add(f) }

// Close makes NewPath fail from now on, and stops the calls of functions given to OnChange. The paths share
// nothing that it would have to free.
func (t *Transport) Close() error {
	t.closed.Store(true)
	t.changes.close()
	return nil
}

// settings returns an RTCConfiguration.
func (t *Transport) settings(config transport.PathConfig) map[string]any {
	var servers []any
	for _, s := range serversFor(t.config.ICEServers, config) {
		servers = append(servers, iceServer(s))
	}
	settings := map[string]any{"iceServers": servers}
	if t.config.RelayOnly {
		settings["iceTransportPolicy"] = "relay"
	}
	return settings
}

func iceServer(s transport.ICEServer) map[string]any {
	urls := make([]any, len(s.URLs))
	for i, u := range s.URLs {
		urls[i] = u
	}
	server := map[string]any{"urls": urls}
	if s.Username != "" || s.Credential != "" {
		server["username"], server["credential"] = s.Username, s.Credential
	}
	return server
}
