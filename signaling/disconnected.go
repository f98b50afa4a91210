package signaling

// Disconnected is a local message: a signaler creates it when the connection to the server is lost and is being
// dialed again. The Welcome that follows says that the connection is back. Disconnected is never on the wire: codecs
// refuse to encode it, and no frame decodes to it.
type Disconnected struct {
	Err error // why the connection was lost
}

func (Disconnected) Kind() Kind      { return KindDisconnected }
func (Disconnected) Validate() error { return nil }
