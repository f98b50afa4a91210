package transfer

import (
	"fmt"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxSafeName is the longest name that file systems take, in bytes.
const maxSafeName = 255

// SafeName makes of what another end calls a file a name that is safe in a folder of any system: one element of
// a path, at most 255 bytes of UTF-8, no control characters, none that rule the direction of writing, none that
// Windows does not take, no device of Windows, no dot or space at its end, no dot at its beginning (which would hide
// it, or make it the settings of some program). What is not safe becomes "_"; what is left empty is "unnamed".
//
//	../../etc/passwd   passwd          con.txt   _con.txt
//	C:\boot.ini        boot.ini        .bashrc   _bashrc
func SafeName(name string) string {
	name = strings.TrimRight(name, `/\ `)
	name = name[strings.LastIndexAny(name, `/\`)+1:]
	name = strings.Map(safeRune, strings.ToValidUTF8(name, "_"))
	name = strings.TrimRight(strings.TrimLeft(name, " "), ". ")
	if name == "" {
		return "unnamed"
	}
	if name[0] == '.' {
		name = "_" + name[1:]
	}
	if isDevice(name) {
		name = "_" + name
	}
	return fit(name, "")
}

func safeRune(r rune) rune {
	switch {
	case strings.ContainsRune(`<>:"|?*`, r), unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r):
		return '_'
	case r == '\u2028', r == '\u2029', r == '\ufeff': // line ends, and one that nobody sees
		return '_'
	}
	return r
}

// isDevice reports whether Windows takes a name for a device, with any extension.
func isDevice(name string) bool {
	stem, _, _ := strings.Cut(name, ".")
	switch stem = strings.ToUpper(strings.TrimRight(stem, " ")); stem {
	case "CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$":
		return true
	}
	port, isCOM := strings.CutPrefix(stem, "COM")
	if !isCOM {
		var isLPT bool
		if port, isLPT = strings.CutPrefix(stem, "LPT"); !isLPT {
			return false
		}
	}
	return utf8.RuneCountInString(port) == 1 && strings.Contains("0123456789¹²³", port)
}

// numbered is a name with a number, if that is not 0, before its extension, and a suffix.
func numbered(name string, n int, suffix string) string {
	if n == 0 {
		return fit(name, suffix)
	}
	ext := extension(name)
	return fit(strings.TrimSuffix(name, ext), fmt.Sprintf(" (%d)%s%s", n, ext, suffix))
}

// fit cuts name between two characters, so that it fits with what comes behind it. Its extension stays.
func fit(name, behind string) string {
	if len(name)+len(behind) <= maxSafeName {
		return name + behind
	}
	ext := extension(name)
	stem := name[:min(len(name)-len(ext), maxSafeName-len(ext)-len(behind))]
	for len(stem) > 0 && !utf8.ValidString(stem) {
		stem = stem[:len(stem)-1]
	}
	return strings.TrimRight(stem, ". ") + ext + behind
}

// extension is what a name ends in from its last dot, if that is short.
func extension(name string) string {
	if ext := path.Ext(name); len(ext) <= 16 && len(ext) < len(name) {
		return ext
	}
	return ""
}

// printable is what the other end says, without what would rule a terminal.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			return unicode.ReplacementChar
		}
		return r
	}, text)
}

// shorten cuts a text between two characters.
func shorten(text string, most int) string {
	text = strings.ToValidUTF8(text, "\ufffd")
	if len(text) <= most {
		return text
	}
	text = text[:most]
	for !utf8.ValidString(text) {
		text = text[:len(text)-1]
	}
	return text
}
