// Package lab tests how peers behind NATs reach each other, and whether their links survive faults. It builds the
// networks from network namespaces, veth pairs and nftables. As root:
//
//	RTCPEER_LONG=1 go test -v -count=1 ./rtcpeer/lab
//
// # Pairs
//
// Each pair of players has a world of its own, and several worlds are up at a time:
//
//	seat 1 ---- router 1 ---- line 1 ----+---------------+
//	192.168.1.2   NAT?      45.0.1.0/24  | public host   |  signaling, STUN and TURN at 45.0.0.1,
//	                                     | that forwards |  the browsers' page at 45.0.0.2
//	seat 2 ---- router 2 ---- line 2 ----+---------------+
//	192.168.2.2   NAT?      45.0.2.0/24
//
// A router is one of five kinds (see kinds). In lossy worlds, line 1 loses a tenth of its packets each
// way, those of TCP included. (If it lost a fifth, the pauses of TCP would grow so long that one of a hundred relayed
// pairs would not connect within its 20 s.) In far worlds, line 1 delays every packet by 50 ms. In worlds of one house,
// both seats have the same router. A player is rtc-client, or a headless Chromium with rtcpeer.js. The server has TLS,
// with a self-signed certificate that the players trust.
//
// The tests print tables with the path and the time of each connection, and write them to the file that
// RTCPEER_LAB_TABLE names.
//
// # Faults
//
// Each fault has its own world, too, with three or five seats behind port-preserving NATs. At each seat is a recorder:
// a member, in Go, that sends numbered packets to all others in all modes, every 20 ms, and records the packets and
// events that it receives. The recorders join, then the fault happens to one of them, the one with the smallest, the
// middle or the largest id:
//
//	the router drops UDP, all packets, or one direction       the recorder is stopped for a while (SIGSTOP)
//	the seat's interface goes down, and comes back            the signaling server, or TURN too, is killed
//	it gets another address, or another network               and started again
//	the router forgets its mappings, or gets another address
//
// The recorders stop when the fault is over and the packets of all members reach all others again, or 12 seconds after
// the fault. Then the test compares the records: which reliable packets were lost, repeated or out of order, how long
// the longest pause was, how soon after the fault the first packet came, and which member got which events. The result
// is one row of a table, which is printed, and written to the file that RTCPEER_LAB_FAULTS names. The limits are in
// limits_test.go.
//
// Each fault is tried once, in a mesh or a star, which takes two minutes. With RTCPEER_LONG=all it is tried in
// both and at all three ids, which takes ten. With RTCPEER_LAB_REPORT_ONLY=1 a row that exceeds its limits does not
// fail the test. These commands run one fault, by its key (see faults); one row of the long form; and all of it:
//
//	RTCPEER_LONG=1 go test -v -count=1 -run 'TestFaults/^udp15s$' ./rtcpeer/lab
//	RTCPEER_LONG=all go test -v -count=1 -run 'TestFaults/^udp15s$/mesh/smallest' ./rtcpeer/lab
//	RTCPEER_LONG=all go test -v -count=1 -run TestFaults -timeout=30m ./rtcpeer/lab
//
// # Faults of browsers
//
// In TestBrowserFaults the fault happens to a browser with rtcpeer.js: a Chromium or a Firefox among Go programs, or one
// of two Chromiums. It also has faults of tabs: a tab is frozen, as phones freeze tabs in the background, or hidden
// behind another tab. A process at the seat of the browser, the driver, starts the browser and serves its page
// (recorder.html), so that no fault separates the two. The limits are those of Go, and more where browsers need it
// (limits_test.go): a page is not told that an address has changed, and a Chromium's SCTP may
// wait three seconds until it sends again over a path that is back.
//
// RTCPEER_LONG=1 tries some of the faults, in two minutes. RTCPEER_LONG=all tries all of them, and the main ones in
// Firefox, too, in ten minutes. RTCPEER_LAB_BROWSER_FAULTS names the file for the table.
//
// # Tabs
//
// TestTabsOffline has four tabs of one Chromium in a mesh, cuts the network of their seat, and wants all links to go on.
// RTCPEER_LONG=all has 4, 8 and 12 tabs, cuts of 10 s, and one of 40 s, after which all links are lost and made again.
// RTCPEER_LAB_TABS names the file for its table.
//
// TestThrottledTab runs only with RTCPEER_LONG=all. It hides a tab for minutes, so that the browser throttles its timers.
//
// # Games
//
// TestGames has a star that outlives its host. The hosts' processes are killed while they relay over lines that lose
// packets, and each guest must reach the next host without a packet out of order. RTCPEER_LONG=all has sixteen members.
// Two members on a line with known delays, which may differ by direction, show how exact Node.RTT and Node.Offset are.
//
// # Paths
//
// TestPaths compares stacks on paths with delay, loss, packets that overtake each other, and a bottleneck with a queue:
//
//	host a ---- TUN device ---- a process that delays, drops and queues ---- TUN device ---- host b
//	45.2.0.1, with the signaling server                                                    45.2.0.2
//
// A runner at each host joins a room. The one at a sends, and the one at b counts: packets of 16 KiB and of 1 KiB for
// three seconds, after two seconds in which a window may grow; state of 200 bytes 60 times a second; and both at once.
// Runners are rtcpeer, rtcpeer with the bulk on a channel of Config.Bulk or as a file of package transfer, Pion with its
// default settings and with lean ones, and rtcpeer.js over libdatachannel and over libwebrtc. Only UDP packets are lost,
// because signaling goes over TCP. A second table has two stacks at a time on one bottleneck; its TCP is the kernel's,
// with cubic.
//
// The figures depend on the machine, so the test checks only that everything works. The short form has two paths and
// three stacks, and takes four minutes. RTCPEER_LONG=all takes more than half an hour for all; RTCPEER_LAB_ROADS and
// RTCPEER_LAB_STACKS are regular expressions that choose some of them. RTCPEER_LAB_PATHS names the file for the tables.
//
// # All
//
// The worlds use public addresses, because the TURN server relays to no others. No packet leaves the namespaces. tc netem
// is not used, because not every kernel has it. go test does not notice when the programs change that the tests run, so
// -count=1 keeps it from printing an old result.
//
// The tests that make networks are skipped without RTCPEER_LONG, and with the race detector. Where a program is missing,
// or the user is not root, they are skipped, too; with RTCPEER_CI they fail instead.
package lab
