// Package webrtc is the transport over WebRTC data channels. It uses Pion or, when compiled for js, the
// browser's WebRTC.
//
//	Transport      one API object, one certificate, perhaps one UDP port for all paths
//	  Path         one PeerConnection; its callbacks become Events
//	    Lane       one negotiated, detached data channel
//	    outlet     the window that the reliable lanes share, and the packets that wait for it
//
// Its defaults avoid what data channels do not need: no media, no interceptors, no mDNS server, SCTP's
// handshake in the SDP (SNAP), no DTLS cookie exchange (ICE has already proven the address), no checksum under
// DTLS, no waiting for a better kind of candidate. Config has the settings that deployments change, and a hook
// to Pion's SettingEngine for the rest.
//
// The bytes that the reliable lanes of a path may have in flight are limited by a window of this package, which
// replaces SCTP's: it follows the measured rate and delay, and does not shrink with each lost packet.
//
// A Transport and its paths may be used from any goroutine. The only other packages that import Pion are
// rtcpeer/doctor, signaling/turnserver and signaling/attack.
package webrtc
