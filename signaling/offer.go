package signaling

import (
	"encoding/base64"
	"slices"
	"strings"
)

// A client may send its first frame with the request that opens the WebSocket, which saves a round trip. The frame is
// one of the subprotocols that the request offers. A web page can set nothing else in that request except the URL,
// and URLs end up in access logs.

// SubprotocolTaken means Subprotocol, and that the server has taken the first frame from the request. A server that
// does not know it chooses Subprotocol and waits for the frame.
const SubprotocolTaken = Subprotocol + ".taken"

// framePrefix is the prefix of the offered frame, which follows in base64url without padding.
const framePrefix = "frame."

// MaxOfferedFrame is the longest frame in a request, in bytes of base64url. Proxies accept header lines of 8 KiB.
const MaxOfferedFrame = 4096

// OfferFrame returns the subprotocols that carry frame in the request. They are to be offered after Subprotocol. It
// returns nil if the frame is too large.
func OfferFrame(frame []byte) []string {
	if base64.RawURLEncoding.EncodedLen(len(frame)) > MaxOfferedFrame {
		return nil
	}
	return []string{SubprotocolTaken, framePrefix + base64.RawURLEncoding.EncodeToString(frame)}
}

// OfferedFrame returns the frame among the subprotocols that a request offers, or nil if there is none. It does not
// check the content of the frame.
func OfferedFrame(offered []string) []byte {
	if !slices.Contains(offered, SubprotocolTaken) {
		return nil
	}
	for _, o := range offered {
		text, found := strings.CutPrefix(o, framePrefix)
		if !found || text == "" || len(text) > MaxOfferedFrame {
			continue
		}
		if frame, err := base64.RawURLEncoding.Strict().DecodeString(text); err == nil {
			return frame
		}
	}
	return nil
}
