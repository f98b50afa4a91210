// Package wasmtest tests the toolkit compiled to WebAssembly, in a real Chromium. It has no code but
// its tests: those behind "js" run in a page, the others start the browser and are its other end.
//
//	go test ./rtcpeer/wasmtest
//	   | go test -c, GOOS=js GOARCH=wasm
//	   | serves: runner.html, wasm_exec.js, the wasm          a signalserver, native nodes
//	   v                                                          |
//	Chromium: runner.html -- GET /next --> job                    |
//	             | runs the wasm, a node in it  <---- WebRTC -----+
//	             +---- POST /done: output, exit code -->
package wasmtest
