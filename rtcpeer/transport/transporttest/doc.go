// Package transporttest is the test suite for all transports. It tests the promises of package transport on
// real paths.
//
//	func TestTransport(t *testing.T) {
//		transporttest.Run(t, func(t *testing.T) (a, b transport.Transport) { ... })
//	}
//
// Run is for a network that works, RunLossy for one that loses or reorders packets, and RunMoving for hosts
// whose addresses change. All tests run in real time, and each wait has a limit. Negotiate and Connect make a path
// between two transports, also for other tests and benchmarks.
package transporttest
