// Package load measures the process of the signaling server under rtc-client load:
//
//	RTCPEER_LONG=1 go test -v -run Node ./signaling/load      CPU of a join and of a forwarded message, beside Node's
//	RTCPEER_LONG=1 go test -v -run Growth ./signaling/load    how the figures grow from 1,000 to 15,000 sessions
//	RTCPEER_LONG=1 go test -v -run Churn ./signaling/load    memory while 24,000 rooms come and go
//
// CPU and memory are those of the server's process, from /proc. Figures of two servers are compared within one
// run, on the same machine under the same load. The server for Node, rooms.mjs, does the same as that of
// Godot's webrtc_signaling demo, with the same library (ws). Both servers are measured with the protocol of
// that demo, and this module's server with its own protocol too.
//
// Without RTCPEER_LONG, with the race detector, on a machine that allows too few open files, or without Node, the tests are
// skipped and give the reason.
package load
