package signaling

import (
	"encoding/base64"
	"slices"
	"strings"
)

// The first frame of a member may come with the request that opens the WebSocket, which saves a round trip. It is one
// of the subprotocols that the request offers: a page can choose nothing else of a request but the URL, and URLs are
// in access logs.

// SubprotocolTaken is Subprotocol, as chosen by a server that has taken the first frame from the request. A server that
// does not know it chooses Subprotocol, and waits for the frame.
const SubprotocolTaken = Subprotocol + ".taken"

// framePrefix is followed by the frame, in base64url without padding.
const framePrefix = "frame."

// MaxOfferedFrame is the longest frame in a request, in bytes of base64url. Proxies take header lines of 8 KiB.
const MaxOfferedFrame = 4096

// OfferFrame returns what to offer after Subprotocol so that frame comes with the request: nothing if it is too large
// for that.
func OfferFrame(frame []byte) []string {
	if base64.RawURLEncoding.EncodedLen(len(frame)) > MaxOfferedFrame {
		return nil
	}
	return []string{SubprotocolTaken, framePrefix + base64.RawURLEncoding.EncodeToString(frame)}
}

// OfferedFrame returns the frame among the subprotocols that a request offers, or nil if there is none to take. What is
// in the frame is not checked.
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
