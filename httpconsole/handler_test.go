package httpconsole_test

import (
	"context"
	"fmt"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gosentinel/sentinel"
	"github.com/gosentinel/sentinel/httpconsole"
	"github.com/gosentinel/sentinel/internal/resptest"
)

func get(s *sentinel.Sentinel, path string) (int, string) {
	w := httptest.NewRecorder()
	httpconsole.Handler(s).ServeHTTP(w, httptest.NewRequest("GET", path, nil))
	return w.Code, w.Body.String()
}

// run runs a Sentinel until the test ends.
func run(t *testing.T, s *sentinel.Sentinel) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ran; err != nil {
			t.Error(err)
		}
	})
	select {
	case <-s.Ready():
	case err := <-ran:
		t.Fatal(err)
	}
}

// TestHandler: each call shows the one console of a Sentinel, whose counters begin with
// the first.
func TestHandler(t *testing.T) {
	for name, early := range map[string]bool{"before Run": true, "while it runs": false} {
		t.Run(name, func(t *testing.T) {
			s, err := sentinel.New(sentinel.Config{Masters: []sentinel.MasterConfig{{Name: "m", Addr: "127.0.0.1:1", Quorum: 1}}})
			if err != nil {
				t.Fatal(err)
			}
			if early {
				if code, text := get(s, "/livez"); code != 503 {
					t.Errorf("/livez before Run: %d %s", code, text)
				}
			}
			run(t, s)
			if code, text := get(s, "/livez"); code != 200 {
				t.Errorf("/livez: %d %s", code, text)
			}
			if _, text := get(s, "/metrics"); strings.Contains(text, `gosentinel_events_total{about="master",event="+monitor"} 1`) != early {
				t.Errorf("/metrics:\n%s", text)
			}
		})
	}
}

// TestPort: a file may have http-port, which then needs this package.
func TestPort(t *testing.T) {
	port := freePort(t)
	open := func() *sentinel.Sentinel {
		path := filepath.Join(t.TempDir(), "sentinel.conf")
		text := fmt.Sprintf("port %d\nbind 127.0.0.1\nhttp-port %d\nsentinel monitor m 127.0.0.1 1 2\nlogfile %s\n", freePort(t), port, filepath.Join(t.TempDir(), "log"))
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := sentinel.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	if err := open().Run(t.Context()); err == nil || !strings.Contains(err.Error(), "call httpconsole.Handler before Run") {
		t.Errorf("without this package: %v", err)
	}
	s := open()
	httpconsole.Handler(s)
	run(t, s)
	resptest.Eventually(t, "the page", func() bool {
		nc, err := net.Dial("tcp", fmt.Sprint("127.0.0.1:", port))
		if err == nil {
			nc.Close()
		}
		return err == nil
	})
}

func freePort(t *testing.T) int {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().(*net.TCPAddr).Port
}
