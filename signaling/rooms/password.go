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

// A password is what is kept of a room's password: a salt of saltSize bytes and the PBKDF2 with
// HMAC-SHA-256 (RFC 8018, 5.2). Nil: there is none.
type password []byte

const (
	saltSize = 16
	// passwordRounds take a few milliseconds. What they protect lives in memory, and in tickets that
	// are encrypted, and guesses by way of the server are counted; many times as many would
	// let those who join with wrong passwords from everywhere keep the server busy.
	passwordRounds = 10_000
)

// newPassword hashes the text of a password. It takes milliseconds: not for use under a lock.
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
		return nil, fmt.Errorf("hash of a password: %w", err)
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

// A guard keeps strangers out of a room with a password, and bounds their guesses.
type guard struct {
	mu    sync.Mutex // guards the fields below
	right []byte     // HMAC of the password once it was given; nil: not known since the server was started
	all   clock.Bucket
	by    map[netip.Prefix]clock.Bucket // of addresses that have guessed wrong
}

const (
	// One address may guess wrong 5 times at once and then every 10 seconds: a /56 twice as often, a /48
	// four times. An address may stand for everybody behind a proxy, so it is counted for each room alone.
	guessEvery = 10 * time.Second
	guessBurst = 5
	// All addresses together may guess 50 times and then every 5 seconds, at which the 10,000 numbers of
	// four digits take seven hours on the average.
	roomGuessEvery = 5 * time.Second
	roomGuessBurst = 50
	// maxGuessers is far more than there can be addresses whose guesses still count.
	maxGuessers = 1024
)

// checkPassword lets a newcomer pass who knows the password of r, if that has one. Right passwords count for
// no limit; while guesses are over one, nobody can be told whether another is right.
func (s *Store) checkPassword(session Session, r *room, text string) error {
	switch {
	case r.terms.Password == nil:
		return nil
	case text == "":
		return &signaling.Error{Code: signaling.CodeWrongPassword, Text: fmt.Sprintf("room %q wants a password", r.name)}
	}
	levels := s.config.Networks(session.Remote())
	g, now := &r.guard, s.clock.Now()
	g.mu.Lock()
	defer g.mu.Unlock()
	if wait := g.wait(levels, now); wait > 0 {
		return tooMany(fmt.Sprintf("wrong passwords for room %q", r.name), wait)
	}
	if g.passes(r.terms.Password, text, s.passwordKey) {
		return nil
	}
	g.count(levels, now)
	return &signaling.Error{Code: signaling.CodeWrongPassword, Text: fmt.Sprintf("not the password of room %q", r.name)}
}

// passes compares with the password that was given before, which takes no time. Only the first one after a
// restart is compared with the slow hash of a ticket.
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

// wait returns how long until someone may guess again; mu is held.
func (g *guard) wait(levels []netip.Prefix, now time.Duration) time.Duration {
	wait := g.all.Wait(now, roomGuessEvery, roomGuessBurst)
	for i, level := range levels {
		share := 1 << i
		wait = max(wait, g.by[level].Wait(now, guessEvery/time.Duration(share), guessBurst*share))
	}
	return wait
}

// count counts a wrong guess; mu is held.
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

func tooMany(what string, wait time.Duration) error {
	return &signaling.Error{
		Code:        signaling.CodeRateLimited,
		Text:        "too many " + what,
		RetryMillis: int(wait.Milliseconds()) + 1,
	}
}
