package agent

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"github.com/gosentinel/sentinel/discovery"
)

// Access is how to log in to Sentinels or servers. Printing it does not print the
// password.
type Access struct {
	User         string `toml:"user"`          // empty for the default user
	Password     string `toml:"password"`      // empty for no login
	PasswordFile string `toml:"password-file"` // has it, in place of Password
	TLS          bool   `toml:"tls"`
	CA           string `toml:"ca"`          // file with the authorities to trust; empty: those of the system
	Cert         string `toml:"cert"`        // files with a certificate of this client
	Key          string `toml:"key"`         // and its key
	ServerName   string `toml:"server-name"` // in certificates; empty: the host of the address
}

// String returns the user, and whether there are a password and TLS.
func (a Access) String() string {
	return discovery.Access{User: a.User, Password: a.Password + a.PasswordFile}.String()
}

// GoString is String.
func (a Access) GoString() string { return a.String() }

// LogValue is String.
func (a Access) LogValue() slog.Value { return slog.StringValue(a.String()) }

func (a *Access) check(wrong problems, dir string) {
	absolute(dir, &a.PasswordFile, &a.CA, &a.Cert, &a.Key)
	switch {
	case a.Password != "" && a.PasswordFile != "":
		wrong("password-file", "leave one of them out", "there are a password and a password-file")
	case a.User != "" && a.Password == "" && a.PasswordFile == "":
		wrong("user", `add password = "…" or password-file = "…"`, "there is a user without a password")
	case (a.Cert == "") != (a.Key == ""):
		wrong("cert", "a certificate needs its key, in a file that key names", "cert and key belong together")
	case !a.TLS && a.CA+a.Cert+a.ServerName != "":
		wrong("tls", "add tls = true", "there are settings of TLS, and TLS is off")
	}
}

// maxPassword bounds a file that has a password.
const maxPassword = 64 << 10

// readSecret reads a file that has nothing but a password or a token.
func readSecret(path string) (string, error) {
	text, err := os.ReadFile(path)
	switch {
	case err != nil:
		return "", err
	case len(text) > maxPassword:
		return "", fmt.Errorf("%s is too large to have a password", path)
	}
	return strings.TrimRight(string(text), "\r\n"), nil
}

// open reads the files.
func (a *Access) open() (discovery.Access, error) {
	d := discovery.Access{User: a.User, Password: a.Password}
	if a.PasswordFile != "" {
		password, err := readSecret(a.PasswordFile)
		if err != nil {
			return d, err
		}
		d.Password = password
	}
	if !a.TLS {
		return d, nil
	}
	c, err := tlsConfig(a.CA, a.Cert, a.Key, a.ServerName)
	d.TLS = c
	return d, err
}

func tlsConfig(ca, cert, key, name string) (*tls.Config, error) {
	c := &tls.Config{ServerName: name, MinVersion: tls.VersionTLS12}
	if ca != "" {
		text, err := os.ReadFile(ca)
		if err != nil {
			return nil, err
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("%s has no certificate", ca)
		}
	}
	if cert != "" {
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			return nil, err
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}
