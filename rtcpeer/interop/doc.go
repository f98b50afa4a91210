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
// A player does what it is asked for over its WebSocket and tells its events there, so that one set of
// rules, in Go, holds for all of them. Those in JavaScript are testdata/player.mjs, which runs the
// rtcpeer.js that is served; those in WebAssembly are agent_js_test.go.
//
// TestGodot does the same for games, with rules of their own (shout_test.go), because no engine runs
// here: testdata/godot.mjs stands in for one, on the WebRTC stack of Godot's plugin, over Godot's own
// signaling protocol. It keeps what an engine would print as an error, and the tests want none.
//
// Without RTCPEER_LONG=1 a few rooms are played: the whole matrix takes minutes. What is not installed
// is skipped. The tables say what was skipped. With RTCPEER_MATRIX=file they are written there.
package interop
