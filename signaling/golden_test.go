package signaling_test

import (
	"bytes"
	"encoding/json"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling"
)

// A golden is one entry of testdata/wire/signaling.json, which the JavaScript client reads too, or of
// testdata/wire/features.json, which is for clients that list features.
type golden struct {
	Name string
	// Frame is the JSON value of a frame, or the text of one that is no JSON object, as a string.
	Frame json.RawMessage
	Again json.RawMessage // what a valid frame is encoded to again, if not to itself
	Code  signaling.Code  // of the error, if the frame is not valid
}

// text is what is on the wire.
func (g golden) text() []byte {
	var s string
	if json.Unmarshal(g.Frame, &s) == nil {
		return []byte(s)
	}
	return g.Frame
}

func goldens(t testing.TB) (all []golden) {
	t.Helper()
	for _, file := range []string{"signaling.json", "features.json"} {
		b, err := os.ReadFile("../testdata/wire/" + file)
		require.NoError(t, err)
		var list []golden
		require.NoError(t, json.Unmarshal(b, &list))
		all = append(all, list...)
	}
	return all
}

func TestGoldenFrames(t *testing.T) {
	kinds := map[signaling.Kind]bool{}
	for _, g := range goldens(t) {
		t.Run(g.Name, func(t *testing.T) {
			m, err := signaling.JSON.Decode(g.text())
			if g.Code != "" {
				require.ErrorIs(t, err, &signaling.Error{Code: g.Code})
				return
			}
			require.NoError(t, err)
			require.NoError(t, m.Validate())
			kinds[m.Kind()] = true
			frame, err := signaling.JSON.Encode(m)
			require.NoError(t, err)
			want := g.Frame
			if g.Again != nil {
				want = g.Again
			}
			require.JSONEq(t, string(want), string(frame))
		})
	}
	require.Len(t, kinds, 19, "there is a valid frame of each kind")
}

func TestDecodeRefusesFramesThatBrowsersRefuse(t *testing.T) {
	_, err := signaling.JSON.Decode([]byte("{\"kind\":\"signal\",\"to\":1,\"data\":\"\xff\"}"))
	require.ErrorIs(t, err, &signaling.Error{Code: signaling.CodeBadMessage})
}

func TestDecodeRefusesHugeFrames(t *testing.T) {
	frame := make([]byte, signaling.MaxMessage+1)
	_, err := signaling.JSON.Decode(frame)
	require.ErrorIs(t, err, &signaling.Error{Code: signaling.CodeTooLarge})
	require.EqualError(t, err, "signaling: too_large: frame of 262145 bytes: at most 262144")
}

func TestDecodeDoesNotKeepTheFrame(t *testing.T) {
	frame := []byte(`{"kind":"signal","to":1,"data":"abc"}`)
	m, err := signaling.JSON.Decode(frame)
	require.NoError(t, err)
	clear(frame)
	require.Equal(t, `"abc"`, string(m.(signaling.Signal).Data))
}

func TestErrorsSpeakOfTheFrame(t *testing.T) {
	for frame, want := range map[string]string{
		`[]`:                           `signaling: bad_message: array instead of an object in "[]"`,
		`{}`:                           `signaling: bad_message: no kind in "{}"`,
		`{"kind":"dance"}`:             `signaling: unknown_kind: kind "dance"`,
		`{"kind":"join","room":5}`:     `signaling: bad_message: field room: unexpected number in "{\"kind\":\"join\",\"room\":5}"`,
		`{"kind":"join","room":"a b"}`: `signaling: bad_room: room name "a b": only letters, digits, - and _`,
	} {
		_, err := signaling.JSON.Decode([]byte(frame))
		require.EqualError(t, err, want)
	}
}

// Whatever decodes is valid, can be sent on, and means the same at the other end.
func FuzzDecode(f *testing.F) {
	for _, g := range goldens(f) {
		f.Add(g.text())
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		m, err := signaling.JSON.Decode(frame)
		if len(frame) < signaling.MaxMessage {
			long, longErr := signaling.JSON.Decode(append([]byte(" "), frame...))
			require.Equal(t, err == nil, longErr == nil, "signals in the common form are read another way: %v, %v", err, longErr)
			if err == nil {
				require.Equal(t, compact(t, m), compact(t, long))
			}
		}
		if err != nil {
			var e *signaling.Error
			require.ErrorAs(t, err, &e)
			return
		}
		require.NoError(t, m.Validate())
		again, err := signaling.JSON.Encode(m)
		require.NoError(t, err)
		if len(again) > signaling.MaxMessage {
			t.Skip("a frame that only just fitted, and has grown by fields that are always there")
		}
		m2, err := signaling.JSON.Decode(again)
		require.NoError(t, err, "%s", again)
		require.Equal(t, compact(t, m), m2)
	})
}

// compact takes the white space out of metadata and leaves out empty features, as encoding does.
func compact(t *testing.T, m signaling.Message) signaling.Message {
	t.Helper()
	switch m := m.(type) {
	case signaling.Join:
		m.Metadata = compactJSON(t, m.Metadata)
		m.NewRoom.Metadata = compactJSON(t, m.NewRoom.Metadata)
		m.Features = compactFeatures(m.Features)
		return m
	case signaling.Rooms:
		for i := range m.Rooms {
			m.Rooms[i].Metadata = compactJSON(t, m.Rooms[i].Metadata)
		}
		return m
	case signaling.Metadata:
		m.Metadata = compactJSON(t, m.Metadata)
		return m
	case signaling.Joined:
		m.Member.Metadata = compactJSON(t, m.Member.Metadata)
		m.Member.Features = compactFeatures(m.Member.Features)
		return m
	case signaling.HostChanged:
		for i := range m.Members {
			m.Members[i].Metadata = compactJSON(t, m.Members[i].Metadata)
			m.Members[i].Features = compactFeatures(m.Members[i].Features)
		}
		return m
	case signaling.Welcome:
		for i := range m.Members {
			m.Members[i].Metadata = compactJSON(t, m.Members[i].Metadata)
			m.Members[i].Features = compactFeatures(m.Members[i].Features)
		}
		return m
	}
	return m
}

func compactFeatures(features []string) []string {
	if len(features) == 0 {
		return nil
	}
	return features
}

func compactJSON(t *testing.T, raw json.RawMessage) json.RawMessage {
	t.Helper()
	if raw == nil {
		return nil
	}
	var b bytes.Buffer
	require.NoError(t, json.Compact(&b, raw))
	return b.Bytes()
}
