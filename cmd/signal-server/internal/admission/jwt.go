package admission

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/signalserver"
)

// claims are the contents of an access token. The token must say when it expires (exp).
type claims struct {
	jwt.RegisteredClaims
	// Room is the room that the bearer may join: a name, or the beginning of names with * at its end.
	// "*" alone stands for all rooms, and for new ones whose name the server chooses.
	Room string `json:"room"`
	// Create and Host let the bearer create a room, and be its host.
	Create bool `json:"create,omitempty"`
	Host   bool `json:"host,omitempty"`
	// Name and Metadata are shown to the other members instead of those in the join message.
	Name     string          `json:"name,omitempty"`
	Metadata json.RawMessage `json:"metadata,omitempty"`
	// Until is when the membership ends, in seconds of Unix time. The token's expiry does not end the
	// membership, because it is only for joining.
	Until json.Number `json:"until,omitempty"`
}

func (c *claims) roomAllowed(room signaling.RoomName) bool {
	if prefix, many := strings.CutSuffix(c.Room, "*"); many {
		return strings.HasPrefix(string(room), prefix)
	}
	return c.Room != "" && string(room) == c.Room
}

func (c *claims) grant() signalserver.Grant {
	g := signalserver.Grant{MayCreate: c.Create, MayHost: c.Host, Name: c.Name, Metadata: c.Metadata, Subject: c.Subject}
	if c.Until != "" {
		seconds, _ := c.Until.Float64() // infinite if it does not fit; decoding checked that it is a number
		g.Expires = time.Unix(int64(min(max(seconds, 0), lastSecond)), 0)
	}
	return g
}

// lastSecond is later than the end of the year 9999, after which dates are of no use.
const lastSecond = 300_000_000_000

// A tokenGuard decides who may join by access token.
type tokenGuard struct {
	// Fixed at construction.
	keys         []verifyKey
	fresh, stale *jwt.Parser // stale is for members that come back
}

const (
	// leeway is how much the clocks of the issuer and of this server may differ.
	leeway = 10 * time.Second
	// comeBack is how long after its expiry a token is accepted from a member that comes back.
	comeBack = 24 * time.Hour
	// maxLife is how far in the future the expiry of a token may be. An expiry in milliseconds instead of
	// seconds is far beyond it; the token would otherwise be valid practically forever.
	maxLife = 100 * 365 * 24 * time.Hour
)

func newTokenGuard(o *Options) (*tokenGuard, error) {
	g := new(tokenGuard)
	var methods []string
	for _, name := range o.JWT {
		k, err := readVerifyKey(name)
		if err != nil {
			return nil, err
		}
		g.keys = append(g.keys, k)
		methods = append(methods, k.method.Alg())
	}
	rules := []jwt.ParserOption{jwt.WithValidMethods(methods), jwt.WithExpirationRequired()}
	if o.Audience != "" {
		rules = append(rules, jwt.WithAudience(o.Audience))
	}
	g.fresh = jwt.NewParser(append(slices.Clone(rules), jwt.WithLeeway(leeway))...)
	g.stale = jwt.NewParser(append(slices.Clone(rules), jwt.WithLeeway(comeBack))...)
	return g, nil
}

// admit is the function for signalserver's Config.Admit. Its refusals give the reason but nothing of the token.
func (g *tokenGuard) admit(_ context.Context, r signalserver.Request) (signalserver.Grant, error) {
	token := accessToken(r)
	if token == "" {
		return signalserver.Grant{}, unauthorized("this server requires an access token")
	}
	c, err := g.parse(token, r.Resume)
	if err != nil {
		return signalserver.Grant{}, err
	}
	if !r.List && !c.roomAllowed(r.Join.Room) {
		return signalserver.Grant{}, &signaling.Error{Code: signaling.CodeForbidden, Text: "the access token is for another room"}
	}
	return c.grant(), nil
}

func (g *tokenGuard) parse(token string, stale bool) (*claims, error) {
	parser := g.fresh
	if stale {
		parser = g.stale
	}
	var c claims
	_, err := parser.ParseWithClaims(token, &c, g.keysFor)
	switch {
	case err == nil && time.Until(c.ExpiresAt.Time) > maxLife:
		return nil, unauthorized("the access token expires in more than a hundred years: want exp in seconds")
	case err == nil:
		return &c, nil
	case errors.Is(err, jwt.ErrTokenExpired):
		return nil, unauthorized("the access token has expired")
	case errors.Is(err, jwt.ErrTokenNotValidYet), errors.Is(err, jwt.ErrTokenUsedBeforeIssued):
		return nil, unauthorized("the access token is not valid yet: check the clocks")
	case errors.Is(err, jwt.ErrTokenInvalidAudience):
		return nil, unauthorized("the access token is for another audience")
	case errors.Is(err, jwt.ErrTokenRequiredClaimMissing):
		return nil, unauthorized("the access token has no expiry time: set exp")
	}
	return nil, unauthorized("the access token is not signed with a key of this server")
}

// keysFor returns the keys for the token's signing method, so that a public key is never used as a shared
// secret.
func (g *tokenGuard) keysFor(t *jwt.Token) (any, error) {
	var set jwt.VerificationKeySet
	for _, k := range g.keys {
		if k.method == t.Method {
			set.Keys = append(set.Keys, k.key)
		}
	}
	return set, nil
}

func unauthorized(text string) error {
	return &signaling.Error{Code: signaling.CodeUnauthorized, Text: text}
}
