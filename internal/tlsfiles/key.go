package tlsfiles

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"hash"
)

// Reasons why a private key cannot be used.
var (
	errNoKey       = errors.New("it holds no private key in PEM form")
	errNeedsPass   = errors.New("the private key is encrypted, and no password is configured for it")
	errWrongPass   = errors.New("the private key cannot be decrypted: the password is wrong")
	errKeyDamaged  = errors.New("the encrypted private key is damaged")
	errKeyEncoding = errors.New("the private key is encrypted in a way that is not supported; " +
		"convert it with: openssl pkcs8 -topk8 -v2 aes-256-cbc")
)

// plainKey returns a private key in PEM form without its encryption. A key that
// is not encrypted is returned unchanged, even if there is a password.
//
// Of the encrypted forms, the standard library reads only the old one, but since
// 1.0 OpenSSL writes PKCS #8 by default (RFC 5958, RFC 8018).
func plainKey(text []byte, pass string) ([]byte, error) {
	block := findKey(text)
	if block == nil {
		return nil, errNoKey
	}
	//lint:ignore SA1019 the old form is weak, but files in it are in use, and reading one weakens nothing
	old := x509.IsEncryptedPEMBlock(block)
	if !old && block.Type != "ENCRYPTED PRIVATE KEY" {
		return text, nil
	}
	if pass == "" {
		return nil, errNeedsPass
	}
	if old {
		//lint:ignore SA1019 see above
		der, err := x509.DecryptPEMBlock(block, []byte(pass))
		if err != nil {
			return nil, errWrongPass
		}
		return pem.EncodeToMemory(&pem.Block{Type: block.Type, Bytes: der}), nil
	}
	der, err := decryptPKCS8(block.Bytes, pass)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

// findKey returns the first private key of a PEM text, which may also hold
// certificates and parameters.
func findKey(text []byte) *pem.Block {
	for {
		block, rest := pem.Decode(text)
		if block == nil {
			return nil
		}
		switch block.Type {
		case "PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY":
			return block
		}
		text = rest
	}
}

// The structures of RFC 5958 section 3 and RFC 8018 appendix A.
type (
	encryptedKey struct {
		Algorithm pkix.AlgorithmIdentifier
		Data      []byte
	}
	pbes2Params struct {
		Derivation pkix.AlgorithmIdentifier
		Cipher     pkix.AlgorithmIdentifier
	}
	pbkdf2Params struct {
		Salt       []byte
		Iterations int
		KeyLength  int                      `asn1:"optional"`
		PRF        pkix.AlgorithmIdentifier `asn1:"optional"`
	}
)

var (
	oidPBES2  = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 13}
	oidPBKDF2 = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 12}
)

// keyHashes and keyCiphers are the supported components of PBES2.
var keyHashes = map[string]func() hash.Hash{
	"":                    sha1.New, // the default of the standard
	"1.2.840.113549.2.7":  sha1.New,
	"1.2.840.113549.2.8":  sha256.New224,
	"1.2.840.113549.2.9":  sha256.New,
	"1.2.840.113549.2.10": sha512.New384,
	"1.2.840.113549.2.11": sha512.New,
}

var keyCiphers = map[string]struct {
	keyBytes int
	block    func(key []byte) (cipher.Block, error)
}{
	"2.16.840.1.101.3.4.1.2":  {16, aes.NewCipher},
	"2.16.840.1.101.3.4.1.22": {24, aes.NewCipher},
	"2.16.840.1.101.3.4.1.42": {32, aes.NewCipher},
	"1.2.840.113549.3.7":      {24, des.NewTripleDESCipher},
}

// maxKeyIterations bounds the time that a damaged file can take to about a
// second. It is hundreds of times what OpenSSL uses by default.
const maxKeyIterations = 1_000_000

func decryptPKCS8(der []byte, pass string) ([]byte, error) {
	var key encryptedKey
	var scheme pbes2Params
	var derive pbkdf2Params
	if _, err := asn1.Unmarshal(der, &key); err != nil {
		return nil, errKeyDamaged
	}
	if !key.Algorithm.Algorithm.Equal(oidPBES2) {
		return nil, errKeyEncoding
	}
	if _, err := asn1.Unmarshal(key.Algorithm.Parameters.FullBytes, &scheme); err != nil {
		return nil, errKeyDamaged
	}
	if !scheme.Derivation.Algorithm.Equal(oidPBKDF2) {
		return nil, errKeyEncoding
	}
	if _, err := asn1.Unmarshal(scheme.Derivation.Parameters.FullBytes, &derive); err != nil {
		return nil, errKeyDamaged
	}
	newHash, ok1 := keyHashes[derive.PRF.Algorithm.String()]
	with, ok2 := keyCiphers[scheme.Cipher.Algorithm.String()]
	if !ok1 || !ok2 {
		return nil, errKeyEncoding
	}
	if derive.Iterations < 1 || derive.Iterations > maxKeyIterations {
		return nil, errKeyDamaged
	}
	secret, err := pbkdf2.Key(newHash, pass, derive.Salt, derive.Iterations, with.keyBytes)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errKeyEncoding, err)
	}
	block, err := with.block(secret)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errKeyEncoding, err)
	}
	var iv []byte
	if _, err := asn1.Unmarshal(scheme.Cipher.Parameters.FullBytes, &iv); err != nil || len(iv) != block.BlockSize() {
		return nil, errKeyDamaged
	}
	return openCBC(block, iv, key.Data)
}

// openCBC decrypts and removes the padding (RFC 8018 section 6.1.1). A wrong
// password results in wrong padding or in something that is not a key.
func openCBC(block cipher.Block, iv, data []byte) ([]byte, error) {
	size := block.BlockSize()
	if len(data) == 0 || len(data)%size != 0 {
		return nil, errKeyDamaged
	}
	plain := make([]byte, len(data))
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(plain, data)
	pad := int(plain[len(plain)-1])
	if pad < 1 || pad > size {
		return nil, errWrongPass
	}
	for _, b := range plain[len(plain)-pad:] {
		if int(b) != pad {
			return nil, errWrongPass
		}
	}
	plain = plain[:len(plain)-pad]
	if _, err := x509.ParsePKCS8PrivateKey(plain); err != nil {
		return nil, errWrongPass
	}
	return plain, nil
}
