package transfer

import (
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

func TestSafeName(t *testing.T) {
	long := strings.Repeat("a", 250)
	tests := []struct{ name, said, want string }{
		{"plain", "cat.jpg", "cat.jpg"},
		{"spaces", "my cat.jpg", "my cat.jpg"},
		{"emoji", "🐈‍⬛ été.jpg", "🐈‍⬛ été.jpg"},
		{"parent", "..", "unnamed"},
		{"this folder", ".", "unnamed"},
		{"many dots", "....", "unnamed"},
		{"climbs", "../../etc/passwd", "passwd"},
		{"climbs on Windows", `..\..\boot.ini`, "boot.ini"},
		{"absolute", "/etc/passwd", "passwd"},
		{"absolute on Windows", `C:\Windows\win.ini`, "win.ini"},
		{"drive", "C:win.ini", "C_win.ini"},
		{"stream of Windows", "a.txt:evil", "a.txt_evil"},
		{"network", `\\server\share\a.txt`, "a.txt"},
		{"folder", "photos/", "photos"},
		{"only slashes", "///", "unnamed"},
		{"ends in parent", "a/..", "unnamed"},
		{"hidden", ".bashrc", "_bashrc"},
		{"hidden behind a space", " .bashrc", "_bashrc"},
		{"control characters", "a\x00b\x1b[31mc\nd\x7f", "a_b_[31mc_d_"},
		{"C1 control", "a\u009bb", "a_b"},
		{"markup", `<img src=x onerror="1">`, "_img src=x onerror=_1__"},
		{"wildcards", "a*?|b", "a___b"},
		{"direction of writing", "a\u202egpj.exe", "a_gpj.exe"},
		{"line separator", "a\u2028b", "a_b"},
		{"not UTF-8", "a\xff\xfeb", "a_b"},
		{"trailing dots and spaces", "a.txt. . ", "a.txt"},
		{"device", "CON", "_CON"},
		{"device with an extension", "nul.tar.gz", "_nul.tar.gz"},
		{"device with a space", "aux .txt", "_aux .txt"},
		{"port", "com1.txt", "_com1.txt"},
		{"port with a superscript", "LPT²", "_LPT²"},
		{"console", "conin$", "_conin$"},
		{"no device", "console.txt", "console.txt"},
		{"no port", "com10", "com10"},
		{"empty", "", "unnamed"},
		{"space", "  ", "unnamed"},
		{"255 bytes", long + ".jpeg", long + ".jpeg"},
		{"256 bytes", "b" + long + ".jpeg", "b" + long[:249] + ".jpeg"},
		{"1,000 bytes of emoji", strings.Repeat("🐈", 250) + ".jpg", strings.Repeat("🐈", 62) + ".jpg"},
		{"long extension", "a." + strings.Repeat("x", 300), "a." + strings.Repeat("x", 253)},
		{"part", "a.part", "a.part"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := SafeName(tt.said)
			require.Equal(t, tt.want, got)
			requireSafe(t, got)
			require.Equal(t, got, SafeName(got), "a safe name stays")
			requireSafe(t, numbered(got, 12, partSuffix))
			require.NotEqual(t, numbered(got, 0, partSuffix), numbered(got, 1, partSuffix))
		})
	}
}

func requireSafe(t testing.TB, name string) {
	t.Helper()
	require.True(t, filepath.IsLocal(name), "%q", name)
	require.True(t, utf8.ValidString(name))
	require.LessOrEqual(t, len(name), maxSafeName)
	require.NotContains(t, name, "/")
	require.NotContains(t, name, `\`)
	require.NotEqual(t, '.', rune(name[0]))
}

func TestNumbered(t *testing.T) {
	require.Equal(t, "cat.jpg", numbered("cat.jpg", 0, ""))
	require.Equal(t, "cat (1).jpg", numbered("cat.jpg", 1, ""))
	require.Equal(t, "cat (2).jpg.part", numbered("cat.jpg", 2, partSuffix))
	require.Equal(t, "cat (1)", numbered("cat", 1, ""))
}

func FuzzSafeName(f *testing.F) {
	for _, s := range []string{"a/b", "..", "\x00", "con", "a.\u202e", strings.Repeat("é", 200)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, said string) {
		got := SafeName(said)
		requireSafe(t, got)
		require.Equal(t, got, SafeName(got))
		requireSafe(t, numbered(got, 9999, partSuffix))
	})
}
