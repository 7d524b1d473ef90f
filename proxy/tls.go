package proxy

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"github.com/gosentinel/sentinel/discovery"
)

// access is what a server or Sentinel asks for.
func access(user string, password Secret, t ClientTLS, dir string) (discovery.Access, error) {
	cfg, err := t.config(dir)
	return discovery.Access{User: user, Password: string(password), TLS: cfg}, err
}

func (t ClientTLS) config(dir string) (*tls.Config, error) {
	if !t.Enable {
		if t != (ClientTLS{}) {
			return nil, fmt.Errorf("tls has settings and is not enabled: add enable = true")
		}
		return nil, nil
	}
	cfg := &tls.Config{ServerName: t.Name, MinVersion: tls.VersionTLS12}
	var err error
	if cfg.RootCAs, err = authorities(t.CAFile, dir); err != nil {
		return nil, err
	}
	if t.Cert != "" || t.Key != "" {
		pair, err := keyPair(t.Cert, t.Key, dir)
		if err != nil {
			return nil, err
		}
		cfg.Certificates = []tls.Certificate{pair}
	}
	return cfg, nil
}

func (t ServerTLS) config(dir string) (*tls.Config, error) {
	if t == (ServerTLS{}) {
		return nil, nil
	}
	pair, err := keyPair(t.Cert, t.Key, dir)
	if err != nil {
		return nil, err
	}
	cfg := &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	if cfg.ClientCAs, err = authorities(t.CAFile, dir); err != nil {
		return nil, err
	}
	if cfg.ClientCAs != nil {
		cfg.ClientAuth = tls.RequireAndVerifyClientCert
	}
	return cfg, nil
}

// Files returns the names of the certificates, keys and authorities. When one of them has
// changed, the configuration has to be loaded again.
func (c *Config) Files() (list []string) {
	add := func(names ...string) {
		for _, name := range names {
			if name != "" {
				list = append(list, inDir(c.dir, name))
			}
		}
	}
	for _, m := range c.Masters {
		for _, t := range []ClientTLS{m.TLS, m.Sentinel.TLS} {
			add(t.CAFile, t.Cert, t.Key)
		}
	}
	for _, g := range c.Groups {
		add(g.Sentinel.TLS.Cert, g.Sentinel.TLS.Key, g.Sentinel.TLS.CAFile)
	}
	for _, l := range c.Listeners {
		add(l.TLS.Cert, l.TLS.Key, l.TLS.CAFile)
	}
	add(c.HTTPTLS.Cert, c.HTTPTLS.Key, c.HTTPTLS.CAFile)
	return list
}

func keyPair(cert, key, dir string) (tls.Certificate, error) {
	if cert == "" || key == "" {
		return tls.Certificate{}, fmt.Errorf("tls needs both cert-file and key-file")
	}
	pair, err := tls.LoadX509KeyPair(inDir(dir, cert), inDir(dir, key))
	if err != nil {
		return pair, fmt.Errorf("tls: %w", err)
	}
	return pair, nil
}

// authorities reads a file of certificates; nil for no file.
func authorities(file, dir string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	text, err := os.ReadFile(inDir(dir, file))
	if err != nil {
		return nil, fmt.Errorf("tls: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("tls: %s has no certificate", file)
	}
	return pool, nil
}

// inDir takes a name that is not absolute as one beside the configuration.
func inDir(dir, name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(dir, name)
}

// tlsServer adds TLS. The handshake is made by the reader of the connection.
func tlsServer(conn net.Conn, cfg *tls.Config) net.Conn { return tls.Server(conn, cfg) }
