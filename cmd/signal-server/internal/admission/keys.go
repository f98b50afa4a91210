package admission

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"os"

	"github.com/golang-jwt/jwt/v5"

	"example.org/rtcpeer/cmd/signal-server/internal/settings"
)

// A verifyKey checks the signatures of tokens, a signKey makes them. The key decides the signing method, never
// the token.
type verifyKey struct {
	method jwt.SigningMethod
	key    jwt.VerificationKey
}

type signKey struct {
	method jwt.SigningMethod
	key    any
}

// minHMAC is the smallest size of a secret in bytes, from RFC 7518 section 3.2 for HS256: the size of the hash.
const minHMAC = 32

// readVerifyKey reads a file with a public key or a secret. Its errors do not show the key.
func readVerifyKey(name string) (verifyKey, error) {
	block, secret, err := readKey(name)
	switch {
	case err != nil:
		return verifyKey{}, err
	case block == nil:
		return verifyKey{jwt.SigningMethodHS256, secret}, nil
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return verifyKey{}, fmt.Errorf("%s: the file contains a %q: want a public key, for example from openssl pkey -pubout", name, block.Type)
	}
	switch key := key.(type) {
	case *rsa.PublicKey:
		return verifyKey{jwt.SigningMethodRS256, key}, nil
	case ed25519.PublicKey:
		return verifyKey{jwt.SigningMethodEdDSA, key}, nil
	}
	return verifyKey{}, fmt.Errorf("%s: unknown kind of key: want RSA or Ed25519", name)
}

// readSignKey reads a file with a private key or a secret.
func readSignKey(name string) (signKey, error) {
	block, secret, err := readKey(name)
	switch {
	case err != nil:
		return signKey{}, err
	case block == nil:
		return signKey{jwt.SigningMethodHS256, secret}, nil
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return signKey{}, fmt.Errorf("%s: the file contains a %q: want a private key (PKCS 8), for example from openssl genpkey", name, block.Type)
	}
	switch key := key.(type) {
	case *rsa.PrivateKey:
		return signKey{jwt.SigningMethodRS256, key}, nil
	case ed25519.PrivateKey:
		return signKey{jwt.SigningMethodEdDSA, key}, nil
	}
	return signKey{}, fmt.Errorf("%s: unknown kind of key: want RSA or Ed25519", name)
}

// readKey returns the PEM block in a file. If there is none, the whole file is a secret, which is returned
// without the space around it. A public key must not be taken for a secret, because everybody knows it.
func readKey(name string) (*pem.Block, []byte, error) {
	content, err := os.ReadFile(name)
	if err != nil {
		return nil, nil, err
	}
	content = bytes.TrimPrefix(content, []byte(settings.ByteOrderMark))
	if block, _ := pem.Decode(content); block != nil {
		return block, nil, nil
	}
	secret := bytes.TrimSpace(content)
	if bytes.Contains(bytes.ReplaceAll(secret, []byte{0}, nil), []byte("-----BEGIN")) { // without the zeros of UTF-16
		return nil, nil, errors.New(name + ": incomplete PEM file")
	}
	if isKey(content) {
		return nil, nil, errors.New(name + ": the key is not in PEM: want a PEM file, or a secret")
	}
	if len(secret) < minHMAC {
		return nil, nil, fmt.Errorf("%s: the secret has %d bytes: want at least %d, for example from openssl rand -hex 32", name, len(secret), minHMAC)
	}
	return nil, secret, nil
}

// isKey reports whether the content of a file is a key in DER, in base64 or not, in JSON (JWK) or of SSH.
func isKey(content []byte) bool {
	der, err := base64.StdEncoding.DecodeString(string(bytes.TrimSpace(content)))
	if err != nil {
		der = content
	}
	_, errPublic := x509.ParsePKIXPublicKey(der)
	_, errPrivate := x509.ParsePKCS8PrivateKey(der)
	_, errCertificate := x509.ParseCertificate(der)
	return errPublic == nil || errPrivate == nil || errCertificate == nil || json.Valid(content) && bytes.Contains(content, []byte(`"kty"`)) ||
		bytes.HasPrefix(bytes.TrimSpace(content), []byte("ssh-"))
}
