// Package signalertest has the tests that every rtcpeer.Signaler must pass. To test your own Signaler, for example one
// over a message bus, call Run in a test:
//
//	func TestSignaler(t *testing.T) {
//		signalertest.Run(t, func(t *testing.T) signalertest.Join {
//			server := mysignaling.New(t)
//			return server.Join
//		})
//	}
//
// The rules are those of the messages in package signaling, as a node relies on them. Run tests each rule with Signalers
// alone. Then it lets nodes meet over them, in a mesh and in a star.
package signalertest
