package transfer

import (
	"fmt"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxSafeName is the longest name that file systems accept, in bytes.
const maxSafeName = 255

// SafeName turns another end's name of a file into a name that is safe in a folder of any system: one element of a
// path, at most 255 bytes of UTF-8, without control characters, characters that change the direction of text, or
// characters that Windows does not accept. It is not the name of a Windows device, does not end in a dot or space, and
// does not begin with a dot (which would hide it, or make it the settings of some program). Unsafe
// characters become "_"; an empty result becomes "unnamed".
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
	case r == '\u2028', r == '\u2029', r == '\ufeff': // line separators, and an invisible character
		return '_'
	}
	return r
}

// isDevice reports whether Windows would take the name for a device, whatever its extension.
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

// numbered returns a name with a number, if that is not 0, before its extension, and with a suffix.
func numbered(name string, n int, suffix string) string {
	if n == 0 {
		return fit(name, suffix)
	}
	ext := extension(name)
	return fit(strings.TrimSuffix(name, ext), fmt.Sprintf(" (%d)%s%s", n, ext, suffix))
}

// fit returns name followed by behind. If that is too long, it cuts name between two characters, and keeps its
// extension.
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

// extension returns the end of a name from its last dot, if that is short, or "".
func extension(name string) string {
	if ext := path.Ext(name); len(ext) <= 16 && len(ext) < len(name) {
		return ext
	}
	return ""
}

// printable returns a text of the other end without the characters that would control a terminal.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			return unicode.ReplacementChar
		}
		return r
	}, text)
}
