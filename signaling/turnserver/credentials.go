package turnserver

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strconv"
	"strings"
	"time"

	"example.org/rtcpeer/signaling"
)

// Credentials make time-limited user names and passwords from a secret that only servers know, in the format of
// draft-uberti-behave-turn-rest-00. They work without a Server: an external coturn accepts them, if it has
// use-auth-secret and the same static-auth-secret.
type Credentials struct {
	// Secret is shared by all servers that must accept the same credentials.
	Secret string
	// TTL is how long a credential can create allocations. Zero means 1h; a Config refuses negative values.
	TTL time.Duration
}

const (
	defaultTTL = time.Hour
	// maxUser keeps "expiry:user" well below the 508 bytes of a STUN user name (RFC 8489, 14.3).
	maxUser = 128
)

// For returns a user name that is valid from now for TTL, and its password. The user counts toward the quota of a
// server and travels in the clear: it is a name, not a secret. A user that is empty, is longer than 128 bytes or has
// other characters than visible ASCII is replaced by its hash.
func (c Credentials) For(user string) (username, password string) {
	expiry := time.Now().Add(c.ttl()).Unix()
	username = strconv.FormatInt(expiry, 10) + ":" + plain(user)
	return username, c.password(username)
}

// ICEServer returns the entry of a welcome for the TURN server with these URLs, with a fresh credential.
func (c Credentials) ICEServer(user string, urls ...string) signaling.ICEServer {
	username, password := c.For(user)
	return signaling.ICEServer{URLs: urls, Username: username, Credential: password}
}

func (c Credentials) ttl() time.Duration {
	if c.TTL == 0 {
		return defaultTTL
	}
	return c.TTL
}

func (c Credentials) password(username string) string {
	mac := hmac.New(sha1.New, []byte(c.Secret))
	mac.Write([]byte(username))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// plain returns user in a form that is safe in a STUN user name. Browsers and servers disagree about the preparation
// of other characters than ASCII.
func plain(user string) string {
	visible := func(c rune) bool { return c > ' ' && c < 0x7f }
	if user != "" && len(user) <= maxUser && strings.IndexFunc(user, func(c rune) bool { return !visible(c) }) < 0 {
		return user
	}
	sum := sha256.Sum256([]byte(user))
	return hex.EncodeToString(sum[:16])
}

// parseUsername returns the expiry of a user name, and the user in it.
func parseUsername(username string) (expiry time.Time, user string, ok bool) {
	digits, user, ok := strings.Cut(username, ":")
	seconds, err := strconv.ParseUint(digits, 10, 40) // 34,000 years: time.Time does not overflow
	if !ok || err != nil || user == "" {
		return time.Time{}, "", false
	}
	return time.Unix(int64(seconds), 0), user, true
}
