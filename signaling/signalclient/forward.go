package signalclient

// Forward has the client send the binary frames that next returns, when it can send one and no message waits, until next
// returns nil, and again after each ForwardReady. Each begins with the id of the member that it is for: see "Forwarded
// paths" in PROTOCOL.md. The client uses a frame until it calls next again. Frames that come are a signaling.Forwarded
// of Receive. It takes a join that lists signaling.FeatureRelayLinks, and a server whose welcome says RelayLinks; next is
// not called while there is no such connection.
func (c *Client) Forward(next func() []byte) {
	c.forward.Store(&next)
	c.ForwardReady()
}

// ForwardReady says that next of Forward has something. It never blocks, and may be called from any goroutine.
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
