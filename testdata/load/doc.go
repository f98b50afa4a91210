// Package load measures the signaling server as a process, under rtc-client load:
//
//	go test -v -run Node ./testdata/load      CPU of a join and of a forwarded message, beside Node's
//	go test -v -run Growth ./testdata/load    how the figures grow from 1,000 to 15,000 sessions
//
// CPU and memory are those of the server's process, from /proc. Figures of two servers are compared
// within one run: the machine is the same, and as busy. The server for Node, rooms.mjs, does what the one
// of Godot's webrtc_signaling demo does, over the same library (ws); both servers are asked in the
// protocol of that demo, and this module's in its own as well.
//
// A machine that allows too few open files, or has no Node, skips with the reason.
package load
