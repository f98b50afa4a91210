package webrtc

import (
	"errors"
	"slices"
	"strings"

	"example.org/rtcpeer/rtcpeer/transport"
)

// errNoRoute is the error of a path that may use neither relays nor direct routes.
var errNoRoute = errors.New("webrtc: PathConfig.Direct and Config.RelayOnly exclude each other")

// serversFor returns the ICE servers of a path: the transport's and its own, without TURN servers if the path
// must be direct.
func serversFor(all []transport.ICEServer, config transport.PathConfig) []transport.ICEServer {
	servers := slices.Concat(all, config.ICEServers)
	if !config.Direct {
		return servers
	}
	for i, s := range servers {
		servers[i].URLs = slices.DeleteFunc(slices.Clone(s.URLs), isRelay)
	}
	return slices.DeleteFunc(servers, func(s transport.ICEServer) bool { return len(s.URLs) == 0 })
}

// isRelay reports whether a URL names a TURN server (RFC 7065).
func isRelay(url string) bool {
	scheme, _, _ := strings.Cut(strings.ToLower(url), ":")
	return scheme == "turn" || scheme == "turns"
}
