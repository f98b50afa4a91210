package admission

import (
	"encoding/base64"
	"encoding/pem"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/cmd/signal-server/internal/keytest"
	"example.org/rtcpeer/cmd/signal-server/internal/settings"
	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/signalserver"
)

// A hook may say any time to wait.
func TestHookSaysWhenToTryAgain(t *testing.T) {
	for header, want := range map[string]int{"7": 7000, "-7": 0, "soon": 0, "99999999999999": mostRetry * 1000, "9223372036854775807": mostRetry * 1000, "99999999999999999999": mostRetry * 1000} {
		_, err := understand(&http.Response{StatusCode: http.StatusTooManyRequests, Header: http.Header{"Retry-After": {header}}}, nil)
		why, ok := errors.AsType[*signaling.Error](err)
		require.True(t, ok)
		require.Equal(t, want, why.RetryMillis, header)
		require.NoError(t, why.Validate())
	}
}

// With --auth-hook-fail-open everybody is admitted where the hook is broken, and nobody where its status is no answer that
// is known.
func TestHookIsBroken(t *testing.T) {
	for status, admitted := range map[int]bool{201: false, 202: false, 206: false, 302: false, 400: false, 402: false, 404: false, 410: false, 451: false, 500: true, 502: true, 503: true} {
		web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
		h := newHook(&Options{Hook: web.URL, HookTimeout: time.Minute, HookFailOpen: true})
		_, err := h.admit(t.Context(), signalserver.Request{})
		require.Equal(t, admitted, err == nil, status)
		h.client.CloseIdleConnections()
		web.Close()
	}
}

// A refusal is one although its body does not come whole, --auth-hook-fail-open or not.
func TestHookRefusesWithABrokenBody(t *testing.T) {
	for status, want := range map[int]signaling.Code{401: signaling.CodeUnauthorized, 403: signaling.CodeForbidden, 429: signaling.CodeRateLimited} {
		web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			w.WriteHeader(status)
		}))
		h := newHook(&Options{Hook: web.URL, HookTimeout: time.Minute, HookFailOpen: true})
		_, err := h.admit(t.Context(), signalserver.Request{})
		require.ErrorIs(t, err, &signaling.Error{Code: want}, status)
		h.client.CloseIdleConnections()
		web.Close()
	}
}

// A public key is no secret, in whatever form it comes, as everybody knows it.
func TestPublicKeysAreNoSecrets(t *testing.T) {
	for _, method := range []string{"EdDSA", "RS256"} {
		_, public := keytest.Pair(t, method)
		content, err := os.ReadFile(public)
		require.NoError(t, err)
		block, _ := pem.Decode(content)
		require.NotNil(t, block)
		utf16 := []byte{0xff, 0xfe}
		for _, b := range content {
			utf16 = append(utf16, b, 0)
		}
		indented := []byte("  " + strings.ReplaceAll(string(content), "\n", "\n  "))
		for name, c := range map[string]struct {
			content []byte
			want    string // none: a public key
		}{
			"with a byte order mark": {append([]byte(settings.ByteOrderMark), content...), ""},
			"with other line ends":   {[]byte(strings.ReplaceAll(string(content), "\n", "\r\n")), ""},
			"indented":               {indented, "incomplete PEM file"},
			"UTF-16":                 {utf16, "incomplete PEM file"},
			"after a word":           {append([]byte("key: "), content...), "incomplete PEM file"},
			"on one line":            {[]byte(strings.ReplaceAll(string(content), "\n", " ")), "incomplete PEM file"},
			"DER":                    {block.Bytes, "the key is not in PEM"},
			"DER in base64":          {[]byte(base64.StdEncoding.EncodeToString(block.Bytes) + "\n"), "the key is not in PEM"},
			"JWK":                    {[]byte(`{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`), "the key is not in PEM"},
			"SSH":                    {[]byte("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPj6n4rk2NqgYh2OA0ojoFO1PmJ6u1V0QGHxZ8V5dO0p ann@game\n"), "the key is not in PEM"},
		} {
			key, err := readVerifyKey(keytest.File(t, t.TempDir(), "key", c.content))
			if c.want != "" {
				require.ErrorContains(t, err, c.want, name)
				continue
			}
			require.NoError(t, err, name)
			require.Equal(t, method, key.method.Alg(), name)
		}
	}
}
