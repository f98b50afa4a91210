package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A token of the site says who a player is. It is "name.until.signature": the name in base64, the expiry in
// Unix seconds, and an HMAC-SHA-256 of both with a key that the web site and the game's server share. A real
// site gives it to users who have logged in.

const (
	tokenLife = time.Minute // time enough to join
	maxName   = 24          // bytes
)

var errToken = errors.New("the token was not made by this site")

func newToken(key []byte, name string, now time.Time) (string, error) {
	if name == "" || len(name) > maxName {
		return "", fmt.Errorf("the name has %d bytes: want 1 to %d", len(name), maxName)
	}
	said := base64.RawURLEncoding.EncodeToString([]byte(name)) + "." + strconv.FormatInt(now.Add(tokenLife).Unix(), 10)
	return said + "." + sign(key, said), nil
}

// checkToken returns the name in a token, or an error if the token is forged or has expired.
func checkToken(key []byte, token string, now time.Time) (name string, err error) {
	cut := strings.LastIndexByte(token, '.')
	if cut < 0 || !hmac.Equal([]byte(token[cut+1:]), []byte(sign(key, token[:cut]))) {
		return "", errToken
	}
	encoded, until, _ := strings.Cut(token[:cut], ".")
	seconds, err := strconv.ParseInt(until, 10, 64)
	if err != nil {
		return "", errToken
	}
	if now.After(time.Unix(seconds, 0)) {
		return "", errors.New("the token has expired")
	}
	raw, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil {
		return "", errToken
	}
	return string(raw), nil
}

func sign(key []byte, said string) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(said))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}
