package transfer

import (
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write testdata/wire/transfer.json anew")

const vectorFile = "../../testdata/wire/transfer.json"

// vectors is testdata/wire/transfer.json, for this test and for JavaScript's.
type vectors struct {
	Frames []vector   `json:"frames"`
	Bad    []vector   `json:"bad"`
	Names  [][]string `json:"names"` // what is said, and what SafeName makes of it
}

// A vector is one frame. Bytes are in hexadecimal.
type vector struct {
	Name   string `json:"name"`
	Hex    string `json:"hex"`
	Kind   string `json:"kind,omitempty"`
	ID     uint64 `json:"id,omitempty"`
	Flags  byte   `json:"flags,omitempty"`
	Offset int64  `json:"offset,omitempty"`
	Size   int64  `json:"size,omitempty"`
	Window int64  `json:"window,omitempty"`
	Sum    string `json:"sum,omitempty"`
	Reason byte   `json:"reason,omitempty"`
	Text   string `json:"text,omitempty"`
	Data   string `json:"data,omitempty"`
}

var kindNames = map[kind]string{
	kindOffer: "offer", kindAccept: "accept", kindPrefix: "prefix", kindStart: "start", kindData: "data", kindTaken: "taken",
	kindEnd: "end", kindDone: "done", kindStopSending: "stop_sending", kindStopReceiving: "stop_receiving",
}

func vectorOf(name string, f frame) vector {
	v := vector{
		Name: name, Hex: hex.EncodeToString(f.append(nil)), Kind: kindNames[f.kind], ID: f.id, Flags: f.flags, Offset: f.offset,
		Size: f.size, Window: f.window, Reason: byte(f.reason), Text: f.text, Data: hex.EncodeToString(f.data),
	}
	if f.sum != (digest{}) {
		v.Sum = hex.EncodeToString(f.sum[:])
	}
	return v
}

func (v vector) frame(t testing.TB) *frame {
	t.Helper()
	f := &frame{id: v.ID, flags: v.Flags, offset: v.Offset, size: v.Size, window: v.Window, reason: reason(v.Reason), text: v.Text}
	for k, name := range kindNames {
		if name == v.Kind {
			f.kind = k
		}
	}
	sum, err := hex.DecodeString(v.Sum)
	require.NoError(t, err)
	copy(f.sum[:], sum)
	f.data, err = hex.DecodeString(v.Data)
	require.NoError(t, err)
	if len(f.data) == 0 {
		f.data = nil
	}
	return f
}

func examples() vectors {
	var sum digest
	for i := range sum {
		sum[i] = byte(i)
	}
	return vectors{
		Frames: []vector{
			vectorOf("offer that can begin anew", frame{kind: kindOffer, id: 1, flags: flagAnew, size: 300, text: "cat.jpg"}),
			vectorOf("offer of unknown size", frame{kind: kindOffer, id: 127, flags: flagUnknownSize, text: "🐈 log"}),
			vectorOf("offer of the largest size", frame{kind: kindOffer, id: maxNumber, size: maxNumber, text: "../a\x00"}),
			vectorOf("offer with flags of the future", frame{kind: kindOffer, id: 1, flags: 0x81, size: 1, text: "a"}),
			vectorOf("accept", frame{kind: kindAccept, id: 1, window: 4 << 20}),
			vectorOf("accept of the rest", frame{kind: kindAccept, id: 128, offset: 1 << 32, window: MinWindow}),
			vectorOf("prefix", frame{kind: kindPrefix, id: 1, sum: sum}),
			vectorOf("start", frame{kind: kindStart, id: 1, offset: 1 << 32}),
			vectorOf("start anew", frame{kind: kindStart, id: 1}),
			vectorOf("data", frame{kind: kindData, id: 1, offset: 300, data: []byte("meow")}),
			vectorOf("taken", frame{kind: kindTaken, id: 1, offset: maxNumber}),
			vectorOf("end", frame{kind: kindEnd, id: 1, size: 304, sum: sum}),
			vectorOf("done", frame{kind: kindDone, id: 1}),
			vectorOf("stop by the sender: cancelled", frame{kind: kindStopSending, id: 1, reason: reasonCancelled}),
			vectorOf("stop by the receiver: refused", frame{kind: kindStopReceiving, id: 1, reason: reasonRefused, text: "no, thanks"}),
			vectorOf("stop by an end that takes no files", frame{kind: kindStopReceiving, id: 1, reason: reasonSendOnly}),
			vectorOf("stop by a sender whose star has another host", frame{kind: kindStopSending, id: 1, reason: reasonMoved}),
			vectorOf("stop for a reason of the future", frame{kind: kindStopReceiving, id: 1, reason: 200}),
		},
		Bad: []vector{
			{Name: "nothing", Hex: ""},
			{Name: "unknown kind", Hex: "0b01"},
			{Name: "kind 0", Hex: "0001"},
			{Name: "no id", Hex: "08"},
			{Name: "id 0", Hex: "0800"},
			{Name: "id not in its shortest form", Hex: "088100"},
			{Name: "id over 2^53-1", Hex: "08ffffffffffffff1f"},
			{Name: "id that overflows", Hex: "08ffffffffffffffffffff01"},
			{Name: "offer without a name", Hex: "01010103"},
			{Name: "offer with a name that is not UTF-8", Hex: "01010103ff"},
			{Name: "offer with a name of 1025 bytes", Hex: "01010103" + strings.Repeat("61", maxName+1)},
			{Name: "offer that tells an unknown size", Hex: "0101020361"},
			{Name: "accept with a window too small", Hex: "02010001"},
			{Name: "accept with more behind", Hex: "02010080800400"},
			{Name: "prefix cut off", Hex: "0301" + strings.Repeat("00", 31)},
			{Name: "start without an offset", Hex: "0401"},
			{Name: "data without bytes", Hex: "050100"},
			{Name: "data beyond 2^53-1", Hex: "0501ffffffffffffff0f61"},
			{Name: "end without a hash", Hex: "070101"},
			{Name: "done with more behind", Hex: "080100"},
			{Name: "stop without a reason", Hex: "0901"},
			{Name: "stop with a text that is too long", Hex: "0a0101" + strings.Repeat("61", maxText+1)},
		},
		Names: [][]string{
			{"cat.jpg", "cat.jpg"}, {"..", "unnamed"}, {"../../etc/passwd", "passwd"}, {`C:\boot.ini`, "boot.ini"},
			{"C:win.ini", "C_win.ini"}, {".bashrc", "_bashrc"}, {"a\x00b\x1b[31m\u009b", "a_b_[31m_"}, {"<b>\u202egpj.exe", "_b__gpj.exe"},
			{"con.txt", "_con.txt"}, {"COM¹", "_COM¹"}, {"com10", "com10"}, {"a. . ", "a"}, {"", "unnamed"}, {"🐈‍⬛.jpg", "🐈‍⬛.jpg"},
			{strings.Repeat("🐈", 250) + ".jpg", strings.Repeat("🐈", 62) + ".jpg"},
		},
	}
}

func TestVectors(t *testing.T) {
	want := examples()
	if *update {
		require.NoError(t, os.WriteFile(vectorFile, want.lines(t), 0o644))
	}
	raw, err := os.ReadFile(vectorFile)
	require.NoError(t, err)
	var got vectors
	require.NoError(t, json.Unmarshal(raw, &got))
	require.Equal(t, want, got, "go test -run TestVectors -update")
	for _, v := range got.Frames {
		t.Run(v.Name, func(t *testing.T) {
			b, err := hex.DecodeString(v.Hex)
			require.NoError(t, err)
			f, err := decode(b)
			require.NoError(t, err)
			require.Equal(t, v.frame(t), f)
			require.Equal(t, b, f.append(nil))
		})
	}
	for _, v := range got.Bad {
		t.Run(v.Name, func(t *testing.T) {
			b, err := hex.DecodeString(v.Hex)
			require.NoError(t, err)
			_, err = decode(b)
			require.ErrorIs(t, err, errBadFrame)
		})
	}
	for _, pair := range got.Names {
		require.Equal(t, pair[1], SafeName(pair[0]))
	}
}

// lines has one vector a line.
func (v vectors) lines(t testing.TB) []byte {
	t.Helper()
	var b strings.Builder
	part := func(name string, n int, at func(int) any, last string) {
		b.WriteString("  \"" + name + "\": [\n")
		for i := range n {
			line := new(strings.Builder)
			encoder := json.NewEncoder(line)
			encoder.SetEscapeHTML(false)
			require.NoError(t, encoder.Encode(at(i)))
			b.WriteString("    " + strings.TrimSpace(line.String()))
			if i < n-1 {
				b.WriteByte(',')
			}
			b.WriteByte('\n')
		}
		b.WriteString("  ]" + last + "\n")
	}
	b.WriteString("{\n")
	part("frames", len(v.Frames), func(i int) any { return v.Frames[i] }, ",")
	part("bad", len(v.Bad), func(i int) any { return v.Bad[i] }, ",")
	part("names", len(v.Names), func(i int) any { return v.Names[i] }, "")
	b.WriteString("}\n")
	return []byte(b.String())
}

// A frame that is decoded is encoded to the same bytes, and keeps its promises.
func FuzzDecode(f *testing.F) {
	v := examples()
	for _, one := range append(v.Frames, v.Bad...) {
		b, err := hex.DecodeString(one.Hex)
		require.NoError(f, err)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		fr, err := decode(b)
		if err != nil {
			require.ErrorIs(t, err, errBadFrame)
			return
		}
		require.Equal(t, b, fr.append(nil))
		require.NotZero(t, fr.id)
		for _, n := range []int64{int64(fr.id), fr.offset, fr.size, fr.window, fr.offset + int64(len(fr.data))} {
			require.True(t, n >= 0 && n <= maxNumber)
		}
	})
}
