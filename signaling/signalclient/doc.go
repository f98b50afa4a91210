// Package signalclient keeps a program in a room of a signaling server: it dials, joins, and when
// the connection is lost it dials again and resumes, with the same id, for as long as it takes.
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
// Send and Receive may be called from different goroutines, each from one at a time; Close, Check and
// Status from any. A connected client has two goroutines, a waiting one has one, and Close waits for
// both. The first message received is a Welcome. When the connection is lost, and the client redials, the
// next one is a Disconnected. After each redial there is another Welcome, with Resumed set, and it
// replaces what earlier messages told of the room.
//
// A connection that is dead without a word is found by its silence, after Config.DeadAfter. A program that
// knows more, because its network has changed or it was asleep, calls Check, and knows within seconds.
//
// The client numbers and repeats nothing. What was sent while it was not connected goes out after
// the welcome, in order, but a message that was handed to the operating system just before the
// connection broke may be lost, in either direction: whoever negotiates a link has to try again.
package signalclient
