package gossip

import (
	"bytes"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/memberlist"

	"github.com/gosentinel/sentinel/monitor"
)

// Key encrypts and authenticates everything that is gossiped: 16, 24 or 32
// bytes for AES-128, -192 or -256 in Galois counter mode.
type Key []byte

// ParseKey reads a key in base64, as `openssl rand -base64 32` prints it. The
// error does not repeat the key.
func ParseKey(text string) (Key, error) {
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("a gossip key must be base64: %w; `openssl rand -base64 32` makes one", err)
	}
	if memberlist.ValidateKey(b) != nil {
		return nil, fmt.Errorf("a gossip key must have 16, 24 or 32 bytes, this one has %d; `openssl rand -base64 32` makes one", len(b))
	}
	return b, nil
}

// How a key is derived from a password. All Sentinels must derive the same one,
// so the salt is fixed: it only makes tables for other programs useless. The
// rounds make each guess cost about a tenth of a second.
const (
	keySalt   = "gosentinel gossip key 1"
	keyRounds = 600_000
)

// KeyFromPassword derives a key, slowly.
func KeyFromPassword(password string) Key {
	key, err := pbkdf2.Key(sha256.New, password, []byte(keySalt), keyRounds, 32)
	if err != nil {
		panic(err) // impossible with these constants
	}
	return key
}

// PublicKey is the key of Sentinels that have no secret. It protects nothing.
// It is for Sentinels that can only be reached from their own host, where any
// process that can send a packet can also send any command.
func PublicKey() Key {
	sum := sha256.Sum256([]byte(keySalt))
	return sum[:]
}

// ID is a short name of a key. It tells keys apart, and helps to find one only
// by brute force.
func (k Key) ID() string { return hex.EncodeToString(k.mac("id")[:4]) }

func (k Key) mac(text string) []byte {
	mac := hmac.New(sha256.New, k)
	mac.Write([]byte(text))
	return mac.Sum(nil)
}

// idsOf joins the ids of keys, the one that encrypts first.
func idsOf(keys []Key) string {
	ids := make([]string, len(keys))
	for i, k := range keys {
		ids[i] = k.ID()
	}
	return strings.Join(ids, ",")
}

// canRead reports whether list holds the first key of other, which is the one
// that encrypts.
func canRead(list, other string) bool {
	first, _, _ := strings.Cut(other, ",")
	return slices.Contains(strings.Split(list, ","), first)
}

// retiredKeyLife is how long a key that was replaced at run time is still
// accepted, because all Sentinels cannot be changed at the same moment.
const retiredKeyLife = time.Hour

// keys are those of a transport. memberlist encrypts and decrypts with a ring
// of its own; these decide what reaches it.
type keys struct {
	ring *memberlist.Keyring
	now  func() monitor.Instant

	mu      sync.Mutex
	list    []Key        // the first one encrypts
	none    bool         // it is a random one, so nothing can be decrypted
	retired []retiredKey // replaced at run time
	opening []*sealer    // for what arrives
}

type retiredKey struct {
	key   Key
	until monitor.Instant
}

// newKeys accepts an empty list for keys that are set later. Without a key
// memberlist would not encrypt at all, so it gets a random one.
func newKeys(list []Key, now func() monitor.Instant) (*keys, error) {
	none := len(list) == 0
	if none {
		unknown := make(Key, 32)
		rand.Read(unknown) // never fails
		list = []Key{unknown}
	}
	ring, err := memberlist.NewKeyring(nil, list[0])
	if err != nil {
		return nil, err
	}
	k := &keys{ring: ring, now: now}
	err = k.set(list)
	k.none = none
	return k, err
}

// set replaces all keys. The one that encrypted before is accepted for a while.
func (k *keys) set(list []Key) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, key := range list {
		// Added keys stay in the ring, because memberlist removes one in place
		// while other goroutines read. verify decides which are accepted.
		if err := k.ring.AddKey(key); err != nil {
			return err
		}
	}
	if err := k.ring.UseKey(list[0]); err != nil {
		return err
	}
	if len(k.list) > 0 && !k.none && !k.list[0].in(list) {
		k.retired = append(k.retired, retiredKey{k.list[0], k.now().Add(retiredKeyLife)})
	}
	if len(k.retired) > maxRetiredKeys {
		k.retired = slices.Delete(k.retired, 0, len(k.retired)-maxRetiredKeys)
	}
	k.list, k.none = slices.Clone(list), false
	return k.rebuild()
}

// maxRetiredKeys bounds the work for each packet.
const maxRetiredKeys = 2

func (k Key) in(list []Key) bool {
	return slices.ContainsFunc(list, func(other Key) bool { return bytes.Equal(k, other) })
}

// rebuild prepares the ciphers of the accepted keys. The caller holds mu.
func (k *keys) rebuild() error {
	k.opening = nil
	for _, key := range k.allLocked() {
		o, err := newSealer(key)
		if err != nil {
			return err
		}
		k.opening = append(k.opening, o)
	}
	return nil
}

func (k *keys) allLocked() []Key {
	now := k.now()
	k.retired = slices.DeleteFunc(k.retired, func(a retiredKey) bool { return a.until <= now || a.key.in(k.list) })
	all := slices.Clone(k.list)
	for _, a := range k.retired {
		all = append(all, a.key)
	}
	return all
}

// ids returns the names of the keys, the one that encrypts first, or "" while
// there is none.
func (k *keys) ids() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.none {
		return ""
	}
	return idsOf(k.allLocked())
}

// verify reports whether sealed was encrypted with one of the keys. aad is
// the additional authenticated data.
func (k *keys) verify(sealed, aad []byte) bool {
	return slices.ContainsFunc(k.sealers(), func(o *sealer) bool { return o.verify(sealed, aad) })
}

// unseal returns what was encrypted with one of the keys.
func (k *keys) unseal(sealed, aad []byte) ([]byte, bool) {
	for _, o := range k.sealers() {
		if plain, ok := o.unseal(nil, sealed, aad); ok {
			return plain, true
		}
	}
	return nil, false
}

var errNoKey = errors.New("there is no key yet")

// seal encrypts with the first key.
func (k *keys) seal(plain, aad []byte) ([]byte, error) {
	open := k.sealers()
	if len(open) == 0 {
		return nil, errNoKey
	}
	return open[0].seal(plain, aad), nil
}

// sealers returns those of the accepted keys, the one that encrypts first.
func (k *keys) sealers() []*sealer {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.retired) > 0 && k.retired[0].until <= k.now() {
		_ = k.rebuild() // these keys were valid before
	}
	return k.opening
}
