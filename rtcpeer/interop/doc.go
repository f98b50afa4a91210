// Package interop tests the toolkit together with everything it is to work with: Chromium, Firefox, the
// other WebRTC stacks of Node, and Go compiled to WebAssembly. It has no code but its tests.
//
//	              TestMatrix: rooms, and the rules in them (talk_test.go)
//	                |               |
//	rtcpeer.Node, in this process   lab: pages, WebSockets
//	                :               |        \
//	                :             host        host        a browser, or Node with a stack
//	                :             /   \           \
//	                :       player   player       player  a frame, a tab; rtcpeer.js or Go
//	                :          :       :            :
//	                + - - - - -+ WebRTC + - - - - - +
//
// A player gets its orders over its WebSocket and reports its events there, so one set of rules, in Go, tests
// all of them. The players in JavaScript are testdata/player.mjs, which runs the rtcpeer.js that is served;
// those in WebAssembly are agent_js_test.go.
//
// TestGodot does the same for games, with rules of their own (series_test.go). No engine runs here:
// testdata/godot.mjs stands in for it, on the WebRTC stack of Godot's plugin, over Godot's own signaling
// protocol. It records what an engine would print as an error, and the tests expect none.
//
// Without RTCPEER_LONG=1 only a few rooms are played, because the whole matrix takes minutes. Stacks that are
// not installed are skipped, and the tables say so. RTCPEER_MATRIX names a file for the tables.
package interop
