// Package transporttest is the one test suite for all transports: what package transport promises,
// as tests that run against real paths.
//
//	func TestTransport(t *testing.T) {
//		transporttest.Run(t, func(t *testing.T) (a, b transport.Transport) { ... })
//	}
//
// Run is for a network that works, RunLossy for one that loses or reorders, and RunMoving for
// hosts whose addresses change. All work in real time, each wait with a limit, and never sleep. Negotiate and Connect make a path between two transports, for
// other tests and benchmarks too.
package transporttest
