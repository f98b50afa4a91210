package forwarded

import (
	"bytes"
	"crypto/ecdh"
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the frames of testdata/wire/forwarded.json anew")

const vectorFile = "../../../testdata/wire/forwarded.json"

// vectors is testdata/wire/forwarded.json, for this test and for clients in other languages. Bytes are in hexadecimal.
type vectors struct {
	OfferingKey     string           `json:"offering_key"`  // private
	AnsweringKey    string           `json:"answering_key"` // private
	Offer           string           `json:"offer"`
	Answer          string           `json:"answer"`
	Binding         string           `json:"binding"`
	Frames          []frameVector    `json:"frames"`       // in their order, with their numbers from 0 in each direction
	BadContents     []badVector      `json:"bad_contents"` // of frames
	BadDescriptions []badDescription `json:"bad_descriptions"`
}

type frameVector struct {
	Name     string `json:"name"`
	Offering bool   `json:"offering"` // the offering end sends it
	Contents string `json:"contents"`
	Frame    string `json:"frame"`
}

type badVector struct {
	Name     string `json:"name"`
	Contents string `json:"contents"`
}

type badDescription struct {
	Name        string `json:"name"`
	Description string `json:"description"`
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	require.NoError(t, err)
	return b
}

func privateKey(t testing.TB, s string) *ecdh.PrivateKey {
	t.Helper()
	key, err := ecdh.P256().NewPrivateKey(unhex(t, s))
	require.NoError(t, err)
	return key
}

func TestVectors(t *testing.T) {
	raw, err := os.ReadFile(vectorFile)
	require.NoError(t, err)
	var v vectors
	require.NoError(t, json.Unmarshal(raw, &v))
	ends := map[bool]*keys{}
	offering, answering := privateKey(t, v.OfferingKey), privateKey(t, v.AnsweringKey)
	ends[true], err = newKeys(offering, answering.PublicKey(), true)
	require.NoError(t, err)
	ends[false], err = newKeys(answering, offering.PublicKey(), false)
	require.NoError(t, err)
	if *update {
		v.Offer, v.Answer = describe(offering.PublicKey()), describe(answering.PublicKey())
		v.Binding = fingerprint(offering.PublicKey()) + " " + fingerprint(answering.PublicKey())
	}
	require.Equal(t, v.Offer, describe(offering.PublicKey()))
	require.Equal(t, v.Answer, describe(answering.PublicKey()))
	require.Equal(t, v.Binding, fingerprint(offering.PublicKey())+" "+fingerprint(answering.PublicKey()))
	key, err := parse(v.Offer)
	require.NoError(t, err)
	require.True(t, key.Equal(offering.PublicKey()))

	for i, f := range v.Frames {
		frame, ok := ends[f.Offering].encrypt(nil, unhex(t, f.Contents))
		require.True(t, ok)
		if *update {
			v.Frames[i].Frame = hex.EncodeToString(frame)
			continue
		}
		require.Equal(t, f.Frame, hex.EncodeToString(frame), f.Name)
		plain, err := ends[!f.Offering].decrypt(unhex(t, f.Frame))
		require.NoError(t, err, f.Name)
		require.Equal(t, f.Contents, hex.EncodeToString(plain), f.Name)
		_, err = decode(plain)
		require.NoError(t, err, f.Name)
	}
	for _, bad := range v.BadContents {
		_, err := decode(unhex(t, bad.Contents))
		require.ErrorIs(t, err, errBadFrame, bad.Name)
	}
	for _, bad := range v.BadDescriptions {
		_, err := parse(bad.Description)
		require.Error(t, err, bad.Name)
	}
	if *update {
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		require.NoError(t, e.Encode(v))
		require.NoError(t, os.WriteFile(vectorFile, b.Bytes(), 0o644))
	}
}

// What was not made by the other end, or was here before, or comes too early, is told apart.
func TestDecryptRefuses(t *testing.T) {
	a, b := privateKey(t, "0000000000000000000000000000000000000000000000000000000000000001"), privateKey(t, "0000000000000000000000000000000000000000000000000000000000000002")
	from, err := newKeys(a, b.PublicKey(), true)
	require.NoError(t, err)
	to, err := newKeys(b, a.PublicKey(), false)
	require.NoError(t, err)
	var frames [][]byte
	for i := range 3 {
		frame, ok := from.encrypt(nil, []byte{frameLast, 0, 1, byte(i)})
		require.True(t, ok)
		frames = append(frames, frame)
	}
	changed := func(i int) []byte {
		frame := bytes.Clone(frames[0])
		frame[i] ^= 1
		return frame
	}
	for name, c := range map[string]struct {
		frame []byte
		want  error
	}{
		"nothing":                   {nil, errForged},
		"cut short":                 {frames[0][:len(frames[0])-1], errForged},
		"a head alone":              {frames[0][:headerSize], errForged},
		"another number":            {changed(tagSize + 3), errForged},
		"another byte":              {changed(headerSize), errForged},
		"another end":               {changed(len(frames[0]) - 1), errForged},
		"one that came too early":   {bytes.Clone(frames[1]), errGap},
		"one of the other end's":    {must(to.encrypt(nil, []byte{frameHello})), errForged},
		"one more than a gap later": {bytes.Clone(frames[2]), errGap},
	} {
		_, err := to.decrypt(bytes.Clone(c.frame))
		require.Equal(t, c.want, err, name)
	}
	_, err = to.decrypt(bytes.Clone(frames[0]))
	require.NoError(t, err)
	_, err = to.decrypt(bytes.Clone(frames[0]))
	require.Equal(t, errReplay, err)
	_, err = to.decrypt(bytes.Clone(frames[1]))
	require.NoError(t, err)

	from.sent = maxNumber
	_, ok := from.encrypt(nil, []byte{frameHello})
	require.False(t, ok, "a nonce would come twice")
}

func must(b []byte, _ bool) []byte { return b }

func FuzzDecode(f *testing.F) {
	f.Add([]byte{frameHello})
	f.Add(appendPart(nil, frameLast, 1, []byte("hello")))
	f.Add(appendRead(appendAck(nil, 7), 1, 40))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := decode(b)
		if err != nil {
			return
		}
		var again []byte
		switch got.kind {
		case frameAck:
			again = appendAck(nil, got.frames)
			for reads := got.reads; len(reads) > 0; {
				var lane uint16
				var read uint32
				lane, read, reads = cutRead(reads)
				again = appendRead(again, lane, read)
			}
		case frameHello, frameClose:
			again = []byte{got.kind}
		default:
			again = appendPart(nil, got.kind, got.lane, got.data)
		}
		require.Equal(t, b, again)
	})
}

func FuzzParse(f *testing.F) {
	f.Add("a=forwarded:1\r\na=fingerprint:p-256 04\r\n")
	f.Fuzz(func(t *testing.T, sdp string) {
		if key, err := parse(sdp); err == nil {
			require.Equal(t, sdp, describe(key))
		}
	})
}
