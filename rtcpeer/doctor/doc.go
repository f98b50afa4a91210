// Package doctor finds out what works from here of what links need: STUN servers, the kind of mapping
// that the NAT in between makes, and TURN servers over UDP, TCP and TLS.
//
//	Examine --+-- binding requests -----------------> STUN and TURN servers over UDP
//	          |   from one socket; each tells the address that it sees, and their comparison the mapping
//	          +-- an allocation for each TURN URL ---> relay
//	          |                                         |
//	          +-- a packet to the relay over UDP --------+  whose other end tells how it sees this socket:
//	                                                        a second opinion from a single server
//
// The examinations of all URLs run at the same time. Each has Config.Timeout, and nothing is left of
// any when Examine returns. The package decides nothing about links: transport/webrtc does.
package doctor
