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

// files is what the TLS options come to, once all files are read. It does
// not change; a rotation of certificates makes a new one.
type files struct {
	server   *tls.Config     // for connections that are accepted
	client   tls.Certificate // shown on connections that are made
	trusted  *x509.CertPool  // nil when no authority is configured
	warnings []string
}

// Keeper holds the files in force and replaces them when the files change
// or when it is told to. Handshakes that begin afterwards use the new ones;
// connections that are open stay open. Its methods may be called concurrently.
type Keeper struct {
	dir     string // at which relative paths start
	current atomic.Pointer[files]
	now     func() time.Time

	mu      sync.Mutex
	set     configrewrite.TLS
	seen    string // state of the files when they were last read
	checked time.Time
	log     func(monitor.Level, string)

	complaints rateLimit
}

// rateLimit limits how often the log says that a server is not trusted: links
// are tried again ten times a second.
type rateLimit struct {
	mu   sync.Mutex
	last time.Time
}

const complaintGap = 10 * time.Second

// due reports whether it is time for another complaint.
func (c *rateLimit) due(now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.last.IsZero() && now.Sub(c.last) < complaintGap {
		return false
	}
	c.last = now
	return true
}

// Used reports whether any connection is to be encrypted.
func Used(set configrewrite.TLS) bool { return set.Port != 0 || set.Replication }

// New reads the files for the first time. The error joins everything
// that is wrong.
func New(set configrewrite.TLS, dir string) (*Keeper, error) {
	k := &Keeper{set: set, dir: dir, now: time.Now, log: func(monitor.Level, string) {}}
	k.seen = k.look(set)
	k.checked = k.now()
	files, err := read(set, dir)
	if err != nil {
		return nil, failure(err)
	}
	k.current.Store(files)
	return k, nil
}

// Warnings returns one line of text for each oddity of the files in force.
func (k *Keeper) Warnings() []string { return k.current.Load().warnings }

// LogTo says where the keeper reports what it does on its own.
func (k *Keeper) LogTo(log func(monitor.Level, string)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.log = log
	for _, w := range k.current.Load().warnings {
		log(monitor.LevelWarning, w)
	}
}

// reload reads all files again, for the options of set. When something is wrong
// with them nothing changes, and the error says what.
func (k *Keeper) reload(set configrewrite.TLS) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.replace(set, k.look(set))
}

// Reload is reload with the options unchanged.
func (k *Keeper) Reload() error {
	k.mu.Lock()
	set := k.set
	k.mu.Unlock()
	return k.reload(set)
}

// replace does the work of reload. The caller holds mu. What was seen of the
// files is noted even if they are refused, so that the refusal is logged once.
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

// checkGap is the time between two looks at the files.
const checkGap = time.Second

// fresh returns the files in force, after a look at whether they changed. It is
// called for each handshake; there is no other timer for it.
func (k *Keeper) fresh() *files {
	// A file system that hangs must not stop more than the one who looks.
	if k.mu.TryLock() {
		if k.now().Sub(k.checked) >= checkGap {
			k.checked = k.now()
			if seen := k.look(k.set); seen != k.seen {
				_ = k.replace(k.set, seen) // logged there
			}
		}
		k.mu.Unlock()
	}
	return k.current.Load()
}

// look returns a text that changes when one of the files does.
func (k *Keeper) look(set configrewrite.TLS) string {
	var b strings.Builder
	for _, path := range []string{set.CertFile, set.KeyFile, set.ClientCertFile, set.ClientKeyFile, set.CACertFile} {
		lookAt(&b, configrewrite.InDir(k.dir, path))
	}
	if set.CACertDir != "" {
		names, _ := hashedNames(configrewrite.InDir(k.dir, set.CACertDir)) // an error shows as a change
		for _, name := range names {
			lookAt(&b, name)
		}
	}
	return b.String()
}

func lookAt(b *strings.Builder, path string) {
	if path == "" {
		return
	}
	info, err := os.Stat(path)
	if err != nil {
		fmt.Fprintf(b, "%s %v\n", path, err)
		return
	}
	// A file that took the place of another of the same size, within one tick of
	// the file system's clock, still has another inode.
	fmt.Fprintf(b, "%s %d %d %v\n", path, info.Size(), info.ModTime().UnixNano(), inode(info))
}

// ServerConfig returns the configuration for the next accepted connection.
// Each set of files has keys of its own for session tickets, so that nobody resumes
// a session on the strength of a certificate that is not accepted any more.
func (k *Keeper) ServerConfig() *tls.Config { return k.fresh().server }

// ClientConfig returns the configuration for all connections that are made. It
// follows rotations: certificate and trust are looked up in each handshake.
//
// Like stock Sentinels, it verifies that the server's certificate was issued by
// a trusted authority, and not which name stands in it: Sentinels know servers
// by the addresses that INFO and hello messages name, which certificates rarely
// hold. The authority should therefore be one that issues for these servers only.
func (k *Keeper) ClientConfig() *tls.Config {
	files := k.current.Load()
	return &tls.Config{
		MinVersion:   files.server.MinVersion,
		MaxVersion:   files.server.MaxVersion,
		CipherSuites: files.server.CipherSuites,
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			return &k.fresh().client, nil
		},
		// This turns off the verification of the name, and with it all of the
		// standard one; VerifyConnection does the rest.
		InsecureSkipVerify: true,
		VerifyConnection: func(cs tls.ConnectionState) error {
			err := verifyIssued(cs.PeerCertificates, k.fresh().trusted)
			if err != nil {
				k.complain(cs, err)
			}
			return err
		},
	}
}

// complain tells the operator what otherwise looks like a server that is down.
func (k *Keeper) complain(cs tls.ConnectionState, err error) {
	if !k.complaints.due(k.now()) {
		return
	}
	who := "A server without certificate"
	if len(cs.PeerCertificates) > 0 {
		who = "A server with the certificate " + cs.PeerCertificates[0].Subject.String()
	}
	if cs.ServerName != "" { // not known of a server that is known by its address
		who += " at " + cs.ServerName
	}
	k.mu.Lock()
	log := k.log
	k.mu.Unlock()
	log(monitor.LevelWarning, fmt.Sprintf("%s is not trusted: %v. See tls-ca-cert-file and tls-ca-cert-dir", who, err))
}

// verifyIssued verifies a server's certificate without regard to its name.
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
	return err
}
