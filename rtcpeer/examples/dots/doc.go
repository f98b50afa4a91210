// Command dots is a tiny game: each player moves a dot, and a player that touches the coin gets a point. The same
// source runs as a bot without a screen and, compiled to WebAssembly, in a web page. With a signaling server
// (go run ./cmd/signal-server),
//
//	go run ./rtcpeer/examples/dots -page localhost:8000
//
// runs a bot, compiles the page, and serves it at http://localhost:8000. Each tab is another player. Without
// -page only the bot runs. To serve the page from elsewhere, build it with
//
//	GOOS=js GOARCH=wasm go build -ldflags "-s -w" -o dots.wasm ./rtcpeer/examples/dots
//
// and put index.html and wasm_exec.js (from $(go env GOROOT)/lib/wasm) into the same folder.
//
//	         60 times a second: my place, unreliable ordered, 4 bytes
//	game  <------------------------------------------------------------>  other games
//	         when somebody scores: the board, reliable, by the referee
//
// The referee is the player with the lowest id. All players have the board, so when the referee leaves the next
// one continues with it. The room is a star that outlives its host: when the player that hosts it quits,
// another one, bot or tab, becomes the host and the game goes on.
package main
