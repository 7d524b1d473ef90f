package tlsfiles

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gosentinel/sentinel/configrewrite"
	"github.com/gosentinel/sentinel/internal/errtext"
	"github.com/gosentinel/sentinel/monitor"
)

// files is the result of reading all files that the TLS options name. It is
// immutable; a rotation of certificates creates a new one.
type files struct {
	server   *tls.Config     // for incoming connections
	client   tls.Certificate // presented on outgoing connections
	trusted  *x509.CertPool  // nil if no authority is configured
	warnings []string
}

// Keeper holds the files in use and replaces them when they change or when it is
// told to. Later handshakes use the new ones; open connections stay open. Its
// methods are safe for concurrent use.
type Keeper struct {
	dir     string // for relative paths
	current atomic.Pointer[files]
	now     func() time.Time

	mu      sync.Mutex
	set     configrewrite.TLS
	seen    string // the files' state when they were last read
	checked time.Time
	log     func(monitor.Level, string)
}

// Used reports whether any connection is to be encrypted.
func Used(set configrewrite.TLS) bool { return set.Port != 0 || set.Replication }

// New reads the files for the first time. The error joins everything that is
// wrong with them.
func New(set configrewrite.TLS, dir string) (*Keeper, error) {
	k := &Keeper{set: set, dir: dir, now: time.Now, log: func(monitor.Level, string) {}}
	k.seen = k.fingerprint(set)
	k.checked = k.now()
	files, err := read(set, dir)
	if err != nil {
		return nil, failure(err)
	}
	k.current.Store(files)
	return k, nil
}

// Warnings returns one line of text for each questionable thing about the files
// in use, such as an expired certificate.
func (k *Keeper) Warnings() []string { return k.current.Load().warnings }

// LogTo sets the function that logs what the keeper does on its own, and logs the
// warnings so far.
func (k *Keeper) LogTo(log func(monitor.Level, string)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.log = log
	for _, w := range k.current.Load().warnings {
		log(monitor.LevelWarning, w)
	}
}

// reload reads all files again, for the options of set. If they are invalid,
// nothing changes and the error says why.
func (k *Keeper) reload(set configrewrite.TLS) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.replace(set, k.fingerprint(set))
}

// Reload reads all files again. If they are invalid, the previous ones stay in
// use and the error says why. It logs the result.
func (k *Keeper) Reload() error {
	k.mu.Lock()
	set := k.set
	k.mu.Unlock()
	return k.reload(set)
}

// replace does the work of reload. The caller holds mu. It records the files'
// state even if they are invalid, so that they are logged only once.
func (k *Keeper) replace(set configrewrite.TLS, seen string) error {
	k.seen, k.checked = seen, k.now()
	files, err := read(set, k.dir)
	if err != nil {
		k.log(monitor.LevelWarning, "The TLS certificates in use are kept, because the new ones cannot be used: "+errtext.OneLine(err))
		return err
	}
	k.set = set
	k.current.Store(files)
	k.log(monitor.LevelNotice, "TLS certificates loaded")
	for _, w := range files.warnings {
		k.log(monitor.LevelWarning, w)
	}
	return nil
}

// checkGap is the minimum time between two checks for changed files.
const checkGap = time.Second

// fresh returns the files in use, after checking whether they changed. It is
// called in each handshake; no timer checks the files.
func (k *Keeper) fresh() *files {
	// A file system that hangs must not block more than one handshake.
	if k.mu.TryLock() {
		if k.now().Sub(k.checked) >= checkGap {
			k.checked = k.now()
			if seen := k.fingerprint(k.set); seen != k.seen {
				_ = k.replace(k.set, seen) // replace logs it
			}
		}
		k.mu.Unlock()
	}
	return k.current.Load()
}

// fingerprint returns a text that changes when any of the files does.
func (k *Keeper) fingerprint(set configrewrite.TLS) string {
	var b strings.Builder
	for _, path := range []string{set.CertFile, set.KeyFile, set.ClientCertFile, set.ClientKeyFile, set.CACertFile} {
		fingerprintFile(&b, configrewrite.InDir(k.dir, path))
	}
	if set.CACertDir != "" {
		names, _ := hashedNames(configrewrite.InDir(k.dir, set.CACertDir)) // an error is seen as a change
		for _, name := range names {
			fingerprintFile(&b, name)
		}
	}
	return b.String()
}

func fingerprintFile(b *strings.Builder, path string) {
	if path == "" {
		return
	}
	info, err := os.Stat(path)
	if err != nil {
		fmt.Fprintf(b, "%s %v\n", path, err)
		return
	}
	// The inode distinguishes a file from another one of the same size that
	// replaced it within one tick of the file system's clock.
	fmt.Fprintf(b, "%s %d %d %v\n", path, info.Size(), info.ModTime().UnixNano(), inode(info))
}

// ServerConfig returns the configuration for the next incoming connection. Each
// set of files has its own keys for session tickets, so that no session can be
// resumed that was authenticated by a certificate no longer accepted.
func (k *Keeper) ServerConfig() *tls.Config { return k.fresh().server }

// WebConfig is ServerConfig for browsers, scrapers and probes: it asks for no
// certificate of theirs.
func (k *Keeper) WebConfig() *tls.Config {
	c := k.fresh().server.Clone()
	c.ClientAuth, c.ClientCAs, c.VerifyPeerCertificate, c.VerifyConnection = tls.NoClientCert, nil, nil, nil
	c.NextProtos, c.SessionTicketsDisabled = []string{"http/1.1"}, true
	return c
}

// ClientConfig returns the configuration for all outgoing connections. It follows
// rotations: the certificate and the authorities are looked up in each handshake.
//
// Like redis-sentinel, it verifies that the server's certificate was issued by a
// trusted authority, but not its name: Sentinels know servers by the addresses in
// INFO and hello messages, which certificates rarely contain. The authority
// should therefore issue certificates for these servers only.
func (k *Keeper) ClientConfig() *tls.Config {
	files := k.current.Load()
	return &tls.Config{
		MinVersion:   files.server.MinVersion,
		MaxVersion:   files.server.MaxVersion,
		CipherSuites: files.server.CipherSuites,
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			return &k.fresh().client, nil
		},
		// This turns off the standard verification, not only that of the name;
		// VerifyConnection does the rest of it.
		InsecureSkipVerify: true,
		VerifyConnection: func(cs tls.ConnectionState) error {
			return verifyIssued(cs.PeerCertificates, k.fresh().trusted)
		},
	}
}

// verifyIssued verifies a server's certificate chain, but not its name. The error is a
// [tls.CertificateVerificationError], like that of the standard verification.
func verifyIssued(chain []*x509.Certificate, trusted *x509.CertPool) error {
	if len(chain) == 0 {
		return errors.New("the server shows no certificate")
	}
	between := x509.NewCertPool()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	_, err := chain[0].Verify(x509.VerifyOptions{
		Roots: trusted, Intermediates: between, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	})
	if err != nil {
		return &tls.CertificateVerificationError{
			UnverifiedCertificates: chain, Err: fmt.Errorf("the certificate %s: %w", chain[0].Subject, err),
		}
	}
	return nil
}
