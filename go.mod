module example.org/rtcpeer

go 1.26.0

require (
	github.com/alecthomas/kong v1.17.0
	github.com/gorilla/websocket v1.5.3
	// 1.6.3, which webrtc v4.2.26 asks for, makes every negotiated channel silently
	// reliable and ordered; transport/webrtc has the test that would see it come back.
	github.com/pion/datachannel v1.6.4
	github.com/pion/webrtc/v4 v4.2.26
	github.com/rogpeppe/go-internal v1.16.0
	github.com/stretchr/testify v1.12.1
	golang.org/x/time v0.16.0
)

require (
	github.com/BurntSushi/toml v1.4.1-0.20240526193622-a339e1f7089c // indirect
	golang.org/x/exp/typeparams v0.0.0-20231108232855-2478ac86f678 // indirect
	golang.org/x/mod v0.41.0 // indirect
	golang.org/x/sync v0.23.0 // indirect
	golang.org/x/tools v0.51.0 // indirect
	honnef.co/go/tools v0.8.2 // indirect
)

// The zips of transport/v5 5.1.x are refused by some module proxies (403), 5.0.1 is served
// everywhere and Pion's own tests pass with it. A replace works in the main module only:
// a program that imports rtcpeer behind such a proxy needs this line too.
replace github.com/pion/transport/v5 => github.com/pion/transport/v5 v5.0.1

tool honnef.co/go/tools/cmd/staticcheck
