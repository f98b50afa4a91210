//go:build unix

package wasmtest

import "testing"

// The suite that every transport passes, over the browser's WebRTC, with addresses hidden behind mDNS
// as a browser does by default.
func TestConformance(t *testing.T) {
	folder := t.TempDir()
	compile(t, folder, "webrtc.wasm", "example.org/rtcpeer/rtcpeer/transport/webrtc")
	b := startBrowser(t, folder)
	b.start(t, "webrtc.wasm", nil).wait(t)
}
