// Package signalclient keeps a program in a room of a signaling server: it dials and joins and, when the connection
// is lost, redials and resumes with the same id, for as long as it takes.
//
//	Dial ----> connected --- lost ---> waiting <---------+
//	               ^  |                   | backoff      | failed
//	               |  |                   v              |
//	               |  |                dialing ----------+
//	               +--|---- welcome ------+
//	                  |
//	                  +--> ended, from any state: Close, an error that trying again does not
//	                       help (sealed, replaced, host_left, ...), Config.RedialFor is over
//
// A message takes these ways, each with one queue:
//
//	Send -> outbox -> run (owns the connection, writes) -> server
//	server -> readLoop -> inbox -> Receive
//
// Send and Receive may be called from different goroutines, each from one at a time; Close, Check and Status from
// any. A connected client has two goroutines, a waiting one has one, and Close waits for both. The first message
// received is a Welcome. When the connection is lost and the client redials, the next message is a Disconnected.
// After each redial there is another Welcome, with Resumed set. It replaces what earlier messages said about the
// room.
//
// The client notices a dead connection by its silence, after Config.DeadAfter. A program that knows more, because its
// network has changed or the machine was asleep, calls Check, and learns within seconds whether the server is there.
//
// The client does not number or repeat messages. Messages sent while it was not connected go out after the welcome,
// in order. But a message that was handed to the operating system just before the connection broke may be lost, in
// either direction: the code that negotiates a link must try again.
package signalclient
