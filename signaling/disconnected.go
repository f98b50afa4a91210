package signaling

// Disconnected is a local message: a signaler makes it when the connection to the server was lost and
// is being dialled again. The Welcome that follows later says that the connection is back. It is never
// on the wire: codecs refuse to encode it, and no frame decodes to it.
type Disconnected struct {
	Err error // why the connection was lost
}

func (Disconnected) Kind() Kind      { return KindDisconnected }
func (Disconnected) Validate() error { return nil }
