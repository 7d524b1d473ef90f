package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/gosentinel/sentinel"
	"github.com/gosentinel/sentinel/internal/fakeredis"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A control plane is to be short.
func TestExampleIsShort(t *testing.T) {
	code, err := os.ReadFile("main.go")
	if err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(code, []byte("\n")); n >= 120 {
		t.Errorf("main.go has %d lines", n)
	}
}

// TestWebServerFails: a control plane that nobody can reach ends, and says why.
func TestWebServerFails(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := run(ctx, "none", sentinel.Config{}, ln); !errors.Is(err, net.ErrClosed) {
		t.Errorf("run returns %v", err)
	}
}

// TestControlPlane: ten groups of the file are monitored, one of them is failed over
// by HTTP, but not while it is in maintenance, and one is taken out.
func TestControlPlane(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	groups := map[string]string{}
	server := func(of string) string {
		s, err := fakeredis.Start(fakeredis.Config{ReplicaOf: of})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Close)
		return s.Addr()
	}
	for i := range 10 {
		groups[fmt.Sprintf("cache-%d", i)] = server("")
	}
	replica := server(groups["cache-3"])
	file := filepath.Join(t.TempDir(), "groups.json")
	write := func() {
		text, _ := json.Marshal(groups)
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	web := "http://" + ln.Addr().String()
	ended := make(chan error)
	stop, quit := context.WithCancel(ctx)
	go func() { ended <- run(stop, file, sentinel.Config{Listen: "127.0.0.1:0"}, ln) }()

	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	ask := func(method, path string) (int, string) {
		r, err := http.NewRequestWithContext(ctx, method, web+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		text, _ := io.ReadAll(answer.Body)
		return answer.StatusCode, string(bytes.TrimSpace(text))
	}
	until := func(what string, done func(status map[string]sentinel.Master) bool) {
		t.Helper()
		for {
			_, text := ask("GET", "/status")
			var list []sentinel.Master
			_ = json.Unmarshal([]byte(text), &list) // not running yet
			status := map[string]sentinel.Master{}
			for _, m := range list {
				status[m.Name] = m
			}
			if done(status) {
				return
			}
			select {
			case <-time.After(10 * time.Millisecond):
			case <-ctx.Done():
				t.Fatalf("not yet: %s: %s", what, text)
			}
		}
	}
	until("ten groups and a replica", func(status map[string]sentinel.Master) bool {
		return len(status) == 10 && status["cache-3"].Replicas == 1
	})
	if code, text := ask("GET", "/health"); code != http.StatusOK {
		t.Errorf("health: %d %s", code, text)
	}
	if code, text := ask("PUT", "/maintenance/cache-3"); code != http.StatusOK {
		t.Errorf("maintenance: %d %s", code, text)
	}
	var veto string
	for code := 0; !strings.Contains(veto, "its servers are in maintenance"); {
		if code, veto = ask("POST", "/failover/cache-3"); code == http.StatusOK || ctx.Err() != nil {
			t.Fatalf("failover during maintenance: %d %s", code, veto)
		}
	}
	if code, text := ask("DELETE", "/maintenance/cache-3"); code != http.StatusOK {
		t.Errorf("end of maintenance: %d %s", code, text)
	}
	for code, text := 0, ""; code != http.StatusOK; {
		code, text = ask("POST", "/failover/cache-3")
		if code != http.StatusOK && !strings.Contains(text, "No suitable replica") { // its INFO has not come yet
			t.Fatalf("failover: %d %s", code, text)
		}
	}
	delete(groups, "cache-7")
	write()
	until("cache-3 at its replica, cache-7 gone", func(status map[string]sentinel.Master) bool {
		_, kept := status["cache-7"]
		return status["cache-3"].Addr == replica && !kept && len(status) == 9
	})
	if code, text := ask("POST", "/failover/cache-7"); code != http.StatusServiceUnavailable || !strings.Contains(text, "no such master") && !strings.Contains(text, "No such master") {
		t.Errorf("failover of what is gone: %d %s", code, text)
	}
	quit()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
