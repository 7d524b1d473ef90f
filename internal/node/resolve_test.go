package node

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/gosentinel/sentinel/monitor"
)

func mastersAt(hosts ...string) *monitor.State {
	st := &monitor.State{Options: monitor.Options{ResolveHostnames: true}}
	for i, host := range hosts {
		addr, literal := monitor.IPAddr(host, 6379)
		if !literal {
			addr = monitor.Addr{Host: host, Port: 6379}
		}
		st.Masters = append(st.Masters, &monitor.MasterState{MasterConfig: monitor.MasterConfig{Name: fmt.Sprint("m", i), Addr: addr}})
	}
	return st
}

func TestMastersAreResolvedBeforeTheStart(t *testing.T) {
	lookup := func(_ context.Context, host string) string {
		return map[string]string{"one": "10.0.0.1", "two": "10.0.0.2"}[host]
	}
	st := mastersAt("one", "10.0.0.9", "nowhere", "two")
	resolveMasters(t.Context(), st, lookup)
	for i, want := range []monitor.Addr{
		{Host: "one", IP: "10.0.0.1", Port: 6379},
		{Host: "10.0.0.9", IP: "10.0.0.9", Port: 6379},
		{Host: "nowhere", Port: 6379},
		{Host: "two", IP: "10.0.0.2", Port: 6379},
	} {
		if got := st.Masters[i].Addr; got != want {
			t.Errorf("master %d: got %+v, want %+v", i, got, want)
		}
	}

	st = mastersAt("one")
	st.Options.ResolveHostnames = false
	if resolveMasters(t.Context(), st, lookup); st.Masters[0].Addr.IP != "" {
		t.Errorf("resolved without resolve-hostnames: %+v", st.Masters[0].Addr)
	}
}

// A name server that does not answer must not keep a Sentinel from starting, no
// matter how many names there are.
func TestSilentNameServerDelaysTheStartOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var hosts []string
		for i := range 3 * lookupsAtOnce {
			hosts = append(hosts, fmt.Sprint("host", i))
		}
		st := mastersAt(hosts...)
		done := make(chan struct{})
		go func() {
			defer close(done)
			resolveMasters(t.Context(), st, func(ctx context.Context, _ string) string {
				<-ctx.Done()
				return ""
			})
		}()
		ctx, cancel := context.WithTimeout(t.Context(), firstLookups+1)
		defer cancel()
		select {
		case <-done:
		case <-ctx.Done():
			t.Error("the start still waits")
			<-done
		}
		for _, m := range st.Masters {
			if m.Addr.IP != "" {
				t.Errorf("an address from nowhere: %+v", m.Addr)
			}
		}
	})
}

// What cannot be reached from the source address is left out, unless nothing else
// is there: then the attempt to connect says what is wrong.
func TestAddressesOfTheSourcesFamily(t *testing.T) {
	both := []netip.Addr{netip.MustParseAddr("::1"), netip.MustParseAddr("::ffff:10.0.0.1"), netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("2001:db8::1")}
	for _, c := range []struct {
		source string
		addrs  []netip.Addr
		want   string
	}{
		{"", both, "::1 10.0.0.1 2001:db8::1"},
		{"10.0.0.9", both, "10.0.0.1"},
		{"::ffff:10.0.0.9", both, "10.0.0.1"},
		{"2001:db8::9", both, "::1 2001:db8::1"},
		{"10.0.0.9", both[:1], "::1"},
		{"2001:db8::9", both[1:2], "10.0.0.1"},
		{"nonsense", both[:2], "::1 10.0.0.1"},
		{"10.0.0.9", nil, ""},
	} {
		if got := strings.Join(newResolver(nil, c.source).usable(c.addrs), " "); got != c.want {
			t.Errorf("from %q: %q, want %q", c.source, got, c.want)
		}
	}
}
