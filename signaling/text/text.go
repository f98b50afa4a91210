// Package text has what several packages do with text: it shortens what comes from the other side, and writes JSON.
package text

import (
	"bytes"
	"encoding/json"
	"strings"
)

// Most is the length, in bytes, at which text from the other side stays readable within an error.
const Most = 80

const dots = "..."

// Shorten returns s as valid UTF-8 of at most most bytes, which must be 3 or more. A text that is cut ends in "...".
func Shorten(s string, most int) string {
	if len(s) <= most {
		s = strings.ToValidUTF8(s, "\ufffd") // may be longer
	}
	if len(s) > most {
		return strings.ToValidUTF8(s[:most-len(dots)], "") + dots
	}
	return s
}

// JSON is json.Marshal without HTML escaping, which could make a message or token larger than its limit.
func JSON(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}
