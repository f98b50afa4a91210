package chat

import (
	"iter"
	"unicode/utf8"
)

// pieces cuts text into parts of at most size bytes. It cuts between two characters.
func pieces(text []byte, size int) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for len(text) > size {
			cut := size
			for cut > 0 && !utf8.RuneStart(text[cut]) {
				cut--
			}
			if size-cut >= utf8.UTFMax { // not UTF-8 text: cut anywhere
				cut = size
			}
			if !yield(text[:cut]) {
				return
			}
			text = text[cut:]
		}
		yield(text)
	}
}
