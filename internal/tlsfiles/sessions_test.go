package tlsfiles

import (
	"crypto/tls"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosentinel/sentinel/internal/testcert"
)

// TestSessionsEnd: a session can be resumed within tls-session-cache-timeout of
// the last connection that used it, and not later.
func TestSessionsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca := testcert.NewAuthority(t, "ca")
		set := tlsOf(ca.Write(t, t.TempDir(), "server"))
		set.AuthClients = "no"
		f, err := read(set, "")
		if err != nil {
			t.Fatal(err)
		}
		client := &tls.Config{RootCAs: ca.Pool(), ServerName: "server.example", ClientSessionCache: tls.NewLRUClientSessionCache(4)}
		resumes := func() bool {
			a, b := net.Pipe()
			defer a.Close()
			defer b.Close()
			server := tls.Server(a, f.server)
			go func() {
				if server.Handshake() == nil {
					server.Write([]byte("x"))
				}
			}()
			conn := tls.Client(b, client)
			if _, err := conn.Read(make([]byte, 1)); err != nil {
				t.Fatal(err)
			}
			return conn.ConnectionState().DidResume
		}
		for i, step := range []struct {
			pause time.Duration // in virtual time
			want  bool
		}{{0, false}, {set.SessionCacheTimeout, true}, {set.SessionCacheTimeout + time.Second, false}, {time.Second, true}} {
			<-time.After(step.pause)
			if got := resumes(); got != step.want {
				t.Errorf("connection %d resumes a session: %t", i, got)
			}
		}
	})
}
