package rooms

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"maps"
	"net/netip"
	"sync"
	"time"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/clock"
)

// A password is the stored form of a room's password: a salt of saltSize bytes and the result of PBKDF2 with
// HMAC-SHA-256 (RFC 8018, 5.2). Nil means that there is no password.
type password []byte

const (
	saltSize = 16
	// passwordRounds take a few milliseconds. The hash exists only in memory and in encrypted tickets, and guesses
	// through the server are limited. Many more rounds would let clients that join with wrong passwords keep the
	// server busy.
	passwordRounds = 10_000
)

// newPassword hashes the text of a password. It takes milliseconds, so it must not be called under a lock.
func newPassword(text string) (password, error) {
	if text == "" {
		return nil, nil
	}
	salt := make([]byte, saltSize)
	rand.Read(salt)
	return hashPassword(text, salt)
}

func hashPassword(text string, salt []byte) (password, error) {
	sum, err := pbkdf2.Key(sha256.New, text, salt, passwordRounds, sha256.Size)
	if err != nil { // under FIPS 140 some parameters are refused
		return nil, fmt.Errorf("hash the password: %w", err)
	}
	return append(salt[:saltSize:saltSize], sum...), nil
}

func (p password) matches(text string) bool {
	if len(p) != saltSize+sha256.Size {
		return false
	}
	other, err := hashPassword(text, p[:saltSize])
	return err == nil && hmac.Equal(p, other)
}

// A guard checks the password of a room, and limits guesses.
type guard struct {
	mu    sync.Mutex // guards the fields below
	right []byte     // HMAC of the password; nil: nobody has given the password since the server started
	all   clock.Bucket
	by    map[netip.Prefix]clock.Bucket // networks with wrong guesses
}

const (
	// One address may guess wrong 5 times at once and then every 10 seconds; a /56 twice as often, a /48 four times.
	// An address may stand for many clients behind a proxy, so guesses are counted separately for each room.
	guessEvery = 10 * time.Second
	guessBurst = 5
	// All addresses together may guess wrong 50 times at once and then every 5 seconds. At that rate, trying the
	// 10,000 numbers of four digits takes seven hours on average.
	roomGuessEvery = 5 * time.Second
	roomGuessBurst = 50
	// maxGuessers is far more than the number of networks whose guesses can still count.
	maxGuessers = 1024
)

// checkPassword returns nil if r has no password or the newcomer knows it. Right passwords do not count toward the
// limits. While a limit is exceeded, nobody learns whether another guess is right.
func (s *Store) checkPassword(session Session, r *room, text string) error {
	switch {
	case r.fixed.Password == nil:
		return nil
	case text == "":
		return &signaling.Error{Code: signaling.CodeWrongPassword, Text: fmt.Sprintf("room %q requires a password", r.name)}
	}
	levels := s.config.Networks(session.Remote())
	g, now := &r.guard, s.clock.Now()
	g.mu.Lock()
	defer g.mu.Unlock()
	if wait := g.wait(levels, now); wait > 0 {
		return TooMany(fmt.Sprintf("wrong passwords for room %q", r.name), wait)
	}
	if g.passes(r.fixed.Password, text, s.passwordKey) {
		return nil
	}
	g.count(levels, now)
	return &signaling.Error{Code: signaling.CodeWrongPassword, Text: fmt.Sprintf("wrong password for room %q", r.name)}
}

// passes compares with the HMAC of the right password, which is fast. Until somebody has given the right
// password, as after a restart, it uses the slow hash.
func (g *guard) passes(hash password, text string, key []byte) bool {
	mac := macOf(text, key)
	if g.right != nil {
		return hmac.Equal(g.right, mac)
	}
	if !hash.matches(text) {
		return false
	}
	g.right = mac
	return true
}

func macOf(text string, key []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(text))
	return mac.Sum(nil)
}

// wait returns how long until these networks may guess again. The caller holds mu.
func (g *guard) wait(levels []netip.Prefix, now time.Duration) time.Duration {
	wait := g.all.Wait(now, roomGuessEvery, roomGuessBurst)
	for i, level := range levels {
		share := 1 << i
		wait = max(wait, g.by[level].Wait(now, guessEvery/time.Duration(share), guessBurst*share))
	}
	return wait
}

// count counts a wrong guess. The caller holds mu.
func (g *guard) count(levels []netip.Prefix, now time.Duration) {
	if g.by == nil {
		g.by = make(map[netip.Prefix]clock.Bucket)
	}
	if len(g.by) > maxGuessers {
		maps.DeleteFunc(g.by, func(_ netip.Prefix, b clock.Bucket) bool { return b.Full(now) })
	}
	g.all.Take(now, roomGuessEvery, roomGuessBurst)
	for i, level := range levels {
		b, share := g.by[level], 1<<i
		b.Take(now, guessEvery/time.Duration(share), guessBurst*share)
		g.by[level] = b
	}
}

// TooMany returns the error for a client that has to wait. what is what there are too many of.
func TooMany(what string, wait time.Duration) *signaling.Error {
	return &signaling.Error{
		Code:        signaling.CodeRateLimited,
		Text:        "too many " + what,
		RetryMillis: int(wait.Milliseconds()) + 1,
	}
}
