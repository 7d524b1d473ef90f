package testcert

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Authority issues certificates.
type Authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  []byte
}

// Files are the paths of a certificate, its key and its authority.
type Files struct{ CA, Cert, Key string }

// Option changes a certificate before it is issued.
type Option func(*x509.Certificate)

// Usage restricts a certificate to servers or clients. Without it, a certificate
// is valid for both, as is usual for Redis.
func Usage(u x509.ExtKeyUsage) Option {
	return func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{u} }
}

// Expired makes the certificate one that expired yesterday.
func Expired(c *x509.Certificate) { c.NotAfter = time.Now().Add(-24 * time.Hour) }

// NewAuthority makes an authority with that name.
func NewAuthority(t testing.TB, name string) *Authority {
	t.Helper()
	key := newKey(t)
	cert := template(t, name)
	cert.IsCA, cert.BasicConstraintsValid, cert.KeyUsage = true, true, x509.KeyUsageCertSign
	der, err := x509.CreateCertificate(rand.Reader, cert, cert, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	if cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	return &Authority{cert: cert, key: key, pem: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})}
}

// PEM returns the certificate of the authority.
func (a *Authority) PEM() []byte { return a.pem }

// Pool returns a pool that trusts only the authority.
func (a *Authority) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return pool
}

// Issue makes a certificate and its key. It has a DNS name but no IP address:
// servers are known by address, and must be trusted without one in their
// certificate.
func (a *Authority) Issue(t testing.TB, name string, options ...Option) (cert, key []byte) {
	t.Helper()
	private := newKey(t)
	c := template(t, name)
	c.KeyUsage = x509.KeyUsageDigitalSignature
	c.DNSNames = []string{name + ".example"}
	for _, o := range options {
		o(c)
	}
	der, err := x509.CreateCertificate(rand.Reader, c, a.cert, private.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})
}

// Write issues a certificate into a directory. Existing files of that name are
// replaced atomically, key first, as certificate managers do.
func (a *Authority) Write(t testing.TB, dir, name string, options ...Option) Files {
	t.Helper()
	cert, key := a.Issue(t, name, options...)
	f := Files{CA: filepath.Join(dir, name+"-ca.crt"), Cert: filepath.Join(dir, name+".crt"), Key: filepath.Join(dir, name+".key")}
	replace(t, f.CA, a.pem)
	replace(t, f.Key, key)
	replace(t, f.Cert, cert)
	return f
}

func replace(t testing.TB, path string, text []byte) {
	t.Helper()
	// Readable by all: tests start daemons as other users.
	if err := os.WriteFile(path+".new", text, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func template(t testing.TB, name string) *x509.Certificate {
	t.Helper()
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 64))
	if err != nil {
		t.Fatal(err)
	}
	return &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(48 * time.Hour),
	}
}
