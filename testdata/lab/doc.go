// Package lab finds out how peers behind NATs reach each other, on networks that it makes of network
// namespaces, veth pairs and nftables. As root:
//
//	go test -v -count=1 ./testdata/lab
//
// Each pair of players has a world of its own, and several worlds are up at a time:
//
//	seat 1 ---- router 1 ---- line 1 ----+---------------+
//	192.168.1.2   NAT?      45.0.1.0/24  | public host   |  signaling, STUN and TURN at 45.0.0.1,
//	                                     | that forwards |  the browsers' page at 45.0.0.2
//	seat 2 ---- router 2 ---- line 2 ----+---------------+
//	192.168.2.2   NAT?      45.0.2.0/24
//
// A router is one of five kinds (see kinds). In the worlds with loss, line 1 loses a tenth of its
// packets, each way, TCP's as well (of a fifth, TCP's pauses grow so long that one relayed pair of a
// hundred is not there in its 20 s); in the far ones it keeps every packet for 50 ms. In the worlds of
// one house both seats have the same router. A player is rtc-client, or a headless Chromium with
// rtcpeer.js. The server has TLS, with a certificate of its own making that the players are told of.
//
// The tables of who connects by which path, in what time, are printed, and written to the file that
// RTCPEER_LAB_TABLE names. With RTCPEER_CI in the environment what is missing here is a failure;
// otherwise the tests are skipped.
//
// The addresses are public ones, as the TURN server relays to no others; no packet of theirs leaves
// the namespaces. tc netem is not asked for: not every kernel has it. As go test does not see the
// programs that it runs, -count=1 keeps it from giving an old answer once more.
package lab
