package signaling

// Close codes of a WebSocket (RFC 6455, 7.4). 4013 is of the range for applications: it means what 1013
// means in the registry of IANA, but Godot's engine takes a close frame with 1013 for a protocol error.
const (
	closeGoingAway       = 1001
	closePolicyViolation = 1008
	closeTryAgainLater   = 4013
)

// V1 returns the dialect of Subprotocol for a server: one frame of JSON a message.
func V1() *Dialect {
	return &Dialect{Encode: encodeV1, Decode: JSON.Decode, Close: closeV1}
}

func encodeV1(m Message) ([][]byte, error) {
	frame, err := JSON.Encode(m)
	return [][]byte{frame}, err
}

// closeV1 goes by the rule of the code.
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

// V1Client returns the dialect of Subprotocol for a client.
func V1Client() *ClientDialect {
	return &ClientDialect{
		Name:        Subprotocol,
		Subprotocol: Subprotocol,
		Taken:       SubprotocolTaken,
		Encode:      encodeV1Client,
		NewDecoder:  func() func([]byte) (Message, error) { return JSON.Decode },
		Ping:        []byte(`{"kind":"ping"}`),               // a kind that no server knows
		Closed:      func(int, string) *Error { return nil }, // a frame says it before
	}
}

// encodeV1Client decodes what it has encoded, because the data of a signal is encoded as it is.
func encodeV1Client(m Message) ([]byte, error) {
	frame, err := JSON.Encode(m)
	if err != nil {
		return nil, err
	}
	_, err = JSON.Decode(frame)
	return frame, err
}
