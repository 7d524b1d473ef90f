package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/gosentinel/sentinel/internal/testcert"
	"github.com/gosentinel/sentinel/proxy"
)

// TestProxyTakesNewCertificate: a certificate that has been renewed is presented, though
// nobody has touched the file of the proxy.
func TestProxyTakesNewCertificate(t *testing.T) {
	dir, authority := t.TempDir(), testcert.NewAuthority(t, "clients")
	files := authority.Write(t, dir, "proxy")
	file := filepath.Join(dir, "proxy.toml")
	text := fmt.Sprintf("sentinels = [\"127.0.0.1:1\"]\n[[master]]\nname = \"cache\"\n[[listener]]\nbind = \"127.0.0.1:0\"\ntls = { cert-file = %q, key-file = %q }\n", files.Cert, files.Key)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := proxy.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	ready := make(chan string, 1)
	px := proxy.New(cfg, proxy.Options{Ready: func(list []net.Addr) { ready <- list[0].String() }})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{}, 2)
	go func() { _ = px.Run(ctx); done <- struct{}{} }()
	addr := <-ready
	go func() { followFile(ctx, px, file, cfg, slog.New(slog.DiscardHandler)); done <- struct{}{} }()
	defer func() { cancel(); <-done; <-done }()
	serial := func() string {
		c, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			return err.Error()
		}
		defer c.Close()
		return c.ConnectionState().PeerCertificates[0].SerialNumber.String()
	}
	before := serial()
	authority.Write(t, dir, "proxy")
	for end := time.Now().Add(30 * time.Second); serial() == before; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the old certificate is presented")
		}
	}
}
