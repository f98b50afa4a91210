package signalclient

// Forward makes the client send the binary frames that next returns. The client calls next when it can send a frame
// and no message waits, until next returns nil, and again after each ForwardReady. Each frame begins with the id of
// its receiver: see "Forwarded paths" in PROTOCOL.md. The client uses a frame until it calls next again. Receive
// returns incoming frames as signaling.Forwarded. Forwarding needs a join that lists signaling.FeatureRelayLinks and
// a server whose welcome sets RelayLinks; next is not called while there is no such connection.
func (c *Client) Forward(next func() []byte) {
	c.forward.Store(&next)
	c.ForwardReady()
}

// ForwardReady says that the next function of Forward has a frame. It never blocks, and may be called from any
// goroutine.
func (c *Client) ForwardReady() {
	select {
	case c.outbox.wake <- struct{}{}:
	default:
	}
}

// nextForward returns the next binary frame for conn, or nil.
func (c *Client) nextForward(conn *conn) []byte {
	next := c.forward.Load()
	if next == nil || !conn.forwards() {
		return nil
	}
	return (*next)()
}
