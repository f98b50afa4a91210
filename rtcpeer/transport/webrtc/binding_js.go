package webrtc

import (
	"slices"
	"strings"
)

// fingerprints returns the distinct fingerprints in a description (RFC 8122), in order and in the form that
// Path.Binding uses: "sha-256 01:ab:...".
func fingerprints(sdp string) []string {
	var found []string
	for line := range strings.Lines(strings.ToLower(sdp)) {
		value, ok := strings.CutPrefix(strings.TrimSpace(line), "a=fingerprint:")
		if value = strings.Join(strings.Fields(value), " "); ok && !slices.Contains(found, value) {
			found = append(found, value)
		}
	}
	return found
}
