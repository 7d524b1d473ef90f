package acl

import (
	"crypto/rand"
	"encoding/hex"
)

// DefaultPasswordBits is the number of bits of ACL GENPASS without an argument.
const DefaultPasswordBits = 256

// GeneratePassword returns a random password of the given number of bits, rounded
// up to whole hexadecimal digits, or [ErrPasswordBits] unless 1 <= bits <= 4096.
func GeneratePassword(bits int) (string, error) {
	if bits < 1 || bits > 4096 {
		return "", ErrPasswordBits
	}
	digits := (bits + 3) / 4
	random := make([]byte, (digits+1)/2)
	rand.Read(random) // never fails: crypto/rand ends the process instead
	return hex.EncodeToString(random)[:digits], nil
}
