package tlsfiles

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
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

// failure names the subject of each of several joined errors.
func failure(err error) error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return fmt.Errorf("Failed to configure TLS: %w", err)
	}
	var all []error
	for _, e := range joined.Unwrap() {
		all = append(all, failure(e))
	}
	return errors.Join(all...)
}

// read reads and checks everything that the TLS options name. The error
// joins all that is wrong, in the words of stock Sentinels where they have any.
func read(set configrewrite.TLS, dir string) (*files, error) {
	var errs []error
	fail := func(err error) {
		if err != nil {
			errs = append(errs, err)
		}
	}
	f := &files{}
	own, err := f.pair(dir, set.CertFile, set.KeyFile, set.KeyFilePass, "tls-cert-file", "tls-key-file")
	fail(err)
	f.client = own
	if set.ClientCertFile != "" {
		f.client, err = f.pair(dir, set.ClientCertFile, set.ClientKeyFile, set.ClientKeyFilePass, "tls-client-cert-file", "tls-client-key-file")
		fail(err)
	}
	f.trusted, err = readTrusted(set, dir)
	fail(err)
	f.server, err = f.serverOptions(set)
	fail(err)
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	f.server.Certificates = []tls.Certificate{own}
	f.server.ClientCAs = f.trusted
	return f, nil
}

// pair reads a certificate and its key.
func (f *files) pair(dir, certFile, keyFile, pass, certOption, keyOption string) (pair tls.Certificate, err error) {
	switch {
	case certFile == "":
		return pair, fmt.Errorf("No %s configured!", certOption)
	case keyFile == "":
		return pair, fmt.Errorf("No %s configured!", keyOption)
	}
	certText, err := os.ReadFile(configrewrite.InDir(dir, certFile))
	if err != nil {
		return pair, fmt.Errorf("Failed to load certificate: %s: %s: %s", certOption, certFile, errtext.Cause(err))
	}
	keyText, err := os.ReadFile(configrewrite.InDir(dir, keyFile))
	if err != nil {
		return pair, fmt.Errorf("Failed to load private key: %s: %s: %s", keyOption, keyFile, errtext.Cause(err))
	}
	if keyText, err = plainKey(keyText, pass); err != nil {
		return pair, fmt.Errorf("Failed to load private key: %s: %s: %w", keyOption, keyFile, err)
	}
	if pair, err = tls.X509KeyPair(certText, keyText); err != nil {
		return pair, fmt.Errorf("Failed to load certificate: %s: %s with %s: %w", certOption, certFile, keyFile, err)
	}
	switch leaf, now := pair.Leaf, time.Now(); {
	case now.After(leaf.NotAfter):
		f.warn("%s: the certificate expired on %s: %s", certOption, leaf.NotAfter.Format(time.DateOnly), certFile)
	case now.Before(leaf.NotBefore):
		f.warn("%s: the certificate is not valid before %s: %s", certOption, leaf.NotBefore.Format(time.DateTime), certFile)
	}
	return pair, nil
}

func (f *files) warn(format string, args ...any) {
	f.warnings = append(f.warnings, fmt.Sprintf(format, args...))
}

// readTrusted reads the certificates of the authorities.
func readTrusted(set configrewrite.TLS, dir string) (*x509.CertPool, error) {
	if set.CACertFile == "" && set.CACertDir == "" {
		if set.AuthClients == "no" && !set.Replication {
			return nil, nil
		}
		return nil, errors.New("Either tls-ca-cert-file or tls-ca-cert-dir must be specified when tls-cluster, tls-replication or tls-auth-clients are enabled!")
	}
	pool := x509.NewCertPool()
	var paths []string
	if set.CACertFile != "" {
		paths = append(paths, configrewrite.InDir(dir, set.CACertFile))
	}
	if set.CACertDir != "" {
		names, err := hashedNames(configrewrite.InDir(dir, set.CACertDir))
		if err != nil {
			return nil, fmt.Errorf("Failed to configure CA certificate(s) directory: tls-ca-cert-dir: %s: %w", set.CACertDir, err)
		}
		paths = append(paths, names...)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("Failed to configure CA certificate(s) file/directory: %s: %s", path, errtext.Cause(err))
		}
		if !pool.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("Failed to configure CA certificate(s) file/directory: %s: no certificate in PEM form", path)
		}
	}
	return pool, nil
}

var hashedName = regexp.MustCompile(`^[0-9a-f]{8}\.[0-9]+$`)

// hashedNames returns the files of a directory that OpenSSL would look at:
// those named by the hash of their subject. Taking others as well would trust
// certificates that the stock Sentinel on the same directory does not.
func hashedNames(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, errors.New(errtext.Cause(err))
	}
	var names []string
	for _, e := range entries {
		if hashedName.MatchString(e.Name()) {
			names = append(names, filepath.Join(dir, e.Name()))
		}
	}
	if len(names) == 0 {
		return nil, errors.New("it holds no certificate under a hashed name; run: openssl rehash " + dir)
	}
	return names, nil
}

// serverOptions translates the options that need no files.
func (f *files) serverOptions(set configrewrite.TLS) (*tls.Config, error) {
	cfg := &tls.Config{SessionTicketsDisabled: !set.SessionCaching}
	var err error
	var errs []error
	if cfg.MinVersion, cfg.MaxVersion, err = parseProtocols(set.Protocols); err != nil {
		errs = append(errs, err)
	}
	switch set.AuthClients {
	case "no":
		cfg.ClientAuth = tls.NoClientCert
	case "optional":
		cfg.ClientAuth = tls.VerifyClientCertIfGiven
	default:
		cfg.ClientAuth = tls.RequireAndVerifyClientCert
	}
	if set.Ciphers != "" && cfg.MinVersion < tls.VersionTLS13 {
		ids, warnings, err := parseCiphers(set.Ciphers)
		f.warnings = append(f.warnings, warnings...)
		cfg.CipherSuites = ids
		if err != nil {
			errs = append(errs, err)
		}
	}
	if cfg.MaxVersion == tls.VersionTLS13 {
		f.warnings = append(f.warnings, checkSuites13(set.CipherSuites)...)
	}
	if set.DHParamsFile != "" {
		f.warn("tls-dh-params-file has no effect: key exchange is by elliptic curves only")
	}
	limitSessions(cfg, set.SessionCacheTimeout)
	return cfg, errors.Join(errs...)
}

// sessionMark stands before the time of issue that limitSessions puts into a
// session ticket.
const sessionMark = "gosentinel issued "

// limitSessions makes sessions resumable for a limited time only, as
// tls-session-cache-timeout says, counted from the last connection that used it.
// The standard library keeps to a week. The number of sessions
// (tls-session-cache-size) needs no limit: the clients keep them, in tickets.
func limitSessions(cfg *tls.Config, lifetime time.Duration) {
	if lifetime <= 0 {
		return
	}
	cfg.WrapSession = func(cs tls.ConnectionState, ss *tls.SessionState) ([]byte, error) {
		mark := binary.BigEndian.AppendUint64([]byte(sessionMark), uint64(time.Now().Unix()))
		ss.Extra = append(ss.Extra, mark)
		return cfg.EncryptTicket(cs, ss)
	}
	cfg.UnwrapSession = func(ticket []byte, cs tls.ConnectionState) (*tls.SessionState, error) {
		ss, err := cfg.DecryptTicket(ticket, cs)
		if err != nil || ss == nil {
			return nil, err
		}
		if issued, ok := issuedAt(ss.Extra); !ok || time.Since(issued) > lifetime {
			return nil, nil // a full handshake, which checks the client again
		}
		return ss, nil
	}
}

// issuedAt returns the time of issue that a session ticket holds.
func issuedAt(extra [][]byte) (time.Time, bool) {
	for _, e := range extra {
		if stamp, ok := bytes.CutPrefix(e, []byte(sessionMark)); ok && len(stamp) == 8 {
			return time.Unix(int64(binary.BigEndian.Uint64(stamp)), 0), true
		}
	}
	return time.Time{}, false
}
