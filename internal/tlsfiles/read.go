package tlsfiles

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/gosentinel/sentinel/configrewrite"
	"github.com/gosentinel/sentinel/internal/errtext"
)

// failure adds a prefix to each of several joined errors.
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

// read reads and checks everything that the TLS options name. The error joins
// everything that is wrong, in redis-sentinel's words where it has any.
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

// readTrusted reads the certificates of the trusted authorities.
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

// hashedNames returns the files of a directory that OpenSSL would use: those
// named by the hash of their subject. Using other files as well would trust
// certificates that redis-sentinel on the same directory does not.
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

// serverOptions converts the options that need no files.
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
