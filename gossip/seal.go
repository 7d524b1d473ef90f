package gossip

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"sync"
)

// Everything that arrives is authenticated before memberlist sees it.
// memberlist does so again, but reports what it rejects only in its log.

// The form of what memberlist encrypts: a version byte, a nonce, and what AES in
// Galois counter mode makes of the message, whose last 16 bytes authenticate it.
const (
	sealVersion = 1
	nonceSize   = 12
	sealedMin   = 1 + nonceSize + 16
)

// sealer encrypts and authenticates with one key.
type sealer struct {
	gcm     cipher.AEAD
	scratch sync.Pool // of *[]byte
}

func newSealer(key Key) (*sealer, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	return &sealer{gcm: gcm, scratch: sync.Pool{New: func() any { return new([]byte) }}}, nil
}

// verify reports whether sealed is authentic. It does not change it.
func (o *sealer) verify(sealed, aad []byte) bool {
	buf := o.scratch.Get().(*[]byte)
	defer o.scratch.Put(buf)
	plain, ok := o.unseal((*buf)[:0], sealed, aad)
	if ok {
		*buf = plain[:0]
	}
	return ok
}

// unseal appends what was sealed to dst.
func (o *sealer) unseal(dst, sealed, aad []byte) ([]byte, bool) {
	if len(sealed) <= sealedMin || sealed[0] != sealVersion {
		return nil, false // memberlist looks at the first byte of an empty message
	}
	plain, err := o.gcm.Open(dst, sealed[1:1+nonceSize], sealed[1+nonceSize:], aad)
	return plain, err == nil
}

// seal is what memberlist does to its packets.
func (o *sealer) seal(plain, aad []byte) []byte {
	b := make([]byte, 1+nonceSize, sealedMin+len(plain))
	b[0] = sealVersion
	rand.Read(b[1:]) // never fails
	return o.gcm.Seal(b, b[1:], plain, aad)
}
