// Package turnserver is a STUN and TURN server inside the process of a signaling server, for links
// that find no direct path, and the credentials that let members use it or an external one.
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
// A relay is one allocation: a UDP socket in the port range, with the addresses its client permitted,
// a bandwidth limit each way, and the place it takes in the quotas. It ends when its client says so
// or stops refreshing, when it breaks a bound, or with Close.
//
// Two members who both relay through this server reach each other even where its public address
// belongs to a NAT in front of it: a packet for the public address of another relay is sent to that
// relay's socket directly. Other ports at the public address are not reachable through a relay. Other
// addresses of this host, the broadcast and anycast addresses of its networks, and addresses that are not of the
// public Internet are refused (see Config.AllowPeers).
//
// A credential is short-lived: after its expiry it makes no new allocation. What was allocated with
// it may be refreshed for Config.Outlive more, as a link's allocation cannot change its credential
// (RFC 8656 section 5), and a game is longer than a credential should be. When that too is over,
// the permissions of the allocation end within five minutes, its channels within ten, and the
// allocation itself within the lifetime it last asked for, an hour at most.
//
// Pion runs one goroutine for each socket, stream and relay; Close ends all of them and waits until
// each has returned from its last read. All exported methods may be called from any goroutine. No
// lock is held while Pion's code is called.
//
// There are no TCP allocations (RFC 6062) and no DTLS listeners: WebRTC has no use for them. The UDP listener answers STUN requests of anybody, as STUN servers do.
package turnserver
