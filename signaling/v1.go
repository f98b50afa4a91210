package signaling

// WebSocket close codes (RFC 6455, 7.4). 4013 is in the range for applications. It means the same as 1013 in the IANA
// registry, which is not used because Godot's engine takes a close frame with 1013 for a protocol error.
const (
	closeGoingAway       = 1001
	closePolicyViolation = 1008
	closeTryAgainLater   = 4013
)

// V1 returns the server's dialect of Subprotocol: each message is one JSON frame.
func V1() *Dialect {
	return &Dialect{Encode: encodeV1, Decode: JSON.Decode, Close: closeV1}
}

func encodeV1(m Message) ([][]byte, error) {
	frame, err := JSON.Encode(m)
	return [][]byte{frame}, err
}

// closeV1 chooses the close code by the rules of the error code.
func closeV1(e *Error) (code int, text string, ends bool) {
	code = closePolicyViolation
	switch {
	case e.Code == CodeShuttingDown:
		code = closeGoingAway
	case e.Code.Retry():
		code = closeTryAgainLater
	}
	return code, string(e.Code), e.Code.Fatal()
}

// V1Client returns the client's dialect of Subprotocol.
func V1Client() *ClientDialect {
	return &ClientDialect{
		Name:        Subprotocol,
		Subprotocol: Subprotocol,
		Taken:       SubprotocolTaken,
		Encode:      encodeV1Client,
		NewDecoder:  func() func([]byte) (Message, error) { return JSON.Decode },
		Ping:        []byte(`{"kind":"ping"}`),               // a kind that no server knows
		Closed:      func(int, string) *Error { return nil }, // the server sends an error frame before it closes
	}
}

// encodeV1Client decodes its own frame to check it, because the data of a signal is encoded without being checked.
func encodeV1Client(m Message) ([]byte, error) {
	frame, err := JSON.Encode(m)
	if err != nil {
		return nil, err
	}
	_, err = JSON.Decode(frame)
	return frame, err
}
