package godot

import "bytes"

// A cursor reads JSON text whose form is known. It fails at the first text that does not have that form; what its
// methods return after that is meaningless.
type cursor struct {
	rest   []byte
	failed bool
}

// ended reports whether everything was as expected, up to the end.
func (c *cursor) ended() bool { return !c.failed && len(c.rest) == 0 }

// cut skips s, if it is next.
func (c *cursor) cut(s string) bool {
	if len(c.rest) < len(s) || string(c.rest[:len(s)]) != s {
		return false
	}
	c.rest = c.rest[len(s):]
	return true
}

func (c *cursor) must(s string) {
	if !c.cut(s) {
		c.failed = true
	}
}

// until returns the text before s, and skips it and s.
func (c *cursor) until(s string) []byte {
	before, after, ok := bytes.Cut(c.rest, []byte(s))
	c.failed = c.failed || !ok
	c.rest = after
	return before
}

// text returns the rest of a string as it is written, with its escapes, and skips the closing quote.
func (c *cursor) text() []byte {
	for i := 0; i < len(c.rest); i++ {
		switch c.rest[i] {
		case '\\':
			i++
		case '"':
			text := c.rest[:i]
			c.rest = c.rest[i+1:]
			return text
		}
	}
	c.failed = true
	return nil
}

// number reads a number of up to ten digits, without a sign, a fraction or leading zeros.
func (c *cursor) number() (n uint64) {
	i := 0
	for ; i < len(c.rest) && i < 10 && '0' <= c.rest[i] && c.rest[i] <= '9'; i++ {
		n = 10*n + uint64(c.rest[i]-'0')
	}
	if i == 0 || i > 1 && c.rest[0] == '0' {
		c.failed = true
	}
	c.rest = c.rest[i:]
	return n
}
