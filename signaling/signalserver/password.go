package signalserver

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"fmt"

	"example.org/rtcpeer/signaling"
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

// checkPassword lets a newcomer pass who knows the password of r, if that has one.
func (s *Server) checkPassword(session *session, r *room, text string) error {
	switch {
	case r.terms.Password == nil:
		return nil
	case text == "":
		return &signaling.Error{Code: signaling.CodeWrongPassword, Text: fmt.Sprintf("room %q wants a password", r.name)}
	}
	if err := s.addresses.guess(session.address); err != nil {
		return err
	}
	if !r.terms.Password.matches(text) {
		return &signaling.Error{Code: signaling.CodeWrongPassword, Text: fmt.Sprintf("not the password of room %q", r.name)}
	}
	s.addresses.guessed(session.address)
	return nil
}
