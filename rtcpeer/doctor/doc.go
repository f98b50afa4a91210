// Package doctor checks what links can use from this machine: STUN servers, TURN servers over UDP, TCP and TLS,
// and the kind of mapping of the NAT in between.
//
//	Examine --+-- binding requests -----------------> STUN and TURN servers over UDP
//	          |   from one socket; each answers with the address that it sees, and comparing these shows the mapping
//	          +-- an allocation for each TURN URL ---> relay
//	          |                                         |
//	          +-- a packet to the relay over UDP --------+  its other end learns the address of this socket:
//	                                                        a second opinion from a single server
//
// All URLs are examined at the same time, each for at most Config.Timeout. When Examine returns, nothing of
// them is still running. The package makes no decisions about links: transport/webrtc does.
package doctor
