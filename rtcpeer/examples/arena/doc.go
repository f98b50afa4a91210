// Command arena is a game in which the server decides: a headless host of a star in Go, and players in
// browsers. Players send inputs. 30 times a second the server applies the inputs and sends everybody the state
// of the game. README.md says how to run it, and what 100 players cost.
//
//	player                 server (a room's host)               web site
//	  |--- GET /token?name=anna ---------------------------------->|
//	  |<-- a token: the name, its expiry, signed ------------------|
//	  |--- authentication: the token --->|  Config.Auth: signature, time
//	  |<-- names, reliable --------------|  late joiners too
//	  |--- input, 30 Hz ---------------->|  world.step
//	  |<-- snapshot, 30 Hz --------------|
//
// Inputs and snapshots are unreliable and ordered. Guests are not told of each other (Config.NoRelay). A player
// that comes before the server gets an error (Config.Create). A player that sends nonsense, or nothing for a
// minute, is kicked.
package main
