package rtcpeer

import (
	"encoding/hex"
	"encoding/json"
	"math"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling"
)

// controlVectors is testdata/wire/control.json, for this test and for clients in other languages. Counts
// in it are at most 2^53-1, the largest that JavaScript's numbers hold.
type controlVectors struct {
	Frames, Bad []controlVector
	Proof       struct {
		Link            string
		OfferingRandom  string `json:"offering_random"`
		AnsweringRandom string `json:"answering_random"`
		Secret          string
		Attempt         int
		Binding         string
		OfferingMAC     string `json:"offering_mac"`
		AnsweringMAC    string `json:"answering_mac"`
	}
}

type controlVector struct {
	Name, Hex, Kind, Random, MAC string
	Lanes                        int // that are reliable
	Kept                         uint64
	Flags, Reason                byte
	Counts, Times                []uint64
	Bye                          *signaling.Bye
	Ended                        string // of a bye: the reason that its receiver reports
}

func loadControlVectors(t testing.TB) (v controlVectors) {
	t.Helper()
	raw, err := os.ReadFile("../testdata/wire/control.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(raw, &v))
	require.NotEmpty(t, v.Frames)
	require.NotEmpty(t, v.Bad)
	return v
}

// control is what the vector's bytes mean.
func (v controlVector) control(t testing.TB) control {
	kinds := map[string]byte{
		"hello": frameHello, "prove": frameProve, "take": frameTake, "beat": frameBeat, "bye": frameBye,
	}
	c := control{kind: kinds[v.Kind], kept: v.Kept, flags: v.Flags, counts: v.Counts, times: v.Times, reason: v.Reason, bye: v.Bye}
	require.NotZero(t, c.kind, v.Kind)
	copy(c.random[:], unhex(t, v.Random))
	copy(c.mac[:], unhex(t, v.MAC))
	return c
}

// encodeControl is the inverse of decodeControl, by the functions that sending uses.
func encodeControl(c control) []byte {
	switch c.kind {
	case frameHello:
		return appendHello(nil, c.random, int(c.kept))
	case frameProve:
		return appendProve(nil, c.mac)
	case frameTake:
		return appendTake(nil, c.counts)
	case frameBeat:
		return appendBeat(nil, c.flags, c.counts, c.times...)
	}
	return appendBye(nil, c.reason, c.bye)
}

func TestControlVectors(t *testing.T) {
	vectors := loadControlVectors(t)
	for _, v := range vectors.Frames {
		t.Run(v.Name, func(t *testing.T) {
			got, err := decodeControl(unhex(t, v.Hex), v.Lanes, nil)
			require.NoError(t, err)
			require.Equal(t, v.control(t), got)
			require.Equal(t, v.Hex, hex.EncodeToString(encodeControl(got)), "encoded again")
			if v.Kind == "bye" {
				require.Equal(t, v.Ended, endedBy(got.reason).String())
			}
		})
	}
	for _, v := range vectors.Bad {
		t.Run(v.Name, func(t *testing.T) {
			_, err := decodeControl(unhex(t, v.Hex), v.Lanes, nil)
			require.ErrorIs(t, err, errBadControl)
		})
	}
}

func TestControlRoundTrip(t *testing.T) {
	most := slices.Repeat([]uint64{math.MaxUint64}, maxReliable)
	tests := []struct {
		name  string
		lanes int
		frame control
	}{
		{"hello", 1, control{kind: frameHello, random: [secretSize]byte{1, 31: 2}, kept: 1 << 20}},
		{"hello that keeps a lot", 1, control{kind: frameHello, kept: math.MaxInt64}},
		{"prove", 1, control{kind: frameProve, mac: [macSize]byte{1, 31: 2}}},
		{"take", 1, control{kind: frameTake, counts: []uint64{7}}},
		{"the largest take", maxReliable, control{kind: frameTake, counts: most}},
		{"beat", 2, control{kind: frameBeat, flags: beatAsks | beatAnswers, counts: []uint64{0, math.MaxUint64}}},
		{"the largest beat", maxReliable, control{kind: frameBeat, flags: 255, counts: most}},
		{"bye", 1, control{kind: frameBye, reason: 3}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := encodeControl(tt.frame)
			require.LessOrEqual(t, len(b), maxControlFrame)
			got, err := decodeControl(b, tt.lanes, nil)
			require.NoError(t, err)
			require.Equal(t, tt.frame, got)
			for cut := range b {
				_, err := decodeControl(b[:cut], tt.lanes, nil)
				require.ErrorIs(t, err, errBadControl, "%d of %d bytes", cut, len(b))
			}
			_, err = decodeControl(append(b, 0), tt.lanes, nil)
			require.ErrorIs(t, err, errBadControl, "a byte too many")
		})
	}
}

// maxReliable is how many reliable lanes a link can have: that of channel 0, and Config.Channels.
const maxReliable = 1 + 255

// The counts of a frame lie in the slice that is handed in, so that a beat costs no memory.
func TestDecodeControlAllocatesNothing(t *testing.T) {
	counts := make([]uint64, 0, 3)
	b := appendBeat(nil, beatAsks, []uint64{1, 300, 1 << 40})
	require.Zero(t, testing.AllocsPerRun(100, func() {
		c, err := decodeControl(b, 3, counts)
		if err != nil || len(c.counts) != 3 {
			t.Fatal(c, err)
		}
		b = appendBeat(b[:0], c.flags, c.counts)
	}))
}

func FuzzDecodeControl(f *testing.F) {
	vectors := loadControlVectors(f)
	for _, v := range slices.Concat(vectors.Frames, vectors.Bad) {
		f.Add(unhex(f, v.Hex), byte(v.Lanes))
	}
	f.Fuzz(func(t *testing.T, b []byte, lanes byte) {
		c, err := decodeControl(b, int(lanes), nil)
		if err != nil {
			require.ErrorIs(t, err, errBadControl)
			return
		}
		require.Equal(t, b, encodeControl(c), "one frame has one form")
		_ = endedBy(c.reason)
	})
}

// Each reason tells the other end what it has to know, and nothing else.
func TestByeReasons(t *testing.T) {
	tests := []struct{ here, there DisconnectReason }{
		{ByUs, ByPeer},
		{ByPeer, ByPeer},
		{Lost, Lost},
		{Misbehaved, ByPeer},
		{Slow, Slow},
		{Kicked, Kicked},
		{Unauthorized, Unauthorized},
		{HostGone, ByPeer},
	}
	for _, tt := range tests {
		require.Equal(t, tt.there, endedBy(byeOf(tt.here)), "%v", tt.here)
	}
	require.Equal(t, ByPeer, endedBy(0))
	require.Equal(t, ByPeer, endedBy(255))
}

func TestProofVectors(t *testing.T) {
	v := loadControlVectors(t).Proof
	offering, answering := [secretSize]byte(unhex(t, v.OfferingRandom)), [secretSize]byte(unhex(t, v.AnsweringRandom))
	s := newSecret(v.Link, offering, answering)
	require.Equal(t, v.Secret, hex.EncodeToString(s[:]))
	offers, answers := s.prove(true, v.Attempt, v.Binding), s.prove(false, v.Attempt, v.Binding)
	require.Equal(t, v.OfferingMAC, hex.EncodeToString(offers[:]))
	require.Equal(t, v.AnsweringMAC, hex.EncodeToString(answers[:]))
}

// A proof is good for one end of one path of one link.
func TestProofIsForOnePath(t *testing.T) {
	a, b := [secretSize]byte{1}, [secretSize]byte{2}
	s := newSecret("link", a, b)
	proof := s.prove(true, 2, "a b")
	require.True(t, s.proves(proof, true, 2, "a b"))
	require.False(t, s.proves(proof, false, 2, "a b"), "of the other end")
	require.False(t, s.proves(proof, true, 3, "a b"), "of another attempt")
	require.False(t, s.proves(proof, true, 2, "a c"), "with another end")
	for name, other := range map[string]secret{
		"another link": newSecret("knil", a, b), "other halves": newSecret("link", a, a), "halves exchanged": newSecret("link", b, a),
	} {
		require.False(t, other.proves(proof, true, 2, "a b"), name)
	}
	require.NotEqual(t, newRandom(), newRandom())
}
