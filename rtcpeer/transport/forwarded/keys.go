package forwarded

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// An encrypted frame, with big-endian numbers, is:
//
//	tag[4] number[4] ciphertext
//
// The tag distinguishes the paths between two peers. The number counts the frames of one direction from 0.
// Extended to 12 bytes, it is the nonce.
const (
	tagSize    = 4
	headerSize = tagSize + 4
	gcmSize    = 16 // bytes that GCM adds
	keySize    = 32
	keyInfo    = "rtcpeer forwarded path 1"
	maxNumber  = math.MaxUint32
)

type tag [tagSize]byte

// keys are the secrets of one path, which only its two ends know, and the frame counters of this end.
type keys struct {
	tag      tag
	out, in  cipher.AEAD
	sent     uint64 // frames
	received uint64 // frames, and the number of the next one
	nonce    [12]byte
}

var (
	errForged = errors.New("forwarded: the frame is not from the other end")
	errReplay = errors.New("forwarded: the frame has already arrived")
	errGap    = errors.New("forwarded: a frame is missing")
)

// newKeys derives the keys of one end from its own private key and the other end's public key.
func newKeys(own *ecdh.PrivateKey, other *ecdh.PublicKey, offers bool) (*keys, error) {
	shared, err := own.ECDH(other)
	if err != nil {
		return nil, fmt.Errorf("forwarded: keys: %w", err)
	}
	offering, answering := own.PublicKey(), other
	if !offers {
		offering, answering = other, own.PublicKey()
	}
	salt := sha256.Sum256(append(offering.Bytes(), answering.Bytes()...))
	both, err := hkdf.Key(sha256.New, shared, salt[:], keyInfo, 2*keySize)
	if err != nil {
		return nil, fmt.Errorf("forwarded: keys: %w", err)
	}
	k := &keys{tag: tag(salt[:tagSize])}
	k.out, k.in = newAEAD(both[:keySize]), newAEAD(both[keySize:])
	if !offers {
		k.out, k.in = k.in, k.out
	}
	return k, nil
}

func newAEAD(key []byte) cipher.AEAD {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err) // the size is a constant
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic(err) // as above
	}
	return aead
}

// encrypt appends the next frame to b. It reports false when the numbers are used up, because a nonce must not
// be used twice.
func (k *keys) encrypt(b, plain []byte) ([]byte, bool) {
	if k.sent >= maxNumber {
		return b, false
	}
	b = append(b, k.tag[:]...)
	b = binary.BigEndian.AppendUint32(b, uint32(k.sent))
	b = k.out.Seal(b, k.nonceOf(k.sent), plain, nil)
	k.sent++
	return b, true
}

// decrypt returns the plaintext of a frame, or errForged, errReplay or errGap. It decrypts in place.
func (k *keys) decrypt(frame []byte) ([]byte, error) {
	if len(frame) < headerSize+gcmSize {
		return nil, errForged
	}
	number := uint64(binary.BigEndian.Uint32(frame[tagSize:]))
	if number < k.received {
		return nil, errReplay
	}
	body := frame[headerSize:]
	plain, err := k.in.Open(body[:0], k.nonceOf(number), body, nil)
	switch {
	case err != nil:
		return nil, errForged
	case number > k.received:
		return nil, errGap
	}
	k.received++
	return plain, nil
}

func (k *keys) nonceOf(number uint64) []byte {
	binary.BigEndian.PutUint64(k.nonce[4:], number)
	return k.nonce[:]
}
