package tlsfiles

import (
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gosentinel/sentinel/configrewrite"
	"github.com/gosentinel/sentinel/internal/testcert"
	"github.com/gosentinel/sentinel/monitor"
)

// All files hold the same key, written by OpenSSL in different ways.
func TestPlainKey(t *testing.T) {
	read := func(name string) []byte {
		text, err := os.ReadFile(filepath.Join("testdata", "tlskeys", name))
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	parse := func(text []byte) *ecdsa.PrivateKey {
		block := findKey(text)
		if block.Type == "EC PRIVATE KEY" {
			key, err := x509.ParseECPrivateKey(block.Bytes)
			if err != nil {
				t.Fatal(err)
			}
			return key
		}
		key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		return key.(*ecdsa.PrivateKey)
	}
	want := parse(read("plain.pem"))
	for _, name := range []string{"plain.pem", "with-params.pem", "aes256.pem", "aes128-sha1.pem", "des3-sha512.pem", "legacy.pem"} {
		got, err := plainKey(read(name), "secret")
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !want.Equal(parse(got)) {
			t.Errorf("%s holds another key", name)
		}
	}
	for _, name := range []string{"aes256.pem", "aes128-sha1.pem", "des3-sha512.pem", "legacy.pem"} {
		if _, err := plainKey(read(name), ""); !errors.Is(err, errNeedsPass) {
			t.Errorf("%s without password: %v", name, err)
		}
		if _, err := plainKey(read(name), "Secret"); !errors.Is(err, errWrongPass) {
			t.Errorf("%s with a wrong password: %v", name, err)
		}
	}
	if _, err := plainKey(read("scrypt.pem"), "secret"); !errors.Is(err, errKeyEncoding) {
		t.Errorf("scrypt: %v", err)
	}
	if _, err := plainKey([]byte("no key"), "secret"); !errors.Is(err, errNoKey) {
		t.Errorf("no key: %v", err)
	}
}

// No file, however damaged, may crash the daemon, which reads it again on SIGHUP.
func FuzzDecryptPKCS8(f *testing.F) {
	for _, name := range []string{"aes256.pem", "aes128-sha1.pem", "des3-sha512.pem", "scrypt.pem", "plain.pem"} {
		text, err := os.ReadFile(filepath.Join("testdata", "tlskeys", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(findKey(text).Bytes)
	}
	f.Fuzz(func(t *testing.T, der []byte) {
		if key, err := decryptPKCS8(der, "wrong"); err == nil {
			t.Errorf("%x was decrypted to %x with a wrong password", der, key)
		}
	})
}

func TestParseCiphers(t *testing.T) {
	names := func(ids []uint16) string {
		var list []string
		for _, s := range suites {
			if slices.Contains(ids, s.id) {
				list = append(list, s.name)
			}
		}
		return strings.Join(list, " ")
	}
	for _, c := range []struct{ list, want, warning string }{
		{"ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256", ""},
		{"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256", ""},
		{"ECDHE+AESGCM:!ECDSA", "ECDHE-RSA-AES128-GCM-SHA256 ECDHE-RSA-AES256-GCM-SHA384", ""},
		{"HIGH:!aNULL:!MD5:!kRSA:!SHA:!SHA256:!AESGCM", "ECDHE-ECDSA-CHACHA20-POLY1305 ECDHE-RSA-CHACHA20-POLY1305", ""},
		{"AES256-SHA:AES128-SHA:-AES256-SHA", "AES128-SHA", ""},
		{"!AES256-SHA:AES256-SHA:AES128-SHA", "AES128-SHA", ""}, // "!" is final
		{"-AES256-SHA, AES256-SHA", "AES256-SHA", ""},
		{"AES128-SHA:+AES128", "AES128-SHA", ""},
		{"DEFAULT:!ALL:AES128-SHA", "", ""},
		{"CAMELLIA256-SHA:AES128-SHA", "AES128-SHA", "left out: CAMELLIA256-SHA"},
		{"AES128-SHA:!NONSENSE", "AES128-SHA", "left out: NONSENSE"},
		{"AES128-SHA:@STRENGTH", "AES128-SHA", "@STRENGTH cannot be honoured"},
		{"RC4:3DES:eNULL", "", ""},
		{"DES-CBC3-SHA", "", "left out"},
	} {
		ids, warnings, err := parseCiphers(c.list)
		if got := names(ids); got != c.want || (err != nil) != (c.want == "") {
			t.Errorf("%s selects %q, %v; want %q", c.list, got, err, c.want)
		}
		if got := strings.Join(warnings, "\n"); !strings.Contains(got, c.warning) || c.warning == "" && got != "" {
			t.Errorf("%s: warnings %q, want %q", c.list, got, c.warning)
		}
	}
	ids, _, err := parseCiphers("ALL")
	if err != nil || len(ids) != len(suites) {
		t.Errorf("ALL selects %d of %d, %v", len(ids), len(suites), err)
	}
}

func TestCheckSuites13(t *testing.T) {
	for list, want := range map[string]string{
		"": "",
		"TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256": "",
		"TLS_AES_256_GCM_SHA384": "also allows TLS_AES_128_GCM_SHA256, TLS_CHACHA20_POLY1305_SHA256",
		"TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_CCM_SHA256": "left out: TLS_AES_128_CCM_SHA256",
	} {
		got := strings.Join(checkSuites13(list), "\n")
		if !strings.Contains(got, want) || want == "" && got != "" {
			t.Errorf("%q: warnings %q, want %q", list, got, want)
		}
	}
}

func TestParseProtocols(t *testing.T) {
	for _, c := range []struct {
		list            string
		lowest, highest uint16
	}{
		{"", tls.VersionTLS12, tls.VersionTLS13},
		{"TLSv1.3", tls.VersionTLS13, tls.VersionTLS13},
		{"tlsv1.3 TLSv1.2", tls.VersionTLS12, tls.VersionTLS13},
		{"TLSv1 TLSv1.1 TLSv1.2", tls.VersionTLS10, tls.VersionTLS12},
		{"TLSv1.1 TLSv1.3", 0, 0},
		{"TLSv1.4", 0, 0},
	} {
		lowest, highest, err := parseProtocols(c.list)
		if lowest != c.lowest || highest != c.highest || (err != nil) != (c.lowest == 0) {
			t.Errorf("%q: %x to %x, %v", c.list, lowest, highest, err)
		}
	}
}

// tlsOf returns options that name these files.
func tlsOf(f testcert.Files) configrewrite.TLS {
	set := configrewrite.DefaultSettings().TLS
	set.Port, set.CertFile, set.KeyFile, set.CACertFile = 1, f.Cert, f.Key, f.CA
	return set
}

// Everything that is wrong is reported at once, in redis-sentinel's words.
func TestReadTLSProblems(t *testing.T) {
	dir := t.TempDir()
	good := testcert.NewAuthority(t, "ca").Write(t, dir, "good")
	other := testcert.NewAuthority(t, "ca").Write(t, dir, "other")
	empty := filepath.Join(dir, "empty")
	if err := os.Mkdir(empty, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(*configrewrite.TLS)
		says   []string
	}{
		"nothing": {func(s *configrewrite.TLS) { *s = configrewrite.TLS{Port: 1, Protocols: "SSLv3"} },
			[]string{"No tls-cert-file configured!", "Either tls-ca-cert-file or tls-ca-cert-dir must be specified", "Invalid tls-protocols"}},
		"no key":        {func(s *configrewrite.TLS) { s.KeyFile = "" }, []string{"No tls-key-file configured!"}},
		"missing":       {func(s *configrewrite.TLS) { s.CertFile = "none.crt" }, []string{"tls-cert-file: none.crt: No such file or directory"}},
		"no PEM":        {func(s *configrewrite.TLS) { s.KeyFile = good.Cert }, []string{"Failed to load private key", errNoKey.Error()}},
		"wrong pair":    {func(s *configrewrite.TLS) { s.KeyFile = other.Key }, []string{"does not match"}},
		"no client key": {func(s *configrewrite.TLS) { s.ClientCertFile = good.Cert }, []string{"No tls-client-key-file configured!"}},
		"empty ca dir":  {func(s *configrewrite.TLS) { s.CACertDir = empty }, []string{"openssl rehash " + empty}},
		"ca no PEM":     {func(s *configrewrite.TLS) { s.CACertFile = good.Key }, []string{"no certificate in PEM form"}},
		"no cipher":     {func(s *configrewrite.TLS) { s.Ciphers = "RC4" }, []string{"leaves no cipher"}},
	} {
		set := tlsOf(good)
		c.change(&set)
		_, err := read(set, dir)
		for _, want := range c.says {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: no %q in: %v", name, want, err)
			}
		}
	}
}

func TestReadTLSOptions(t *testing.T) {
	dir := t.TempDir()
	ca := testcert.NewAuthority(t, "ca")
	files := ca.Write(t, dir, "server")
	set := tlsOf(files)
	set.CertFile, set.CACertFile, set.CACertDir = filepath.Base(files.Cert), "", "authorities"
	if err := os.Mkdir(filepath.Join(dir, "authorities"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{"0a1b2c3d.0": ca.PEM(), "not-hashed.pem": []byte("not looked at")} {
		if err := os.WriteFile(filepath.Join(dir, "authorities", name), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	set.AuthClients, set.SessionCaching = "optional", false
	set.DHParamsFile = "dh"
	f, err := read(set, dir)
	if err != nil {
		t.Fatal(err)
	}
	if !f.trusted.Equal(ca.Pool()) {
		t.Error("tls-ca-cert-dir is not trusted")
	}
	if f.server.ClientAuth != tls.VerifyClientCertIfGiven || !f.server.SessionTicketsDisabled {
		t.Errorf("client auth %v, tickets disabled %t", f.server.ClientAuth, f.server.SessionTicketsDisabled)
	}
	if len(f.warnings) != 1 || !strings.Contains(f.warnings[0], "tls-dh-params-file") {
		t.Errorf("warnings %q", f.warnings)
	}
	f, err = read(tlsOf(ca.Write(t, dir, "old", testcert.Expired)), dir)
	if err != nil || len(f.warnings) != 1 || !strings.Contains(f.warnings[0], "expired") {
		t.Errorf("an expired certificate: %q, %v", f.warnings, err)
	}
}

// TestRotation changes one pair of files several times. New files are noticed
// without a signal, but not before checkGap has passed. Broken ones leave the old
// ones in use and are logged once.
func TestRotation(t *testing.T) {
	dir := t.TempDir()
	ca := testcert.NewAuthority(t, "ca")
	files := ca.Write(t, dir, "server")
	k, err := New(tlsOf(files), dir)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	k.LogTo(func(level monitor.Level, text string) { lines = append(lines, text) })
	now := k.checked
	k.now = func() time.Time { return now }
	first := k.fresh()

	ca.Write(t, dir, "server")
	if k.fresh() != first {
		t.Error("the files are looked at for every handshake")
	}
	now = now.Add(checkGap)
	second := k.fresh()
	if second == first || len(lines) != 1 {
		t.Fatalf("a new certificate is not used; log %q", lines)
	}

	if err := os.WriteFile(files.Cert, []byte("half of a"), 0o644); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		now = now.Add(checkGap)
		if k.fresh() != second {
			t.Error("a broken certificate is used")
		}
	}
	if len(lines) != 2 || !strings.Contains(lines[1], "are kept") {
		t.Errorf("log %q", lines)
	}
	if err := k.Reload(); err == nil || len(lines) != 3 {
		t.Errorf("reload of a broken certificate: %v, log %q", err, lines)
	}

	ca.Write(t, dir, "server")
	if err := k.Reload(); err != nil || k.current.Load() == second {
		t.Errorf("reload: %v", err)
	}
	if got := k.ClientConfig(); got.VerifyConnection == nil || !got.InsecureSkipVerify {
		t.Error("the chain is not verified in place of the name")
	}
	other := testcert.NewAuthority(t, "other").Write(t, dir, "other")
	if err := k.reload(tlsOf(other)); err != nil {
		t.Fatal(err)
	}
	if cert, err := k.ClientConfig().GetClientCertificate(nil); err != nil || cert.Leaf.Subject.CommonName != "other" {
		t.Errorf("with new options the certificate shown is still %v, %v", cert.Leaf.Subject, err)
	}
}
