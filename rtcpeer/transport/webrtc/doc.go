// Package webrtc is the transport over WebRTC data channels, by Pion.
//
//	Transport      one API object, one certificate, perhaps one UDP port for all paths
//	  Path         one PeerConnection; its callbacks become Events
//	    Lane       one negotiated, detached data channel
//	    outlet     what the reliable lanes share: the window, and the packets that wait for it
//
// Its defaults are the lean ones: no media, no interceptors, no mDNS server, SCTP's handshake in the
// SDP (SNAP), no DTLS cookie exchange (ICE has proven the address already), no checksum under DTLS,
// no waiting for a better kind of candidate. Config has what deployments change, and a hook to
// Pion's SettingEngine for the rest.
//
// What the reliable lanes of a path may have in flight is bounded by a window of the package's own, which replaces
// SCTP's: it follows the rate and the delay that it measures, and not each lost packet.
//
// A Transport and its paths may be used from any goroutine. The package is, with the TURN server,
// the only importer of Pion.
package webrtc
