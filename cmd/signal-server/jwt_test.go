package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling"
)

// A signKey makes tokens that the token command does not make.
type signKey struct {
	method jwt.SigningMethod
	key    any
}

// readSignKey reads a private key of Ed25519, or a secret.
func readSignKey(name string) (signKey, error) {
	content, err := os.ReadFile(name)
	if err != nil {
		return signKey{}, err
	}
	block, _ := pem.Decode(content)
	if block == nil {
		return signKey{jwt.SigningMethodHS256, bytes.TrimSpace(content)}, nil
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	return signKey{jwt.SigningMethodEdDSA, key}, err
}

func mint(t *testing.T, args ...string) string {
	t.Helper()
	code, stdout, stderr := tell(t, append([]string{"token"}, args...)...)
	require.Equal(t, exitOK, code, stderr)
	require.Empty(t, stderr)
	return strings.TrimSuffix(stdout, "\n")
}

// For each kind of key: what its owner mints opens the door that it names, and no other.
func TestTokens(t *testing.T) {
	for _, method := range []string{"HS256", "RS256", "EdDSA"} {
		t.Run(method, func(t *testing.T) {
			private, public := keyFiles(t, method)
			foreign, _ := keyFiles(t, method)
			p := start(t, nil, "--auth-jwt="+public, "--auth-audience=game")
			host := mint(t, "--key="+private, "--room=eu-*", "--create", "--host", "--audience=game", "--name=Ann")
			guest := mint(t, "--key="+private, "--room=eu-1", "--audience=game")
			require.EqualValues(t, 1, call(t, p.url, nil).join(signaling.Join{Room: "eu-1", Token: host}).ID)
			w := call(t, p.url, nil).join(signaling.Join{Room: "eu-1", Token: guest})
			require.JSONEq(t, `{"name":"Ann"}`, string(w.Members[0].Metadata))

			for _, c := range []struct {
				name, room, token string
				want              signaling.Code
			}{
				{"none", "eu-1", "", signaling.CodeUnauthorized},
				{"rubbish", "eu-1", "a.b.c", signaling.CodeUnauthorized},
				{"another key", "eu-1", mint(t, "--key="+foreign, "--room=*", "--audience=game"), signaling.CodeUnauthorized},
				{"another audience", "eu-1", mint(t, "--key="+private, "--room=*", "--audience=shop"), signaling.CodeUnauthorized},
				{"changed", "eu-1", guest[:len(guest)-8] + "AAAAAAAA", signaling.CodeUnauthorized},
				{"another room", "eu-2", guest, signaling.CodeForbidden},
				{"another prefix", "us-1", host, signaling.CodeForbidden},
				{"a new room", "", host, signaling.CodeForbidden},
				{"may not create", "eu-3", mint(t, "--key="+private, "--room=eu-3", "--audience=game"), signaling.CodeForbidden},
				{"a beginning is not a prefix", "eu-10", guest, signaling.CodeForbidden},
			} {
				require.Equal(t, c.want, call(t, p.url, nil).refused(signaling.Join{Room: signaling.RoomName(c.room), Token: c.token}), c.name)
			}
		})
	}
}

// otherNone writes "none" as some checks of it overlook.
type otherNone struct{ jwt.SigningMethod }

func (otherNone) Alg() string { return "nOnE" }

// Tokens that no token command makes.
func TestForgedTokens(t *testing.T) {
	privateEd, publicEd := keyFiles(t, "EdDSA")
	_, publicRSA := keyFiles(t, "RS256")
	secret, _ := keyFiles(t, "HS256")
	p := start(t, nil, "--auth-jwt="+publicEd, "--auth-jwt="+publicRSA, "--auth-jwt="+secret)
	good := jwt.MapClaims{"room": "*", "create": true, "exp": time.Now().Add(time.Hour).Unix()}
	with := func(name string, value any) jwt.MapClaims {
		c := jwt.MapClaims{}
		for k, v := range good {
			c[k] = v
		}
		if c[name] = value; value == nil {
			delete(c, name)
		}
		return c
	}
	ed, err := readSignKey(privateEd)
	require.NoError(t, err)
	hmac, err := readSignKey(secret)
	require.NoError(t, err)
	pemOf, err := x509.MarshalPKIXPublicKey(ed.key.(ed25519.PrivateKey).Public())
	require.NoError(t, err)
	fileRSA, err := os.ReadFile(publicRSA)
	require.NoError(t, err)
	for name, c := range map[string]struct {
		method jwt.SigningMethod
		key    any
		claims jwt.Claims
		want   signaling.Code // none: admitted
	}{
		"good":                     {ed.method, ed.key, good, ""},
		"good, the other key":      {hmac.method, hmac.key, good, ""},
		"none":                     {jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, good, signaling.CodeUnauthorized},
		"public key as secret":     {jwt.SigningMethodHS256, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: pemOf}), good, signaling.CodeUnauthorized},
		"raw public key as secret": {jwt.SigningMethodHS256, []byte(ed.key.(ed25519.PrivateKey).Public().(ed25519.PublicKey)), good, signaling.CodeUnauthorized},
		"RSA's file as secret":     {jwt.SigningMethodHS256, fileRSA, good, signaling.CodeUnauthorized},
		"none, spelled otherwise":  {otherNone{jwt.SigningMethodNone}, jwt.UnsafeAllowNoneSignatureType, good, signaling.CodeUnauthorized},
		"method not offered":       {jwt.SigningMethodHS512, hmac.key, good, signaling.CodeUnauthorized},
		"expired":                  {ed.method, ed.key, with("exp", time.Now().Add(-time.Minute).Unix()), signaling.CodeUnauthorized},
		"expires in milliseconds":  {ed.method, ed.key, with("exp", time.Now().Add(time.Hour).UnixMilli()), signaling.CodeUnauthorized},
		"expires after a lifetime": {ed.method, ed.key, with("exp", time.Now().AddDate(200, 0, 0).Unix()), signaling.CodeUnauthorized},
		"expires in nine years":    {ed.method, ed.key, with("exp", time.Now().AddDate(9, 0, 0).Unix()), ""},
		"never expires":            {ed.method, ed.key, with("exp", nil), signaling.CodeUnauthorized},
		"not yet":                  {ed.method, ed.key, with("nbf", time.Now().Add(time.Minute).Unix()), signaling.CodeUnauthorized},
		"clocks differ a little":   {ed.method, ed.key, with("exp", time.Now().Add(-2*time.Second).Unix()), ""},
		"no room":                  {ed.method, ed.key, with("room", nil), signaling.CodeForbidden},
		"room of another type":     {ed.method, ed.key, with("room", 7), signaling.CodeUnauthorized},
		"until in nanoseconds":     {ed.method, ed.key, with("until", time.Now().Add(time.Hour).UnixNano()), ""},
		"until beyond all dates":   {ed.method, ed.key, with("until", 1e300), ""},
		"until the first second":   {ed.method, ed.key, with("until", 0), signaling.CodeExpired},
		"until no number":          {ed.method, ed.key, with("until", "soon"), signaling.CodeUnauthorized},
		"until before all dates":   {ed.method, ed.key, with("until", -1e300), signaling.CodeExpired},
		"expires in nanoseconds":   {ed.method, ed.key, with("exp", time.Now().Add(time.Hour).UnixNano()), signaling.CodeUnauthorized},
		"expires beyond all dates": {ed.method, ed.key, with("exp", 1e300), signaling.CodeUnauthorized},
		"until is over":            {ed.method, ed.key, with("until", time.Now().Add(-time.Minute).Unix()), signaling.CodeExpired},
	} {
		t.Run(name, func(t *testing.T) {
			token, err := jwt.NewWithClaims(c.method, c.claims).SignedString(c.key)
			require.NoError(t, err)
			if c.want == "" {
				call(t, p.url, nil).join(signaling.Join{Token: token})
				return
			}
			require.Equal(t, c.want, call(t, p.url, nil).refused(signaling.Join{Token: token}))
		})
	}
	require.Equal(t, exitOK, p.stop())
	for line := range p.log {
		require.NotContains(t, line, "eyJ", "no token in the log")
	}
}

// Programs that cannot put a token into their join give it with the request.
func TestTokenWithTheRequest(t *testing.T) {
	secret, _ := keyFiles(t, "HS256")
	p := start(t, nil, "--auth-jwt="+secret)
	token := mint(t, "--key="+secret, "--room=*", "--create", "--host")
	for _, c := range []*caller{
		call(t, p.url+"/lobby?access_token="+token, nil),
		call(t, p.url, http.Header{"Authorization": {"Bearer " + token}}),
	} {
		c.join(signaling.Join{Room: "lobby"})
		require.NoError(t, c.conn.Close())
	}
	require.Equal(t, exitOK, p.stop())
	for line := range p.log {
		require.NotContains(t, line, "eyJ", "no token in the log")
	}
}

// Who was admitted comes back although its token has expired since; not with none, or that of another.
func TestComeBackWithAnExpiredToken(t *testing.T) {
	private, public := keyFiles(t, "EdDSA")
	p := start(t, nil, "--auth-jwt="+public)
	key, err := readSignKey(private)
	require.NoError(t, err)
	minted := func(room string, left time.Duration) string {
		token, err := jwt.NewWithClaims(key.method, jwt.MapClaims{"room": room, "create": true, "host": true, "name": "Ann",
			"exp": time.Now().Add(left).Unix()}).SignedString(key.key)
		require.NoError(t, err)
		return token
	}
	w := call(t, p.url, nil).join(signaling.Join{Room: "lobby", Token: minted("lobby", time.Hour)})
	back := call(t, p.url, nil).join(signaling.Join{Resume: w.Resume, Token: minted("lobby", -time.Hour), Metadata: json.RawMessage(`{"name":"Eve"}`)})
	require.True(t, back.Resumed)
	w = call(t, p.url, nil).join(signaling.Join{Room: "lobby", Token: minted("lobby", time.Hour)})
	require.JSONEq(t, `{"name":"Ann"}`, string(w.Members[0].Metadata))
	for name, j := range map[string]signaling.Join{
		"no token":     {Resume: back.Resume},
		"another room": {Resume: back.Resume, Token: minted("other", time.Hour)},
		"days ago":     {Resume: back.Resume, Token: minted("lobby", -48*time.Hour)},
	} {
		code := call(t, p.url, nil).refused(j)
		require.Contains(t, []signaling.Code{signaling.CodeUnauthorized, signaling.CodeForbidden}, code, name)
	}
}

func TestTokenMistakes(t *testing.T) {
	private, public := keyFiles(t, "EdDSA")
	short := writeFile(t, t.TempDir(), "short", []byte("too short to be a secret"))
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"token", "--room=a"}, "missing flags: --key=FILE"},
		{[]string{"token", "--key=" + private, "--room=a b"}, `--room "a b": want 1 to 64 letters`},
		{[]string{"token", "--key=" + private, "--room="}, "--room: blank"},
		{[]string{"token", "--key=" + public, "--room=a"}, "want a private key"},
		{[]string{"token", "--key=" + short, "--room=a"}, "the secret has 24 bytes: want at least 32"},
		{[]string{"token", "--key=/none", "--room=a"}, "--key: open /none: no such file"},
		{[]string{"token", "--key=" + private, "--room=a", "--expires=0s"}, "--expires 0s"},
		{[]string{"token", "--key=" + private, "--room=a", "--metadata={"}, "--metadata: want JSON"},
		{[]string{"--auth-jwt=" + private}, "want a public key"},
		{[]string{"--auth-jwt=" + short}, "the secret has 24 bytes"},
		{[]string{"--auth-jwt=/none"}, "--auth-jwt: open /none: no such file"},
		{[]string{"--auth-audience=game"}, "--auth-audience: needs --auth-jwt"},
	} {
		code, stdout, stderr := tell(t, c.args...)
		require.Equal(t, exitUsage, code, "%v", c.args)
		require.Contains(t, stderr, c.want)
		require.NotContains(t, stderr, "too short to be")
		require.Empty(t, stdout)
	}
}
