// Package turnserver is a STUN and TURN server in the process of a signaling server, for links that find no direct
// path. It also makes the credentials with which members use this server or an external one.
//
//	           join                 ICEServers(user)
//	member ---------> signaling ---------------------> Server
//	  |    <--------- welcome: stun:, turn:, turns:, expiry:user, HMAC of it
//	  |
//	  |  Allocate, CreatePermission, ChannelBind (STUN's long-term credentials)
//	  +--> UDP socket ------------+
//	  +--> stream (TCP or TLS) ---+--> Pion --> quota, peer rules --> relay: one UDP socket
//	                                                                    |
//	                             peer, or another relay of this server <+
//
// A relay is one allocation: a UDP socket in the port range, the peer addresses that its client has permitted, a
// bandwidth limit in each direction, and its place in the quotas. It ends when its client ends it or stops refreshing
// it, when it exceeds a bound, or with Close.
//
// Two members that both relay through this server reach each other even if its public address belongs to a NAT in
// front of it: a packet for the public address of another relay is sent directly to the socket of that relay. Other
// ports at the public address are not reachable through a relay. Other addresses of this host, the broadcast and
// anycast addresses of its networks, and addresses that are not on the public Internet are refused (see
// Config.AllowPeers).
//
// A credential is short-lived: after its expiry it creates no new allocation. An existing allocation may be refreshed
// for Config.Outlive after that, because the allocation of a link cannot change its credential (RFC 8656 section 5)
// and a game takes longer than a credential should live. When that time is over, too, the permissions of the
// allocation end within five minutes, its channels within ten, and the allocation itself within the lifetime that it
// last asked for, an hour at most.
//
// Pion runs one goroutine for each socket, stream and relay; Close ends all of them and waits until
// each has returned from its last read. All exported methods may be called from any goroutine. No
// lock is held while Pion's code is called.
//
// There are no TCP allocations (RFC 6062) and no DTLS listeners, because WebRTC does not use them. Like any STUN
// server, the UDP listener answers STUN requests from anyone.
package turnserver
