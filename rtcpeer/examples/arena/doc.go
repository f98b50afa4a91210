// Command arena is a game whose server decides: a headless host of a star in Go, and players in browsers. Players send
// what they want to do, and the server, 30 times a second, does it and tells everybody how things are. Its README.md
// says how to run it, and what 100 players cost.
//
//	player                 server (a room's host)               web site
//	  |--- GET /token?name=anna ---------------------------------->|
//	  |<-- a token: the name, until when, signed ------------------|
//	  |--- authentication: the token --->|  Config.Auth: signature, time
//	  |<-- names, reliable --------------|  late joiners too
//	  |--- input, 30 Hz, unreliable ---->|  world.step
//	  |<-- snapshot, 30 Hz, unreliable --|
//
// Guests do not hear of each other (Config.NoRelay), a player that comes before the server is told so (Config.Create), and
// one that sends nonsense, or nothing for a minute, is kicked.
package main
