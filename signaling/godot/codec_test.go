package godot

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling"
)

func TestCandidatesOfGames(t *testing.T) {
	full := func(mid string, index uint16) signaling.SignalData {
		return signaling.SignalData{Type: signaling.Candidate, Candidate: "candidate:1 typ host", SDPMid: mid, SDPMLineIndex: index}
	}
	none := signaling.SignalData{Type: signaling.Candidate}
	for name, c := range map[string]struct {
		data string
		want signaling.SignalData
	}{
		"as Godot sends it":    {"\n0\n0\ncandidate:1 typ host", full("0", 0)},
		"another media":        {"\ndata\n3\ncandidate:1 typ host", full("data", 3)},
		"no mid":               {"\n\n0\ncandidate:1 typ host", full("0", 0)},
		"as a line of the SDP": {"\n0\n0\na=candidate:1 typ host\r\n", full("0", 0)},
		"the end":              {"\n0\n0\n", none},
		"nothing":              {"", none},
		"a part is missing":    {"\n0\ncandidate:1 typ host", none},
		"no line break first":  {"0\n0\ncandidate:1 typ host", none},
		"index in words":       {"\n0\nzero\ncandidate:1 typ host", none},
		"index too large":      {"\n0\n65536\ncandidate:1 typ host", none},
		"a part too much":      {"\n0\n0\ncandidate:1\n0\n0\ncandidate:2", none},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.want, splitCandidate(c.data)) })
	}
}

func TestCandidatesForGames(t *testing.T) {
	for name, c := range map[string]struct{ data, want string }{
		"full":                 {`{"candidate":"candidate:1","sdpMid":"data","sdpMLineIndex":3,"attempt":2}`, "\ndata\n3\ncandidate:1"},
		"no mid":               {`{"candidate":"candidate:1"}`, "\n0\n0\ncandidate:1"},
		"null":                 {`{"candidate":"candidate:1","sdpMid":null,"sdpMLineIndex":null}`, "\n0\n0\ncandidate:1"},
		"as a line of the SDP": {`{"candidate":"a=candidate:1\r\n"}`, "\n0\n0\ncandidate:1"},
		"the end":              {`{"candidate":""}`, ""},
		"two lines":            {`{"candidate":"candidate:1\ncandidate:2"}`, ""},
		"mid of two lines":     {`{"candidate":"candidate:1","sdpMid":"0\n0"}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var d signaling.SignalData
			require.NoError(t, json.Unmarshal([]byte(c.data), &d))
			require.Equal(t, c.want, joinCandidate(d))
		})
	}
}

// Signals in the form in which games and this module write them are translated without encoding/json. All other forms are left
// to encoding/json.
func TestCommonSignalsNeedNoJSON(t *testing.T) {
	const sdp, line = `v=0\r\na=\"x\\y\u00e4\r\n`, `candidate:1 1 UDP 1 198.51.100.7 9 typ host`
	for frame, data := range map[string]string{
		`{"data":"` + sdp + `","id":1,"type":4}`:                `{"type":"offer","sdp":"` + sdp + `"}`,
		`{"type":5,"id":2147483647,"data":"` + sdp + `"}`:       `{"type":"answer","sdp":"` + sdp + `"}`,
		`{"data":"\n0\n0\n` + line + `","id":7,"type":6}`:       `{"type":"candidate","candidate":"` + line + `","sdpMid":"0"}`,
		`{"type":6,"id":7,"data":"\nmid\n65535\n` + line + `"}`: `{"type":"candidate","candidate":"` + line + `","sdpMid":"mid","sdpMLineIndex":65535}`,
	} {
		s, ok := cutSignal([]byte(frame))
		require.True(t, ok, frame)
		require.Equal(t, data, string(s.Data))
		require.JSONEq(t, frame, string(pasteSignal(s.To, s.Data)))
	}
	for _, frame := range []string{
		`{"data":"v=0","id":1,"type":4.0}`, `{"data":"v=0","id":01,"type":4}`, `{"data":"v=0","id":0,"type":4}`,
		`{"data":"v=0","id":2147483648,"type":4}`, `{"data":"v=0","id":1,"type":7}`, `{"data":"","id":1,"type":4}`,
		`{"data":"v=0","id":1,"type":4} `, `{"data":"v=0","id":1,"type":4,"x":1}`, `{"data":"\x","id":1,"type":4}`,
		`{"data":"\n0\n65536\ncandidate:1","id":1,"type":6}`, `{"data":"\n\n0\ncandidate:1","id":1,"type":6}`,
		`{"data":"\n0\n0\na=candidate:1","id":1,"type":6}`, `{"data":"\n0\n0\n","id":1,"type":6}`, `{"data":"v=0\`, ``,
	} {
		_, ok := cutSignal([]byte(frame))
		require.False(t, ok, frame)
	}
	for _, data := range []string{
		`{"type":"refuse"}`, `{"type":"offer","sdp":""}`, `{"type":"offer","sdp":"v=0","attempt":1}`, `{"type":"candidate"}`,
		`{"type":"candidate","candidate":"a=candidate:1","sdpMid":"0"}`, `"offer"`,
	} {
		require.Nil(t, pasteSignal(1, []byte(data)), data)
	}
}

// Every code has its words, which a client takes for the same code.
func TestCloseTextOfEachError(t *testing.T) {
	for _, row := range texts {
		code, text, ends := closing(row.err)
		require.True(t, ends)
		require.Equal(t, row.text, text)
		if row.err.Code == signaling.CodeBadRoom {
			continue // no such room, for a client
		}
		require.Equal(t, row.err.Code, closed(code, text).Code)
	}
	code, text, ends := closing(&signaling.Error{Code: signaling.CodeShuttingDown, Text: "for people"})
	require.Equal(t, []any{closeError, "shutting_down", true}, []any{code, text, ends})
	require.Equal(t, signaling.CodeShuttingDown, closed(code, text).Code)
	require.Equal(t, &signaling.Error{Code: signaling.CodeInternal, Text: "Out of memory"}, closed(4000, "Out of memory"))
	require.Nil(t, closed(1000, ""), "the server in GDScript does not say why")
	require.Nil(t, closed(1006, ""))
}

func TestDecoderOfAClient(t *testing.T) {
	const id, lobby = `{"type":1,"id":7,"data":"true"}`, `{"type":0,"id":0,"data":"lobby"}`
	for name, c := range map[string]struct {
		frames []string
		want   string // the kind of the last message, or its error
	}{
		"a welcome":                    {[]string{id, lobby}, "welcome"},
		"sealed, by GDScript's server": {[]string{lobby}, "signaling: sealed: room \"lobby\" is sealed, so the server assigns no id"},
		"two ids":                      {[]string{id, id}, "signaling: bad_message: a second id"},
		"two answers":                  {[]string{id, lobby, lobby}, "signaling: bad_message: a second answer to JOIN"},
		"a peer before the id":         {[]string{`{"type":2,"id":1}`}, "signaling: bad_message: a peer before the id"},
		"no room's name":               {[]string{id, `{"type":0,"id":0,"data":"a b"}`}, `signaling: bad_room: room name "a b": only letters, digits, - and _`},
		"floats":                       {[]string{`{"type":1.0,"id":7.0,"data":""}`, lobby}, "welcome"},
		"left before the answer":       {[]string{id, `{"type":2,"id":5}`, `{"type":3,"id":5}`, lobby}, "welcome"},
		"a type of the future":         {[]string{`{"type":8,"id":0}`}, "signaling: unknown_kind: type 8"},
		"oneself":                      {[]string{id, `{"type":2,"id":7}`, lobby}, "welcome"},
	} {
		t.Run(name, func(t *testing.T) {
			decode := Client().NewDecoder()
			var m signaling.Message
			var err error
			for _, frame := range c.frames {
				m, err = decode([]byte(frame))
			}
			if said, ok := m.(*signaling.Error); ok && err == nil {
				err = said
			}
			if err != nil {
				require.EqualError(t, err, c.want)
				return
			}
			require.Equal(t, signaling.Kind(c.want), m.Kind())
			require.Empty(t, m.(signaling.Welcome).Members)
		})
	}
}

func TestEncodeForServerRefuses(t *testing.T) {
	_, err := encodeForServer(signaling.Signal{To: 1, Data: []byte(`{"type":"dance"}`)})
	require.ErrorIs(t, err, &signaling.Error{Code: signaling.CodeBadMessage})
	_, err = encodeForServer(signaling.Sealed{})
	require.EqualError(t, err, "godot: a client cannot send sealed in the demo protocol")
	_, err = encodeForServer(signaling.Disconnected{})
	require.EqualError(t, err, "godot: a client cannot send disconnected in the demo protocol")
	_, err = encodeForMember(signaling.Join{})
	require.EqualError(t, err, "godot: a server cannot send join in the demo protocol")
	_, err = encodeForMember(signaling.Disconnected{})
	require.EqualError(t, err, "godot: a server cannot send disconnected in the demo protocol")
}

// A client of the demo's server tells nothing of what it can.
func TestJoinTellsNoFeatures(t *testing.T) {
	plain, err := encodeForServer(signaling.Join{Room: "lobby"})
	require.NoError(t, err)
	able, err := encodeForServer(signaling.Join{Room: "lobby", Features: []string{signaling.FeatureRepair}, Incarnation: "one"})
	require.NoError(t, err)
	require.Equal(t, string(plain), string(able))
}

// FuzzDecode gives both ends what they would never send. What they take for a message is one, and it
// can be told to the other dialect's members and back.
func FuzzDecode(f *testing.F) {
	names, err := filepath.Glob(filepath.Join("..", "..", "testdata", "godot", "transcripts", "*.jsonl"))
	require.NoError(f, err)
	require.NotEmpty(f, names)
	for _, name := range names {
		addFrames(f, name)
	}
	f.Add([]byte(`{"type":6,"id":1.0,"data":"\n\n0\na=candidate:1\r\n"}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := decodeOfMember(raw)
		if err == nil {
			require.NoError(t, m.Validate())
			fuzzSignal(t, m)
		}
		if s, ok := cutSignal(raw); ok && utf8.Valid(raw) && len(raw) < signaling.MaxMessage {
			require.Equal(t, s, m)
			long, err := decodeOfMember(append([]byte(" "), raw...))
			require.NoError(t, err, "the long way has an error")
			require.Equal(t, s.To, long.(signaling.Signal).To)
			require.JSONEq(t, string(long.(signaling.Signal).Data), string(s.Data))
		}
		fresh, joined := new(decoder), joinedDecoder(t)
		for _, d := range []*decoder{fresh, joined} {
			m, err := d.decode(raw)
			if err == nil && m != nil {
				require.NoError(t, m.Validate())
				fuzzSignal(t, m)
			}
		}
	})
}

func addFrames(f *testing.F, name string) {
	f.Helper()
	file, err := os.Open(name)
	require.NoError(f, err)
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var line struct{ Text string }
		require.NoError(f, json.Unmarshal(lines.Bytes(), &line))
		if line.Text != "" {
			f.Add([]byte(line.Text))
		}
	}
}

func joinedDecoder(t *testing.T) *decoder {
	t.Helper()
	d := new(decoder)
	for _, frame := range []string{`{"type":1,"id":7,"data":"true"}`, `{"type":0,"id":0,"data":"lobby"}`} {
		_, err := d.decode([]byte(frame))
		require.NoError(t, err)
	}
	return d
}

// fuzzSignal sends a signal on, to members of both dialects: one game understands what another said,
// and nothing that it said breaks a frame.
func fuzzSignal(t *testing.T, m signaling.Message) {
	t.Helper()
	s, ok := m.(signaling.Signal)
	if !ok {
		return
	}
	s.From, s.To = 5, 0
	_, err := signaling.JSON.Encode(s)
	require.NoError(t, err)
	frames, err := encodeForMember(s)
	require.NoError(t, err)
	long, err := encodeSignal(s.From, append([]byte(" "), s.Data...))
	require.NoError(t, err)
	if len(frames) == 0 {
		require.Nil(t, long)
		return
	}
	require.JSONEq(t, string(long), string(frames[0]))
	require.Len(t, frames, 1)
	if len(frames[0]) > signaling.MaxMessage {
		return // what is sent to a member may be larger than what it may send: escapes
	}
	again, err := joinedDecoder(t).decode(frames[0])
	require.NoError(t, err)
	require.Equal(t, signaling.PeerID(5), again.(signaling.Signal).From)
	require.JSONEq(t, string(s.Data), string(again.(signaling.Signal).Data))
}
