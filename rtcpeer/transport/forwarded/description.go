package forwarded

import (
	"crypto/ecdh"
	"encoding/hex"
	"fmt"
	"strings"
)

// A description is the public key of one end, in two lines like those of SDP. The key stands where SDP has the
// fingerprint of the certificate.
const (
	descriptionHead = "a=forwarded:1\r\na=fingerprint:"
	fingerprintHead = "p-256 "
	descriptionTail = "\r\n"
)

// IsDescription reports whether a description is one of this package, of any version.
func IsDescription(sdp string) bool { return strings.HasPrefix(sdp, "a=forwarded:") }

func describe(key *ecdh.PublicKey) string {
	return descriptionHead + fingerprint(key) + descriptionTail
}

// fingerprint returns the text that stands for an end in a Binding.
func fingerprint(key *ecdh.PublicKey) string {
	return fingerprintHead + hex.EncodeToString(key.Bytes())
}

// parse returns the key in a description, which must have exactly the form that describe writes.
func parse(sdp string) (*ecdh.PublicKey, error) {
	text, isHead := strings.CutPrefix(sdp, descriptionHead+fingerprintHead)
	text, isTail := strings.CutSuffix(text, descriptionTail)
	if !isHead || !isTail || text != strings.ToLower(text) {
		return nil, fmt.Errorf("forwarded: not the description of a forwarded path: %.40q", sdp)
	}
	raw, err := hex.DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("forwarded: description: %w", err)
	}
	key, err := ecdh.P256().NewPublicKey(raw)
	if err != nil {
		return nil, fmt.Errorf("forwarded: description: %w", err)
	}
	return key, nil
}
