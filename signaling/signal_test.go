package signaling_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling"
)

func TestSignalData(t *testing.T) {
	for name, c := range map[string]struct {
		data string
		want signaling.SignalData
	}{
		"offer":             {`{"type":"offer","attempt":1,"sdp":"v=0\r\n"}`, signaling.SignalData{Type: signaling.Offer, Attempt: 1, SDP: "v=0\r\n"}},
		"answer":            {`{"type":"answer","sdp":"v=0"}`, signaling.SignalData{Type: signaling.Answer, SDP: "v=0"}},
		"candidate":         {`{"type":"candidate","attempt":2,"candidate":"candidate:1","sdpMid":"0"}`, signaling.SignalData{Type: signaling.Candidate, Attempt: 2, Candidate: "candidate:1", SDPMid: "0"}},
		"a browser's":       {`{"type":"candidate","candidate":"c","sdpMid":null,"sdpMLineIndex":null,"usernameFragment":"x"}`, signaling.SignalData{Type: signaling.Candidate, Candidate: "c"}},
		"end of candidates": {`{"type":"candidate"}`, signaling.SignalData{Type: signaling.Candidate}},
		"offer of a link":   {`{"type":"offer","attempt":1,"sdp":"v=0","link":"abc"}`, signaling.SignalData{Type: signaling.Offer, Attempt: 1, SDP: "v=0", Link: "abc"}},
		"answer of a link":  {`{"type":"answer","attempt":1,"sdp":"v=0","link":"abc"}`, signaling.SignalData{Type: signaling.Answer, Attempt: 1, SDP: "v=0", Link: "abc"}},
		"offer of a path":   {`{"type":"offer","attempt":2,"sdp":"v=0","link":"abc","repair":true}`, signaling.SignalData{Type: signaling.Offer, Attempt: 2, SDP: "v=0", Link: "abc", Repair: true}},
		"repair":            {`{"type":"repair","attempt":2,"link":"abc"}`, signaling.SignalData{Type: signaling.Repair, Attempt: 2, Link: "abc"}},
		"repair, no link":   {`{"type":"repair"}`, signaling.SignalData{Type: signaling.Repair}},
		"longest link":      {`{"type":"repair","link":"` + strings.Repeat("x", 64) + `"}`, signaling.SignalData{Type: signaling.Repair, Link: strings.Repeat("x", 64)}},
		"fail":              {`{"type":"fail","attempt":2,"link":"abc","text":"no"}`, signaling.SignalData{Type: signaling.Fail, Attempt: 2, Link: "abc", Text: "no"}},
		"refuse":            {`{"type":"refuse","text":"no"}`, signaling.SignalData{Type: signaling.Refuse, Text: "no"}},
		"bye":               {`{"type":"refuse","bye":{"code":7,"text":"idle"}}`, signaling.SignalData{Type: signaling.Refuse, Bye: &signaling.Bye{Code: 7, Text: "idle"}}},
		"bye of nothing":    {`{"type":"refuse","bye":{}}`, signaling.SignalData{Type: signaling.Refuse}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := signaling.DecodeSignalData([]byte(c.data))
			require.NoError(t, err)
			require.Equal(t, c.want, got)
			again, err := got.Encode()
			require.NoError(t, err)
			got, err = signaling.DecodeSignalData(again)
			require.NoError(t, err)
			require.Equal(t, c.want, got)
		})
	}
}

func TestSignalDataOfOthersIsRefused(t *testing.T) {
	for name, data := range map[string]string{
		"not an object":     `"offer"`,
		"nothing":           ``,
		"no type":           `{}`,
		"unknown type":      `{"type":"rollback"}`,
		"offer without sdp": `{"type":"offer"}`,
		"answer with null":  `{"type":"answer","sdp":null}`,
		"negative attempt":  `{"type":"refuse","attempt":-1}`,
		"repair, negative":  `{"type":"repair","attempt":-1}`,
		"link of 65 bytes":  `{"type":"offer","sdp":"v=0","link":"` + strings.Repeat("x", 65) + `"}`,
		"link is a number":  `{"type":"repair","link":5}`,
		"repair is a word":  `{"type":"offer","sdp":"v=0","repair":"yes"}`,
		"bye of 257 bytes":  `{"type":"refuse","bye":{"text":"` + strings.Repeat("x", 257) + `"}}`,
		"bye is a word":     `{"type":"refuse","bye":"idle"}`,
		"large code":        `{"type":"refuse","bye":{"code":65536}}`,
		"negative code":     `{"type":"refuse","bye":{"code":-1}}`,
		"index too large":   `{"type":"candidate","sdpMLineIndex":65536}`,
	} {
		t.Run(name, func(t *testing.T) {
			_, err := signaling.DecodeSignalData([]byte(data))
			require.ErrorIs(t, err, &signaling.Error{Code: signaling.CodeBadMessage})
		})
	}
}

func FuzzDecodeSignalData(f *testing.F) {
	f.Add([]byte(`{"type":"offer","attempt":1,"sdp":"v=0\r\n"}`))
	f.Add([]byte(`{"type":"candidate","candidate":"c","sdpMid":"0","sdpMLineIndex":1}`))
	f.Add([]byte(`{"type":"offer","attempt":2,"sdp":"v=0","link":"abc","repair":true}`))
	f.Add([]byte(`{"type":"repair","attempt":2,"link":"abc"}`))
	f.Add([]byte(`{"type":"refuse","bye":{"code":7,"text":"idle"}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := signaling.DecodeSignalData(data)
		if err != nil {
			return
		}
		b, err := d.Encode()
		require.NoError(t, err)
		again, err := signaling.DecodeSignalData(b)
		require.NoError(t, err)
		require.Equal(t, d, again)
	})
}
