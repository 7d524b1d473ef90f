package discovery

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"time"
)

// Options say which master to find, and whom to ask. Only Sentinels and Master
// are needed.
type Options struct {
	// Sentinels are the addresses of Sentinels, as "host:port"; without a port,
	// 26379. Three or more, of which two tell the truth, make one that lies
	// harmless. Further ones are learned from these. At most 32.
	Sentinels []string

	// Master is the name under which the Sentinels monitor the group.
	Master string

	// SentinelAccess and ServerAccess say how to log in to Sentinels and to Redis
	// servers. Zero means without a password and without TLS.
	//
	// The user at the Sentinels needs
	//	+sentinel|get-master-addr-by-name +sentinel|master +sentinel|replicas
	//	+sentinel|sentinels +sentinel|myid +subscribe +ping &+switch-master
	// and the user at the servers needs +role.
	SentinelAccess, ServerAccess Access

	// Poll is how often each Sentinel is asked and each server is checked while
	// nothing happens. 0 means 5 s; less than 100 ms is an error. What happens is
	// known sooner: a Sentinel announces it, a connection ends, or a server
	// refuses a write.
	Poll time.Duration

	// Timeout bounds each exchange with one machine: to connect, log in, ask and
	// be answered. 0 means 2 s.
	Timeout time.Duration

	// Dial opens the connections. Nil means a net.Dialer. It must heed its
	// context, and is called from several goroutines. TLS is added to what it
	// returns.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)

	// Logger receives a line for each change of the master and, once for each
	// cause, for each Sentinel and server that cannot be used. Nil means silence.
	Logger *slog.Logger
}

// Access is what one kind of machine asks for. Printing it does not print the
// password.
type Access struct {
	User     string      // empty for the default user
	Password string      // empty for no login
	TLS      *tls.Config // nil for none; without a ServerName, the host of the address is used
}

// String returns the user, and whether there are a password and TLS.
func (a Access) String() string {
	s := cmp.Or(a.User, "default")
	if a.Password != "" {
		s += " with a password"
	}
	if a.TLS != nil {
		s += " over TLS"
	}
	return s
}

// GoString is String.
func (a Access) GoString() string { return a.String() }

// LogValue is String.
func (a Access) LogValue() slog.Value { return slog.StringValue(a.String()) }

const (
	maxSentinels    = 32
	sentinelPort    = "26379"
	shortestPoll    = 100 * time.Millisecond
	shortestTimeout = time.Millisecond
)

// complete checks the options, all of them, and fills in what is not set.
func (o Options) complete() (Options, error) {
	var wrong []error
	add := func(format string, args ...any) { wrong = append(wrong, fmt.Errorf(format, args...)) }

	seeds := make([]string, 0, len(o.Sentinels))
	for _, s := range o.Sentinels {
		addr, err := sentinelAddr(s)
		switch {
		case err != nil:
			wrong = append(wrong, err)
		case contains(seeds, addr):
			add("Sentinels names %s twice: a Sentinel has one voice", addr)
		default:
			seeds = append(seeds, addr)
		}
	}
	switch {
	case len(o.Sentinels) == 0:
		add("Sentinels is empty: name those that monitor the master, such as 10.0.0.1:26379")
	case len(o.Sentinels) > maxSentinels:
		add("Sentinels has %d addresses: at most %d can be asked", len(o.Sentinels), maxSentinels)
	}
	o.Sentinels = seeds
	if o.Master == "" {
		add("Master is empty: give the name in the line \"sentinel monitor <name> ...\"")
	} else if !isName(o.Master) {
		add("Master %s is no name: it may not have blanks or control characters", clip(o.Master))
	}
	for _, a := range []struct {
		name string
		Access
	}{{"SentinelAccess", o.SentinelAccess}, {"ServerAccess", o.ServerAccess}} {
		if a.User != "" && a.Password == "" {
			add("%s has a user and no password", a.name)
		}
	}
	if o.Poll != 0 && o.Poll < shortestPoll {
		add("Poll is %v: at least %v is needed, or 0 for 5s", o.Poll, shortestPoll)
	}
	if o.Timeout != 0 && o.Timeout < shortestTimeout {
		add("Timeout is %v: it must be positive, or 0 for 2s", o.Timeout)
	}
	o.Poll = cmp.Or(o.Poll, 5*time.Second)
	o.Timeout = cmp.Or(o.Timeout, 2*time.Second)
	if o.Dial == nil {
		o.Dial = (&net.Dialer{}).DialContext
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if err := errors.Join(wrong...); err != nil {
		return o, fmt.Errorf("discovery: the options are wrong:\n%w", err)
	}
	return o, nil
}

// sentinelAddr completes the address of a Sentinel.
func sentinelAddr(s string) (string, error) {
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		host, port = strings.TrimSuffix(strings.TrimPrefix(s, "["), "]"), sentinelPort
	}
	addr, ok := joinAddr(host, port)
	if !ok {
		return "", fmt.Errorf("Sentinels has %s: an address is \"host:port\" or \"[IPv6]:port\"", clip(s))
	}
	return addr, nil
}

// isName reports whether s can be a word of a command and of an event.
func isName(s string) bool {
	return s != "" && len(s) <= 255 && !strings.ContainsFunc(s, func(c rune) bool { return c <= ' ' || c == 0x7f })
}

// isHost reports whether s can be a host name or a numeric address.
func isHost(s string) bool {
	return isName(s) && !strings.ContainsAny(s, "/,[]\"")
}

func contains(list []string, s string) bool {
	for _, have := range list {
		if strings.EqualFold(have, s) {
			return true
		}
	}
	return false
}
